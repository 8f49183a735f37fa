/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the authorities sign and what they refuse to: signing requests made by the openssl command in
 * every way that must not pass, and certificates that it must find right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "lib/util.h"
#include "openssl.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/csr.h"
#include "tools/cloud/home.h"
#include "tools/cloud/key.h"

#define DAY_S ((uint64_t)86400)

static int setup(void **state)
{
	openssl_init();
	return 0;
}

static int teardown(void **state)
{
	openssl_done();
	return 0;
}

/* --- signing requests ----------------------------------------------------------------------------- */

static enum gw_reason read_bytes(struct gw_blob der)
{
	X509_REQ *request = NULL;
	enum gw_reason why = csr_read(der, &request);

	assert_int_equal(why == GW_REASON_NONE, request != NULL);
	assert_int_equal(ERR_peek_error(), 0); /* or the next TLS read would stumble over it */
	X509_REQ_free(request);
	return why;
}

static struct gw_blob make_request(const char *key, const char *more)
{
	openssl_run("genpkey %s -out key.pem", key);
	openssl_run("req -new -key key.pem -outform DER -out csr.der %s", more);
	return openssl_read("csr.der");
}

static void check_request(const char *key, const char *more, enum gw_reason expected)
{
	struct gw_blob der = make_request(key, more);

	if (read_bytes(der) != expected)
		fail_msg("%s %s: %s", key, more, gw_reason_code(read_bytes(der)));
	free((void *)(uintptr_t)der.data);
}

#define EC(curve) "-algorithm EC -pkeyopt ec_paramgen_curve:" curve

static void test_kinds_of_key(void **state)
{
	const char *plain = "-subj /CN=ACME-0001";

	check_request(EC("P-256"), plain, GW_REASON_NONE);
	check_request(EC("P-384"), plain, GW_REASON_NONE);
	check_request("-algorithm ED25519", plain, GW_REASON_NONE);
	check_request("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", plain, GW_REASON_NONE);
	check_request("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", plain, GW_REASON_WEAK_KEY);
	check_request(EC("P-521"), plain, GW_REASON_WEAK_KEY);
	check_request(EC("P-224"), plain, GW_REASON_WEAK_KEY);
	check_request(EC("secp256k1"), plain, GW_REASON_WEAK_KEY);
	check_request("-algorithm ED448", plain, GW_REASON_WEAK_KEY);
	check_request(EC("P-256") " -pkeyopt ec_param_enc:explicit", plain, GW_REASON_WEAK_KEY);
}

/* Half a point says as much, but then the certificate would not hold the key's own bytes. */
static void test_compressed_point(void **state)
{
	struct gw_blob der;

	openssl_run("genpkey " EC("P-256") " -out key.pem");
	openssl_run("ec -in key.pem -conv_form compressed -out half.pem");
	openssl_run("req -new -key half.pem -subj /CN=A -outform DER -out csr.der");
	der = openssl_read("csr.der");
	assert_int_equal(read_bytes(der), GW_REASON_WEAK_KEY);
	free((void *)(uintptr_t)der.data);
}

static void test_kinds_of_hash(void **state)
{
	check_request(EC("P-256"), "-subj /CN=A -sha1", GW_REASON_WEAK_HASH);
	check_request(EC("P-256"), "-subj /CN=A -sha224", GW_REASON_WEAK_HASH);
	check_request(EC("P-256"), "-subj /CN=A -sha384", GW_REASON_NONE);
	check_request("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-subj /CN=A -md5",
		      GW_REASON_WEAK_HASH);
}

static void test_damaged_requests(void **state)
{
	struct gw_blob der = make_request(EC("P-256"), "-subj /CN=ACME-0001");
	_cleanup_free_ uint8_t *bytes = malloc(der.len + 1);

	memcpy(bytes, der.data, der.len);
	for (size_t len = 0; len < der.len; len++)
		assert_int_not_equal(read_bytes((struct gw_blob){ bytes, len }), GW_REASON_NONE);

	bytes[der.len] = 0;
	assert_int_equal(read_bytes((struct gw_blob){ bytes, der.len + 1 }), GW_REASON_BAD_CSR);

	for (size_t i = 0; i < der.len; i++) {
		bytes[i] ^= 1;
		assert_int_not_equal(read_bytes((struct gw_blob){ bytes, der.len }),
				     GW_REASON_NONE);
		bytes[i] ^= 1;
	}

	bytes[der.len - 1] ^= 1;
	assert_int_equal(read_bytes((struct gw_blob){ bytes, der.len }), GW_REASON_BAD_SIGNATURE);
	free((void *)(uintptr_t)der.data);
}

static void check_name(const char *subject, const char *name, bool expected)
{
	char more[128];
	X509_REQ *request = NULL;
	struct gw_blob der;

	(void)snprintf(more, sizeof(more), "-subj %s", subject);
	der = make_request(EC("P-256"), more);
	assert_int_equal(csr_read(der, &request), GW_REASON_NONE);
	assert_int_equal(csr_is_in_name_of(request, name), expected);
	X509_REQ_free(request);
	free((void *)(uintptr_t)der.data);
}

