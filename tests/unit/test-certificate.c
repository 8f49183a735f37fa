/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates of a CA by openssl: the good ones pass and their facts are right; each kind of damage is
 * refused, and for its own reason, so that no check hides behind another.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"
#include "openssl.h"
#include "plugins/registrar/certificate.h"
#include "plugins/registrar/memory.h"
#include "scarce.h"

#define LEAF "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
#define CA   "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"

#define CHAINS "chain to the anchors"

static struct gw_blob anchor;
static uint8_t device_key[GW_HASH_LEN];

static void write_text(const char *file, const char *text)
{
	openssl_write(file, (struct gw_blob){ (const uint8_t *)text, strlen(text) });
}

static void make_key(const char *name)
{
	openssl_run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out %s.key", name);
}

/* Makes NAME.crt (DER) and NAME.pem: key `key`, issued by `issuer` with these extensions. */
static void issue(const char *name, const char *key, const char *subject, const char *issuer,
		  const char *extensions, const char *options)
{
	write_text("extensions", extensions);
	openssl_run("req -new -key %s.key -subj '%s' -out %s.csr", key, subject, name);
	openssl_run("x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -extfile extensions %s"
		    " -out %s.pem",
		    name, issuer, issuer, options, name);
	openssl_run("x509 -in %s.pem -outform DER -out %s.crt", name, name);
}

static void hash_key(const char *key, uint8_t ret[GW_HASH_LEN])
{
	struct gw_blob spki;

	openssl_run("pkey -in %s.key -pubout -outform DER -out spki", key);
	spki = openssl_read("spki");
	assert_int_equal(gw_sha256(spki, ret), 0);
	free((void *)(uintptr_t)spki.data);
}

static int make_ca(void **state)
{
	memory_watch();
	openssl_init();
	make_key("ca");
	openssl_run("req -new -x509 -key ca.key -subj '/CN=Test CA' -days 30 -out ca.pem");
	openssl_run("x509 -in ca.pem -outform DER -out ca.crt");
	anchor = openssl_read("ca.crt");

	make_key("device");
	hash_key("device", device_key);
	make_key("other");
	issue("device", "device", "/CN=ACME-1/O=default", "ca", LEAF, "-days 30");
	return 0;
}

static int remove_ca(void **state)
{
	free((void *)(uintptr_t)anchor.data);
	openssl_done();
	return 0;
}

/* Checks a certificate for ACME-1 with the key "device"; returns what is wrong, or NULL. */
static const char *check_blobs(struct gw_blob certificate, struct gw_blob chain,
			       const struct gw_blob *anchors, size_t n_anchors)
{
	struct certificate_hashes hashes;
	uint8_t expected[GW_HASH_LEN];
	const struct gw_msg_check check = { .job = "job-1",
					    .device = "ACME-1",
					    .tenant = "default",
					    .key = GW_BLOB_ARRAY(device_key),
					    .certificate = certificate,
					    .chain = chain };
	const char *why = "not set";
	struct gw_msg answer;

	assert_int_equal(certificate_check(&check, anchors, n_anchors, &hashes, &answer, &why), 0);

	assert_int_equal(answer.type, GW_MSG_CHECKED);
	assert_string_equal(answer.checked.job, "job-1");
	assert_int_equal(answer.checked.ok, why == NULL);
	if (why) {
		assert_string_equal(answer.checked.reason,
				    gw_reason_code(GW_REASON_BAD_CERTIFICATE));
		assert_int_equal(answer.checked.serial.len, 0);
	} else {
		assert_int_equal(gw_sha256(certificate, expected), 0);
		assert_memory_equal(answer.checked.fingerprint.data, expected, GW_HASH_LEN);
	}
	return why;
}

static const char *check(const char *name, const char *chain_name)
{
	struct gw_blob certificate, chain = { 0 };
	const char *why;
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.crt", name);
	certificate = openssl_read(file);
	if (chain_name) {
		(void)snprintf(file, sizeof(file), "%s.crt", chain_name);
		chain = openssl_read(file);
	}

	why = check_blobs(certificate, chain, &anchor, 1);
	free((void *)(uintptr_t)certificate.data);
	free((void *)(uintptr_t)chain.data);
	return why;
}

#define assert_good(why)                               \
	do {                                           \
		const char *_why = (why);              \
		if (_why)                              \
			fail_msg("refused: %s", _why); \
	} while (0)

#define assert_refused(why, part)                                                \
	do {                                                                     \
		const char *_why = (why);                                        \
		if (!_why || !strstr(_why, part))                                \
			fail_msg("'%s', not '%s'", _why ? _why : "taken", part); \
	} while (0)

static void a_good_one_passes(void **state)
{
	assert_good(check("device", NULL));
}

