/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section [ip], good and bad, and how large a datagram may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/util.h"
#include "plugins/ip/door.h"
#include "plugins/ip/settings.h"

static struct settings settings;
static char why[200];

static int parse(const char *text)
{
	why[0] = 0;
	return settings_parse(text, &settings, why, sizeof(why));
}

static void test_defaults(void **state)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(settings.n_interfaces, 1);
	assert_string_equal(settings.interfaces[0], "lo");
	assert_int_equal(settings.coaps_port, 5684);
}

static void test_all_keys(void **state)
{
	assert_int_equal(parse("coaps_port=1234\ninterfaces=  eth0 wlan0.100  eth0 br-lan \n"), 0);
	assert_int_equal(settings.coaps_port, 1234);
	assert_int_equal(settings.n_interfaces, 3);
	assert_string_equal(settings.interfaces[0], "eth0");
	assert_string_equal(settings.interfaces[1], "wlan0.100");
	assert_string_equal(settings.interfaces[2], "br-lan");
}

static void test_no_interface_at_all(void **state)
{
	assert_int_equal(parse("interfaces=\n"), 0);
	assert_int_equal(settings.n_interfaces, 0);
	assert_int_equal(parse("interfaces=  \n"), 0);
	assert_int_equal(settings.n_interfaces, 0);
}

static void assert_refused(const char *text, const char *expected)
{
	settings.coaps_port = 7;
	assert_true(parse(text) < 0);
	assert_string_equal(why, expected);
	assert_int_equal(settings.coaps_port, 7);
}

static void test_names_that_cannot_be(void **state)
{
	assert_refused("interfaces=eth0 sixteen-letters-\n",
		       "[ip] interfaces: 'sixteen-letters-' cannot be the name of one");
	assert_int_equal(parse("interfaces=fifteen-letters\n"), 0);
	assert_refused("interfaces=eth0,eth1/x\n",
		       "[ip] interfaces: 'eth0,eth1/x' cannot be the name of one");
	assert_refused("interfaces=eth0:1\n",
		       "[ip] interfaces: 'eth0:1' cannot be the name of one");
	assert_refused("interfaces=.\n", "[ip] interfaces: '.' cannot be the name of one");
	assert_refused("interfaces=..\n", "[ip] interfaces: '..' cannot be the name of one");
	assert_int_equal(parse("interfaces=...\n"), 0);
}

/* Every byte of a name. */
static void test_bytes_of_a_name(void **state)
{
	for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
		char text[32];
		bool good = byte > 0x20 && byte <= 0x7e && byte != '/' && byte != ':';

		if (byte == ' ' || byte == '\n') /* the end of a name */
			continue;
		(void)snprintf(text, sizeof(text), "interfaces=et%ch0\n", (int)byte);
		assert_int_equal(parse(text), good ? 0 : -EINVAL);
	}
}

static void test_too_many_interfaces(void **state)
{
	char text[400] = "interfaces=";

	for (int i = 0; i < SETTINGS_INTERFACES_MAX; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "eth%d ", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(settings.n_interfaces, SETTINGS_INTERFACES_MAX);
	(void)strcat(text, "eth3 ");
	assert_int_equal(parse(text), 0);
	(void)strcat(text, "one-more");
	assert_refused(text, "[ip] interfaces: at most 16 are served");
}

static void test_far_too_long(void **state)
{
	char text[2000];

	memset(text, ' ', sizeof(text));
	(void)memcpy(text, "interfaces=", 11);
	text[sizeof(text) - 1] = 0;
	assert_refused(text, "[ip] interfaces: longer than 1023 characters");
}

static void test_ports(void **state)
{
	static const char *const bad[] = {
		"0", "65536", "", "x", "-1", "5684 ", "99999999999999999999"
	};

	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "coaps_port=%s\n", bad[i]);
		assert_refused(text, "[ip] coaps_port: not a number from 1 to 65535");
	}
	assert_int_equal(parse("coaps_port=1\n"), 0);
	assert_int_equal(parse("coaps_port=65535\n"), 0);
	assert_int_equal(settings.coaps_port, 65535);
}

static void test_largest_datagram(void **state)
{
	assert_int_equal(door_datagram_max(AF_INET, 1500), 1472);
	assert_int_equal(door_datagram_max(AF_INET6, 1500), 1452);
	assert_int_equal(door_datagram_max(AF_INET6, 1280), 1232);
	assert_int_equal(door_datagram_max(AF_INET, 65536), 65507);
	assert_int_equal(door_datagram_max(AF_INET, UINT32_MAX), 65507);
	assert_int_equal(door_datagram_max(AF_INET, 29), 1);
	assert_int_equal(door_datagram_max(AF_INET, 28), 0);
	assert_int_equal(door_datagram_max(AF_INET6, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_no_interface_at_all),
		cmocka_unit_test(test_names_that_cannot_be),
		cmocka_unit_test(test_bytes_of_a_name),
		cmocka_unit_test(test_too_many_interfaces),
		cmocka_unit_test(test_far_too_long),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_largest_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
