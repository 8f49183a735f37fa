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

static uint64_t realtime_s, boottime_s;
static bool synchronised;
static int64_t stored; /* what the store holds; -1: nothing */

uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_boottime_us(void);
int __wrap_access(const char *path, int mode);
int64_t __wrap_store_meta_number(struct store *store, const char *key, int64_t otherwise);
int __wrap_store_meta_set_number(struct store *store, const char *key, int64_t value);

uint64_t __wrap_gw_now_realtime_us(void)
{
	return realtime_s * 1000000;
}

uint64_t __wrap_gw_now_boottime_us(void)
{
	return boottime_s * 1000000;
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
	boottime_s = 1000;
	synchronised = false;
	stored = -1;
	return 0;
}

static void pass(uint64_t seconds)
{
	realtime_s += seconds;
	boottime_s += seconds;
}

/* --- the judgement, whole --- */

#define CLOUD  (NOW + 1000000)
#define BEFORE (FLOOR - 1)

/* Everything that may come together: policy, system, cloud, and where the machine's clock stands. */
static enum clock_verdict expected(const struct clock_facts *f)
{
	bool system = f->system == CLOCK_SYSTEM_YES, early = f->machine_s < f->floor_s;
	uint64_t apart =
		f->machine_s > f->cloud_s ? f->machine_s - f->cloud_s : f->cloud_s - f->machine_s;

	if (f->trusts_cloud && f->cloud == CLOCK_CLOUD_TOLD) {
		if (apart <= 300)
			return system && !early ? CLOCK_TRUSTED_BY_SYSTEM : CLOCK_TRUSTED_BY_CLOUD;
		return system && !early ? CLOCK_DISPUTED : CLOCK_TRUSTED_ALONE;
	}
	if (system && !early)
		return CLOCK_TRUSTED_BY_SYSTEM;
	if (!f->trusts_cloud)
		return early ? CLOCK_BELOW_FLOOR : CLOCK_NOT_SYNCHRONISED;
	return f->cloud == CLOCK_CLOUD_FELL     ? CLOCK_CLOUD_EARLY
	       : f->cloud == CLOCK_CLOUD_JUMPED ? CLOCK_CLOUD_UNSTEADY
	       : early                          ? CLOCK_BELOW_FLOOR
						: CLOCK_CLOUD_SILENT;
}

static void every_case(void **state)
{
	static const uint64_t machines[] = { 0,           BEFORE,      FLOOR,
					     CLOUD - 301, CLOUD - 300, CLOUD,
					     CLOUD + 300, CLOUD + 301, 4102444800ull };
	unsigned seen[_CLOCK_VERDICT_MAX] = { 0 };

	for (int policy = 0; policy < 2; policy++)
		for (int system = 0; system < _CLOCK_SYSTEM_MAX; system++)
			for (int cloud = 0; cloud < _CLOCK_CLOUD_MAX; cloud++)
				for (size_t i = 0; i < GW_ELEMENTS(machines); i++) {
					const struct clock_facts facts = {
						.trusts_cloud = policy,
						.floor_s = FLOOR,
						.machine_s = machines[i],
						.system = (enum clock_system)system,
						.cloud = (enum clock_cloud)cloud,
						.cloud_s = cloud == CLOCK_CLOUD_TOLD ? CLOUD : 0,
					};
					enum clock_verdict verdict = clock_judge(&facts);

					assert_int_equal(verdict, expected(&facts));
					seen[verdict]++;
				}
	for (int i = 0; i < _CLOCK_VERDICT_MAX; i++)
		assert_true(seen[i] > 0);
}

static void verdicts_have_words(void **state)
{
	for (int i = 0; i < _CLOCK_VERDICT_MAX; i++) {
		enum clock_verdict verdict = (enum clock_verdict)i;

		assert_true(*clock_verdict_code(verdict));
		if (!clock_verdict_trusts(verdict))
			assert_true(*clock_verdict_text(verdict));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(clock_verdict_code(verdict),
						clock_verdict_code((enum clock_verdict)k));
	}
}

/* --- the system's word --- */

static void nobody_says_so(void **state)
{
	struct clock_trust clock = make(true);

	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_SILENT);
	assert_true(clock_now_s(&clock) == NOW);
	assert_true(clock_stamp_s(&clock) == 0);
	assert_true(clock_bound_s(&clock) == FLOOR);
	realtime_s = 5; /* 1970: no record is of then */
	assert_int_equal(clock_verdict(&clock), CLOCK_BELOW_FLOOR);
	assert_true(clock_now_s(&clock) == FLOOR);
}

