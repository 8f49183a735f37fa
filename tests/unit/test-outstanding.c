/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that wait for the cloud, under a clock and dice of the test's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/outstanding.h"

#define SECOND 1000000ull
#define FIRST  (2 * SECOND)
#define MOST   (300 * SECOND)

GW_DEFINE_CLEANUP(struct outstanding *, outstanding_free)
#define _cleanup_outstanding_ _cleanup_(outstanding_freep)

static struct outstanding *make(void)
{
	struct outstanding *o;

	assert_int_equal(outstanding_new(FIRST, MOST, &o), 0);
	return o;
}

static void add(struct outstanding *o, const char *job, const char *body, uint64_t now_us)
{
	assert_int_equal(outstanding_add(o, 1, job, strdup(body), now_us), 0);
}

/* What is due, published. */
static void publish(struct outstanding *o, const char *job, uint64_t now_us, uint32_t dice)
{
	struct outstanding_request *request = outstanding_due(o, now_us);

	assert_non_null(request);
	assert_string_equal(request->job, job);
	outstanding_published(o, request, now_us, dice);
}

static void empty(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	assert_int_equal(outstanding_count(o), 0);
	assert_null(outstanding_due(o, UINT64_MAX - 1));
	assert_true(outstanding_next(o) == OUTSTANDING_NEVER);
	assert_true(outstanding_silent_since(o) == OUTSTANDING_NEVER);
	assert_false(outstanding_remove(o, "job-1"));
	assert_null(outstanding_free(NULL));
}

/* Since it was added: whoever adds it once more has forgotten that it went. */
static void knows_what_has_gone(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "job-1", "one", 0);
	add(o, "job-2", "two", 10 * MOST);
	assert_false(outstanding_due(o, 0)->has_gone);
	publish(o, "job-1", 0, 0);
	outstanding_restart(o, 10);
	assert_true(outstanding_due(o, 10)->has_gone);
	add(o, "job-1", "one", 0);
	assert_false(outstanding_due(o, 0)->has_gone);
	assert_true(outstanding_remove(o, "job-1"));
	assert_false(outstanding_due(o, 10 * MOST)->has_gone);
}

/* What is due at the same time goes in the order in which it came, whatever ended meanwhile. */
static void who_came_first_goes_first(void **state)
{
	static const char *const jobs[] = { "job-1", "job-2", "job-3", "job-4" };
	_cleanup_outstanding_ struct outstanding *o = make();

	for (size_t i = 0; i < GW_ELEMENTS(jobs); i++)
		add(o, jobs[i], "body", i);
	assert_true(outstanding_remove(o, "job-1"));
	outstanding_restart(o, 10);
	publish(o, "job-2", 10, 0);
	publish(o, "job-3", 10, 0);
	publish(o, "job-4", 10, 0);
}

static void is_due_at_once(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "job-1", "body", 5);
	assert_true(outstanding_next(o) == 5);
	assert_null(outstanding_due(o, 4));
	assert_string_equal(outstanding_due(o, 5)->body, "body");
	assert_true(outstanding_remove(o, "job-1"));
	assert_int_equal(outstanding_count(o), 0);
	assert_null(outstanding_due(o, 5));
}

static void pauses_double_up_to_the_longest(void **state)
{
	static const uint64_t expected_s[] = { 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
	_cleanup_outstanding_ struct outstanding *o = make();
	uint64_t now_us = 1000;

	add(o, "job-1", "body", now_us);
	for (size_t i = 0; i < GW_ELEMENTS(expected_s); i++) {
		publish(o, "job-1", now_us, /* dice= */ 0);
		assert_true(outstanding_next(o) == now_us + expected_s[i] * SECOND);
		assert_null(outstanding_due(o, outstanding_next(o) - 1));
		now_us = outstanding_next(o);
	}
}

static void dice_shorten_by_a_quarter_at_most(void **state)
{
	static const uint32_t dice[] = { 0, 1, 511, 512, 1023, 1024, UINT32_MAX };

	for (size_t i = 0; i < GW_ELEMENTS(dice); i++) {
		_cleanup_outstanding_ struct outstanding *o = make();

		add(o, "job-1", "body", 0);
		publish(o, "job-1", 0, dice[i]);
		assert_in_range(outstanding_next(o), FIRST * 3 / 4, FIRST);
		if (dice[i] % 1024)
			assert_true(outstanding_next(o) < FIRST);
	}
}

static void the_longest_wait_comes_first(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "job-1", "one", 10);
	add(o, "job-2", "two", 5);
	add(o, "job-3", "three", 20);
	publish(o, "job-2", 20, 0);
	publish(o, "job-1", 20, 0);
	publish(o, "job-3", 20, 0);
	assert_null(outstanding_due(o, 20));
}

