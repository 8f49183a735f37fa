/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether time is to be trusted, under clocks that jump, and a floor that outlives the agent. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/clock.h"
#include "agent/store.h"
#include "lib/util.h"

#define NOW   1900000000ull
#define FLOOR 1793000000ull /* agent/clock.c was written then */

static uint64_t realtime_s, monotonic_s;
static bool synchronised;
static int64_t stored; /* what the store holds; -1: nothing */

uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_monotonic_us(void);
int __wrap_access(const char *path, int mode);
int64_t __wrap_store_meta_number(struct store *store, const char *key, int64_t otherwise);
int __wrap_store_meta_set_number(struct store *store, const char *key, int64_t value);

uint64_t __wrap_gw_now_realtime_us(void)
{
	return realtime_s * 1000000;
}

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return monotonic_s * 1000000;
}

int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/run/systemd/timesync/synchronized");
	return synchronised ? 0 : -1;
}

int64_t __wrap_store_meta_number(struct store *store, const char *key, int64_t otherwise)
{
	assert_string_equal(key, "clock-floor");
	return stored < 0 ? otherwise : stored;
}

int __wrap_store_meta_set_number(struct store *store, const char *key, int64_t value)
{
	assert_string_equal(key, "clock-floor");
	stored = value;
	return 0;
}

static struct clock_trust make(bool trusts_cloud)
{
	struct clock_trust clock;

	clock_init(&clock, /* store= */ NULL, trusts_cloud);
	return clock;
}

static int set_up(void **state)
{
	realtime_s = NOW;
	monotonic_s = 1000;
	synchronised = false;
	stored = -1;
	return 0;
}

static void pass(uint64_t seconds)
{
	realtime_s += seconds;
	monotonic_s += seconds;
}

static void nobody_says_so(void **state)
{
	struct clock_trust clock = make(true);

	assert_false(clock_is_trusted(&clock));
	assert_int_equal(clock_judge(&clock), CLOCK_CLOUD_SILENT);
	assert_true(clock_now_s() == NOW);
}

static void the_system_says_so(void **state)
{
	struct clock_trust clock = make(false);

	synchronised = true;
	assert_true(clock_is_trusted(&clock));
	realtime_s = FLOOR;
	assert_true(clock_is_trusted(&clock));
	assert_int_equal(clock_judge(&clock), CLOCK_TRUSTED_BY_SYSTEM);
	realtime_s = FLOOR - 1; /* the system is wrong */
	assert_false(clock_is_trusted(&clock));
	assert_int_equal(clock_judge(&clock), CLOCK_BELOW_FLOOR);
	realtime_s = 0;
	assert_false(clock_is_trusted(&clock));
}

static void the_cloud_says_so(void **state)
{
	struct clock_trust clock = make(true);

	assert_true(clock_take_cloud(&clock, NOW));
	assert_true(clock_is_trusted(&clock));
	pass(1000000);
	assert_true(clock_is_trusted(&clock)); /* it goes on by our own clock */
	assert_int_equal(clock_judge(&clock), CLOCK_TRUSTED_BY_CLOUD);
	realtime_s -= 301;
	assert_int_equal(clock_judge(&clock), CLOCK_CLOUD_DISAGREES);
}

static void only_where_the_configuration_allows_it(void **state)
{
	struct clock_trust clock = make(false);

	(void)clock_take_cloud(&clock, NOW);
	assert_false(clock_is_trusted(&clock));
	assert_int_equal(clock_judge(&clock), CLOCK_NOT_SYNCHRONISED);
}

static void agreement_has_a_tolerance(void **state)
{
	for (int off = -310; off <= 310; off++) {
		struct clock_trust clock = make(true);

		realtime_s = (uint64_t)((int64_t)NOW + off);
		(void)clock_take_cloud(&clock, NOW);
		if (realtime_s >= clock.floor_s)
			assert_int_equal(clock_is_trusted(&clock), off >= -300 && off <= 300);
		else
			assert_false(clock_is_trusted(&clock));
	}
}

static void a_step_ends_trust(void **state)
{
	struct clock_trust clock = make(true);

	(void)clock_take_cloud(&clock, NOW);
	realtime_s += 301;
	assert_false(clock_is_trusted(&clock));
	realtime_s -= 301;
	assert_true(clock_is_trusted(&clock)); /* and it is back with the time */
	realtime_s += 86400;
	assert_false(clock_is_trusted(&clock));
	(void)clock_take_cloud(&clock, NOW + 86400);
	assert_true(clock_is_trusted(&clock));
}

static void the_floor_rises_and_stays(void **state)
{
	struct clock_trust clock = make(true);

	assert_true(clock_take_cloud(&clock, NOW));
	assert_int_equal(clock_store_floor(&clock, NULL), 0);
	assert_true(stored == (int64_t)NOW);
	assert_false(clock_take_cloud(&clock, NOW + 3599)); /* not worth a write */
	assert_true(clock_take_cloud(&clock, NOW + 3600));
	assert_int_equal(clock_store_floor(&clock, NULL), 0);

	realtime_s = NOW + 3599; /* after a start, a clock that is behind */
	synchronised = true;
	clock = make(true);
	assert_false(clock_is_trusted(&clock));
	realtime_s = NOW + 3600;
	assert_true(clock_is_trusted(&clock));
}

static void a_cloud_below_the_floor(void **state)
{
	struct clock_trust clock = make(true);

	realtime_s = FLOOR - 1;
	assert_false(clock_take_cloud(&clock, FLOOR - 1));
	assert_false(clock_is_trusted(&clock));
	realtime_s = NOW;
	(void)clock_take_cloud(&clock, NOW);
	assert_false(clock_take_cloud(&clock, NOW - 1));
	assert_true(clock_is_trusted(&clock)); /* as before */
}

/* A time that cannot be one must not lift the floor above every true time. */
static void a_cloud_from_the_far_future(void **state)
{
	static const uint64_t times[] = { UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1,
					  FLOOR + 101ull * 365 * 86400 };

	for (size_t i = 0; i < GW_ELEMENTS(times); i++) {
		struct clock_trust clock = make(true);

		assert_false(clock_take_cloud(&clock, times[i]));
		assert_false(clock_is_trusted(&clock));
		assert_true(clock_take_cloud(&clock, NOW));
		assert_true(clock_is_trusted(&clock));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(nobody_says_so),
		TEST(the_system_says_so),
		TEST(the_cloud_says_so),
		TEST(only_where_the_configuration_allows_it),
		TEST(agreement_has_a_tolerance),
		TEST(a_step_ends_trust),
		TEST(the_floor_rises_and_stays),
		TEST(a_cloud_below_the_floor),
		TEST(a_cloud_from_the_far_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
