/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crypto: vectors of the RFCs and of an independent implementation, round trips, every kind of damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/curve25519.h>

#include "lib/blob.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/util.h"

#define GATEWAY_PRIVATE "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define GATEWAY_PUBLIC  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"

static struct gw_blob text(const char *s)
{
	return (struct gw_blob){ (const uint8_t *)s, strlen(s) };
}

static size_t unhex(const char *hex, uint8_t *data, size_t size)
{
	size_t len;

	assert_int_equal(gw_hex_decode(hex, data, size, &len), 0);
	return len;
}

static void assert_hex(const uint8_t *data, size_t len, const char *hex)
{
	uint8_t expected[256];

	assert_int_equal(unhex(hex, expected, sizeof(expected)), len);
	assert_memory_equal(data, expected, len);
}

/* FIPS 180-4's own examples. */
static void test_sha256(void **state)
{
	uint8_t hash[GW_SHA256_LEN];

	assert_int_equal(gw_sha256(text("abc"), hash), 0);
	assert_hex(hash, sizeof(hash),
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(gw_sha256(text(""), hash), 0);
	assert_hex(hash, sizeof(hash),
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, cases 1 and 2: shorter keys are zero-padded to the block, so ours are the same keys. */
static void test_hmac(void **state)
{
	uint8_t key[GW_KEY_LEN] = { 0 }, mac[GW_SHA256_LEN];
	struct gw_blob whole = text("Hi There");
	const struct gw_blob parts[] = { text("what do ya want "), text(""), text("for "),
					 text("nothing?") };

	memset(key, 0x0b, 20);
	assert_int_equal(gw_hmac(key, &whole, 1, mac), 0);
	assert_hex(mac, sizeof(mac),
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");

	memset(key, 0, sizeof(key));
	memcpy(key, "Jefe", 4);
	assert_int_equal(gw_hmac(key, parts, GW_ELEMENTS(parts), mac), 0);
	assert_hex(mac, sizeof(mac),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 5869 has no case with a key of 32 bytes and no salt: `openssl kdf ... HKDF` made this one. */
static void test_derive(void **state)
{
	uint8_t key[GW_KEY_LEN], sub[GW_KEY_LEN];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	assert_int_equal(gw_derive(key, "gangway store v1", sub), 0);
	assert_hex(sub, sizeof(sub),
		   "1357c1aebe349b6a84917b26af0eafe26c5c82e50fc0f215221a279fe6c1c895");
}

/* Case 16 of the GCM specification, nonce in front. */
static void test_unseal_vector(void **state)
{
	uint8_t key[GW_KEY_LEN], associated[20], sealed[88], plain[60];

	unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key, sizeof(key));
	unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", associated, sizeof(associated));
	unhex("cafebabefacedbaddecaf888"
	      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	      "76fc6ece0f4e1768cddf8853bb2d551b",
	      sealed, sizeof(sealed));

	assert_int_equal(gw_unseal(key, GW_BLOB_ARRAY(associated), GW_BLOB_ARRAY(sealed), plain),
			 0);
	assert_hex(plain, sizeof(plain),
		   "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		   "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

static void test_seal_and_damage(void **state)
{
	const struct gw_blob plain = text("sixteen and more"), about = text("acme|ACME-1|claim|1");
	uint8_t key[GW_KEY_LEN] = { 7 }, out[16], sealed[16 + GW_SEAL_EXTRA], again[sizeof(sealed)];

	assert_int_equal(gw_seal(key, about, plain, sealed), 0);
	assert_int_equal(gw_seal(key, about, plain, again), 0);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_int_equal(gw_unseal(key, about, GW_BLOB_ARRAY(sealed), out), 0);
	assert_memory_equal(out, plain.data, plain.len);

	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(gw_unseal(key, about, GW_BLOB_ARRAY(sealed), out), -EBADMSG);
		sealed[i] ^= 1;
	}
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(gw_unseal(key, about, (struct gw_blob){ sealed, len }, out),
				 -EBADMSG);
	assert_int_equal(gw_unseal(key, text("acme|ACME-2|claim|1"), GW_BLOB_ARRAY(sealed), out),
			 -EBADMSG);
	key[31] = 1;
	assert_int_equal(gw_unseal(key, about, GW_BLOB_ARRAY(sealed), out), -EBADMSG);
}

static void test_seal_nothing(void **state)
{
	uint8_t key[GW_KEY_LEN] = { 7 }, sealed[GW_SEAL_EXTRA], none[1];

	assert_int_equal(gw_seal(key, text(""), text(""), sealed), 0);
	assert_int_equal(gw_unseal(key, text(""), GW_BLOB_ARRAY(sealed), none), 0);
	assert_int_equal(gw_unseal(key, text("x"), GW_BLOB_ARRAY(sealed), none), -EBADMSG);
}

/* The gateway's keys are Bob's of RFC 7748, 6.1; another implementation made the box. */
static void test_box_vector(void **state)
{
	const struct gw_blob about = text("gw-1|cmd-7|ACME-0001");
	uint8_t private_key[GW_X25519_LEN], public_key[GW_X25519_LEN];
	uint8_t box[16 + GW_BOX_EXTRA], out[16];

	unhex(GATEWAY_PRIVATE, private_key, sizeof(private_key));
	unhex(GATEWAY_PUBLIC, public_key, sizeof(public_key));
	unhex("f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d"
	      "cafebabefacedbaddecaf8884c9096b8b76997d3504b296b480fb49a8d65e266"
	      "6d1d03c9fb6d26c680e09cf1",
	      box, sizeof(box));

	assert_int_equal(gw_box_open(private_key, public_key, about, GW_BLOB_ARRAY(box), out), 0);
	assert_memory_equal(out, "a claim's secret", sizeof(out));

	for (size_t i = 0; i < sizeof(box); i++) {
		/* The library masks the top bit of a point; the derived key tells the boxes apart. */
		box[i] ^= 0x80;
		assert_int_equal(gw_box_open(private_key, public_key, about, GW_BLOB_ARRAY(box),
					     out),
				 -EBADMSG);
		box[i] ^= 0x80;
	}
	for (size_t len = 0; len < sizeof(box); len++)
		assert_int_equal(gw_box_open(private_key, public_key, about,
					     (struct gw_blob){ box, len }, out),
				 -EBADMSG);
	assert_int_equal(gw_box_open(private_key, public_key, text("gw-2|cmd-7|ACME-0001"),
				     GW_BLOB_ARRAY(box), out),
			 -EBADMSG);
}

static void test_box_small_order_point(void **state)
{
	uint8_t private_key[GW_X25519_LEN], public_key[GW_X25519_LEN];
	uint8_t box[GW_BOX_EXTRA] = { 0 }, out[1];

	assert_int_equal(gw_box_keypair(private_key, public_key), 0);
	for (uint8_t point = 0; point <= 1; point++) {
		box[0] = point;
		assert_int_equal(gw_box_open(private_key, public_key, text(""), GW_BLOB_ARRAY(box),
					     out),
				 -EBADMSG);
	}
}

/* Diffie-Hellman between two pairs comes out the same on both sides. */
static void test_keypair(void **state)
{
	uint8_t a_private[GW_X25519_LEN], a_public[GW_X25519_LEN];
	uint8_t b_private[GW_X25519_LEN], b_public[GW_X25519_LEN];
	uint8_t at_a[GW_X25519_LEN], at_b[GW_X25519_LEN];

	assert_int_equal(gw_box_keypair(a_private, a_public), 0);
	assert_int_equal(gw_box_keypair(b_private, b_public), 0);
	assert_memory_not_equal(a_private, b_private, GW_X25519_LEN);
	assert_memory_not_equal(a_public, b_public, GW_X25519_LEN);

	assert_int_equal(wc_curve25519_generic(GW_X25519_LEN, at_a, GW_X25519_LEN, a_private,
					       GW_X25519_LEN, b_public),
			 0);
	assert_int_equal(wc_curve25519_generic(GW_X25519_LEN, at_b, GW_X25519_LEN, b_private,
					       GW_X25519_LEN, a_public),
			 0);
	assert_memory_equal(at_a, at_b, GW_X25519_LEN);
}

static void test_random(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	assert_int_equal(gw_random(a, sizeof(a)), 0);
	assert_int_equal(gw_random(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(gw_random(NULL, 0), 0);
}

static void test_equal_secret(void **state)
{
	uint8_t a[32] = { 1, 2, 3 }, b[32] = { 1, 2, 3 };

	assert_true(gw_equal_secret(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x10;
		assert_false(gw_equal_secret(a, b, sizeof(a)));
		b[i] ^= 0x10;
	}
	assert_true(gw_equal_secret(a, b, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_derive),
		cmocka_unit_test(test_unseal_vector),
		cmocka_unit_test(test_seal_and_damage),
		cmocka_unit_test(test_seal_nothing),
		cmocka_unit_test(test_box_vector),
		cmocka_unit_test(test_box_small_order_point),
		cmocka_unit_test(test_keypair),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_equal_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
