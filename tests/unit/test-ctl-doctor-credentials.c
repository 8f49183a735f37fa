/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's credentials as they lie in their folder: what is missing, what would do, and whose dates are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/unit/device-certificates.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/values.h"

#define NOW   1900000000
#define LATER 5000000000 /* when all of them have expired */

static const char *const names[] = {
	"cloud-ca",        "cloud-cert", "cloud-key", "cloud-claim-cert",
	"cloud-claim-key", "own.0",      "own.1"
};

static char folder[64];
static time_t now;
static json_t *findings;

time_t __wrap_time(time_t *ret);

time_t __wrap_time(time_t *ret)
{
	return now;
}

static int set_up(void **state)
{
	(void)gw_copy(folder, sizeof(folder), "/tmp/test-credentials.XXXXXX");
	assert_non_null(mkdtemp(folder));
	now = NOW;
	findings = NULL;
	return 0;
}

static void path_of(const char *name, char path[static 128])
{
	(void)snprintf(path, 128, "%s/%s", folder, name);
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		char path[128];

		path_of(names[i], path);
		(void)unlink(path);
	}
	json_decref(findings);
	return rmdir(folder);
}

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	(void)fclose(file);
}

static void put_all(const char *const *which, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(which[i], strstr(which[i], "key") ? "a key" : pem_root);
}

#define PUT(...)                                             \
	do {                                                 \
		const char *const which[] = { __VA_ARGS__ }; \
		put_all(which, GW_ELEMENTS(which));          \
	} while (0)

/* That many findings, the last of which has that verdict and says that. */
static void expect(size_t n, const char *verdict, const char *text, const char *advice)
{
	struct doctor doctor = { 0 };
	const json_t *last;
	char own[128];

	json_decref(findings);
	doctor.findings = findings = json_array();
	path_of("own", own);
	doctor_look_at_credentials(&doctor, folder, own);
	assert_int_equal(json_array_size(findings), n);
	last = json_array_get(findings, n - 1);
	assert_string_equal(values_text(last, "check"), "credentials");
	assert_string_equal(values_text(last, "verdict"), verdict);
	if (!strstr(values_text(last, "text"), text))
		fail_msg("'%s' is not in '%s'", text, values_text(last, "text"));
	if (!strstr(values_text(last, "advice"), advice))
		fail_msg("'%s' is not in '%s'", advice, values_text(last, "advice"));
}

/* Nobody asks for a certificate where a claim would do. */
static void nothing(void **state)
{
	expect(2, "wrong", "neither a certificate", "the one or the other");
	assert_non_null(strstr(values_text(json_array_get(findings, 0), "text"),
			       "/cloud-ca cannot be read: No such file"));
	PUT("cloud-ca");
	expect(1, "wrong", "nor a claim", "restart gangway-mqtt");
}

static void no_folder(void **state)
{
	assert_int_equal(rmdir(folder), 0);
	expect(1, "wrong", "cannot be opened", "gangway-mqtt(8)");
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void each_of_the_three_will_do(void **state)
{
	PUT("cloud-ca", "cloud-cert", "cloud-key");
	expect(1, "ok", "A certificate for the gateway is in", "");
	PUT("own.0");
	expect(1, "ok", "has a certificate of its own", "");
	put("own.0", "");
	expect(1, "ok", "A certificate for the gateway is in", "");
	PUT("own.1");
	expect(1, "ok", "has a certificate of its own", "");
}

static void a_claim_will_do(void **state)
{
	PUT("cloud-ca", "cloud-claim-cert", "cloud-claim-key");
	expect(1, "ok", "A claim, by which the gateway", "");
}

static void half_of_a_pair(void **state)
{
	PUT("cloud-ca", "cloud-cert");
	expect(1, "wrong", "/cloud-key cannot be read", "Put it there");
	PUT("cloud-key", "cloud-claim-key"); /* the claim is not asked for its other half */
	expect(1, "ok", "A certificate for the gateway", "");
}

static void half_of_a_claim(void **state)
{
	PUT("cloud-ca", "cloud-claim-key");
	expect(1, "wrong", "/cloud-claim-cert cannot be read", "Put it there");
	PUT("cloud-claim-cert");
	expect(1, "ok", "A claim", "");
}

static void dates(void **state)
{
	PUT("cloud-ca", "cloud-claim-cert", "cloud-claim-key");
	now = LATER;
	expect(2, "wrong", "cloud-claim-cert has expired", "timedatectl");
	now = 0;
	expect(2, "wrong", "cloud-claim-cert is not good yet", "timedatectl");
	PUT("own.1"); /* then the claim is not looked at: it was used */
	expect(1, "wrong", "cloud-ca is not good yet", "timedatectl");
}

static void no_certificate(void **state)
{
	PUT("cloud-ca", "cloud-claim-key");
	put("cloud-claim-cert", "\n");
	expect(1, "wrong", "/cloud-claim-cert holds no certificate", "right file");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing),         TEST(no_folder),      TEST(each_of_the_three_will_do),
		TEST(a_claim_will_do), TEST(half_of_a_pair), TEST(half_of_a_claim),
		TEST(dates),           TEST(no_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
