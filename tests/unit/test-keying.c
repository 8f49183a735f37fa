/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keying: who is asked for, the secret to its owner only, and a dummy for everybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <errno.h>
#include <string.h>

#include "lib/blob.h"
#include "lib/crypto.h"
#include "lib/wire.h"
#include "plugins/registrar/keying.h"

static const uint8_t dummy_key[GW_KEY_LEN] = { 1, 2, 3 };
static const uint8_t secret[] = "sixteen bytes ..";

/* A datagram with the ClientKeyExchange of this identity. */
static struct gw_blob datagram(const char *identity, size_t len)
{
	static uint8_t data[512];
	const uint8_t head[] = {
		22,
		0xfe,
		0xfd,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		1,
		0,
		(uint8_t)(len + 14),
		16,
		0,
		0,
		(uint8_t)(len + 2),
		0,
		2,
		0,
		0,
		0,
		0,
		0,
		(uint8_t)(len + 2),
		0,
		(uint8_t)len,
	};

	memcpy(data, head, sizeof(head));
	memcpy(data + sizeof(head), identity, len);
	return (struct gw_blob){ data, sizeof(head) + len };
}

static struct keying *make(const char *identity, size_t len)
{
	struct keying *k = NULL;

	assert_int_equal(keying_new(2, dummy_key, &k), 0);
	assert_true(keying_look(k, datagram(identity, len)));
	return k;
}

static size_t use(struct keying *k, const char *identity, uint8_t key[GW_SECRET_MAX])
{
	memset(key, 0, GW_SECRET_MAX);
	return keying_use(k, identity, key, GW_SECRET_MAX);
}

static void test_secret_is_used(void **state)
{
	struct keying *k = make("ACME-1", 6);
	uint8_t key[GW_SECRET_MAX];

	assert_string_equal(keying_identity(k), "ACME-1");
	assert_false(keying_is_real(k));
	assert_int_equal(keying_set(k, GW_BLOB_ARRAY(secret)), 0);
	assert_false(keying_is_real(k)); /* not before it was used */
	assert_int_equal(use(k, "ACME-1", key), sizeof(secret));
	assert_memory_equal(key, secret, sizeof(secret));
	assert_true(keying_is_real(k));
	keying_free(k);
}

static bool remembers_secret(struct keying *k)
{
	return memmem(k, malloc_usable_size(k), secret, sizeof(secret)) != NULL;
}

static void test_secret_is_used_once(void **state)
{
	struct keying *k = make("ACME-1", 6);
	uint8_t key[GW_SECRET_MAX];

	assert_int_equal(keying_set(k, GW_BLOB_ARRAY(secret)), 0);
	assert_true(remembers_secret(k));
	assert_int_equal(use(k, "ACME-1", key), sizeof(secret));
	assert_false(remembers_secret(k));
	assert_int_equal(use(k, "ACME-1", key), 0);
	assert_true(keying_is_real(k));
	keying_free(k);
}

static void test_not_for_another_identity(void **state)
{
	static const char *const others[] = { "ACME-2", "ACME-", "ACME-11", "" };
	uint8_t key[GW_SECRET_MAX];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct keying *k = make("ACME-1", 6);

		assert_int_equal(keying_set(k, GW_BLOB_ARRAY(secret)), 0);
		assert_int_equal(use(k, others[i], key), GW_SHA256_LEN);
		assert_memory_not_equal(key, secret, sizeof(secret));
		assert_false(keying_is_real(k));

		/* nor afterwards */
		(void)use(k, "ACME-1", key);
		assert_memory_not_equal(key, secret, sizeof(secret));
		assert_false(keying_is_real(k));
		keying_free(k);
	}
}

static void test_dummy(void **state)
{
	uint8_t first[GW_SECRET_MAX], second[GW_SECRET_MAX], other[GW_SECRET_MAX];
	struct keying *a = make("NOBODY", 6), *b = make("NOBODY", 6), *c = make("NOBODY2", 7);

	assert_int_equal(keying_set(a, (struct gw_blob){ 0 }), 0);
	assert_int_equal(keying_set(b, (struct gw_blob){ 0 }), 0);
	assert_int_equal(keying_set(c, (struct gw_blob){ 0 }), 0);
	assert_int_equal(use(a, "NOBODY", first), GW_SHA256_LEN);
	assert_int_equal(use(b, "NOBODY", second), GW_SHA256_LEN);
	assert_int_equal(use(c, "NOBODY2", other), GW_SHA256_LEN);
	assert_memory_equal(first, second, GW_SHA256_LEN);
	assert_memory_not_equal(first, other, GW_SHA256_LEN);
	assert_false(keying_is_real(a));
	keying_free(a);
	keying_free(b);
	keying_free(c);
}

static void test_no_device_id(void **state)
{
	static const struct {
		const char *identity;
		size_t len;
	} none[] = {
		{ "", 0 },
		{ "two words", 9 },
		{ "ACME\0", 5 }, /* not cut at the zero byte */
		{ "\xc3\xa9", 2 },
		{ "0123456789012345678901234567890123456789012345678901234567890123x", 65 },
	};
	uint8_t key[GW_SECRET_MAX];

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct keying *k = make(none[i].identity, none[i].len);

		assert_null(keying_identity(k));
		assert_int_equal(keying_set(k, (struct gw_blob){ 0 }), 0);
		assert_int_equal(use(k, none[i].identity, key), GW_SHA256_LEN);
		assert_false(keying_is_real(k));
		keying_free(k);
	}
}

static void test_longest_id(void **state)
{
	const char *id = "0123456789012345678901234567890123456789012345678901234567890123";
	struct keying *k = make(id, 64);

	assert_string_equal(keying_identity(k), id);
	keying_free(k);
}

static void test_forget(void **state)
{
	struct keying *k = make("ACME-1", 6);

	keying_forget(k);
	assert_true(keying_look(k, datagram("ACME-2", 6)));
	assert_string_equal(keying_identity(k), "ACME-2");
	keying_free(k);
}

static void test_sizes(void **state)
{
	uint8_t large[GW_SECRET_MAX + 1] = { 0 }, key[GW_SECRET_MAX];
	struct keying *k = make("ACME-1", 6);

	assert_int_equal(keying_set(k, GW_BLOB_ARRAY(large)), -EMSGSIZE);
	assert_int_equal(keying_set(k, (struct gw_blob){ large, GW_SECRET_MAX }), 0);
	assert_int_equal(keying_use(k, "ACME-1", key, GW_SECRET_MAX - 1), 0);
	assert_false(keying_is_real(k));
	assert_int_equal(keying_use(k, "ACME-1", key, GW_SECRET_MAX), GW_SECRET_MAX);
	keying_free(k);
	assert_null(keying_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_is_used),
		cmocka_unit_test(test_secret_is_used_once),
		cmocka_unit_test(test_not_for_another_identity),
		cmocka_unit_test(test_dummy),
		cmocka_unit_test(test_no_device_id),
		cmocka_unit_test(test_longest_id),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
