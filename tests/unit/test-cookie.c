/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cookie: made, checked, rotated; and wolfSSL takes ours for its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/cookie.h"
#include "tests/unit/hello.h"

#define NONE ((struct gw_blob){ 0 })

static const uint8_t suites[] = { 0xc0, 0xa8 };
static const struct sockaddr_in address = { .sin_family = AF_INET,
					    .sin_port = 0x1234,
					    .sin_addr = { 0x0100007f } };

static struct gw_blob address_blob(const struct sockaddr_in *a)
{
	return (struct gw_blob){ (const uint8_t *)a, sizeof(*a) };
}

static void make(struct hello *h, struct gw_blob cookie, struct client_hello *ret)
{
	hello_make(h, 9, cookie, GW_BLOB_ARRAY(suites), NONE);
	hello_number(h, HELLO_RECORD_SEQUENCE, 6, 0x0a0b0c);
	hello_number(h, HELLO_SEQUENCE, 2, 7);
	assert_int_equal(client_hello_parse(hello_blob(h), ret), 0);
}

/* The cookie that a challenge holds, copied behind everything else. */
static void challenge(const struct cookies *c, uint8_t cookie[COOKIE_LEN])
{
	uint8_t reply[COOKIE_REPLY_LEN];
	struct client_hello hello;
	struct hello h;

	make(&h, NONE, &hello);
	assert_int_equal(cookies_challenge(c, address_blob(&address), &hello, reply), 0);
	memcpy(cookie, reply + COOKIE_REPLY_LEN - COOKIE_LEN, COOKIE_LEN);
}

static int check(const struct cookies *c, const struct sockaddr_in *from, struct gw_blob cookie,
		 const uint8_t **ret_secret)
{
	struct client_hello hello;
	struct hello h;

	make(&h, cookie, &hello);
	return cookies_check(c, address_blob(from), &hello, ret_secret);
}

static void test_reply(void **state)
{
	static const uint8_t expected[] = {
		22,   0xfe, 0xff, 0,  0, 0, 0, 0, 0x0a, 0x0b, 0x0c, 0,  47, /* record */
		3,    0,    0,    35, 0, 7, 0, 0, 0,    0,    0,    35,     /* HelloVerifyRequest */
		0xfe, 0xff, 32,
	};
	uint8_t reply[COOKIE_REPLY_LEN];
	struct client_hello hello;
	struct cookies c;
	struct hello h;

	assert_int_equal(cookies_init(&c, 0), 0);
	make(&h, NONE, &hello);
	assert_int_equal(cookies_challenge(&c, address_blob(&address), &hello, reply), 0);
	assert_memory_equal(reply, expected, sizeof(expected));
	assert_true(sizeof(reply) < h.len); /* nobody is flooded through us */
}

static void test_check(void **state)
{
	struct sockaddr_in other = address;
	uint8_t cookie[COOKIE_LEN];
	const uint8_t *secret = NULL;
	struct cookies c;

	assert_int_equal(cookies_init(&c, 0), 0);
	challenge(&c, cookie);
	assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(cookie), &secret), 0);
	assert_ptr_equal(secret, c.secret);

	other.sin_port++;
	assert_int_equal(check(&c, &other, GW_BLOB_ARRAY(cookie), &secret), -EACCES);
	for (size_t i = 0; i < sizeof(cookie); i++) {
		cookie[i] ^= 1;
		assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(cookie), &secret), -EACCES);
		cookie[i] ^= 1;
	}
	for (size_t len = 0; len < sizeof(cookie); len++)
		assert_int_equal(check(&c, &address, (struct gw_blob){ cookie, len }, &secret),
				 -EACCES);
}

/* All that the cookie stands for is in it. */
static void test_covers(void **state)
{
	const size_t covered[] = { HELLO_VERSION + 1, HELLO_RANDOM, HELLO_RANDOM + 31,
				   HELLO_SESSION_ID + 2 + COOKIE_LEN + 2,
				   HELLO_SESSION_ID + 2 + COOKIE_LEN + 5 };
	uint8_t cookie[COOKIE_LEN];
	struct client_hello hello;
	const uint8_t *secret;
	struct cookies c;
	struct hello h;

	assert_int_equal(cookies_init(&c, 0), 0);
	challenge(&c, cookie);
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
		make(&h, GW_BLOB_ARRAY(cookie), &hello);
		h.data[covered[i]] ^= 1;
		assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
		assert_int_equal(cookies_check(&c, address_blob(&address), &hello, &secret),
				 -EACCES);
	}
}

