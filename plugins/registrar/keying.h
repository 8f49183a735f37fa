/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keying: how a handshake comes by its pre-shared key: the identity is read ahead of wolfSSL, the
 * agent is asked, and meanwhile the datagrams wait. Lives during the handshake only, and is wiped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob;
struct keying;

/* `sequence`: of the handshake message that names the identity. `dummy_key`: of GW_KEY_LEN bytes, what
 * keys for identities that have none are made of; borrowed. */
int keying_new(uint16_t sequence, const uint8_t *dummy_key, struct keying **ret);
struct keying *keying_free(struct keying *k);

/* Looks into a datagram for the identity; true once there is one. */
bool keying_look(struct keying *k, struct gw_blob datagram);

/* Forgets what was seen of the identity: the peer will repeat it. */
void keying_forget(struct keying *k);

/* The identity if it can be a device's, else NULL: then nobody is to be asked. */
const char *keying_identity(const struct keying *k);

/* Sets the key; an empty one stands for "none", and is replaced by one that fits nobody. */
int keying_set(struct keying *k, struct gw_blob key);

/* Hands the key to wolfSSL, for the identity that it read by itself. */
size_t keying_use(struct keying *k, const char *identity, uint8_t *key, size_t size);

/* The key that was used is that of the identity, as the agent knows it. */
bool keying_is_real(const struct keying *k);
