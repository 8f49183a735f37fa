/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refusals: news once an hour for each device and reason, and never more than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/refusals.h"
#include "lib/util.h"

#define HOUR_US 3600000000ull
#define ROOM    256

static uint64_t now_us;

uint64_t __wrap_gw_now_monotonic_us(void);

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return now_us;
}

static int set_up(void **state)
{
	struct refusals *refusals;

	now_us = 0;
	if (refusals_new(&refusals) < 0)
		return -1;
	*state = refusals;
	return 0;
}

static int tear_down(void **state)
{
	refusals_free(*state);
	return 0;
}

static void test_news_is_news_once(void **state)
{
	assert_true(refusals_is_news(*state, "A", GW_REASON_NO_CLAIM, 1));
	assert_true(refusals_is_news(*state, "B", GW_REASON_NO_CLAIM, 1));
	assert_true(refusals_is_news(*state, "A", GW_REASON_REVOKED, 1));
	assert_true(refusals_is_news(*state, "", GW_REASON_NO_CLAIM, 1));
	for (now_us = 0; now_us < HOUR_US; now_us += HOUR_US / 4) {
		assert_false(refusals_is_news(*state, "A", GW_REASON_NO_CLAIM, 1));
		assert_false(refusals_is_news(*state, "B", GW_REASON_NO_CLAIM, 1));
		assert_false(refusals_is_news(*state, "A", GW_REASON_REVOKED, 1));
		assert_false(refusals_is_news(*state, "", GW_REASON_NO_CLAIM, 1));
	}
	assert_true(refusals_is_news(*state, "A", GW_REASON_NO_CLAIM, 1));
	assert_false(refusals_is_news(*state, "A", GW_REASON_NO_CLAIM, 1));
}

static unsigned count_news(struct refusals *refusals, unsigned n)
{
	unsigned n_news = 0;
	char id[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "ID-%u", i);
		n_news += refusals_is_news(refusals, id, GW_REASON_NO_CLAIM, 1);
	}
	return n_news;
}

static void test_there_is_a_limit(void **state)
{
	assert_int_equal(count_news(*state, 4 * ROOM), ROOM);
	assert_int_equal(count_news(*state, 4 * ROOM), 0);
	now_us += HOUR_US;
	assert_int_equal(count_news(*state, 4 * ROOM), ROOM);
}

static void test_a_few(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_true(refusals_is_news(*state, "A", GW_REASON_NONE, 3));
	for (int i = 0; i < 3; i++)
		assert_false(refusals_is_news(*state, "A", GW_REASON_NONE, 3));
	assert_true(refusals_is_news(*state, "B", GW_REASON_NONE, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_news_is_news_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_there_is_a_limit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
