/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of certificates and signing requests by openssl, and what is left of them when they are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "lib/x509.h"
#include "openssl.h"

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

static void write_config(const char *text)
{
	openssl_write("config", (struct gw_blob){ (const uint8_t *)text, strlen(text) });
}

static int set_up(void **state)
{
	openssl_init();
	write_config("[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n"
		     "[e]\nsubjectKeyIdentifier=hash\n"); /* nothing that is tested here */
	openssl_run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key");
	return 0;
}

static int tear_down(void **state)
{
	openssl_done();
	return 0;
}

static struct gw_blob certificate(const char *subject, const char *options)
{
	openssl_run("req -x509 -key key -config config -subj '%s' %s -outform DER -out crt",
		    subject, options);
	return openssl_read("crt");
}

static void assert_blob(struct gw_blob blob, const char *hex)
{
	char text[256] = "";

	for (size_t i = 0; i < blob.len && i < 100; i++)
		(void)sprintf(text + 2 * i, "%02x", blob.data[i]);
	assert_string_equal(text, hex);
}

static void serials_have_one_form(void **state)
{
	static const struct {
		const char *number, *hex;
	} cases[] = {
		{ "0x7f", "7f" },
		{ "0x80", "80" },
		{ "0xff01", "ff01" },
		{ "1", "01" },
		{ "0x100", "0100" },
		{ "0", "00" },
		{ "0xffffffffffffffffffffffffffffffffffffffff",
		  "ffffffffffffffffffffffffffffffffffffffff" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		char options[128];
		struct gw_blob der;
		struct gw_x509 x509;

		(void)snprintf(options, sizeof(options), "-set_serial %s", cases[i].number);
		der = certificate("/CN=x", options);
		assert_int_equal(gw_x509_parse(der, &x509), 0);
		assert_blob(x509.serial, cases[i].hex);
		drop(der);
	}
}

static void negative_serials_are_none(void **state)
{
	struct gw_blob der = certificate("/CN=x", "-set_serial -5");
	struct gw_x509 x509;

	assert_int_equal(gw_x509_parse(der, &x509), -EBADMSG);
	drop(der);
}

static void names(void **state)
{
	struct gw_blob der = certificate("/C=DE/O=Acme/CN=ACME-1/OU=CN/O=Acme", ""), name;
	struct gw_x509 x509;

	assert_int_equal(gw_x509_parse(der, &x509), 0);
	assert_true(gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, "ACME-1"));
	assert_false(gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, "ACME"));
	assert_false(gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, "ACME-12"));
	assert_false(gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, ""));
	assert_true(
		gw_x509_name_is(x509.subject, GW_X509_ORGANISATION, "Acme")); /* twice, and equal */
	assert_true(gw_x509_name_has(x509.subject, GW_X509_ORGANISATION));
	assert_int_equal(gw_x509_name_get(x509.subject, GW_X509_COMMON_NAME, &name), 0);
	assert_int_equal(name.len, 6);
	assert_memory_equal(name.data, "ACME-1", 6);
	assert_int_equal(gw_x509_name_get(x509.subject, GW_X509_ORGANISATION, &name), -ENOENT);
	assert_true(gw_blob_equal(x509.issuer, x509.subject)); /* it signed itself */
	drop(der);

	der = certificate("/O=Acme/O=Other", "");
	assert_int_equal(gw_x509_parse(der, &x509), 0);
	assert_false(gw_x509_name_is(x509.subject, GW_X509_ORGANISATION, "Acme"));
	assert_false(gw_x509_name_is(x509.subject, GW_X509_ORGANISATION, "Other"));
	assert_false(gw_x509_name_has(x509.subject, GW_X509_COMMON_NAME));
	assert_int_equal(gw_x509_name_get(x509.subject, GW_X509_COMMON_NAME, &name), -ENOENT);
	drop(der);

	/* several attributes in one part, and no part at all */
	der = certificate("/O=Acme+CN=ACME-1+OU=x", "-multivalue-rdn");
	assert_int_equal(gw_x509_parse(der, &x509), 0);
	assert_true(gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, "ACME-1"));
	drop(der);
	der = certificate("/", "");
	assert_int_equal(gw_x509_parse(der, &x509), 0);
	assert_false(gw_x509_name_has(x509.subject, GW_X509_COMMON_NAME));
	drop(der);
}

