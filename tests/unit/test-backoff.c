/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One gateway's pauses, and what the broker sees of a thousand gateways that it has left all at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "plugins/mqtt/backoff.h"

#define SECOND_US 1000000ull
#define SPREAD_S  10
#define GATEWAYS  1000
#define SECONDS   4000

/* Least, most, and something between of the pause that is next. */
static void expect_up_to(struct backoff *b, uint64_t longest_us)
{
	struct backoff least = *b, middle = *b;

	assert_int_equal(backoff_next(&least, 0), 0);
	assert_int_equal(backoff_next(&middle, 0x12348000), longest_us / 2);
	assert_in_range(backoff_next(b, UINT32_MAX), longest_us - longest_us / 65536 - 1,
			longest_us - 1);
}

static void pauses_grow(void **state)
{
	static const uint64_t longest_s[] = { SPREAD_S, 20, 40, 60, 60, 60 };
	struct backoff b;

	backoff_init(&b, SPREAD_S * SECOND_US);
	for (size_t i = 0; i < GW_ELEMENTS(longest_s); i++)
		expect_up_to(&b, longest_s[i] * SECOND_US);
	backoff_reset(&b);
	expect_up_to(&b, SPREAD_S * SECOND_US);
}

static void without_a_spread(void **state)
{
	struct backoff b;

	backoff_init(&b, 0);
	expect_up_to(&b, SECOND_US / 2);
	expect_up_to(&b, SECOND_US);
}

/* What was asked for is not cut, and does not grow either. */
static void a_spread_beyond_the_longest(void **state)
{
	struct backoff b;

	backoff_init(&b, 3600 * SECOND_US);
	expect_up_to(&b, 3600 * SECOND_US);
	expect_up_to(&b, 3600 * SECOND_US);
}

/* The same numbers in each run. */
static uint32_t roll(void)
{
	static uint64_t state = 42;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 32);
}

/* The most gateways that knock in one second once the broker is back, which was away for so long. */
static unsigned most_in_a_second(uint64_t away_s, unsigned *ret_last_s)
{
	static unsigned knocks[SECONDS];
	unsigned most = 0;

	memset(knocks, 0, sizeof(knocks));
	for (size_t i = 0; i < GATEWAYS; i++) {
		uint64_t at_us = 0;
		struct backoff b;

		backoff_init(&b, SPREAD_S * SECOND_US);
		do
			at_us += backoff_next(&b, roll());
		while (at_us < away_s * SECOND_US);
		assert_true(at_us / SECOND_US < SECONDS);
		knocks[at_us / SECOND_US]++;
	}
	for (unsigned s = 0; s < SECONDS; s++) {
		most = GW_MAX(most, knocks[s]);
		*ret_last_s = knocks[s] ? s : *ret_last_s;
	}
	return most;
}

/* A crowd would be all of them; evenly spread they are a hundred a second. */
static void a_fleet_comes_back(void **state)
{
	static const uint64_t away_s[] = { 0, 1, 5, 30, 300, 3600 };

	for (size_t i = 0; i < GW_ELEMENTS(away_s); i++) {
		unsigned last_s = 0, most = most_in_a_second(away_s[i], &last_s);

		print_message("away for %llu s: at most %u a second, the last after %llu s\n",
			      (unsigned long long)away_s[i], most,
			      (unsigned long long)(last_s - away_s[i]));
		assert_in_range(most, GATEWAYS / 60, 150);
		assert_in_range(last_s, away_s[i], away_s[i] + 60);
	}
}

static void rivals_part(void **state)
{
	assert_int_equal(backoff_apart(1000, 0), 1000);
	assert_int_equal(backoff_apart(1000, 0x8000), 1500);
	assert_int_equal(backoff_apart(1000, UINT32_MAX), 1999);
	assert_int_equal(backoff_apart(3600 * SECOND_US, 0x8000), 5400 * SECOND_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow),
		cmocka_unit_test(without_a_spread),
		cmocka_unit_test(a_spread_beyond_the_longest),
		cmocka_unit_test(a_fleet_comes_back),
		cmocka_unit_test(rivals_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
