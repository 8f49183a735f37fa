/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key-exchange: reads the identity out of a PSK client's ClientKeyExchange (RFC 4279 2, RFC 5489 2)
 * before wolfSSL does, since wolfSSL wants the key at once and the agent has to be asked for it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob;

/* Bytes of the message that are looked at: the identity comes first, an ECDH point behind it. */
#define KEY_EXCHANGE_MAX 512

/* Collects the one message, which may come in fragments, out of order and more than once. */
struct key_exchange {
	uint16_t sequence; /* of the message: the one behind the ClientHello's */
	uint32_t len;      /* 0: nothing seen yet */
	uint8_t data[KEY_EXCHANGE_MAX];
	uint8_t have[KEY_EXCHANGE_MAX / 8]; /* a bit a byte */
};

void key_exchange_init(struct key_exchange *k, uint16_t sequence);

/* Looks through a datagram for (parts of) the message. */
void key_exchange_add(struct key_exchange *k, struct gw_blob datagram);

bool key_exchange_is_whole(const struct key_exchange *k);

/* The identity of the whole message; any bytes, may be empty. -EBADMSG: the message holds none. */
int key_exchange_identity(const struct key_exchange *k, struct gw_blob *ret);
