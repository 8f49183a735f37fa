/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason: the whole table, what its codes and sentences look like, and names of D-Bus errors. */
#include "lib/reason.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_code(const char *code)
{
	if (*code == '-' || code[strlen(code) - 1] == '-' || strstr(code, "--"))
		return false;
	return strspn(code, "abcdefghijklmnopqrstuvwxyz-") == strlen(code);
}

static void test_table(void **state)
{
	assert_string_equal(gw_reason_code(GW_REASON_NONE), "");
	assert_string_equal(gw_reason_text(GW_REASON_NONE), "");
	assert_string_equal(gw_reason_code(GW_REASON_ID_IN_USE), "id-in-use");

	for (int i = 0; i < _GW_REASON_MAX; i++) {
		const char *code = gw_reason_code((enum gw_reason)i);
		const char *text = gw_reason_text((enum gw_reason)i);
		enum gw_reason back = _GW_REASON_MAX;

		assert_int_equal(gw_reason_from_code(code, &back), 0);
		assert_int_equal(back, i); /* no code stands twice */
		if (i == GW_REASON_NONE)
			continue;
		assert_true(*code && is_code(code));
		assert_true(*text >= 'A' && *text <= 'Z');
		assert_int_equal(text[strlen(text) - 1], '.');
	}
}

static void test_unknown_code(void **state)
{
	enum gw_reason reason = GW_REASON_LIMIT;

	assert_int_equal(gw_reason_from_code("no-such-code", &reason), -ENOENT);
	assert_int_equal(gw_reason_from_code("Limit", &reason), -ENOENT);
	assert_int_equal(gw_reason_from_code("limi", &reason), -ENOENT);
	assert_int_equal(reason, GW_REASON_LIMIT);
}

static void test_error_names(void **state)
{
	static const struct {
		const char *code, *name;
	} known[] = {
		{ "id-in-use", "org.gangway1.Error.IdInUse" },
		{ "limit", "org.gangway1.Error.Limit" },
		{ "new-in-2030", "org.gangway1.Error.NewIn2030" },
		{ "x509-chain", "org.gangway1.Error.X509Chain" },
		{ "Odd__code!", "org.gangway1.Error.OddCode" },
		{ "", "org.gangway1.Error." },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		gw_reason_error_name(known[i].code, name, sizeof(name));
		assert_string_equal(name, known[i].name);
	}
}

static void test_error_names_are_cut(void **state)
{
	char name[64], full[64];

	gw_reason_error_name("id-in-use", full, sizeof(full));
	for (size_t size = strlen("org.gangway1.Error.") + 1; size < sizeof(name); size++) {
		memset(name, '#', sizeof(name));
		gw_reason_error_name("id-in-use", name, size);
		if (size <= strlen(full)) {
			assert_int_equal(strlen(name), size - 1);
			assert_memory_equal(name, full, size - 1);
			assert_int_equal(name[size], '#');
		} else {
			assert_string_equal(name, full);
		}
	}
}

static void test_every_code_comes_back(void **state)
{
	for (int i = 1; i < _GW_REASON_MAX; i++) {
		const char *code = gw_reason_code((enum gw_reason)i);
		char name[128], back[64];

		gw_reason_error_name(code, name, sizeof(name));
		assert_int_equal(gw_reason_code_of_error(name, back, sizeof(back)), 0);
		assert_string_equal(back, code);
	}
}

static void test_foreign_errors(void **state)
{
	char code[16] = "untouched";

	assert_int_equal(gw_reason_code_of_error("org.freedesktop.DBus.Error.AccessDenied", code,
						 16),
			 -ENOENT);
	assert_int_equal(gw_reason_code_of_error("org.gangway1.Error.", code, 16), -ENOENT);
	assert_int_equal(gw_reason_code_of_error("org.gangway1.Error", code, 16), -ENOENT);
	assert_int_equal(gw_reason_code_of_error("", code, 16), -ENOENT);
	assert_string_equal(code, "untouched");

	assert_int_equal(gw_reason_code_of_error("org.gangway1.Error.NewerThanUs", code, 16), 0);
	assert_string_equal(code, "newer-than-us");
}

static void test_short_room_for_a_code(void **state)
{
	char code[32];

	for (size_t size = 0; size < sizeof(code); size++) {
		int r = gw_reason_code_of_error("org.gangway1.Error.IdInUse", code, size);

		if (r < 0) {
			assert_int_equal(r, -ENOSPC);
			assert_true(size < 12);
		} else {
			assert_true(size >= sizeof("id-in-use"));
			assert_string_equal(code, "id-in-use");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unknown_code),
		cmocka_unit_test(test_error_names),
		cmocka_unit_test(test_error_names_are_cut),
		cmocka_unit_test(test_every_code_comes_back),
		cmocka_unit_test(test_foreign_errors),
		cmocka_unit_test(test_short_room_for_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
