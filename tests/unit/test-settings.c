/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's settings as JSON: what is told, and what is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/wire.h"
#include "plugins/registrar/settings.h"

static void assert_json(const struct gw_msg_settings *settings, const char *expected)
{
	uint8_t *json;
	size_t len;

	assert_int_equal(settings_format(settings, &json, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(json, expected, len);
	free(json);
}

static void all_members(void **state)
{
	const struct gw_msg_settings settings = { .device = "ACME-1",
						  .tenant = "default",
						  .cloud = "mqtts://cloud.example:8883/a\"b",
						  .renew_at = 1790000000 };

	assert_json(&settings, "{\"version\":1,\"device\":\"ACME-1\",\"tenant\":\"default\","
			       "\"cloud\":\"mqtts://cloud.example:8883/a\\\"b\","
			       "\"renew_at\":1790000000}");
}

static void what_is_not_known_is_left_out(void **state)
{
	assert_json(&(struct gw_msg_settings){ .device = "d", .tenant = "", .cloud = NULL },
		    "{\"version\":1,\"device\":\"d\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members),
		cmocka_unit_test(what_is_not_known_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
