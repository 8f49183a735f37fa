/* SPDX-License-Identifier: GPL-2.0-or-later */
/* when: each way to write a time, each way to miss it, and the way back. */
#include "tools/ctl/when.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

static void test_taken(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} cases[] = {
		{ "2027-01-15T08:00:00Z", NOW },
		{ "2027-01-15", 1800057600 },
		{ "20270115", 1800057600 },
		{ "2028-02-29", 1835481600 },
		{ "2024-02-29T23:59:59Z", 1709251199 },
		{ "9999-12-31", 253402300800 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "1970-01-01T00:00:01Z", 1 },
		{ "1970-01-01", 86400 },
		{ "+1m", NOW + 60 },
		{ "+90m", NOW + 5400 },
		{ "+36h", NOW + 129600 },
		{ "+30d", NOW + 2592000 },
		{ "+2w", NOW + 1209600 },
		{ "1", 1 },
		{ "2027", 2027 },
		{ "1800000000", NOW },
		{ "253402300800", 253402300800 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t seconds = 0;

		if (when_parse(cases[i].text, NOW, &seconds) != 0)
			fail_msg("%s is refused", cases[i].text);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"x",
		"tomorrow",
		"2027-01",
		"2027-1-5",
		"2027-02-29",
		"2027-02-30",
		"2027-13-01",
		"2027-00-01",
		"2027-01-00",
		"2027-01-32",
		"20270229",
		"1969-12-31",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z",
		"2027-01-15T08:00:00",
		"2027-01-15T08:00Z",
		"2027-01-15 08:00:00Z",
		"2027-01-15T24:00:00Z",
		"2027-01-15T08:60:00Z",
		"2027-01-15T08:00:60Z",
		"2027-01-15T08:00:00Zx",
		"2027-01-15T08:00:00+01:00",
		" 2027-01-15",
		"2027-01-15 ",
		"2027-01-1x",
		"-1",
		"+",
		"+d",
		"+0d",
		"+1",
		"+1y",
		"+1D",
		"+-1d",
		"++1d",
		"+1.5d",
		"+1dd",
		"+99999999d",
		"+9999999w",
		"0",
		"253402300801",
		"99999999999999999999",
		"1e9",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t seconds = 42;
		int r = when_parse(cases[i], NOW, &seconds);

		if (r != -EINVAL && r != -ERANGE)
			fail_msg("%s is taken, as %llu", cases[i], (unsigned long long)seconds);
		assert_int_equal(seconds, 42);
	}
}

static void test_format(void **state)
{
	char text[WHEN_LEN];

	when_format(0, text);
	assert_string_equal(text, "");
	when_format(1, text);
	assert_string_equal(text, "1970-01-01T00:00:01Z");
	when_format(NOW, text);
	assert_string_equal(text, "2027-01-15T08:00:00Z");
	when_format(253402300799, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	when_format(UINT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void test_round_trips(void **state)
{
	char text[WHEN_LEN];
	uint64_t again;

	for (uint64_t seconds = 1; seconds < 253402300800; seconds += 86399 * 997) {
		when_format(seconds, text);
		assert_int_equal(strlen(text), WHEN_LEN - 1);
		assert_int_equal(when_parse(text, NOW, &again), 0);
		assert_int_equal(again, seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
