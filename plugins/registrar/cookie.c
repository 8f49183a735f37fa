/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes and checks cookies: HMAC-SHA-256 over the client's address, version, random, session id,
 * suites and compression methods. A cookie has no time of its own, so the secret changes: one made
 * right before a change is good for at least one more period, and no cookie for more than two.
 */
#include "plugins/registrar/cookie.h"

#include <errno.h>
#include <string.h>

#include "lib/blob.h"
#include "lib/crypto.h"
#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/record.h"

int cookies_init(struct cookies *c, uint64_t now_us)
{
	int r = gw_random(c->secret, sizeof(c->secret));

	if (r < 0)
		return r;
	c->rotate_us = now_us + COOKIE_ROTATE_US;
	return gw_random(c->previous, sizeof(c->previous));
}

void cookies_done(struct cookies *c)
{
	explicit_bzero(c, sizeof(*c));
}

int cookies_rotate(struct cookies *c, uint64_t now_us)
{
	uint8_t fresh[COOKIE_SECRET_LEN];
	int r;

	if (now_us < c->rotate_us)
		return 0;

	r = gw_random(fresh, sizeof(fresh));
	if (r < 0)
		return r;
	memcpy(c->previous, c->secret, sizeof(c->previous));
	memcpy(c->secret, fresh, sizeof(c->secret));
	explicit_bzero(fresh, sizeof(fresh));
	c->rotate_us = now_us + COOKIE_ROTATE_US;
	return 0;
}

static int make_cookie(const uint8_t secret[COOKIE_SECRET_LEN], struct gw_blob address,
		       const struct client_hello *hello, uint8_t ret[COOKIE_LEN])
{
	const uint8_t version[2] = { (uint8_t)(hello->version >> 8), (uint8_t)hello->version };
	const struct gw_blob parts[] = {
		address,           GW_BLOB_ARRAY(version), { hello->random, CLIENT_RANDOM_LEN },
		hello->session_id, hello->suites,          hello->compression,
	};

	return gw_hmac(secret, parts, sizeof(parts) / sizeof(parts[0]), ret);
}

static void put_number(uint8_t *at, uint64_t value, size_t width)
{
	for (size_t i = width; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

int cookies_challenge(const struct cookies *c, struct gw_blob address,
		      const struct client_hello *hello, uint8_t ret[COOKIE_REPLY_LEN])
{
	const size_t body_len = 3 + COOKIE_LEN;
	uint8_t *handshake = ret + RECORD_HEADER_LEN, *body = handshake + HANDSHAKE_HEADER_LEN;

	/* Record and message are numbered as the ClientHello was: we remember nothing of them. */
	memset(ret, 0, COOKIE_REPLY_LEN);
	ret[0] = RECORD_HANDSHAKE;
	put_number(ret + 1, DTLS_1_0, 2);
	put_number(ret + 5, hello->record_sequence, 6);
	put_number(ret + 11, HANDSHAKE_HEADER_LEN + body_len, 2);
	handshake[0] = HANDSHAKE_HELLO_VERIFY_REQUEST;
	put_number(handshake + 1, body_len, 3);
	put_number(handshake + 4, hello->message_sequence, 2);
	put_number(handshake + 9, body_len, 3);

	/* DTLS 1.0 says nothing about the version that will be agreed on (RFC 6347 4.2.1). */
	put_number(body, DTLS_1_0, 2);
	body[2] = COOKIE_LEN;
	return make_cookie(c->secret, address, hello, body + 3);
}

int cookies_check(const struct cookies *c, struct gw_blob address, const struct client_hello *hello,
		  const uint8_t **ret_secret)
{
	const uint8_t *secrets[] = { c->secret, c->previous };
	uint8_t cookie[COOKIE_LEN];

	if (hello->cookie.len != COOKIE_LEN)
		return -EACCES;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		int r = make_cookie(secrets[i], address, hello, cookie);

		if (r < 0)
			return r;
		if (gw_equal_secret(cookie, hello->cookie.data, COOKIE_LEN)) {
			*ret_secret = secrets[i];
			return 0;
		}
	}
	return -EACCES;
}
