/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server-key: a key pair of the registrar's own and, once the cloud has sent it, the certificate for
 * it. Lives in memory only. For renewal make another one and swap them when that is certified.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct server_key;
struct gw_msg;
struct gw_msg_server_cert;

/* Makes a key (P-256) and a signing request for it. -EIO: the library failed. */
int server_key_new(struct server_key **ret);
struct server_key *server_key_free(struct server_key *key);

/* The question to the agent, SERVER_CSR; it points into the key. */
void server_key_question(const struct server_key *key, struct gw_msg *ret);

/*
 * Takes the certificate if it is for this key, under the registrar anchors, and good for a registrar.
 * *ret_why is NULL, or says for people what is wrong; then nothing has changed.
 */
int server_key_take(struct server_key *key, const struct gw_msg_server_cert *msg,
		    const struct gw_blob *anchors, size_t n_anchors, uint64_t now_us,
		    const char **ret_why);

/* Whether it has a certificate. */
bool server_key_is_certified(const struct server_key *key);

/* The private key: DER, as wolfSSL_CTX_use_PrivateKey_buffer() takes it. Not to be copied about. */
struct gw_blob server_key_private(const struct server_key *key);

/* The certificate and its issuers, one after the other: DER. Empty before it is certified. */
struct gw_blob server_key_chain(const struct server_key *key);

/* Whether its certificate is good at that time. */
bool server_key_is_good(const struct server_key *key, uint64_t now_s);

/* The same, and not to be renewed yet. */
bool server_key_is_timely(const struct server_key *key, uint64_t now_s);

/* When to ask for another one: after two thirds of its certificate's life, by the monotonic clock (the
 * other one may be wrong). UINT64_MAX before it is certified. */
uint64_t server_key_renew_us(const struct server_key *key);
