/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options: the defaults, each key, and each thing that is no value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "plugins/registrar/options.h"

static void test_defaults(void **state)
{
	struct options o;
	const char *key = NULL;

	assert_int_equal(options_read("", &o, &key), 0);
	assert_true(o.psk_ccm8);
	assert_int_equal(o.handshakes_max, 1024);
	assert_int_equal(o.handshakes_per_source, 64);
	assert_int_equal(o.handshake_timeout_us, 60000000);
	assert_int_equal(o.sessions_max, 1024);
	assert_int_equal(o.sessions_per_source, 256);
	assert_int_equal(o.idle_timeout_us, 120000000);
	assert_int_equal(o.secret_rate, 100);
	assert_null(key);
}

static void test_all(void **state)
{
	struct options o;
	const char *key = NULL;

	assert_int_equal(options_read("psk_ccm8=no\nhandshakes_max=2\nhandshakes_per_source=3\n"
				      "handshake_timeout=4\nsessions_max=5\nidle_timeout=6\n"
				      "secret_rate=7\nsessions_per_source=9\nof_the_future=8\n",
				      &o, &key),
			 0);
	assert_false(o.psk_ccm8);
	assert_int_equal(o.handshakes_max, 2);
	assert_int_equal(o.handshakes_per_source, 3);
	assert_int_equal(o.handshake_timeout_us, 4000000);
	assert_int_equal(o.sessions_max, 5);
	assert_int_equal(o.sessions_per_source, 9);
	assert_int_equal(o.idle_timeout_us, 6000000);
	assert_int_equal(o.secret_rate, 7);
}

static void test_no_values(void **state)
{
	static const char *const keys[] = { "handshakes_max",     "handshakes_per_source",
					    "handshake_timeout",  "sessions_max",
					    "idle_timeout",       "secret_rate",
					    "sessions_per_source" };
	static const char *const values[] = { "", "0", "-1", "many", "1x", "99999999999" };
	struct options o;
	char line[64];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			const char *key = NULL;

			(void)snprintf(line, sizeof(line), "%s=%s\n", keys[i], values[j]);
			assert_true(options_read(line, &o, &key) < 0);
			assert_string_equal(key, keys[i]);
		}
	}
}

static void test_no_switch(void **state)
{
	static const char *const lines[] = { "psk_ccm8=", "psk_ccm8=1", "psk_ccm8=Yes",
					     "psk_ccm8=yes please" };
	struct options o;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *key = NULL;

		assert_int_equal(options_read(lines[i], &o, &key), -EINVAL);
		assert_string_equal(key, "psk_ccm8");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_no_values),
		cmocka_unit_test(test_no_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