static void its_facts_are_reported(void **state)
{
	struct certificate_hashes hashes;
	static const uint8_t serial[] = { 0xf0, 0x01, 0x02 }; /* DER puts a zero in front */
	struct gw_msg_check question = { .job = "j", .device = "ACME-1", .tenant = "default" };
	const char *why;
	struct gw_msg answer;

	issue("dated", "device", "/CN=ACME-1/O=default", "ca", LEAF,
	      "-set_serial 0xf00102 -days 100");
	question.certificate = openssl_read("dated.crt");
	question.key = (struct gw_blob)GW_BLOB_ARRAY(device_key);
	assert_int_equal(certificate_check(&question, &anchor, 1, &hashes, &answer, &why), 0);

	assert_good(why);
	assert_int_equal(answer.checked.serial.len, sizeof(serial));
	assert_memory_equal(answer.checked.serial.data, serial, sizeof(serial));
	assert_int_equal(answer.checked.not_after - answer.checked.not_before, 100 * 86400);
	assert_in_range(answer.checked.not_before, time(NULL) - 600, time(NULL) + 600);
	free((void *)(uintptr_t)question.certificate.data);
}

static void wrong_fields_are_refused(void **state)
{
	static const struct {
		const char *key, *subject, *extensions, *why;
	} cases[] = {
		{ "other", "/CN=ACME-1/O=default", LEAF, "another key" },
		{ "device", "/CN=ACME-2/O=default", LEAF, "common name" },
		{ "device", "/CN=ACME-1x/O=default", LEAF, "common name" },
		{ "device", "/CN=ACME-1/CN=ACME-2/O=default", LEAF, "common name" },
		{ "device", "/O=default", LEAF, "common name" },
		{ "device", "/CN=ACME-1/O=other", LEAF, "organisation" },
		{ "device", "/CN=ACME-1", LEAF, "organisation" },
		{ "device", "/CN=ACME-1/O=default", "keyUsage=digitalSignature\n", "extended key" },
		{ "device", "/CN=ACME-1/O=default", "extendedKeyUsage=serverAuth\n",
		  "extended key" },
		{ "device", "/CN=ACME-1/O=default", "extendedKeyUsage=clientAuth,serverAuth\n",
		  "extended key" },
		{ "device", "/CN=ACME-1/O=default",
		  "extendedKeyUsage=clientAuth,1.3.6.1.5.5.7.3.28\n", "extended key" },
		{ "device", "/CN=ACME-1/O=default", "extendedKeyUsage=clientAuth,2.5.29.37.0\n",
		  "extended key" },
		{ "device", "/CN=ACME-1/O=default", "extendedKeyUsage=clientAuth,codeSigning\n",
		  "extended key" },
		{ "device", "/CN=ACME-1/O=default",
		  "basicConstraints=CA:TRUE\nextendedKeyUsage=clientAuth\n", "CA certificate" },
		{ "device", "/CN=ACME-1/O=default",
		  "keyUsage=keyAgreement\nextendedKeyUsage=clientAuth\n", "key usage" },
		{ "device", "/CN=ACME-1/O=default", LEAF "1.2.3.4=critical,ASN1:NULL\n", CHAINS },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		issue("wrong", cases[i].key, cases[i].subject, "ca", cases[i].extensions,
		      "-days 30");
		assert_refused(check("wrong", NULL), cases[i].why);
	}
}

static void a_stranger_is_no_issuer(void **state)
{
	make_key("rogue");
	openssl_run("req -new -x509 -key rogue.key -subj '/CN=Test CA' -days 30 -out rogue.pem");
	issue("foreign", "device", "/CN=ACME-1/O=default", "rogue", LEAF, "-days 30");
	assert_refused(check("foreign", NULL), CHAINS);

	/* nor does it help to bring its certificate along */
	openssl_run("x509 -in rogue.pem -outform DER -out rogue.crt");
	assert_refused(check("foreign", "rogue"), CHAINS);
}

static void no_anchors_no_certificate(void **state)
{
	struct gw_blob certificate = openssl_read("device.crt");

	assert_refused(check_blobs(certificate, (struct gw_blob){ 0 }, NULL, 0), CHAINS);
	free((void *)(uintptr_t)certificate.data);
}

static void chains_are_followed(void **state)
{
	make_key("sub");
	issue("sub", "sub", "/CN=Sub CA", "ca", CA, "-days 30");
	issue("below", "device", "/CN=ACME-1/O=default", "sub", LEAF, "-days 30");
	assert_good(check("below", "sub"));

	/* nothing is remembered from one check to the next */
	assert_refused(check("below", NULL), CHAINS);
}

/* --- memory --- */