static void test_names(void **state)
{
	check_name("/CN=ACME-0001", "ACME-0001", true);
	check_name("/O=Maker/CN=ACME-0001", "ACME-0001", true);
	check_name("/", "ACME-0001", true); /* asks for none */
	check_name("/O=ACME-0001", "ACME-0001", true);
	check_name("/CN=ACME-0002", "ACME-0001", false);
	check_name("/CN=ACME-00010", "ACME-0001", false);
	check_name("/CN=ACME-000", "ACME-0001", false);
	check_name("/CN=acme-0001", "ACME-0001", false);
	check_name("/CN=ACME-0001/CN=ACME-0001", "ACME-0001", false); /* asks twice */
}

/* --- certificates --------------------------------------------------------------------------------- */

struct signed_one {
	struct authority authority;
	EVP_PKEY *key;
	X509 *certificate;
};

static void sign(enum profile profile, const char *authority, const char *host, uint64_t lifetime_s,
		 struct signed_one *ret)
{
	struct order order = { .profile = profile,
			       .name = "ACME-0001",
			       .organisation = profile == PROFILE_DEVICE ? "tenant" : NULL,
			       .host = host,
			       .lifetime_s = lifetime_s };
	struct home home;

	*ret = (struct signed_one){ 0 };
	assert_int_equal(home_open(".", &home), 0);
	assert_int_equal(authority_ensure(&home, authority, &ret->authority), 0);
	assert_int_equal(key_make(&ret->key), 0);
	order.key = ret->key;
	assert_int_equal(authority_issue(&ret->authority, &order, &ret->certificate), 0);
	assert_int_equal(certificate_store(home.fd, "out.crt", ret->certificate), 0);
	assert_int_equal(ERR_peek_error(), 0);
	home_close(&home);
}

static void signed_done(struct signed_one *one)
{
	authority_done(&one->authority);
	EVP_PKEY_free(one->key);
	X509_free(one->certificate);
}

/* The openssl command's own description, for what must stand in it. */
static void describe(char *text, size_t size)
{
	struct gw_blob all;

	openssl_run("x509 -in out.crt -noout -text -nameopt RFC2253 > text");
	all = openssl_read("text");
	assert_true(all.len < size);
	memcpy(text, all.data, all.len);
	text[all.len] = 0;
	free((void *)(uintptr_t)all.data);
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void test_device_certificate(void **state)
{
	uint64_t from, to, now = (uint64_t)time(NULL);
	char text[8192], serial[CERTIFICATE_SERIAL_TEXT];
	struct signed_one one;

	sign(PROFILE_DEVICE, AUTHORITY_DEVICE, NULL, 90 * DAY_S, &one);
	openssl_run(
		"verify -x509_strict -purpose sslclient -CAfile device-ca.crt out.crt >/dev/null");
	describe(text, sizeof(text));
	assert_holds(text, "Version: 3 (0x2)");
	assert_holds(text, "Subject: CN=ACME-0001,O=tenant\n");
	assert_holds(text, "X509v3 Basic Constraints: critical\n                CA:FALSE\n");
	assert_holds(text, "X509v3 Key Usage: critical\n                Digital Signature\n");
	assert_holds(text, "Key Usage: \n                TLS Web Client Authentication\n");
	assert_holds(text, "X509v3 Subject Key Identifier");
	assert_holds(text, "X509v3 Authority Key Identifier");
	assert_null(strstr(text, "Alternative Name"));

	assert_int_equal(certificate_validity(one.certificate, &from, &to), 0);
	assert_in_range(from, now - 3700, now - 3600 + 1);
	assert_in_range(to, now + 90 * DAY_S, now + 90 * DAY_S + 100);
	assert_int_equal(certificate_serial(one.certificate, serial), 0);
	assert_int_equal(strlen(serial), 2 * AUTHORITY_SERIAL_LEN);
	assert_in_range(serial[0], '4', '7'); /* positive, and never shorter */
	signed_done(&one);
}

static void test_registrar_certificate(void **state)
{
	struct signed_one one;
	char text[8192];

	sign(PROFILE_REGISTRAR, AUTHORITY_REGISTRAR, "gw-1", 7 * DAY_S, &one);
	openssl_run("verify -x509_strict -purpose sslserver -CAfile registrar-ca.crt out.crt"
		    " >/dev/null");
	describe(text, sizeof(text));
	assert_holds(text, "TLS Web Server Authentication, CMC Registration Authority");
	assert_holds(text, "DNS:gw-1");
	assert_holds(text, "Subject: CN=ACME-0001\n");
	signed_done(&one);
}

static void test_broker_certificate(void **state)
{
	struct signed_one one;

	sign(PROFILE_BROKER, AUTHORITY_GATEWAY, "broker.example", 7 * DAY_S, &one);
	openssl_run("verify -x509_strict -purpose sslserver -verify_hostname broker.example"
		    " -CAfile gateway-ca.crt out.crt >/dev/null");
	openssl_run("verify -purpose sslserver -verify_hostname localhost -CAfile gateway-ca.crt"
		    " out.crt >/dev/null");
	openssl_run("verify -purpose sslserver -verify_ip 127.0.0.1 -CAfile gateway-ca.crt out.crt"
		    " >/dev/null");
	signed_done(&one);

	sign(PROFILE_BROKER, AUTHORITY_GATEWAY, "192.0.2.7", 7 * DAY_S, &one);
	openssl_run("verify -purpose sslserver -verify_ip 192.0.2.7 -CAfile gateway-ca.crt out.crt"
		    " >/dev/null");
	signed_done(&one);
}

static void test_authorities(void **state)
{
	static const char *const names[] = { AUTHORITY_GATEWAY, AUTHORITY_DEVICE,
					     AUTHORITY_REGISTRAR };
	struct home home;

	assert_int_equal(home_open(".", &home), 0);
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		struct authority made, again;

		assert_int_equal(authority_ensure(&home, names[i], &made), 0);
		assert_int_equal(authority_ensure(&home, names[i], &again), 0);
		assert_int_equal(X509_cmp(made.certificate, again.certificate), 0);
		openssl_run("verify -x509_strict -CAfile %s.crt %s.crt >/dev/null", names[i],
			    names[i]);
		openssl_run("x509 -in %s.crt -noout -ext basicConstraints,keyUsage > text",
			    names[i]);
		openssl_run("pkey -in %s.key -noout", names[i]);
		authority_done(&made);
		authority_done(&again);
	}
	home_close(&home);
}

