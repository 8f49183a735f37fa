/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Revocation lists by openssl: signed by an anchor in the ways that are accepted, and by whom or how else. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lib/crl.h"
#include "lib/crypto.h"
#include "lib/sealed.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "openssl.h"
#include "plugins/registrar/memory.h"
#include "plugins/registrar/revocation.h"

/* An authority: its files are NAME.key and NAME.crt. */
static struct gw_blob make_authority(const char *name, const char *key, const char *section,
				     const char *subject)
{
	char file[32];

	openssl_run("genpkey %s -out %s.key", key, name);
	openssl_run("req -x509 -key %s.key -config config -extensions %s -utf8 -subj /CN=%s "
		    "-out %s.crt",
		    name, section, subject, name);
	openssl_run("x509 -in %s.crt -outform DER -out %s.der", name, name);
	(void)snprintf(file, sizeof(file), "%s.der", name);
	return openssl_read(file);
}

static struct gw_blob make_list(const char *name, const char *options)
{
	openssl_run(
		"ca -gencrl -config config -keyfile %s.key -cert %s.crt -crldays 30 -out crl %s",
		name, name, options);
	openssl_run("crl -in crl -outform DER -out crl.der");
	return openssl_read("crl.der");
}

#define P256 "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
#define P384 "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"

enum {
	FIRST,
	SECOND, /* of the same name */
	P384_CA,
	RSA_CA,
	ED25519_CA,
	NO_CRLS, /* may sign certificates only */
	NO_CA,   /* says that it may sign lists, and is none that could */
	FOREIGN, /* its name is not of ASCII */
	N_AUTHORITIES,
};

static const struct {
	const char *name, *key, *section, *subject;
} plan[N_AUTHORITIES] = {
	[FIRST] = { "first", P256, "root" },
	[SECOND] = { "second", P256, "root" },
	[P384_CA] = { "p384", P384, "root" },
	[RSA_CA] = { "rsa", "-algorithm RSA", "root" },
	[ED25519_CA] = { "ed25519", "-algorithm ED25519", "root" },
	[NO_CRLS] = { "no-crls", P256, "no_crls" },
	[NO_CA] = { "no-ca", P256, "no_ca" },
	[FOREIGN] = { "foreign", P256, "root", "Ger\xc3\xa4te" },
};

#define NOT_OURS "its issuer is none of those that sign devices' certificates here"
#define NO_LIST  "it is no revocation list (RFC 5280, DER) with a number and an end"

static struct gw_blob authorities[N_AUTHORITIES];

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

static void write_text(const char *file, const char *text)
{
	openssl_write(file, (struct gw_blob){ (const uint8_t *)text, strlen(text) });
}

static int set_up(void **state)
{
	memory_watch();
	openssl_init();
	write_text("config", "[ca]\ndefault_ca=c\n[root]\nbasicConstraints=critical,CA:TRUE\n"
			     "keyUsage=critical,keyCertSign,cRLSign\n"
			     "[no_crls]\nbasicConstraints=critical,CA:TRUE\n"
			     "keyUsage=critical,keyCertSign\n"
			     "[no_ca]\nbasicConstraints=critical,CA:FALSE\n"
			     "keyUsage=critical,keyCertSign,cRLSign\n"
			     "[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n"
			     "[req]\ndistinguished_name=d\n[d]\n");
	write_text("index", "R\t301231235959Z\t260101000000Z\t4F2A\tunknown\t/CN=A\n");
	write_text("number", "07");
	for (int i = 0; i < N_AUTHORITIES; i++)
		authorities[i] = make_authority(plan[i].name, plan[i].key, plan[i].section,
						plan[i].subject ? plan[i].subject : "Devices");
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < N_AUTHORITIES; i++)
		drop(authorities[i]);
	openssl_done();
	return 0;
}

/* What is wrong with it under these anchors; NULL: nothing. */
static const char *verdict(struct gw_blob der, const struct gw_blob *anchors, size_t n)
{
	const char *why = "nothing was said";
	struct gw_crl crl;

	assert_int_equal(revocation_verify(der, anchors, n, &crl, &why), 0);
	if (!why)
		assert_int_equal(crl.n_revoked, 1);
	return why;
}