static void the_same_job_starts_over(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "job-1", "one", 0);
	publish(o, "job-1", 0, 0);
	publish(o, "job-1", outstanding_next(o), 0);
	add(o, "job-1", "two", 7);
	assert_int_equal(outstanding_count(o), 1);
	assert_string_equal(outstanding_due(o, 7)->body, "two");
	publish(o, "job-1", 7, 0);
	assert_true(outstanding_next(o) == 7 + FIRST);
}

static void a_new_connection_starts_all_over(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();
	uint64_t now_us = 0;

	add(o, "job-1", "one", 0);
	add(o, "job-2", "two", 0);
	for (int i = 0; i < 10; i++) {
		now_us = outstanding_next(o);
		outstanding_published(o, outstanding_due(o, now_us), now_us, 0);
	}
	outstanding_restart(o, now_us);
	assert_true(outstanding_silent_since(o) == OUTSTANDING_NEVER);
	for (int i = 0; i < 2; i++)
		outstanding_published(o, outstanding_due(o, now_us), now_us, 0);
	assert_null(outstanding_due(o, now_us));
	assert_true(outstanding_next(o) == now_us + FIRST);
}

static void is_bounded(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();
	char job[16];

	for (int i = 0; i < GW_REQUESTS_MAX; i++) {
		(void)snprintf(job, sizeof(job), "job-%d", i);
		add(o, job, job, 0);
	}
	assert_int_equal(outstanding_add(o, 1, "one-more", strdup("body"), 0), -ENOBUFS);
	add(o, "job-7", "again", 0);
	assert_int_equal(outstanding_count(o), GW_REQUESTS_MAX);

	for (int i = 0; i < GW_REQUESTS_MAX; i++) {
		(void)snprintf(job, sizeof(job), "job-%d", i);
		assert_true(outstanding_remove(o, job));
		assert_false(outstanding_remove(o, job));
	}
	add(o, "one-more", "body", 0);
}

static void silence(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "job-1", "one", 0);
	assert_true(outstanding_silent_since(o) == OUTSTANDING_NEVER);
	publish(o, "job-1", 100, 0);
	assert_true(outstanding_silent_since(o) == 100);

	/* A repetition does not make it shorter. */
	publish(o, "job-1", 100 + FIRST, 0);
	assert_true(outstanding_silent_since(o) == 100);

	/* Any word ends it; what went before is no evidence any more, a repetition is. */
	outstanding_heard(o);
	assert_true(outstanding_silent_since(o) == OUTSTANDING_NEVER);
	publish(o, "job-1", 100 * SECOND, 0);
	assert_true(outstanding_silent_since(o) == 100 * SECOND);

	/* A request that nobody waits for any more is owed no word. */
	add(o, "job-2", "two", 100 * SECOND);
	assert_true(outstanding_remove(o, "job-1"));
	assert_true(outstanding_silent_since(o) == 100 * SECOND);
	assert_true(outstanding_remove(o, "job-2"));
	assert_true(outstanding_silent_since(o) == OUTSTANDING_NEVER);
}

/* Before all that are due, and not before it is. */
static void the_urgent_one_goes_first(void **state)
{
	_cleanup_outstanding_ struct outstanding *o = make();

	add(o, "early", "{}", 1);
	add(o, "late", "{}", 3);
	add(o, "urgent", "{}", 5);
	outstanding_hurry(o, "urgent");
	outstanding_hurry(o, "nobody");
	publish(o, "early", 4, 0);
	publish(o, "urgent", 5, 0);
	publish(o, "late", 5, 0);
	assert_true(outstanding_remove(o, "urgent"));
	add(o, "next", "{}", 6); /* in the place of the urgent one */
	add(o, "early", "{}", 6);
	publish(o, "early", 6, 0);
	publish(o, "next", 6, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(knows_what_has_gone),
		cmocka_unit_test(who_came_first_goes_first),
		cmocka_unit_test(is_due_at_once),
		cmocka_unit_test(pauses_double_up_to_the_longest),
		cmocka_unit_test(dice_shorten_by_a_quarter_at_most),
		cmocka_unit_test(the_longest_wait_comes_first),
		cmocka_unit_test(the_urgent_one_goes_first),
		cmocka_unit_test(the_same_job_starts_over),
		cmocka_unit_test(a_new_connection_starts_all_over),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