static void uses_and_constraints(void **state)
{
	static const struct {
		const char *options;
		unsigned uses, key_usage;
		bool is_ca;
	} cases[] = {
		{ "", 0, ~0u, false },
		{ "-addext extendedKeyUsage=clientAuth", GW_X509_USE_CLIENT, ~0u, false },
		{ "-addext extendedKeyUsage=serverAuth,1.3.6.1.5.5.7.3.28",
		  GW_X509_USE_SERVER | GW_X509_USE_REGISTRAR, ~0u, false },
		{ "-addext extendedKeyUsage=2.5.29.37.0", GW_X509_USE_ANY, ~0u, false },
		{ "-addext extendedKeyUsage=codeSigning,1.2.3", GW_X509_USE_OTHER, ~0u, false },
		{ "-addext keyUsage=digitalSignature", 0, GW_X509_KEY_SIGNS, false },
		{ "-addext keyUsage=critical,keyCertSign,digitalSignature", 0,
		  GW_X509_KEY_SIGNS | GW_X509_KEY_SIGNS_CERTIFICATES, false },
		{ "-addext keyUsage=decipherOnly,keyAgreement", 0, 1 << 3, false },
		{ "-addext basicConstraints=critical,CA:TRUE", 0, ~0u, true },
		{ "-addext basicConstraints=CA:TRUE,pathlen:3", 0, ~0u, true },
		{ "-addext basicConstraints=CA:FALSE", 0, ~0u, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_blob der = certificate("/CN=x", cases[i].options);
		struct gw_x509 x509;

		assert_int_equal(gw_x509_parse(der, &x509), 0);
		assert_int_equal(x509.uses, cases[i].uses);
		assert_int_equal(x509.key_usage, cases[i].key_usage);
		assert_int_equal(x509.is_ca, cases[i].is_ca);
		drop(der);
	}
}

/*
 * Of version 1, which is what a certificate without the field is: openssl makes none any more since 3.4. The
 * certificate has to be long enough for lengths of two bytes.
 */
static struct gw_blob without_version(struct gw_blob der)
{
	static const uint8_t version[] = { 0xa0, 3, 2, 1, 2 };
	static const size_t heads[] = { 0,
					4 }; /* of the certificate, and of what is signed in it */
	uint8_t *at = (uint8_t *)(uintptr_t)der.data;

	for (size_t i = 0; i < GW_ELEMENTS(heads); i++) {
		uint8_t *len = at + heads[i] + 2;
		unsigned shorter = (unsigned)(len[0] << 8 | len[1]) - sizeof(version);

		assert_memory_equal(at + heads[i], "\x30\x82", 2);
		len[0] = (uint8_t)(shorter >> 8);
		len[1] = (uint8_t)shorter;
	}
	assert_memory_equal(at + 8, version, sizeof(version));
	memmove(at + 8, at + 8 + sizeof(version), der.len - 8 - sizeof(version));
	der.len -= sizeof(version);
	return der;
}

static void only_version_3(void **state)
{
	struct gw_blob der;
	struct gw_x509 x509;
	uint8_t *version;

	der = without_version(certificate("/CN=x", "-addext nsComment=$(printf %0300d 0)"));
	openssl_write("crt", der);
	openssl_run("x509 -inform DER -in crt -noout -text | grep -q 'Version: 1 (0x0)'");
	assert_int_equal(gw_x509_parse(der, &x509), -EBADMSG);
	drop(der);

	der = certificate("/CN=x", "");
	version = memmem(der.data, 16, "\xa0\x03\x02\x01\x02", 5);
	assert_non_null(version);
	version[4] = 1; /* as version 2 is written */
	assert_int_equal(gw_x509_parse(der, &x509), -EBADMSG);
	drop(der);
}

/* A date as text in place of the one in a certificate; the length of both must be equal. */
static int parse_dated(const char *date, uint64_t *ret)
{
	struct gw_blob der;
	struct gw_x509 x509;
	uint8_t *at;
	int r;

	der = certificate("/CN=x", strlen(date) == 13 ? "-days 10" : "-days 100000");
	/* "not before" is a UTCTime of this century; "not after" comes behind it */
	at = memmem(der.data, der.len,
		    "\x17\x0d"
		    "2",
		    3);
	assert_non_null(at);
	assert_int_equal(at[15 + 1], strlen(date));
	memcpy(at + 15 + 2, date, strlen(date));
	r = gw_x509_parse(der, &x509);
	if (r == 0)
		*ret = x509.not_after;
	drop(der);
	return r;
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {
		{ "700101000000Z", 0 },
		{ "491231235959Z", 2524607999 },
		{ "500101000000Z", 0 }, /* 1950: before the epoch */
		{ "261121221500Z", 1795299300 },
		{ "20500101000000Z", 2524608000 },
		{ "99991231235959Z", 253402300799 },
		{ "00000101000000Z", 0 },
	};
	static const char *const bad[] = {
		"261321221500Z",   "260021221500Z",   "261100221500Z", "261132221500Z",
		"261121241500Z",   "261121226000Z",   "261121221560Z", "2611212215-1Z",
		"26112122150aZ",   "261121221500z",   "2611212215001", "209x0101000000Z",
		"20501301000000Z", "2050010100000Z0",
	};
	uint64_t seconds;

	for (size_t i = 0; i < GW_ELEMENTS(good); i++) {
		assert_int_equal(parse_dated(good[i].text, &seconds), 0);
		assert_true(seconds == good[i].seconds);
	}
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++)
		if (parse_dated(bad[i], &seconds) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

static void requests(void **state)
{
	static const char config[] = "[req]\ndistinguished_name=d\nattributes=a\nprompt=no\n"
				     "[d]\nCN=ACME-1\n[a]\nunstructuredName=n\n"
				     "challengePassword=secret\n";
	struct gw_x509_request request;
	struct gw_blob der;

	openssl_write("attributes", (struct gw_blob){ (const uint8_t *)config, strlen(config) });
	openssl_run("req -new -key key -config attributes -outform DER -out csr");
	der = openssl_read("csr");
	assert_int_equal(gw_x509_parse_request(der, &request), 0);
	assert_true(gw_x509_name_is(request.subject, GW_X509_COMMON_NAME, "ACME-1"));
	assert_int_equal(request.challenge.len, 6);
	assert_memory_equal(request.challenge.data, "secret", 6);
	assert_blob(request.algorithm, "300a06082a8648ce3d040302");
	assert_int_equal(request.spki.len, 91);
	drop(der);

	openssl_run("req -new -key key -subj / -outform DER -out csr");
	der = openssl_read("csr");
	assert_int_equal(gw_x509_parse_request(der, &request), 0);
	assert_null(request.challenge.data);
	drop(der);
}

static void every_truncation(void **state)
{
	struct gw_blob crt = certificate("/CN=x/O=y", "-addext extendedKeyUsage=clientAuth"), csr;
	struct gw_x509_request request;
	struct gw_x509 x509;

	openssl_run("req -new -key key -subj /CN=x -outform DER -out csr");
	csr = openssl_read("csr");
	for (size_t len = 0; len < crt.len; len++)
		assert_int_equal(gw_x509_parse((struct gw_blob){ crt.data, len }, &x509), -EBADMSG);
	for (size_t len = 0; len < csr.len; len++)
		assert_int_equal(gw_x509_parse_request((struct gw_blob){ csr.data, len }, &request),
				 -EBADMSG);

	/* nor is the one the other */
	assert_int_equal(gw_x509_parse(csr, &x509), -EBADMSG);
	assert_int_equal(gw_x509_parse_request(crt, &request), -EBADMSG);
	drop(crt);
	drop(csr);
}

static void lists_are_split(void **state)
{
	struct gw_blob crt = certificate("/CN=x", ""), certs[3];
	uint8_t list[4096];
	size_t n = 99;

	for (size_t i = 0; i < 3; i++)
		memcpy(list + i * crt.len, crt.data, crt.len);
	for (size_t k = 0; k <= 3; k++) {
		assert_int_equal(gw_x509_split((struct gw_blob){ list, k * crt.len }, certs, 3, &n),
				 0);
		assert_int_equal(n, k);
		for (size_t i = 0; i < k; i++)
			assert_true(gw_blob_equal(certs[i], crt));
	}
	assert_int_equal(gw_x509_split((struct gw_blob){ list, 3 * crt.len }, certs, 2, &n),
			 -E2BIG);
	assert_int_equal(gw_x509_split((struct gw_blob){ list, 3 * crt.len - 1 }, certs, 3, &n),
			 -EBADMSG);
	drop(crt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials_have_one_form),
		cmocka_unit_test(negative_serials_are_none),
		cmocka_unit_test(names),
		cmocka_unit_test(uses_and_constraints),
		cmocka_unit_test(only_version_3),
		cmocka_unit_test(dates),
		cmocka_unit_test(requests),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(lists_are_split),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
