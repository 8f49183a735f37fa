/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cookie: the stateless proof that a client is where its datagrams say (RFC 6347 4.2.1). Bytes in,
 * bytes out. The cookie is the one that wolfSSL computes of the same secret, since the library checks
 * it once more in the peer's own object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_LEN        32
#define COOKIE_SECRET_LEN 32
#define COOKIE_REPLY_LEN  (13 + 12 + 3 + COOKIE_LEN)

#define COOKIE_ROTATE_US (60 * 1000000ull)

struct client_hello;
struct gw_blob;

/* The secret that cookies are made with, and the one before it, which is still accepted. */
struct cookies {
	uint8_t secret[COOKIE_SECRET_LEN], previous[COOKIE_SECRET_LEN];
	uint64_t rotate_us;
};

int cookies_init(struct cookies *c, uint64_t now_us);
void cookies_done(struct cookies *c);

/* Makes a new secret if the present one is COOKIE_ROTATE_US old. */
int cookies_rotate(struct cookies *c, uint64_t now_us);

/* The HelloVerifyRequest that answers a ClientHello from that address (struct sockaddr_in or _in6). */
int cookies_challenge(const struct cookies *c, struct gw_blob address,
		      const struct client_hello *hello, uint8_t ret[COOKIE_REPLY_LEN]);

/* The secret with which the ClientHello's cookie was made; -EACCES: none of ours. */
int cookies_check(const struct cookies *c, struct gw_blob address, const struct client_hello *hello,
		  const uint8_t **ret_secret);