static void each_kind_of_key(void **state)
{
	static const struct {
		int authority;
		const char *options;
	} cases[] = {
		{ FIRST, "" },
		{ FIRST, "-md sha384" },
		{ FIRST, "-md sha512" },
		{ P384_CA, "-md sha384" },
		{ RSA_CA, "" },
		{ RSA_CA, "-md sha384" },
		{ RSA_CA, "-md sha512" },
		{ ED25519_CA, "-md null" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		const struct gw_blob *anchor = &authorities[cases[i].authority];
		struct gw_blob der = make_list(plan[cases[i].authority].name, cases[i].options);
		const char *why = verdict(der, anchor, 1);

		if (why)
			fail_msg("case %zu: %s", i, why);
		((uint8_t *)(uintptr_t)der.data)[der.len - 1] ^= 1; /* of the signature */
		assert_string_equal(verdict(der, anchor, 1), "its signature is not its issuer's");
		drop(der);
	}
}

static void who_else_signs(void **state)
{
	struct gw_blob der = make_list("second", "");
	const struct gw_blob both[] = { authorities[FIRST], authorities[SECOND] };

	assert_null(verdict(der, both, 2));
	assert_string_equal(verdict(der, &authorities[FIRST], 1),
			    "its signature is not its issuer's");
	assert_string_equal(verdict(der, &authorities[RSA_CA], 1),
			    "its signature is not its issuer's"); /* a key of another kind */
	assert_string_equal(verdict(der, NULL, 0), NOT_OURS);
	drop(der);

	der = make_list("no-crls", "");
	assert_string_equal(verdict(der, &authorities[NO_CRLS], 1),
			    "its issuer may not sign revocation lists");
	drop(der);
	der = make_list("no-ca", "");
	assert_string_equal(verdict(der, &authorities[NO_CA], 1),
			    "its issuer may not sign revocation lists");
	drop(der);
}

static void another_name(void **state)
{
	struct gw_blob other, der;

	openssl_run("req -x509 -key first.key -config config -extensions root -subj /CN=Others "
		    "-outform DER -out other.der");
	other = openssl_read("other.der");
	der = make_list("first", "");
	assert_string_equal(verdict(der, &other, 1), NOT_OURS);
	drop(other);
	drop(der);
}

static void weak_signatures(void **state)
{
	struct gw_blob der = make_list("first", "-md sha1");

	assert_string_equal(verdict(der, &authorities[FIRST], 1),
			    "it is signed in a way that is not accepted");
	drop(der);
}

/* The agent judges dates, by a clock that it trusts. */
static void one_that_ended_long_ago(void **state)
{
	struct gw_blob der = make_list("first", "-crl_lastupdate 20010101000000Z "
						"-crl_nextupdate 20010201000000Z");

	assert_null(verdict(der, &authorities[FIRST], 1));
	drop(der);
}

static void every_bit_counts(void **state)
{
	struct gw_blob der = make_list("first", "");
	uint8_t *bytes = (uint8_t *)(uintptr_t)der.data;

	for (size_t i = 0; i < der.len; i++) {
		bytes[i] ^= 1;
		assert_non_null(verdict(der, &authorities[FIRST], 1));
		bytes[i] ^= 1;
	}
	assert_null(verdict(der, &authorities[FIRST], 1));
	drop(der);
}

static void what_is_no_list(void **state)
{
	static const struct gw_blob nothing = { (const uint8_t *)"", 0 };

	assert_string_equal(verdict(nothing, authorities, N_AUTHORITIES), NO_LIST);
	assert_string_equal(verdict(authorities[FIRST], authorities, N_AUTHORITIES), NO_LIST);
}

/* --- the answer to the agent --- */

static int ask(struct gw_blob der, size_t n_anchors, struct revocation_answer *ret)
{
	const struct gw_msg_crl question = { .id = "7" };
	_cleanup_close_ int fd = gw_sealed_make("list", der);
	int r;

	assert_true(fd >= 0);
	*ret = (struct revocation_answer){ .places = -1 };
	r = revocation_answer(&question, fd, authorities, n_anchors, ret);
	if (r >= 0) {
		assert_int_equal(ret->msg.type, GW_MSG_CRL_CHECKED);
		assert_string_equal(ret->msg.crl_checked.id, "7");
	}
	return r;
}

static void what_the_agent_is_told(void **state)
{
	struct gw_blob der = make_list("first", "-crl_lastupdate 20260102030405Z "
						"-crl_nextupdate 20260202030405Z");
	_cleanup_free_ uint8_t *places = NULL;
	struct revocation_answer answer;
	uint8_t issuer[GW_HASH_LEN];
	struct gw_x509 x509;
	size_t len, at;

	assert_int_equal(ask(der, N_AUTHORITIES, &answer), 0);
	assert_true(answer.msg.crl_checked.ok);
	assert_string_equal(answer.msg.crl_checked.text, "Devices");
	assert_int_equal(gw_x509_parse(authorities[FIRST], &x509), 0);
	assert_int_equal(gw_sha256(x509.subject, issuer), 0);
	assert_memory_equal(answer.msg.crl_checked.issuer.data, issuer, sizeof(issuer));
	assert_int_equal(answer.msg.crl_checked.number.len, 1);
	assert_true(answer.msg.crl_checked.this_update == 1767323045);
	assert_true(answer.msg.crl_checked.next_update == 1770001445);

	assert_int_equal(gw_sealed_read(answer.places, 4096, &places, &len), 0);
	assert_int_equal(len, GW_CRL_PLACE_LEN);
	at = (size_t)(places[0] << 24 | places[1] << 16 | places[2] << 8 | places[3]);
	assert_int_equal(places[4], 2);
	assert_memory_equal(der.data + at, "\x4f\x2a", 2);
	revocation_answer_done(&answer);
	drop(der);
}

/* The link takes printable ASCII. */
static void a_name_of_other_letters(void **state)
{
	struct gw_blob der = make_list("foreign", "");
	struct revocation_answer answer;

	assert_int_equal(ask(der, N_AUTHORITIES, &answer), 0);
	assert_true(answer.msg.crl_checked.ok);
	assert_string_equal(answer.msg.crl_checked.text, "Gerte");
	revocation_answer_done(&answer);
	drop(der);
}

static void what_is_wrong_is_told(void **state)
{
	struct gw_blob der = make_list("first", "");
	struct revocation_answer answer;
	size_t len;

	assert_int_equal(ask(der, 0, &answer), 0);
	assert_false(answer.msg.crl_checked.ok);
	assert_non_null(strstr(answer.text, "has not told yet who signs"));
	assert_int_equal(gw_sealed_check(answer.places, 0, &len), 0);
	revocation_answer_done(&answer);

	assert_int_equal(ask((struct gw_blob){ der.data, der.len - 1 }, 1, &answer), 0);
	assert_false(answer.msg.crl_checked.ok);
	assert_string_equal(answer.text, NO_LIST);
	assert_int_equal(answer.msg.crl_checked.issuer.len, 0);
	revocation_answer_done(&answer);
	drop(der);
}

static void what_somebody_can_change(void **state)
{
	const struct gw_msg_crl question = { .id = "7" };
	_cleanup_close_ int open_fd = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_cleanup_close_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct revocation_answer answer = { .places = -1 };

	assert_int_equal(revocation_answer(&question, open_fd, authorities, 1, &answer), -EPERM);
	assert_int_equal(revocation_answer(&question, file, authorities, 1, &answer), -EBADF);
	assert_int_equal(answer.places, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_key),
		cmocka_unit_test(who_else_signs),
		cmocka_unit_test(another_name),
		cmocka_unit_test(weak_signatures),
		cmocka_unit_test(one_that_ended_long_ago),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(what_is_no_list),
		cmocka_unit_test(what_the_agent_is_told),
		cmocka_unit_test(a_name_of_other_letters),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(what_somebody_can_change),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
