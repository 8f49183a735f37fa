/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registrar's own key: openssl reads what it makes and issues what it is given. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/server-key.h"

#define REGISTRAR \
	"keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,1.3.6.1.5.5.7.3.28\n"

static struct gw_blob anchor;

static void drop(struct gw_blob blob)
{
	free((void *)(uintptr_t)blob.data);
}

static int make_ca(void **state)
{
	openssl_init();
	openssl_run(
		"req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key"
		" -subj '/CN=Registrar CA' -days 30 -out ca.pem");
	openssl_run("x509 -in ca.pem -outform DER -out ca.crt");
	anchor = openssl_read("ca.crt");
	return 0;
}

static int remove_ca(void **state)
{
	drop(anchor);
	openssl_done();
	return 0;
}

/* A certificate for the key's request, to be freed. */
static struct gw_blob issue(const struct server_key *key, const char *extensions, unsigned days)
{
	struct gw_msg question;

	server_key_question(key, &question);
	openssl_write("server.csr", question.server_csr.csr);
	openssl_write("extensions",
		      (struct gw_blob){ (const uint8_t *)extensions, strlen(extensions) });
	openssl_run("x509 -req -inform DER -in server.csr -CA ca.pem -CAkey ca.key -days %u"
		    " -extfile extensions -outform DER -out server.crt",
		    days);
	return openssl_read("server.crt");
}

static struct server_key *new_key(void)
{
	struct server_key *key;

	assert_int_equal(server_key_new(&key), 0);
	return key;
}

static const char *take(struct server_key *key, struct gw_blob certificate, uint64_t now_us)
{
	const struct gw_msg_server_cert msg = { .certificate = certificate, .chain = anchor };
	const char *why = "not set";

	assert_int_equal(server_key_take(key, &msg, &anchor, 1, now_us, &why), 0);
	return why;
}

static void the_request_is_for_the_key(void **state)
{
	struct server_key *key = new_key();
	uint8_t hash[GW_HASH_LEN];
	struct gw_blob spki;
	struct gw_msg question;

	server_key_question(key, &question);
	assert_int_equal(question.type, GW_MSG_SERVER_CSR);
	openssl_write("server.csr", question.server_csr.csr);
	openssl_run("req -inform DER -in server.csr -verify -noout");
	openssl_run("req -inform DER -in server.csr -noout -text | grep -q 'Version: 1 (0x0)'");
	openssl_run("req -inform DER -in server.csr -noout -pubkey -out public.pem");
	openssl_run("pkey -pubin -in public.pem -outform DER -out from-request");

	openssl_write("server.key", server_key_private(key));
	openssl_run("pkey -inform DER -in server.key -pubout -outform DER -out from-key");

	spki = openssl_read("from-request");
	assert_int_equal(gw_sha256(spki, hash), 0);
	assert_int_equal(question.server_csr.key.len, GW_HASH_LEN);
	assert_memory_equal(question.server_csr.key.data, hash, GW_HASH_LEN);
	drop(spki);

	spki = openssl_read("from-key");
	assert_int_equal(gw_sha256(spki, hash), 0);
	assert_memory_equal(question.server_csr.key.data, hash, GW_HASH_LEN);
	drop(spki);
	server_key_free(key);
}

static void keys_differ(void **state)
{
	struct server_key *a = new_key(), *b = new_key();

	assert_false(gw_blob_equal(server_key_private(a), server_key_private(b)));
	server_key_free(a);
	server_key_free(b);
	assert_null(server_key_free(NULL));
}

static void it_takes_its_certificate(void **state)
{
	const uint64_t now_s = gw_now_realtime_us() / 1000000;
	const uint64_t now_us = 5000000, days_us = 9ull * 86400 * 1000000;
	struct server_key *key = new_key();
	struct gw_blob certificate = issue(key, REGISTRAR, 9), chain;

	assert_false(server_key_is_certified(key));
	assert_false(server_key_is_good(key, now_s));
	assert_false(server_key_is_timely(key, now_s));
	assert_true(server_key_renew_us(key) == UINT64_MAX);
	assert_int_equal(server_key_chain(key).len, 0);

	assert_null(take(key, certificate, now_us));
	assert_true(server_key_is_certified(key));
	chain = server_key_chain(key);
	assert_int_equal(chain.len, certificate.len + anchor.len);
	assert_memory_equal(chain.data, certificate.data, certificate.len);
	assert_memory_equal(chain.data + certificate.len, anchor.data, anchor.len);
	assert_in_range(server_key_renew_us(key), now_us + days_us / 3 * 2 - 2000000,
			now_us + days_us / 3 * 2);

	/* by the clock on the wall, too: nobody may have been awake to see the other one pass */
	assert_true(server_key_is_timely(key, now_s + 60));
	assert_true(server_key_is_timely(key, now_s + 5 * 86400));
	assert_false(server_key_is_timely(key, now_s + 7 * 86400));
	assert_true(server_key_is_good(key, now_s + 7 * 86400));
	assert_false(server_key_is_good(key, now_s + 10 * 86400));
	assert_false(server_key_is_good(key, now_s - 86400));
	assert_false(server_key_is_timely(key, now_s - 86400));

	/* again, with a longer life: it replaces the first */
	drop(certificate);
	certificate = issue(key, REGISTRAR, 90);
	assert_null(take(key, certificate, now_us));
	assert_true(server_key_renew_us(key) > now_us + 10 * days_us / 3 * 2 - 2000000);
	drop(certificate);
	server_key_free(key);
}

static void it_takes_no_other(void **state)
{
	static const struct {
		const char *extensions, *why;
	} cases[] = {
		{ "extendedKeyUsage=serverAuth\n", "extended key usage" },
		{ "extendedKeyUsage=1.3.6.1.5.5.7.3.28\n", "extended key usage" },
		{ "extendedKeyUsage=serverAuth,clientAuth,1.3.6.1.5.5.7.3.28\n",
		  "extended key usage" },
		{ "keyUsage=digitalSignature\n", "extended key usage" },
		{ REGISTRAR "basicConstraints=CA:TRUE\n", "CA certificate" },
	};
	struct server_key *key = new_key(), *other = new_key();
	struct gw_blob certificate;
	const char *why;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		certificate = issue(key, cases[i].extensions, 9);
		why = take(key, certificate, 0);
		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].why));
		assert_false(server_key_is_certified(key));
		drop(certificate);
	}

	certificate = issue(other, REGISTRAR, 9);
	why = take(key, certificate, 0);
	assert_non_null(why);
	assert_non_null(strstr(why, "another key"));
	assert_false(server_key_is_certified(key));
	assert_true(server_key_renew_us(key) == UINT64_MAX);
	drop(certificate);
	server_key_free(key);
	server_key_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_is_for_the_key),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(it_takes_its_certificate),
		cmocka_unit_test(it_takes_no_other),
	};

	return cmocka_run_group_tests(tests, make_ca, remove_ca);
}