static void test_rotation(void **state)
{
	uint8_t cookie[COOKIE_LEN], fresh[COOKIE_LEN];
	const uint8_t *secret = NULL;
	struct cookies c;

	assert_int_equal(cookies_init(&c, 1000), 0);
	challenge(&c, cookie);
	assert_int_equal(cookies_rotate(&c, 999 + COOKIE_ROTATE_US), 0);
	assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(cookie), &secret), 0);
	assert_ptr_equal(secret, c.secret);

	assert_int_equal(cookies_rotate(&c, 1000 + COOKIE_ROTATE_US), 0);
	assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(cookie), &secret), 0);
	assert_ptr_equal(secret, c.previous);
	challenge(&c, fresh);
	assert_memory_not_equal(cookie, fresh, sizeof(cookie));

	assert_int_equal(cookies_rotate(&c, 1000 + 2 * COOKIE_ROTATE_US), 0);
	assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(cookie), &secret), -EACCES);
	assert_int_equal(check(&c, &address, GW_BLOB_ARRAY(fresh), &secret), 0);
}

static void test_done_wipes(void **state)
{
	struct cookies c, nothing = { 0 };

	assert_int_equal(cookies_init(&c, 0), 0);
	cookies_done(&c);
	assert_memory_equal(&c, &nothing, sizeof(c));
}

/* --- wolfSSL --- */

struct wire {
	struct gw_blob in;
	uint8_t answer; /* type of the handshake message that came back */
};

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct wire *wire = userdata;
	size_t len = wire->in.len;

	if (!len)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	assert_true(len <= (size_t)size);
	memcpy(buf, wire->in.data, len);
	wire->in.len = 0;
	return (int)len;
}

static int on_send(WOLFSSL *ssl, char *buf, int len, void *userdata)
{
	struct wire *wire = userdata;

	assert_true(len > HELLO_TYPE);
	if (!wire->answer)
		wire->answer = (uint8_t)buf[HELLO_TYPE];
	return len;
}

static unsigned int on_key(WOLFSSL *ssl, const char *identity, unsigned char *key,
			   unsigned int size)
{
	return 0;
}

/* What a server object with this secret says to a ClientHello with this cookie. */
static uint8_t answer_of_wolfssl(WOLFSSL_CTX *ctx, const uint8_t *secret, struct gw_blob cookie)
{
	struct sockaddr_in from = address;
	WOLFSSL *ssl = wolfSSL_new(ctx);
	struct client_hello hello;
	struct wire wire = { 0 };
	struct hello h;

	assert_non_null(ssl);
	make(&h, cookie, &hello);
	wire.in = hello_blob(&h);
	wolfSSL_SetIOReadCtx(ssl, &wire);
	wolfSSL_SetIOWriteCtx(ssl, &wire);
	wolfSSL_dtls_set_using_nonblock(ssl, 1);
	assert_int_equal(wolfSSL_DTLS_SetCookieSecret(ssl, secret, COOKIE_SECRET_LEN), 0);
	assert_int_equal(wolfSSL_dtls_set_peer(ssl, &from, sizeof(from)), WOLFSSL_SUCCESS);
	assert_int_not_equal(wolfSSL_accept(ssl), WOLFSSL_SUCCESS);
	wolfSSL_free(ssl);
	return wire.answer;
}

static void test_wolfssl_agrees(void **state)
{
	const uint8_t hello_verify_request = 3, server_hello = 2;
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
	uint8_t cookie[COOKIE_LEN];
	struct cookies c;

	assert_non_null(ctx);
	wolfSSL_CTX_set_psk_server_callback(ctx, on_key);
	assert_int_equal(wolfSSL_CTX_set_cipher_list(ctx, "PSK-AES128-CCM-8"), WOLFSSL_SUCCESS);
	wolfSSL_CTX_SetIORecv(ctx, on_receive);
	wolfSSL_CTX_SetIOSend(ctx, on_send);

	assert_int_equal(cookies_init(&c, 0), 0);
	challenge(&c, cookie);
	assert_int_equal(answer_of_wolfssl(ctx, c.secret, NONE), hello_verify_request);
	assert_int_equal(answer_of_wolfssl(ctx, c.previous, GW_BLOB_ARRAY(cookie)),
			 hello_verify_request);
	assert_int_equal(answer_of_wolfssl(ctx, c.secret, GW_BLOB_ARRAY(cookie)), server_hello);
	wolfSSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),      cmocka_unit_test(test_check),
		cmocka_unit_test(test_covers),     cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_done_wipes), cmocka_unit_test(test_wolfssl_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
