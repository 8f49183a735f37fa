/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the broker is: what is taken, and everything that is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "lib/endpoint.h"

static void taken(void **state)
{
	static const struct {
		const char *uri, *host;
		uint16_t port;
		bool is_address;
	} cases[] = {
		{ "mqtts://broker.example.com:8884", "broker.example.com", 8884, false },
		{ "mqtts://broker.example.com", "broker.example.com", 8883, false },
		{ "mqtts://localhost:1", "localhost", 1, false },
		{ "mqtts://192.0.2.7:65535", "192.0.2.7", 65535, true },
		{ "mqtts://192.0.2.7", "192.0.2.7", 8883, true },
		{ "mqtts://[2001:db8::7]:8884", "2001:db8::7", 8884, true },
		{ "mqtts://[::1]", "::1", 8883, true },
	};
	struct gw_endpoint endpoint;
	const char *why;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		assert_int_equal(gw_endpoint_parse(cases[i].uri, &endpoint, &why), 0);
		assert_string_equal(endpoint.host, cases[i].host);
		assert_int_equal(endpoint.port, cases[i].port);
		assert_int_equal(endpoint.is_address, cases[i].is_address);
	}
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"",
		"mqtts:/",
		"mqtts://",
		"mqtt://broker",
		"MQTTS://broker",
		"broker:8883",
		"mqtts://broker:",
		"mqtts://broker:0",
		"mqtts://broker:65536",
		"mqtts://broker:88 ",
		"mqtts://broker:-1",
		"mqtts://broker/",
		"mqtts://broker:8883/path",
		"mqtts://user@broker",
		"mqtts://a b",
		"mqtts://-broker",
		"mqtts://.broker",
		"mqtts://br\xc3\xb6ker",
		"mqtts://[::1",
		"mqtts://[::1]8883",
		"mqtts://[::1]:",
		"mqtts://[broker]",
		"mqtts://[]",
		"mqtts://2001:db8::7",
	};
	struct gw_endpoint endpoint;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		const char *why = NULL;

		if (gw_endpoint_parse(cases[i], &endpoint, &why) != -EINVAL)
			fail_msg("accepted: %s", cases[i]);
		assert_non_null(why);
	}
}

static void lengths(void **state)
{
	char uri[sizeof("mqtts://") + 400] = "mqtts://";
	struct gw_endpoint endpoint;
	const char *why;

	memset(uri + strlen("mqtts://"), 'a', GW_ENDPOINT_HOST_MAX);
	assert_int_equal(gw_endpoint_parse(uri, &endpoint, &why), 0);
	assert_int_equal(strlen(endpoint.host), GW_ENDPOINT_HOST_MAX);
	strcat(uri, "a");
	assert_int_equal(gw_endpoint_parse(uri, &endpoint, &why), -EINVAL);
	assert_string_equal(why, "has a host name that is too long");
	strcat(uri, "aaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(gw_endpoint_parse(uri, &endpoint, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
