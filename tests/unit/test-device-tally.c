/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a load: counts, percentiles by rank, reasons that find a place and such that do not, and both
 * ways to print them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "lib/util.h"
#include "tools/device/tally.h"

static int set_up(void **state)
{
	static struct tally tally;

	*state = &tally;
	return tally_init(&tally, 200);
}

static int tear_down(void **state)
{
	tally_done(*state);
	return 0;
}

static char *print(struct tally *tally, const struct tally_cost *cost, bool json)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert_non_null(file);
	tally_print(tally, cost, json, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void test_percentiles(void **state)
{
	const struct tally_cost cost = { .wall_us = 1 };
	struct tally *t = *state;

	assert_int_equal(tally_percentile_us(t, 50), 0);
	for (uint64_t i = 100; i > 0; i--)
		tally_aboard(t, i * 1000);
	free(print(t, &cost, false)); /* sorts */
	for (unsigned percent = 1; percent <= 100; percent++)
		assert_int_equal(tally_percentile_us(t, percent), percent * 1000);
	assert_int_equal(tally_percentile_us(t, 0), 1000);

	tally_aboard(t, 500000);
	free(print(t, &cost, false));
	assert_int_equal(tally_percentile_us(t, 50), 51000);
	assert_int_equal(tally_percentile_us(t, 100), 500000);
}

static void test_no_more_than_there_is_room_for(void **state)
{
	struct tally *t = *state;

	for (int i = 0; i < 300; i++)
		tally_aboard(t, 1);
	assert_int_equal(t->n_aboard, 200);
	assert_int_equal(t->n, 300);
}

static void test_reasons(void **state)
{
	struct tally *t = *state;

	for (int round = 0; round < 2; round++)
		for (int error = 1; error <= TALLY_REASONS_MAX + 3; error++)
			tally_failed(t, -error, round ? "second" : "first");

	assert_int_equal(t->n, 2 * (TALLY_REASONS_MAX + 3));
	assert_int_equal(t->n_aboard, 0);
	assert_int_equal(t->n_reasons, TALLY_REASONS_MAX);
	for (int i = 0; i < TALLY_REASONS_MAX; i++) {
		assert_int_equal(t->reasons[i].error, -(i + 1));
		assert_int_equal(t->reasons[i].n, i < TALLY_REASONS_MAX - 1 ? 2 : 2 * 4);
		assert_string_equal(t->reasons[i].first, "first");
	}
}

static void test_idle(void **state)
{
	static const struct {
		struct tally_cost cost;
		unsigned percent;
	} cases[] = {
		{ { .wall_us = 0, .idle_us = 5 }, 0 },
		{ { .wall_us = 100, .idle_us = 0 }, 0 },
		{ { .wall_us = 1000, .idle_us = 99 }, 9 },
		{ { .wall_us = 100, .idle_us = 10 }, 10 },
		{ { .wall_us = 7, .idle_us = 9 }, 100 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_int_equal(tally_idle_percent(&cases[i].cost), cases[i].percent);
}

static void test_print(void **state)
{
	struct tally_cost cost = { .wall_us = 2000000,
				   .idle_us = 1000000,
				   .user_us = 15000,
				   .system_us = 5000,
				   .n_in_flight = 4 };
	struct tally *t = *state;
	char *text;

	tally_aboard(t, 20000);
	tally_aboard(t, 10000);
	tally_failed(t, -ETIMEDOUT, "said \"no\" \\ never");
	t->n_again = 3;
	text = print(t, &cost, /* json= */ false);
	assert_string_equal(
		text, "aboard       2 of 3\n"
		      "failed       1 (ETIMEDOUT): said \"no\" \\ never\n"
		      "again        3, attempts that were not the first\n"
		      "took         2.00 s, 1.0 a second, 4 in flight\n"
		      "latency      p50 10 ms, p95 20 ms, p99 20 ms, longest 20 ms\n"
		      "processor    0.01 s user, 0.01 s system: 10.00 ms for each device aboard\n"
		      "limit        this program was idle 50 % of the time\n");
	free(text);

	cost.idle_us = 0;
	text = print(t, &cost, /* json= */ true);
	assert_string_equal(
		text, "{\"devices\": 3, \"aboard\": 2, \"again\": 3, \"in_flight\": 4, "
		      "\"seconds\": 2.000000, \"user_seconds\": 0.015000, "
		      "\"system_seconds\": 0.005000, \"idle_percent\": 0, \"is_limit\": true, "
		      "\"latency_ms\": [10.000, 20.000], \"failed\": [{\"error\": \"ETIMEDOUT\", "
		      "\"devices\": 1, \"first\": \"said \\\"no\\\" \\\\ never\"}]}\n");
	free(text);

	text = print(t, &cost, /* json= */ false);
	assert_non_null(strstr(text, "idle 0 % of the time: it was the limit itself\n"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_percentiles), TEST(test_no_more_than_there_is_room_for),
		TEST(test_reasons),     TEST(test_idle),
		TEST(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
