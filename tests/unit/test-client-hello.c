/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client-hello: good ones, every truncation, every length made wrong, and each known poison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/record.h"
#include "tests/unit/hello.h"

#define NONE ((struct gw_blob){ 0 })

static const uint8_t suites[] = { 0xc0, 0xa8, 0xcc, 0xac };
static const uint8_t cookie[32] = { 0xc0 };

/* supported_versions: DTLS 1.3 and 1.2; an empty extension in front of it */
static const uint8_t extensions[] = { 0, 23, 0, 0, 0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd };

static void make_good(struct hello *h)
{
	hello_make(h, 0x77, GW_BLOB_ARRAY(cookie), GW_BLOB_ARRAY(suites),
		   GW_BLOB_ARRAY(extensions));
	hello_number(h, HELLO_RECORD_SEQUENCE, 6, 0x010203040506);
	hello_number(h, HELLO_SEQUENCE, 2, 0x0102);
}

static void assert_refused(const struct hello *h)
{
	struct client_hello hello;

	assert_int_equal(client_hello_parse(hello_blob(h), &hello), -EBADMSG);
}

static void test_good(void **state)
{
	struct client_hello hello;
	struct hello h;

	make_good(&h);
	assert_true(client_hello_is_one(hello_blob(&h)));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_int_equal(hello.record_sequence, 0x010203040506);
	assert_int_equal(hello.message_sequence, 0x0102);
	assert_int_equal(hello.version, DTLS_1_2);
	assert_int_equal(hello.random[0], 0x77);
	assert_int_equal(hello.random[CLIENT_RANDOM_LEN - 1], 0x77);
	assert_int_equal(hello.session_id.len, 0);
	assert_true(gw_blob_equal(hello.cookie, GW_BLOB_ARRAY(cookie)));
	assert_true(gw_blob_equal(hello.suites, GW_BLOB_ARRAY(suites)));
	assert_int_equal(hello.compression.len, 1);
	assert_true(gw_blob_equal(hello.extensions, GW_BLOB_ARRAY(extensions)));
}

static void test_extensions_are_optional(void **state)
{
	static const uint8_t nothing[1];
	struct client_hello hello;
	struct hello h;

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), NONE);
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_int_equal(hello.extensions.len, 0);

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), (struct gw_blob){ nothing, 0 });
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_int_equal(hello.extensions.len, 0);
}

static void test_truncated(void **state)
{
	struct client_hello hello;
	struct hello h;

	make_good(&h);
	for (size_t len = 0; len < h.len; len++)
		assert_int_equal(client_hello_parse((struct gw_blob){ h.data, len }, &hello),
				 -EBADMSG);
}

/* Cut anywhere, with the outer lengths made to fit: the inner ones no longer do. */
static void test_truncated_inside(void **state)
{
	struct client_hello hello;
	struct hello h;
	size_t whole, without_extensions;

	make_good(&h);
	whole = h.len;
	without_extensions = whole - 2 - sizeof(extensions);
	for (size_t len = HELLO_VERSION; len < whole; len++) {
		make_good(&h);
		h.len = len;
		hello_fit(&h);
		assert_int_equal(client_hello_parse(hello_blob(&h), &hello),
				 len == without_extensions ? 0 : -EBADMSG);
	}
}

static void test_left_over(void **state)
{
	struct hello h;

	make_good(&h);
	hello_put(&h, "x", 1);
	assert_refused(&h); /* behind the record */
	hello_number(&h, HELLO_RECORD_LEN, 2, h.len - 13);
	assert_refused(&h); /* behind the message */
	hello_fit(&h);
	assert_refused(&h); /* behind the extensions */
}

static void test_lengths(void **state)
{
	static const struct {
		size_t at, width;
		uint64_t fits; /* another value that happens to fit */
	} lengths[] = {
		{ HELLO_RECORD_LEN, 2, 0 },
		{ HELLO_LEN, 3, 0 },
		{ HELLO_FRAGMENT_LEN, 3, 0 },
		{ HELLO_SESSION_ID, 1, 32 },
		{ HELLO_SESSION_ID + 1, 1, 0 },                  /* cookie */
		{ HELLO_SESSION_ID + 2 + 32, 2, 16 },            /* suites */
		{ HELLO_SESSION_ID + 4 + 32 + 4, 1, 16 },        /* compression */
		{ HELLO_SESSION_ID + 6 + 32 + 4, 2, 0 },         /* extensions */
		{ HELLO_SESSION_ID + 8 + 32 + 4 + 2, 2, 9 },     /* the first extension */
		{ HELLO_SESSION_ID + 8 + 32 + 4 + 4 + 2, 2, 0 }, /* the second */
	};
	struct hello h, wrong;

	make_good(&h);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t value = 0;

		for (size_t j = 0; j < lengths[i].width; j++)
			value = value << 8 | h.data[lengths[i].at + j];
		for (uint64_t other = 0; other < 512; other++) {
			if (other == value || (lengths[i].fits && other == lengths[i].fits) ||
			    other >> 8 * lengths[i].width)
				continue;
			wrong = h;
			hello_number(&wrong, lengths[i].at, lengths[i].width, other);
			assert_refused(&wrong);
		}
		wrong = h;
		hello_number(&wrong, lengths[i].at, lengths[i].width, UINT64_MAX);
		assert_refused(&wrong);
	}
}

