/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's report: the forms RFC 8995 has, and everything that is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/blob.h"
#include "lib/util.h"
#include "plugins/registrar/report.h"

static int parse(const char *json, bool *ret_ok, char text[GW_TEXT_MAX + 1])
{
	return report_parse((struct gw_blob){ (const uint8_t *)json, strlen(json) }, ret_ok, text);
}

static void reports(void **state)
{
	static const struct {
		const char *json;
		bool ok;
		const char *text;
	} cases[] = {
		{ "{\"version\":1,\"status\":true}", true, "" },
		{ "{\"version\":1,\"status\":false}", false, "" },
		{ "{\"version\":1,\"status\":true,\"reason\":\"all well\"}", true, "all well" },
		{ " {\"status\" : false , \"reason\":\"no key store\",\"version\":1,"
		  "\"reason-context\":{\"slot\":[1,2]}} \n",
		  false, "no key store" },
		{ "{\"version\":1,\"status\":true,\"more\":null}", true, "" },
		{ "{\"version\":1,\"status\":false,\"reason\":\"a\\nb\\u00e4\\u001b[31m\"}", false,
		  "a?b???[31m" },
	};
	char text[GW_TEXT_MAX + 1];
	bool ok;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		ok = !cases[i].ok;
		assert_int_equal(parse(cases[i].json, &ok, text), 0);
		assert_int_equal(ok, cases[i].ok);
		assert_string_equal(text, cases[i].text);
	}
}

static void no_reports(void **state)
{
	static const char *const cases[] = {
		"",
		"true",
		"[]",
		"{}",
		"{\"version\":1}",
		"{\"status\":true}",
		"{\"version\":2,\"status\":true}",
		"{\"version\":\"1\",\"status\":true}",
		"{\"version\":1.0,\"status\":true}",
		"{\"version\":1,\"status\":1}",
		"{\"version\":1,\"status\":\"true\"}",
		"{\"version\":1,\"status\":null}",
		"{\"version\":1,\"status\":true,\"reason\":7}",
		"{\"version\":1,\"status\":true,\"reason-context\":\"x\"}",
		"{\"version\":1,\"status\":true,\"status\":false}",
		"{\"version\":1,\"status\":true}x",
		"{\"version\":1,\"status\":true,\"reason\":\"a\\u0000b\"}",
	};
	char text[GW_TEXT_MAX + 1] = "as it was";
	bool ok = true;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		if (parse(cases[i], &ok, text) != -EBADMSG)
			fail_msg("taken: %s", cases[i]);
	assert_string_equal(text, "as it was");
}

static void every_truncation(void **state)
{
	static const char json[] = "{\"version\":1,\"status\":false,\"reason\":\"x\"}";
	char text[GW_TEXT_MAX + 1];
	bool ok;

	for (size_t len = 0; len < strlen(json); len++)
		assert_int_equal(report_parse((struct gw_blob){ (const uint8_t *)json, len }, &ok,
					      text),
				 -EBADMSG);
}

static void long_reasons_are_cut(void **state)
{
	char json[REPORT_MAX + 64], text[GW_TEXT_MAX + 1], reason[GW_TEXT_MAX + 100];
	bool ok;

	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = 0;
	(void)snprintf(json, sizeof(json), "{\"version\":1,\"status\":false,\"reason\":\"%s\"}",
		       reason);
	assert_int_equal(parse(json, &ok, text), 0);
	assert_int_equal(strlen(text), GW_TEXT_MAX);
	assert_memory_equal(text, reason, GW_TEXT_MAX);
}

static void sizes_are_bounded(void **state)
{
	char json[REPORT_MAX + 2], text[GW_TEXT_MAX + 1];
	size_t len;
	bool ok;

	memset(json, ' ', sizeof(json));
	len = strlen(strcpy(json, "{\"version\":1,\"status\":true}"));
	json[len] = ' ';
	assert_int_equal(report_parse((struct gw_blob){ (uint8_t *)json, REPORT_MAX }, &ok, text),
			 0);
	assert_int_equal(report_parse((struct gw_blob){ (uint8_t *)json, REPORT_MAX + 1 }, &ok,
				      text),
			 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),           cmocka_unit_test(no_reports),
		cmocka_unit_test(every_truncation),  cmocka_unit_test(long_reasons_are_cut),
		cmocka_unit_test(sizes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