static void the_flag_stands_in(void **state)
{
	struct clock_trust clock = make(false);

	synchronised = true;
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_SYSTEM);
	realtime_s = FLOOR - 1; /* the system is wrong */
	assert_int_equal(clock_verdict(&clock), CLOCK_BELOW_FLOOR);
	realtime_s = NOW;
	clock_take_system(&clock, CLOCK_SYSTEM_NO); /* who can be asked knows better */
	assert_int_equal(clock_verdict(&clock), CLOCK_NOT_SYNCHRONISED);
	clock_take_system(&clock, CLOCK_SYSTEM_MUTE);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_SYSTEM);
}

static void a_step_voids_the_word(void **state)
{
	struct clock_trust clock = make(false);

	clock_take_system(&clock, CLOCK_SYSTEM_YES);
	pass(1000000);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_SYSTEM);
	for (int off = -310; off <= 310; off++) {
		realtime_s = (uint64_t)((int64_t)NOW + 1000000 + off);
		assert_int_equal(clock_is_trusted(&clock), off >= -300 && off <= 300);
	}
	realtime_s = NOW + 315360000;
	assert_int_equal(clock_verdict(&clock), CLOCK_NOT_SYNCHRONISED);
	assert_true(clock_stamp_s(&clock) == 0);
	realtime_s = NOW + 1000000; /* back, before anybody was asked */
	assert_true(clock_is_trusted(&clock));
	realtime_s = NOW + 315360000;
	clock_take_system(&clock, CLOCK_SYSTEM_YES); /* it means it */
	assert_true(clock_is_trusted(&clock));
	assert_true(clock_stamp_s(&clock) == NOW + 315360000);
}

/* --- the cloud's word --- */

static void the_cloud_says_so(void **state)
{
	struct clock_trust clock = make(true);

	assert_true(clock_take_cloud(&clock, NOW));
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);
	pass(1000000);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);
	assert_true(clock_now_s(&clock) == NOW + 1000000);
}

static void jumps_of_years_are_not_felt(void **state)
{
	static const uint64_t there[] = {
		0, 5, FLOOR - 1, NOW - 315360000, NOW + 315360000, NOW + 3153600000
	};

	for (size_t i = 0; i < GW_ELEMENTS(there); i++) {
		struct clock_trust clock = make(true);

		set_up(NULL);
		(void)clock_take_cloud(&clock, NOW);
		clock_take_system(&clock, CLOCK_SYSTEM_YES);
		realtime_s = there[i];
		boottime_s += 7;
		assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_ALONE);
		assert_true(clock_stamp_s(&clock) == NOW + 7);
		assert_true(clock_bound_s(&clock) == NOW + 7);
	}
}

static void a_dispute(void **state)
{
	struct clock_trust clock = make(true);

	(void)clock_take_cloud(&clock, NOW);
	realtime_s += 315360000;
	clock_take_system(&clock, CLOCK_SYSTEM_YES);
	assert_int_equal(clock_verdict(&clock), CLOCK_DISPUTED);
	assert_true(clock_now_s(&clock) == NOW);
	assert_true(clock_stamp_s(&clock) == 0);
	assert_false(clock_take_cloud(&clock, NOW + 86400)); /* the floor stays where it is .. */
	assert_true(clock.floor_s == NOW - 300);
	clock.trusts_cloud = false; /* .. and an operator may end it */
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_SYSTEM);
}

static void only_where_the_configuration_allows_it(void **state)
{
	struct clock_trust clock = make(false);

	assert_false(clock_take_cloud(&clock, NOW));
	assert_int_equal(clock_verdict(&clock), CLOCK_NOT_SYNCHRONISED);
	assert_true(clock.floor_s == FLOOR);
}

static void agreement_has_a_tolerance(void **state)
{
	for (int off = -310; off <= 310; off++) {
		struct clock_trust clock = make(true);

		realtime_s = (uint64_t)((int64_t)NOW + off);
		(void)clock_take_cloud(&clock, NOW);
		assert_int_equal(clock_verdict(&clock), off >= -300 && off <= 300
								? CLOCK_TRUSTED_BY_CLOUD
								: CLOCK_TRUSTED_ALONE);
	}
}