/* What has poisoned listening sockets of DTLS libraries, one by one. */
static void test_poison(void **state)
{
	static const struct {
		size_t at, width;
		uint64_t value;
		bool refused;
	} poison[] = {
		{ HELLO_RECORD_SEQUENCE, 6, 1000, false },
		{ HELLO_RECORD_SEQUENCE, 6, 0xfffffffffffe, false },
		{ HELLO_SEQUENCE, 2, 65535, false },
		{ HELLO_RECORD_LEN, 2, 16384, true },
		{ HELLO_FRAGMENT_LEN, 3, 20, true },
		{ HELLO_OFFSET, 3, 1, true },
		{ 0, 1, RECORD_ALERT, true },
		{ 0, 1, RECORD_APPLICATION_DATA, true },
		{ 0, 1, RECORD_CHANGE_CIPHER_SPEC, true },
		{ HELLO_RECORD_EPOCH, 2, 1, true },
		{ HELLO_RECORD_VERSION, 2, 0x0303, true },
		{ HELLO_RECORD_VERSION, 2, 0xfefc, true },
		{ HELLO_TYPE, 1, 2, true },
	};
	struct client_hello hello;
	struct hello h;

	for (size_t i = 0; i < sizeof(poison) / sizeof(poison[0]); i++) {
		make_good(&h);
		hello_number(&h, poison[i].at, poison[i].width, poison[i].value);
		assert_int_equal(client_hello_parse(hello_blob(&h), &hello),
				 poison[i].refused ? -EBADMSG : 0);
	}
}

static void test_sizes(void **state)
{
	static const uint8_t odd[3];
	struct hello h;

	hello_make(&h, 1, NONE, NONE, NONE);
	assert_refused(&h); /* no suite */
	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(odd), NONE);
	assert_refused(&h);

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), NONE);
	h.len -= 2;
	hello_vector(&h, 1, NONE);
	hello_fit(&h);
	assert_refused(&h); /* no compression method, not even none */

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), NONE);
	memmove(h.data + HELLO_SESSION_ID + 34, h.data + HELLO_SESSION_ID + 1,
		h.len - HELLO_SESSION_ID - 1);
	h.data[HELLO_SESSION_ID] = 33;
	h.len += 33;
	hello_fit(&h);
	assert_refused(&h); /* a session id of 33 bytes */
}

static void test_offers(void **state)
{
	static const uint8_t only_1_3[] = { 0, 43, 0, 3, 2, 0xfe, 0xfc };
	static const uint8_t damaged[] = { 0, 43, 0, 1, 2 };
	struct client_hello hello;
	struct gw_blob value;
	struct hello h;

	make_good(&h);
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_true(client_hello_offers_suite(&hello, 0xc0a8));
	assert_true(client_hello_offers_suite(&hello, 0xccac));
	assert_false(client_hello_offers_suite(&hello, 0xa8cc));
	assert_true(client_hello_offers_version(&hello, DTLS_1_2));
	assert_int_equal(client_hello_extension(&hello, 23, &value), 0);
	assert_int_equal(value.len, 0);
	assert_int_equal(client_hello_extension(&hello, 43, &value), 0);
	assert_int_equal(value.len, 5);
	assert_int_equal(client_hello_extension(&hello, 10, &value), -ENOENT);

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), GW_BLOB_ARRAY(only_1_3));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_false(client_hello_offers_version(&hello, DTLS_1_2));

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), GW_BLOB_ARRAY(damaged));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_false(client_hello_offers_version(&hello, DTLS_1_2));

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), NONE);
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_true(client_hello_offers_version(&hello, DTLS_1_2));
	hello_number(&h, HELLO_VERSION, 2, DTLS_1_0);
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_false(client_hello_offers_version(&hello, DTLS_1_2));
}

static void test_groups(void **state)
{
	static const uint8_t two[] = { 0, 10, 0, 6, 0, 4, 0x0a, 0x0a, 0, 23 };
	static const uint8_t empty[] = { 0, 10, 0, 2, 0, 0 };
	static const uint8_t damaged[] = { 0, 10, 0, 4, 0, 4, 0, 23 };
	struct client_hello hello;
	struct hello h;

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), GW_BLOB_ARRAY(two));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_true(client_hello_offers_group(&hello, 23));
	assert_true(client_hello_offers_group(&hello, 0x0a0a));
	assert_false(client_hello_offers_group(&hello, 0x0a00));

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), GW_BLOB_ARRAY(empty));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_false(client_hello_offers_group(&hello, 23));

	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), GW_BLOB_ARRAY(damaged));
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_false(client_hello_offers_group(&hello, 23));

	/* who does not say takes any */
	hello_make(&h, 1, NONE, GW_BLOB_ARRAY(suites), NONE);
	assert_int_equal(client_hello_parse(hello_blob(&h), &hello), 0);
	assert_true(client_hello_offers_group(&hello, 23));
}

static void test_is_one(void **state)
{
	static const uint8_t empty_handshake[13] = { 22, 0xfe, 0xfd };
	struct hello h;

	make_good(&h);
	hello_number(&h, HELLO_OFFSET, 3, 1);
	assert_true(client_hello_is_one(hello_blob(&h))); /* a broken one is one, too */
	h.data[HELLO_TYPE] = 16;
	assert_false(client_hello_is_one(hello_blob(&h)));
	assert_false(client_hello_is_one(GW_BLOB_ARRAY(empty_handshake)));
	assert_false(client_hello_is_one(NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_extensions_are_optional),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_truncated_inside),
		cmocka_unit_test(test_left_over), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_poison),    cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_offers),    cmocka_unit_test(test_groups),
		cmocka_unit_test(test_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