/* Fails the n-th allocation, or that and all that follow, for each n; returns how many there are. */
static unsigned check_without_memory(const struct gw_msg_check *question, bool all)
{
	struct certificate_hashes hashes;
	const char *why = "not set";
	struct gw_msg answer;
	unsigned n = 0;
	bool has_failed;
	int r;

	do {
		scarce_begin(n++, all);
		r = certificate_check(question, &anchor, 1, &hashes, &answer, &why);
		has_failed = scarce_end();
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
	} while (has_failed);
	assert_good(why);
	return n - 1;
}

/* Whoever has no memory to look at a certificate has not seen a bad one. */
static void lack_of_memory_is_no_verdict(void **state)
{
	struct gw_msg_check question = { .job = "j", .device = "ACME-1", .tenant = "default" };

	make_key("mid");
	issue("mid", "mid", "/CN=Mid CA", "ca", CA, "-days 30");
	issue("under", "device", "/CN=ACME-1/O=default", "mid", LEAF, "-days 30");
	question.certificate = openssl_read("under.crt");
	question.chain = openssl_read("mid.crt");
	question.key = (struct gw_blob)GW_BLOB_ARRAY(device_key);

	assert_true(check_without_memory(&question, /* all= */ false) > 20);
	assert_true(check_without_memory(&question, /* all= */ true) > 20);
	free((void *)(uintptr_t)question.certificate.data);
	free((void *)(uintptr_t)question.chain.data);
}

static void only_a_ca_issues(void **state)
{
	issue("leaf", "other", "/CN=Leaf", "ca", LEAF, "-days 30");
	(void)rename("other.key", "leaf.key");
	issue("child", "device", "/CN=ACME-1/O=default", "leaf", LEAF, "-days 30");
	assert_refused(check("child", "leaf"), "no CA");

	issue("weak", "leaf", "/CN=Weak CA", "ca",
	      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n",
	      "-days 30");
	openssl_run("pkey -in leaf.key -out weak.key");
	issue("child", "device", "/CN=ACME-1/O=default", "weak", LEAF, "-days 30");
	assert_refused(check("child", "weak"), "no CA");

	/* not even one that leaves open what it is for */
	issue("open", "leaf", "/CN=Open", "ca", "subjectKeyIdentifier=hash\n", "-days 30");
	openssl_run("pkey -in leaf.key -out open.key");
	issue("child", "device", "/CN=ACME-1/O=default", "open", LEAF, "-days 30");
	assert_refused(check("child", "open"), "no CA");
	(void)rename("leaf.key", "other.key");
}

static void path_lengths_are_kept(void **state)
{
	struct gw_blob certs[2], chain;
	uint8_t both[4096];

	make_key("first");
	make_key("second");
	issue("first", "first", "/CN=First", "ca",
	      "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n",
	      "-days 30");
	issue("second", "second", "/CN=Second", "first", CA, "-days 30");
	issue("deep", "device", "/CN=ACME-1/O=default", "second", LEAF, "-days 30");

	certs[0] = openssl_read("second.crt");
	certs[1] = openssl_read("first.crt");
	memcpy(both, certs[0].data, certs[0].len);
	memcpy(both + certs[0].len, certs[1].data, certs[1].len);
	chain = (struct gw_blob){ both, certs[0].len + certs[1].len };
	openssl_write("both.crt", chain);
	assert_refused(check("deep", "both"), "issuer cannot be used");

	issue("shallow", "device", "/CN=ACME-1/O=default", "first", LEAF, "-days 30");
	assert_good(check("shallow", "first"));
	free((void *)(uintptr_t)certs[0].data);
	free((void *)(uintptr_t)certs[1].data);
}

/* Like issue(), with dates as text. An issuer that is NULL: the certificate is its own. */
static void issue_dated(const char *name, const char *key, const char *subject, const char *issuer,
			const char *extensions, const char *from, const char *to)
{
	write_text("extensions", extensions);
	write_text("serial", "77\n");
	write_text("index", "");
	write_text("config", "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\n"
			     "serial=serial\nunique_subject=no\npolicy=p\ndefault_md=sha256\n"
			     "[p]\nCN=supplied\nO=optional\n");
	openssl_run("req -new -key %s.key -subj '%s' -out %s.csr", key, subject, name);
	openssl_run(
		"ca -batch -notext -config config -in %s.csr -extfile extensions -keyfile %s.key"
		" %s%s%s -startdate %s -enddate %s -out %s.pem",
		name, issuer ? issuer : key, issuer ? "-cert " : "-selfsign", issuer ? issuer : "",
		issuer ? ".pem" : "", from, to, name);
	openssl_run("x509 -in %s.pem -outform DER -out %s.crt", name, name);
}