/* A key that is not the certificate's is somebody's mistake, and must not sign. */
static void test_authority_with_a_foreign_key(void **state)
{
	struct authority authority = { 0 };
	struct home home;

	assert_int_equal(home_open(".", &home), 0);
	assert_int_equal(authority_ensure(&home, "mixed", &authority), 0);
	authority_done(&authority);
	openssl_run("genpkey " EC("P-256") " -out mixed.key");
	assert_int_equal(authority_load(&home, "mixed", &authority), -EKEYREJECTED);
	openssl_write("mixed.key", (struct gw_blob){ (const uint8_t *)"garbage", 7 });
	assert_int_equal(authority_load(&home, "mixed", &authority), -EBADMSG);
	assert_int_equal(ERR_peek_error(), 0);
	home_close(&home);
}

/* Interrupted between its two files, an authority keeps the key that it has. */
static void test_authority_half_made(void **state)
{
	struct authority authority = { 0 };
	EVP_PKEY *before;
	struct home home;

	assert_int_equal(home_open(".", &home), 0);
	assert_int_equal(authority_ensure(&home, "half", &authority), 0);
	before = authority.key;
	assert_int_equal(EVP_PKEY_up_ref(before), 1);
	authority_done(&authority);
	assert_int_equal(unlink("half.crt"), 0);
	assert_int_equal(authority_ensure(&home, "half", &authority), 0);
	assert_int_equal(EVP_PKEY_eq(authority.key, before), 1);
	EVP_PKEY_free(before);
	authority_done(&authority);
	home_close(&home);
}

static void test_validity_ends_with_the_authority(void **state)
{
	uint64_t from, to, last;
	struct signed_one one;

	sign(PROFILE_DEVICE, AUTHORITY_DEVICE, NULL, 90 * 365 * DAY_S, &one);
	assert_int_equal(certificate_validity(one.certificate, &from, &to), 0);
	assert_int_equal(certificate_validity(one.authority.certificate, &from, &last), 0);
	assert_int_equal(to, last);
	signed_done(&one);
}

static void test_serials_differ(void **state)
{
	char a[CERTIFICATE_SERIAL_TEXT], b[CERTIFICATE_SERIAL_TEXT];
	struct signed_one one, two;

	sign(PROFILE_DEVICE, AUTHORITY_DEVICE, NULL, DAY_S, &one);
	sign(PROFILE_DEVICE, AUTHORITY_DEVICE, NULL, DAY_S, &two);
	assert_int_equal(certificate_serial(one.certificate, a), 0);
	assert_int_equal(certificate_serial(two.certificate, b), 0);
	assert_string_not_equal(a, b);
	signed_done(&one);
	signed_done(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_of_key),
		cmocka_unit_test(test_compressed_point),
		cmocka_unit_test(test_kinds_of_hash),
		cmocka_unit_test(test_damaged_requests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_device_certificate),
		cmocka_unit_test(test_registrar_certificate),
		cmocka_unit_test(test_broker_certificate),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_authority_with_a_foreign_key),
		cmocka_unit_test(test_authority_half_made),
		cmocka_unit_test(test_validity_ends_with_the_authority),
		cmocka_unit_test(test_serials_differ),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
