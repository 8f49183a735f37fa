/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boxes are opened here by an opener of the test's own. That this one reads the right format is shown by
 * the vector that the gateway's opener is held to as well (test-crypto.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/blob.h"
#include "lib/hex.h"
#include "lib/util.h"
#include "tools/cloud/box.h"

/* Bob's keys of RFC 7748, 6.1. */
#define PRIVATE "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define PUBLIC  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define VECTOR                                                             \
	"f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d" \
	"cafebabefacedbaddecaf8884c9096b8b76997d3504b296b480fb49a8d65e266" \
	"6d1d03c9fb6d26c680e09cf1"

static struct gw_blob blob(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) };
}

static void unhex(const char *text, uint8_t *data, size_t size)
{
	size_t len;

	assert_int_equal(gw_hex_decode(text, data, size, &len), 0);
	assert_int_equal(len, size);
}

static void hmac(const uint8_t *key, size_t key_len, const uint8_t *data, size_t len, uint8_t *ret)
{
	assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, data, len, ret, NULL));
}

/* HKDF-SHA-256 as RFC 5869 spells it, for one block. */
static void derive(const uint8_t *shared, const uint8_t *ephemeral, const uint8_t *own,
		   uint8_t *ret)
{
	uint8_t salt[32] = { 0 }, prk[32], info[14 + 64 + 1];

	hmac(salt, sizeof(salt), shared, 32, prk);
	memcpy(info, "gangway box v1", 14);
	memcpy(info + 14, ephemeral, 32);
	memcpy(info + 46, own, 32);
	info[78] = 1;
	hmac(prk, sizeof(prk), info, sizeof(info), ret);
}

static void agree(const uint8_t *private_key, const uint8_t *their, uint8_t *ret)
{
	EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, their, 32);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	size_t len = 32;

	assert_int_equal(EVP_PKEY_derive_init(context), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
	assert_int_equal(EVP_PKEY_derive(context, ret, &len), 1);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
}

/* Whether the box opens; ret has room for box.len - BOX_EXTRA. */
static bool box_opens(struct gw_blob box, struct gw_blob associated, uint8_t *ret)
{
	uint8_t private_key[32], public_key[32], shared[32], key[32], tag[16];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t text_len = box.len - BOX_EXTRA;
	bool ok;
	int len;

	unhex(PRIVATE, private_key, sizeof(private_key));
	unhex(PUBLIC, public_key, sizeof(public_key));
	agree(private_key, box.data, shared);
	derive(shared, box.data, public_key, key);
	memcpy(tag, box.data + box.len - 16, sizeof(tag));
	assert_int_equal(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, box.data + 32),
			 1);
	assert_int_equal(
		EVP_DecryptUpdate(context, NULL, &len, associated.data, (int)associated.len), 1);
	assert_int_equal(EVP_DecryptUpdate(context, ret, &len, box.data + 44, (int)text_len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag), 1);
	ok = EVP_DecryptFinal_ex(context, ret + text_len, &len) == 1;
	EVP_CIPHER_CTX_free(context);
	return ok;
}

static void test_the_opener(void **state)
{
	uint8_t box[16 + BOX_EXTRA], out[16];

	unhex(VECTOR, box, sizeof(box));
	assert_true(box_opens(GW_BLOB_ARRAY(box), blob("gw-1|cmd-7|ACME-0001"), out));
	assert_memory_equal(out, "a claim's secret", sizeof(out));
}

static void test_every_length(void **state)
{
	uint8_t public_key[BOX_KEY_LEN], secret[64], box[sizeof(secret) + BOX_EXTRA];
	uint8_t out[sizeof(secret)];

	unhex(PUBLIC, public_key, sizeof(public_key));
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;

	for (size_t len = 14; len <= sizeof(secret); len++) {
		const struct gw_blob sealed = { box, len + BOX_EXTRA };

		assert_int_equal(box_seal(public_key, blob("gw-1|c|D"),
					  (struct gw_blob){ secret, len }, box),
				 0);
		assert_true(box_opens(sealed, blob("gw-1|c|D"), out));
		assert_memory_equal(out, secret, len);
		assert_false(box_opens(sealed, blob("gw-2|c|D"), out));
	}
}

static void test_never_the_same(void **state)
{
	uint8_t public_key[BOX_KEY_LEN], a[16 + BOX_EXTRA], b[16 + BOX_EXTRA];
	const struct gw_blob secret = blob("a claim's secret");

	unhex(PUBLIC, public_key, sizeof(public_key));
	assert_int_equal(box_seal(public_key, blob(""), secret, a), 0);
	assert_int_equal(box_seal(public_key, blob(""), secret, b), 0);
	assert_memory_not_equal(a, b, 32);                /* ephemeral key */
	assert_memory_not_equal(a + 32, b + 32, 12);      /* nonce */
	assert_memory_not_equal(a + 44, b + 44, 16 + 16); /* the rest */
}

/* A key of all zeros agrees on all zeros with anybody. */
static void test_a_key_that_is_none(void **state)
{
	const uint8_t zeros[BOX_KEY_LEN] = { 0 };
	uint8_t box[16 + BOX_EXTRA];

	assert_int_equal(box_seal(zeros, blob(""), blob("a claim's secret"), box), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_opener),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_never_the_same),
		cmocka_unit_test(test_a_key_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
