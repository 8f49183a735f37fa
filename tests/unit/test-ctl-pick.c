/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick: one label among foreign codes, none, several, the same twice, and more than the message holds. */
#include "tools/ctl/pick.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ONE   "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B"
#define LOWER "gw1:iacme-0001+s60rk4csm6mv3ee1sc5h66s35cr+c965b"
#define HASH  "GW1:IB+F000G40R40M30E209185GR38E1W8124GK2GAHC5RR34D1P70X3RFG+C0000"

#define N(texts) (sizeof(texts) / sizeof((texts)[0]))

static char one[] = ONE, lower[] = LOWER, damaged[] = HASH, wifi[] = "WIFI:T:WPA;S:n;;",
	    spaced[] = "\r\n " ONE "\n", empty[] = "", prefix[] = "GW1";

static void test_the_only_one(void **state)
{
	char *alone[] = { one }, *among[] = { wifi, empty, one, prefix },
	     *twice[] = { one, wifi, one };
	char *small[] = { wifi, lower }, *white[] = { spaced }, *bad[] = { damaged };
	char why[PICK_WHY_MAX];
	const char *text = NULL;

	assert_int_equal(pick_label(alone, N(alone), &text, why), 0);
	assert_ptr_equal(text, one);
	assert_int_equal(pick_label(among, N(among), &text, why), 0);
	assert_ptr_equal(text, one);
	assert_int_equal(pick_label(twice, N(twice), &text, why), 0);
	assert_string_equal(text, ONE);
	assert_int_equal(pick_label(small, N(small), &text, why), 0);
	assert_ptr_equal(text, lower);
	assert_int_equal(pick_label(white, N(white), &text, why), 0);
	assert_ptr_equal(text, spaced);

	/* What is wrong with it is told when it is read, not here. */
	assert_int_equal(pick_label(bad, N(bad), &text, why), 0);
	assert_ptr_equal(text, damaged);
}

static void test_none(void **state)
{
	char *foreign[] = { wifi, empty, prefix };
	char why[PICK_WHY_MAX];
	const char *text = "untouched";

	assert_int_equal(pick_label(foreign, 0, &text, why), -ENOENT);
	assert_non_null(strstr(why, "no QR code"));
	assert_int_equal(pick_label(foreign, N(foreign), &text, why), -ENOENT);
	assert_non_null(strstr(why, "none of them"));
	assert_string_equal(text, "untouched");
}

static void test_several(void **state)
{
	char *two[] = { damaged, wifi, one };
	char why[PICK_WHY_MAX];
	const char *text = "untouched";

	assert_int_equal(pick_label(two, N(two), &text, why), -ENOTUNIQ);
	assert_non_null(strstr(why, ": a damaged one, ACME-0001"));
	assert_null(strstr(why, "60RK4"));
	assert_string_equal(text, "untouched");
}

static void test_many(void **state)
{
	char texts[200][128], *list[200];
	char why[PICK_WHY_MAX];
	const char *text = "untouched";

	for (size_t i = 0; i < 200; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "GW1:%zu", i);
		list[i] = texts[i];
	}
	assert_int_equal(pick_label(list, 200, &text, why), -ENOTUNIQ);
	assert_int_equal(strlen(why), PICK_WHY_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_only_one),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
