/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the gateway is: what is taken, and what is refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tools/device/uri.h"

static void test_accepted(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} cases[] = {
		{ "coaps://gateway", "gateway", "5684" },
		{ "COAPS://gw-1.example_net.", "gw-1.example_net.", "5684" },
		{ "coaps://127.0.0.1:5684", "127.0.0.1", "5684" },
		{ "coaps://127.0.0.1:1/", "127.0.0.1", "1" },
		{ "coaps://host:65535", "host", "65535" },
		{ "coaps://[::1]", "::1", "5684" },
		{ "coaps://[::1]:49152/", "::1", "49152" },
		{ "coaps://[::ffff:10.0.0.1]:7", "::ffff:10.0.0.1", "7" },
		{ "coaps://[fe80::1%25eth0]:7", "fe80::1%eth0", "7" },
		{ "coaps://[fe80::1%wlan-1.2]", "fe80::1%wlan-1.2", "5684" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		const char *why = NULL;
		struct uri uri;

		assert_int_equal(uri_parse(cases[i].text, &uri, &why), 0);
		assert_string_equal(uri.host, cases[i].host);
		assert_string_equal(uri.port, cases[i].port);
		assert_null(why);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"gateway",
		"coap://gateway",
		"https://gateway",
		"coaps:/gateway",
		"coaps://",
		"coaps:///",
		"coaps://:5684",
		"coaps://gate way",
		"coaps://user@gateway",
		"coaps://gateway/path",
		"coaps://gateway//",
		"coaps://gateway?query",
		"coaps://gateway#fragment",
		"coaps://gateway:",
		"coaps://gateway:/",
		"coaps://gateway:0",
		"coaps://gateway:65536",
		"coaps://gateway:000001",
		"coaps://gateway:-1",
		"coaps://gateway:12a",
		"coaps://gateway:1:2",
		"coaps://::1",
		"coaps://[]",
		"coaps://[::1",
		"coaps://[::1]x",
		"coaps://[::g]",
		"coaps://[gateway]",
		"coaps://[fe80::1%]",
		"coaps://[fe80::1%25]",
		"coaps://[%eth0]",
		"coaps://[fe80::1%eth0%eth1]",
		"coaps://[fe80::1%eth/0]",
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct uri uri = { .host = "untouched" };
		const char *why = NULL;

		assert_int_equal(uri_parse(cases[i], &uri, &why), -EINVAL);
		assert_non_null(why);
		assert_string_equal(uri.host, "untouched");
	}
}

/* Hosts and zones of all lengths around the limit, so that AddressSanitizer sees one too many. */
static void test_lengths(void **state)
{
	for (size_t len = 1; len <= URI_HOST_MAX + 2; len++) {
		char text[URI_HOST_MAX + 32] = "coaps://";
		const char *why = NULL;
		struct uri uri;

		memset(text + 8, 'h', len);
		text[8 + len] = 0;
		assert_int_equal(uri_parse(text, &uri, &why), len <= URI_HOST_MAX ? 0 : -EINVAL);

		(void)strcpy(text, "coaps://[fe80::1%");
		memset(text + 17, 'z', len);
		(void)strcpy(text + 17 + len, "]");
		assert_int_equal(uri_parse(text, &uri, &why),
				 len + strlen("fe80::1%") <= URI_HOST_MAX ? 0 : -EINVAL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
