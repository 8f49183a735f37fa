/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing requests by openssl, good ones and every kind of bad one, each with the reason it must get. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/base64.h"
#include "lib/crypto.h"
#include "lib/util.h"
#include "openssl.h"
#include "plugins/registrar/csr.h"
#include "plugins/registrar/memory.h"
#include "scarce.h"

#define DEVICE "ACME-1"

static const struct gw_blob no_binding;

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

static int make_keys(void **state)
{
	memory_watch();
	openssl_init();
	openssl_run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key");
	openssl_run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key");
	openssl_run("genpkey -algorithm ED25519 -out ed25519.key");
	return 0;
}

static int remove_keys(void **state)
{
	openssl_done();
	return 0;
}

static struct gw_blob request(const char *key, const char *subject, const char *options)
{
	openssl_run("req -new -key %s.key -subj '%s' %s -outform DER -out csr", key, subject,
		    options);
	return openssl_read("csr");
}

static enum gw_reason check_bound(struct gw_blob csr, struct gw_blob binding)
{
	uint8_t key[GW_HASH_LEN];
	enum gw_reason reason = _GW_REASON_MAX;

	assert_int_equal(csr_check(csr, DEVICE, binding, &reason, key), 0);
	return reason;
}

static enum gw_reason check(struct gw_blob csr)
{
	return check_bound(csr, no_binding);
}

static void assert_request(const char *key, const char *subject, const char *options,
			   enum gw_reason reason)
{
	struct gw_blob csr = request(key, subject, options);
	enum gw_reason found = check(csr);

	if (found != reason)
		fail_msg("%s '%s' %s: '%s', not '%s'", key, subject, options, gw_reason_code(found),
			 gw_reason_code(reason));
	drop(csr);
}