/* The clock may be wrong: that is the agent's to judge. */
static void dates_are_not_judged(void **state)
{
	static const struct {
		const char *from, *to;
	} dates[] = {
		{ "20010101000000Z", "20020101000000Z" },
		{ "20900101000000Z", "20910101000000Z" },
		{ "20200101000000Z", "99991231235959Z" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(dates); i++) {
		issue_dated("dated", "device", "/CN=ACME-1/O=default", "ca", LEAF, dates[i].from,
			    dates[i].to);
		assert_good(check("dated", NULL));
	}

	/* but they must make sense */
	issue_dated("dated", "device", "/CN=ACME-1/O=default", "ca", LEAF, "20300101000000Z",
		    "20300101000000Z");
	assert_refused(check("dated", NULL), "before it begins");
}

static void nor_are_those_of_issuers(void **state)
{
	struct gw_blob certificate, old;

	make_key("past");
	issue_dated("past", "past", "/CN=Past CA", "ca", CA, "20010101000000Z", "20020101000000Z");
	issue("late", "device", "/CN=ACME-1/O=default", "past", LEAF, "-days 30");
	assert_good(check("late", "past"));

	issue_dated("past", "past", "/CN=Past CA", /* issuer= */ NULL, CA, "20010101000000Z",
		    "20020101000000Z");
	issue("late", "device", "/CN=ACME-1/O=default", "past", LEAF, "-days 30");
	certificate = openssl_read("late.crt");
	old = openssl_read("past.crt");
	assert_good(check_blobs(certificate, (struct gw_blob){ 0 }, &old, 1));
	free((void *)(uintptr_t)certificate.data);
	free((void *)(uintptr_t)old.data);
}

/* A bad date must not hide anything else. */
static void expired_and_worse_is_refused(void **state)
{
	make_key("rogue");
	openssl_run("req -new -x509 -key rogue.key -subj '/CN=Test CA' -days 30 -out rogue.pem");
	issue_dated("dated", "device", "/CN=ACME-1/O=default", "rogue", LEAF, "20010101000000Z",
		    "20020101000000Z");
	assert_refused(check("dated", NULL), CHAINS);

	issue_dated("dated", "device", "/CN=ACME-1/O=default", "ca",
		    LEAF "1.2.3.4=critical,ASN1:NULL\n", "20010101000000Z", "20020101000000Z");
	assert_refused(check("dated", NULL), CHAINS);
}

static void every_flipped_bit_is_refused(void **state)
{
	struct gw_blob certificate = openssl_read("device.crt");
	uint8_t *bytes = (uint8_t *)(uintptr_t)certificate.data;

	for (size_t i = 0; i < certificate.len; i++) {
		bytes[i] ^= 1 << i % 8;
		if (!check_blobs(certificate, (struct gw_blob){ 0 }, &anchor, 1))
			fail_msg("taken with byte %zu changed", i);
		bytes[i] ^= 1 << i % 8;
	}
	assert_good(check_blobs(certificate, (struct gw_blob){ 0 }, &anchor, 1));
	free(bytes);
}

static void every_truncation_is_refused(void **state)
{
	struct gw_blob certificate = openssl_read("device.crt");
	uint8_t longer[4096] = { 0 };

	for (size_t len = 0; len < certificate.len; len++)
		assert_refused(check_blobs((struct gw_blob){ certificate.data, len },
					   (struct gw_blob){ 0 }, &anchor, 1),
			       "malformed");

	memcpy(longer, certificate.data, certificate.len);
	assert_refused(check_blobs((struct gw_blob){ longer, certificate.len + 1 },
				   (struct gw_blob){ 0 }, &anchor, 1),
		       "malformed");
	free((void *)(uintptr_t)certificate.data);
}

static void chains_are_bounded(void **state)
{
	struct gw_blob certificate = openssl_read("device.crt");
	uint8_t many[16 * 1024];
	size_t len = 0;

	for (int i = 0; i < 9; i++, len += anchor.len)
		memcpy(many + len, anchor.data, anchor.len);
	assert_refused(check_blobs(certificate, (struct gw_blob){ many, len }, &anchor, 1),
		       "too long");
	assert_good(check_blobs(certificate, (struct gw_blob){ many, len / 9 * 8 }, &anchor, 1));
	assert_refused(check_blobs(certificate, (struct gw_blob){ many, len / 9 - 1 }, &anchor, 1),
		       "malformed");
	free((void *)(uintptr_t)certificate.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one_passes),
		cmocka_unit_test(its_facts_are_reported),
		cmocka_unit_test(wrong_fields_are_refused),
		cmocka_unit_test(a_stranger_is_no_issuer),
		cmocka_unit_test(no_anchors_no_certificate),
		cmocka_unit_test(chains_are_followed),
		cmocka_unit_test(lack_of_memory_is_no_verdict),
		cmocka_unit_test(only_a_ca_issues),
		cmocka_unit_test(path_lengths_are_kept),
		cmocka_unit_test(dates_are_not_judged),
		cmocka_unit_test(nor_are_those_of_issuers),
		cmocka_unit_test(expired_and_worse_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(chains_are_bounded),
	};

	return cmocka_run_group_tests(tests, make_ca, remove_ca);
}