static void a_cloud_that_contradicts_itself(void **state)
{
	struct clock_trust clock = make(true);

	(void)clock_take_cloud(&clock, NOW);
	pass(60);
	assert_false(clock_take_cloud(&clock, NOW + 315360000)); /* nor does the floor follow */
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_UNSTEADY);
	assert_true(clock.floor_s == NOW - 300);
	pass(60);
	(void)clock_take_cloud(&clock, NOW + 120); /* right again, once */
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_UNSTEADY);
	pass(60);
	(void)clock_take_cloud(&clock, NOW + 180);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);

	(void)clock_take_cloud(&clock, NOW + 315360000); /* it insists on another time */
	pass(60);
	assert_false(clock_take_cloud(&clock, NOW + 315360060));
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_ALONE);
	pass(3480);
	assert_false(clock_take_cloud(&clock, NOW + 315363540));
	pass(60);
	assert_true(clock_take_cloud(&clock, NOW + 315363600)); /* for good, after an hour */
}

/* Whoever sets all clocks there are, and sets them right again, has lost nothing. */
static void a_cloud_that_jumps_and_comes_back(void **state)
{
	struct clock_trust clock = make(true);

	(void)clock_take_cloud(&clock, NOW);
	pass(60);
	realtime_s += 315360000;
	(void)clock_take_cloud(&clock, realtime_s);
	(void)clock_take_cloud(&clock, realtime_s);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);
	pass(600);
	assert_false(clock_take_cloud(&clock, realtime_s));
	realtime_s -= 315360000;
	(void)clock_take_cloud(&clock, realtime_s);
	(void)clock_take_cloud(&clock, realtime_s);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);
	assert_true(clock_now_s(&clock) == NOW + 660);
}

static void the_floor_rises_and_stays(void **state)
{
	struct clock_trust clock = make(true);

	assert_true(clock_take_cloud(&clock, NOW));
	assert_int_equal(clock_store_floor(&clock, NULL), 0);
	assert_true(stored == (int64_t)NOW - 300);
	pass(3000);
	assert_false(clock_take_cloud(&clock, NOW + 3000)); /* not worth a write */
	pass(600);
	assert_true(clock_take_cloud(&clock, NOW + 3600));
	assert_int_equal(clock_store_floor(&clock, NULL), 0);

	realtime_s = NOW + 3299; /* after a start, a clock that is behind */
	synchronised = true;
	clock = make(true);
	assert_int_equal(clock_verdict(&clock), CLOCK_BELOW_FLOOR);
	realtime_s = NOW + 3300;
	assert_true(clock_is_trusted(&clock));
}

static void a_cloud_below_the_floor(void **state)
{
	struct clock_trust clock = make(true);

	(void)clock_take_cloud(&clock, FLOOR - 1);
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_EARLY);
	(void)clock_take_cloud(&clock, NOW);
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_UNSTEADY);
	(void)clock_take_cloud(&clock, NOW);
	assert_true(clock_is_trusted(&clock));
}

/* One that lied lifts the floor above true time; a person takes it down. */
static void a_person_knows_better(void **state)
{
	struct clock_trust clock = make(true);

	assert_true(clock_take_cloud(&clock, NOW + 315360000));
	(void)clock_store_floor(&clock, NULL);
	clock = make(true); /* the agent starts again, and the cloud is mended */
	assert_int_equal(clock_verdict(&clock), CLOCK_BELOW_FLOOR);
	(void)clock_take_cloud(&clock,
			       NOW); /* as the machine's clock does: no need to wait for it */
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_EARLY);
	realtime_s = NOW + 315360000;
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_EARLY);

	realtime_s = NOW;
	assert_false(clock_floor_was_forgotten(NULL));
	assert_int_equal(clock_forget_floor(NULL), 0);
	assert_true(clock_floor_was_forgotten(NULL));
	clock = make(true);
	assert_true(clock.floor_s == FLOOR);
	assert_int_equal(clock_verdict(&clock), CLOCK_CLOUD_SILENT);
	(void)clock_take_cloud(&clock, NOW);
	assert_int_equal(clock_verdict(&clock), CLOCK_TRUSTED_BY_CLOUD);
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
		TEST(every_case),
		TEST(verdicts_have_words),
		TEST(nobody_says_so),
		TEST(the_flag_stands_in),
		TEST(a_step_voids_the_word),
		TEST(the_cloud_says_so),
		TEST(jumps_of_years_are_not_felt),
		TEST(a_dispute),
		TEST(only_where_the_configuration_allows_it),
		TEST(agreement_has_a_tolerance),
		TEST(a_cloud_that_contradicts_itself),
		TEST(a_cloud_that_jumps_and_comes_back),
		TEST(the_floor_rises_and_stays),
		TEST(a_cloud_below_the_floor),
		TEST(a_person_knows_better),
		TEST(a_cloud_from_the_far_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