static void good_keys_and_hashes(void **state)
{
	static const struct {
		const char *key, *options;
	} cases[] = {
		{ "p256", "-sha256" }, { "p256", "-sha384" }, { "p256", "-sha512" },
		{ "p384", "-sha384" }, { "p384", "-sha256" }, { "ed25519", "" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_request(cases[i].key, "/CN=" DEVICE, cases[i].options, GW_REASON_NONE);
}

static void the_key_is_hashed(void **state)
{
	struct gw_blob csr = request("p256", "/CN=" DEVICE, ""), spki;
	uint8_t key[GW_HASH_LEN], expected[GW_HASH_LEN];
	enum gw_reason reason;

	openssl_run("pkey -in p256.key -pubout -outform DER -out spki");
	spki = openssl_read("spki");
	assert_int_equal(gw_sha256(spki, expected), 0);
	assert_int_equal(csr_check(csr, DEVICE, no_binding, &reason, key), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	assert_memory_equal(key, expected, GW_HASH_LEN);
	drop(csr);
	drop(spki);
}

/* Whoever has no memory to look at a request has not seen a bad one. */
static void lack_of_memory_is_no_verdict(void **state)
{
	static const char *const keys[] = { "p256", "p384", "ed25519" };

	for (size_t i = 0; i < 2 * GW_ELEMENTS(keys); i++) {
		struct gw_blob csr = request(keys[i / 2], "/CN=" DEVICE, "");
		enum gw_reason reason = GW_REASON_NONE;
		uint8_t key[GW_HASH_LEN];
		unsigned n = 0;
		bool has_failed;
		int r;

		do {
			scarce_begin(n++, i % 2);
			r = csr_check(csr, DEVICE, no_binding, &reason, key);
			has_failed = scarce_end();
			assert_int_equal(r, has_failed ? -ENOMEM : 0);
		} while (has_failed);
		assert_int_equal(reason, GW_REASON_NONE);
		assert_true(n > 2);
		drop(csr);
	}
}

static void weak_keys(void **state)
{
	static const struct {
		const char *name, *genpkey;
	} cases[] = {
		{ "rsa1024", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024" },
		{ "rsa3072", "-algorithm RSA -pkeyopt rsa_keygen_bits:3072" },
		{ "rsapss", "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048" },
		{ "p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521" },
		{ "p224", "-algorithm EC -pkeyopt ec_paramgen_curve:P-224" },
		{ "k256", "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1" },
		{ "bp256", "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1" },
		{ "explicit", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
			      " -pkeyopt ec_param_enc:explicit" },
		{ "ed448", "-algorithm ED448" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		openssl_run("genpkey %s -out %s.key", cases[i].genpkey, cases[i].name);
		assert_request(cases[i].name, "/CN=" DEVICE, "", GW_REASON_WEAK_KEY);
	}

	openssl_run("ec -in p256.key -conv_form compressed -out compressed.key");
	assert_request("compressed", "/CN=" DEVICE, "", GW_REASON_WEAK_KEY);
}

static void weak_hashes(void **state)
{
	static const struct {
		const char *key, *options;
	} cases[] = {
		{ "p256", "-sha1" },
		{ "p256", "-sha224" },
		{ "p256", "-sha3-256" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_request(cases[i].key, "/CN=" DEVICE, cases[i].options, GW_REASON_WEAK_HASH);
}

static void names_are_compared(void **state)
{
	static const struct {
		const char *subject;
		enum gw_reason reason;
	} cases[] = {
		{ "/", GW_REASON_NONE },
		{ "/O=Anybody", GW_REASON_NONE },
		{ "/CN=" DEVICE "/O=Anybody/serialNumber=7", GW_REASON_NONE },
		{ "/CN=" DEVICE "/CN=" DEVICE, GW_REASON_NONE },
		/* wolfSSL does not read names with two attributes in one part */
		{ "/O=Anybody+CN=" DEVICE, GW_REASON_BAD_CSR },
		{ "/CN=ACME-2", GW_REASON_WRONG_NAME },
		{ "/CN=acme-1", GW_REASON_WRONG_NAME },
		{ "/CN=" DEVICE "0", GW_REASON_WRONG_NAME },
		{ "/CN=ACME-", GW_REASON_WRONG_NAME },
		{ "/CN=" DEVICE "/CN=ACME-2", GW_REASON_WRONG_NAME },
		{ "/CN=ACME-2/CN=" DEVICE, GW_REASON_WRONG_NAME },
		{ "/O=Anybody+CN=ACME-2", GW_REASON_WRONG_NAME },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_request("p256", cases[i].subject, "-multivalue-rdn", cases[i].reason);
}

static void a_signature_by_another(void **state)
{
	struct gw_blob csr = request("p256", "/CN=" DEVICE, "");
	uint8_t *bytes = (uint8_t *)(uintptr_t)csr.data;

	bytes[csr.len - 1] ^= 1; /* the last byte of s */
	assert_int_equal(check(csr), GW_REASON_BAD_SIGNATURE);
	drop(csr);
}

static void every_flipped_bit_is_refused(void **state)
{
	struct gw_blob csr = request("p256", "/CN=" DEVICE, "");
	uint8_t *bytes = (uint8_t *)(uintptr_t)csr.data;

	for (size_t bit = 0; bit < csr.len * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		if (check(csr) == GW_REASON_NONE)
			fail_msg("taken with bit %zu of byte %zu changed", bit % 8, bit / 8);
		bytes[bit / 8] ^= 1 << bit % 8;
	}
	assert_int_equal(check(csr), GW_REASON_NONE);
	drop(csr);
}

static void every_truncation_is_refused(void **state)
{
	struct gw_blob csr = request("p256", "/CN=" DEVICE, "");
	uint8_t longer[1024] = { 0 };

	for (size_t len = 0; len < csr.len; len++)
		assert_int_equal(check((struct gw_blob){ csr.data, len }), GW_REASON_BAD_CSR);

	memcpy(longer, csr.data, csr.len);
	for (size_t extra = 1; extra <= 4; extra++)
		assert_int_equal(check((struct gw_blob){ longer, csr.len + extra }),
				 GW_REASON_BAD_CSR);
	drop(csr);
}

/* A request of `n` alternative names. */
static struct gw_blob large_request(size_t n)
{
	char *config = malloc(65536);
	size_t len = 0;
	struct gw_blob csr;

	len += (size_t)sprintf(config, "[req]\ndistinguished_name=d\nreq_extensions=e\n[d]\n[e]\n"
				       "subjectAltName=DNS:name-0.with-a-long-way-to-go.example");
	for (size_t i = 1; i < n; i++)
		len += (size_t)sprintf(config + len, ",DNS:name-%zu.with-a-long-way-to-go.example",
				       i);
	config[len++] = '\n';
	openssl_write("config", (struct gw_blob){ (const uint8_t *)config, len });
	free(config);
	csr = request("p256", "/CN=" DEVICE, "-config config");
	return csr;
}

static void sizes_are_bounded(void **state)
{
	struct gw_blob csr = large_request(95);

	assert_in_range(csr.len, 3000, GW_CSR_MAX);
	assert_int_equal(check(csr), GW_REASON_NONE);
	drop(csr);

	csr = large_request(120);
	assert_in_range(csr.len, GW_CSR_MAX + 1, 20000);
	assert_int_equal(check(csr), GW_REASON_TOO_LARGE);
	drop(csr);
}

static struct gw_blob challenge_request(const char *challenge)
{
	char config[512];

	(void)snprintf(config, sizeof(config),
		       "[req]\ndistinguished_name=d\nattributes=a\nprompt=no\n"
		       "[d]\nCN=" DEVICE "\n[a]\nchallengePassword=%s\n",
		       challenge);
	openssl_write("config", (struct gw_blob){ (const uint8_t *)config, strlen(config) });
	openssl_run("req -new -key p256.key -config config -outform DER -out csr");
	return openssl_read("csr");
}

static void a_challenge_is_the_binding(void **state)
{
	static const uint8_t binding[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	static const uint8_t other[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13 };
	char text[GW_BASE64_LEN(sizeof(binding)) + 1], wide[200] = "";
	struct gw_blob csr, plain = request("p256", "/CN=" DEVICE, "");

	gw_base64_encode(binding, sizeof(binding), text);
	csr = challenge_request(text);
	assert_int_equal(check_bound(csr, (struct gw_blob)GW_BLOB_ARRAY(binding)), GW_REASON_NONE);
	assert_int_equal(check_bound(csr, (struct gw_blob)GW_BLOB_ARRAY(other)),
			 GW_REASON_WRONG_SESSION);
	assert_int_equal(check_bound(csr, (struct gw_blob){ binding, 11 }),
			 GW_REASON_WRONG_SESSION);
	assert_int_equal(check(csr), GW_REASON_NONE); /* no binding known: nothing to compare */
	assert_int_equal(check_bound(plain, (struct gw_blob)GW_BLOB_ARRAY(binding)),
			 GW_REASON_NONE);
	drop(csr);

	csr = challenge_request("no base64 at all");
	assert_int_equal(check_bound(csr, (struct gw_blob)GW_BLOB_ARRAY(binding)),
			 GW_REASON_WRONG_SESSION);
	drop(csr);

	memset(wide, 'A', sizeof(wide) - 1);
	csr = challenge_request(wide);
	assert_int_equal(check_bound(csr, (struct gw_blob)GW_BLOB_ARRAY(binding)),
			 GW_REASON_WRONG_SESSION);
	drop(csr);
	drop(plain);
}

static void other_files_are_no_requests(void **state)
{
	struct gw_blob other;

	openssl_run("req -new -x509 -key p256.key -subj '/CN=" DEVICE "' -outform DER -out crt");
	other = openssl_read("crt");
	assert_int_equal(check(other), GW_REASON_BAD_CSR);
	drop(other);

	openssl_run("req -new -key p256.key -subj '/CN=" DEVICE "' -out csr.pem");
	other = openssl_read("csr.pem");
	assert_int_equal(check(other), GW_REASON_BAD_CSR);
	drop(other);

	assert_int_equal(check((struct gw_blob){ NULL, 0 }), GW_REASON_BAD_CSR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_keys_and_hashes),
		cmocka_unit_test(the_key_is_hashed),
		cmocka_unit_test(lack_of_memory_is_no_verdict),
		cmocka_unit_test(weak_keys),
		cmocka_unit_test(weak_hashes),
		cmocka_unit_test(names_are_compared),
		cmocka_unit_test(a_signature_by_another),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(a_challenge_is_the_binding),
		cmocka_unit_test(other_files_are_no_requests),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
