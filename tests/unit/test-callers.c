/* SPDX-License-Identifier: GPL-2.0-or-later */
/* callers: what each may, what all may, and who goes when there is no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/callers.h"
#include "lib/util.h"

#define NOW 1000000000ull

static int set_up(void **state)
{
	struct callers *callers;

	if (callers_new(&callers) < 0)
		return -1;
	*state = callers;
	return 0;
}

static int tear_down(void **state)
{
	callers_free(*state);
	return 0;
}

static struct caller *get(struct callers *callers, unsigned n, uint64_t now_us)
{
	char name[32];

	(void)snprintf(name, sizeof(name), ":1.%u", n);
	return callers_get(callers, name, now_us);
}

static struct caller *get_known(struct callers *callers, unsigned n, unsigned uid, uint64_t now_us)
{
	struct caller *caller = get(callers, n, now_us);

	assert_non_null(caller);
	callers_learn(callers, caller, uid, /* in_group= */ false, now_us);
	return caller;
}

static bool is_remembered(struct callers *callers, unsigned n, uint64_t now_us)
{
	return caller_is_known(get(callers, n, now_us));
}

static unsigned spend(struct caller *caller, enum cost cost, uint64_t now_us)
{
	unsigned n = 0;

	while (caller_pay(caller, cost, now_us))
		n++;
	return n;
}

/* One more call waits, and there is room. */
static void hold_free(struct callers *callers, struct caller *caller)
{
	callers_hold(callers, caller, 1);
	assert_null(callers_find_surplus(callers, caller));
}

/* One more call waits, for which somebody may have to give one up; true: not the same. */
static bool hold_one(struct callers *callers, struct caller *caller)
{
	struct caller *surplus;

	callers_hold(callers, caller, 1);
	surplus = callers_find_surplus(callers, caller);
	if (!surplus)
		return true;
	callers_release(callers, surplus, 1);
	assert_null(callers_find_surplus(callers, caller));
	return !caller_is_of_crowd(surplus, caller);
}

/* As many as may wait. */
static unsigned hold(struct callers *callers, struct caller *caller)
{
	unsigned n = 0;

	while (hold_one(callers, caller))
		n++;
	return n;
}

static unsigned ask(struct callers *callers, struct caller *caller)
{
	unsigned n = 0;

	for (; callers_may_ask(callers, caller); n++)
		callers_begin_question(callers, caller);
	return n;
}

static void test_names(void **state)
{
	char name[CALLERS_NAME_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[CALLERS_NAME_MAX + 1] = 0;
	assert_null(callers_get(*state, name, NOW));
	assert_null(callers_get(*state, "", NOW));
	name[CALLERS_NAME_MAX] = 0;
	assert_string_equal(caller_name(callers_get(*state, name, NOW)), name);
	assert_ptr_equal(callers_get(*state, name, NOW), callers_get(*state, name, NOW));
	assert_ptr_not_equal(get(*state, 1, NOW), get(*state, 2, NOW));
}

static void test_what_is_known(void **state)
{
	struct caller *caller = get(*state, 1, NOW);

	assert_false(caller_is_known(caller));
	callers_learn(*state, caller, 1000, /* in_group= */ true, NOW);
	assert_true(caller_is_known(caller));
	assert_int_equal(caller_uid(caller), 1000);
	assert_true(caller_is_in_group(caller));
	callers_learn(*state, caller, 0, false, NOW); /* once and for all */
	assert_int_equal(caller_uid(caller), 1000);

	callers_forget(*state, ":1.1");
	callers_forget(*state, ":1.7");
	callers_forget(*state, "");
	assert_false(is_remembered(*state, 1, NOW));
}

static void test_a_connection_pays(void **state)
{
	struct caller *one = get_known(*state, 1, 1000, NOW);
	struct caller *other = get_known(*state, 2, 1001, NOW);

	assert_int_equal(spend(one, COST_ORDINARY, NOW), CALLERS_BURST);
	assert_int_equal(spend(one, COST_ORDINARY, NOW), 0);
	assert_int_equal(spend(one, COST_ORDINARY, NOW + 1000000), CALLERS_RATE);
	assert_int_equal(spend(other, COST_WALK, NOW), 20);
}

/* Dearer in the order of the names. */
static void test_costs(void **state)
{
	unsigned n[4];

	for (unsigned i = 0; i < 4; i++)
		n[i] = spend(get_known(*state, i, 1000 + i, NOW), (enum cost)i, NOW);
	assert_true(n[COST_ORDINARY] > n[COST_WRITE]);
	assert_true(n[COST_WRITE] > n[COST_LIST]);
	assert_true(n[COST_LIST] > n[COST_WALK]);
}

/* A user with many connections has no more than two would have; root's do not disturb each other. */
static void test_a_user_pays(void **state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		n += spend(get_known(*state, i, 1000, NOW), COST_ORDINARY, NOW);
	assert_int_equal(n, CALLERS_USER_BURST);
	assert_int_equal(spend(get_known(*state, 100, 1001, NOW), COST_ORDINARY, NOW),
			 CALLERS_BURST);
	for (unsigned i = 101; i < 110; i++)
		assert_int_equal(spend(get_known(*state, i, 0, NOW), COST_ORDINARY, NOW),
				 CALLERS_BURST);
}

/* Who is refused for what his other connections took keeps what this one has. */
static void test_nothing_is_taken_in_vain(void **state)
{
	struct caller *caller = get_known(*state, 3, 1000, NOW);

	for (unsigned i = 1; i < 3; i++)
		(void)spend(get_known(*state, i, 1000, NOW), COST_ORDINARY, NOW);
	for (unsigned i = 0; i < CALLERS_BURST; i++)
		assert_false(caller_pay(caller, COST_ORDINARY, NOW));
	assert_int_equal(spend(caller, COST_ORDINARY, NOW + 1000000), CALLERS_USER_RATE);
}

/* What a user has used up is used up, however he comes again. */
static void test_leaving_does_not_help(void **state)
{
	for (unsigned i = 0; i < 2; i++)
		(void)spend(get_known(*state, i, 1000, NOW), COST_ORDINARY, NOW);
	callers_forget(*state, ":1.0");
	callers_forget(*state, ":1.1");
	/* Others come and go, as many as there is room for. */
	for (unsigned i = 2; i < 2 * CALLERS_MAX; i++) {
		char name[32];

		(void)get_known(*state, i, 2000 + i, NOW);
		(void)snprintf(name, sizeof(name), ":1.%u", i);
		callers_forget(*state, name);
	}
	assert_int_equal(spend(get_known(*state, 9999, 1000, NOW), COST_ORDINARY, NOW), 0);
}

static void test_who_waits(void **state)
{
	struct caller *one = get_known(*state, 1, 1000, NOW);
	struct caller *two = get_known(*state, 2, 1000, NOW);
	struct caller *other = get_known(*state, 3, 1001, NOW);

	assert_int_equal(hold(*state, one), CALLERS_WAITING_EACH);
	assert_false(caller_waits_too_much(one));
	callers_hold(*state, two, 1);
	assert_true(caller_waits_too_much(two));
	assert_ptr_equal(callers_find_surplus(*state, two), two);
	callers_release(*state, two, 1);
	assert_int_equal(hold(*state, two), 0);
	assert_int_equal(hold(*state, other), CALLERS_WAITING_EACH);
	callers_release(*state, one, 1);
	assert_int_equal(hold(*state, two), 1);

	callers_forget(*state, ":1.1"); /* not while something waits */
	assert_true(is_remembered(*state, 1, NOW));
}

static void test_who_shares_a_limit(void **state)
{
	struct caller *one = get_known(*state, 1, 1000, NOW);
	struct caller *stranger = get(*state, 5, NOW);

	assert_true(caller_is_of_crowd(one, one));
	assert_true(caller_is_of_crowd(one, get_known(*state, 2, 1000, NOW)));
	assert_false(caller_is_of_crowd(one, get_known(*state, 3, 1001, NOW)));
	assert_false(caller_is_of_crowd(one, stranger));
	assert_true(caller_is_of_crowd(stranger, stranger));
	assert_false(caller_is_of_crowd(stranger, get(*state, 6, NOW)));
	assert_false(
		caller_is_of_crowd(get_known(*state, 7, 0, NOW), get_known(*state, 8, 0, NOW)));
}

/* Those known and strangers have places of their own. */
static void test_how_many_wait(void **state)
{
	const unsigned n_users = CALLERS_WAITING_MAX / CALLERS_WAITING_EACH;
	const unsigned n_strangers = CALLERS_WAITING_STRANGERS / CALLERS_WAITING_EACH;
	struct caller *caller;

	for (unsigned i = 0; i < n_users; i++)
		assert_int_equal(hold(*state, get_known(*state, i, 1000 + i, NOW - 1)),
				 CALLERS_WAITING_EACH);
	for (unsigned i = 100; i < 100 + n_strangers; i++) {
		assert_false(callers_strangers_are_full(*state));
		assert_int_equal(hold(*state, get(*state, i, NOW)), CALLERS_WAITING_EACH);
	}
	assert_true(callers_strangers_are_full(*state));

	caller = get_known(*state, 50, 2000, NOW);
	callers_hold(*state, caller, 1);
	assert_non_null(callers_find_surplus(*state, caller));
	assert_false(caller_waits_too_much(caller));
	callers_release(*state, caller, 1);
	assert_null(callers_find_surplus(*state, caller));

	caller = get(*state, 150, NOW);
	callers_hold(*state, caller, 1);
	assert_non_null(callers_find_surplus(*state, caller));
	assert_false(caller_is_known(callers_find_surplus(*state, caller)));
	callers_release(*state, caller, 1);
	assert_null(callers_find_surplus(*state, caller));
}

/* A call that brings much takes the places of many. */
static void test_large_calls(void **state)
{
	const unsigned n = CALLERS_WAITING_MAX / CALLERS_PLACES_MAX;
	struct caller *late = get_known(*state, 99, 1099, NOW + 1), *surplus;

	for (unsigned i = 0; i < n; i++) {
		struct caller *caller = get_known(*state, i, 1000 + i, NOW);

		callers_hold(*state, caller, CALLERS_PLACES_MAX);
		assert_null(callers_find_surplus(*state, caller));
		callers_hold(*state, caller, CALLERS_PLACES_MAX);
		assert_ptr_equal(callers_find_surplus(*state, caller), caller);
		assert_true(caller_waits_too_much(caller));
		callers_release(*state, caller, CALLERS_PLACES_MAX);
	}
	callers_hold(*state, late, CALLERS_PLACES_MAX);
	surplus = callers_find_surplus(*state, late);
	assert_non_null(surplus);
	assert_ptr_not_equal(surplus, late);
	callers_release(*state, surplus, CALLERS_PLACES_MAX);
	assert_null(callers_find_surplus(*state, late));
}

/* While one more is heard there is room for it, whatever it brings: no stranger gives up a call for another's. */
static void test_strangers_with_large_calls(void **state)
{
	unsigned n = 0;

	for (; !callers_strangers_are_full(*state); n++) {
		struct caller *caller = get(*state, n, NOW);

		callers_hold(*state, caller, n % 2 ? 1 : CALLERS_PLACES_MAX);
		assert_null(callers_find_surplus(*state, caller));
	}
	assert_true(n > 2 * (CALLERS_WAITING_STRANGERS / CALLERS_PLACES_MAX) - 2);
}

/* Whoever comes late gets as much as the others have then. */
static void test_a_late_user(void **state)
{
	const unsigned n_users = CALLERS_WAITING_MAX / CALLERS_WAITING_EACH;

	for (unsigned i = 0; i < n_users; i++)
		(void)hold(*state, get_known(*state, i, 1000 + i, NOW));
	assert_int_equal(hold(*state, get_known(*state, 50, 2000, NOW + 1)),
			 CALLERS_WAITING_MAX / (n_users + 1) + 1);
	assert_true(hold_one(*state, get_known(*state, 60, 0, NOW + 2)));
	assert_true(hold_one(*state, get_known(*state, 61, 3000, NOW + 2)));
}

/* Strangers of one user are as many as a bus lets him connect, whatever each has. */
static void test_a_crowd_of_strangers(void **state)
{
	const unsigned n = 256;
	struct caller *late, *surplus;

	for (unsigned round = 0; round < CALLERS_WAITING_EACH; round++)
		for (unsigned i = 0; i < n; i++)
			(void)hold_one(*state, get(*state, i, NOW + i));
	late = get(*state, n, NOW + n);
	assert_true(hold_one(*state, late));
	/* It stays when the others go on, each time with another connection. */
	for (unsigned i = 0; i < 3 * n; i++) {
		struct caller *caller = get(*state, i % n, NOW + n + 1 + i);

		callers_hold(*state, caller, 1);
		surplus = callers_find_surplus(*state, caller);
		assert_non_null(surplus);
		assert_ptr_not_equal(surplus, late);
		callers_release(*state, surplus, 1);
	}
}

/* Among those who have the same the one goes who has not called for longest. */
static void test_the_oldest_stranger_goes(void **state)
{
	struct caller *newcomer, *oldest;

	for (unsigned i = 0; i < CALLERS_WAITING_STRANGERS; i++)
		assert_true(hold_one(*state, get(*state, i, NOW + i)));
	(void)get(*state, 0, NOW + CALLERS_WAITING_STRANGERS);
	oldest = get(*state, 1, NOW + 1);
	newcomer = get(*state, 9999, NOW + CALLERS_WAITING_STRANGERS + 1);
	callers_hold(*state, newcomer, 1);
	assert_ptr_equal(callers_find_surplus(*state, newcomer), oldest);
}

/* Root may with several connections, as scripts do; each with no more than others. */
static void test_root_waits(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hold(*state, get_known(*state, i, 0, NOW)), CALLERS_WAITING_EACH);
}

/* Two strangers turn out to be the same user: the calls that are too many go, the others stay. */
static void test_strangers_get_known(void **state)
{
	struct caller *one = get(*state, 1, NOW), *two = get(*state, 2, NOW), *surplus;
	unsigned n = 0;

	assert_int_equal(hold(*state, one), CALLERS_WAITING_EACH);
	assert_int_equal(hold(*state, two), CALLERS_WAITING_EACH);
	callers_learn(*state, one, 1000, false, NOW);
	assert_null(callers_find_surplus(*state, one));
	callers_learn(*state, two, 1000, false, NOW);
	for (; (surplus = callers_find_surplus(*state, two)); n++) {
		assert_ptr_equal(surplus, two);
		callers_release(*state, two, 1);
	}
	assert_int_equal(n, CALLERS_WAITING_EACH);

	/* All that is released is free again. */
	for (unsigned i = 0; i < CALLERS_WAITING_EACH; i++)
		callers_release(*state, one, 1);
	assert_int_equal(hold(*state, two), CALLERS_WAITING_EACH);
	assert_int_equal(hold(*state, get(*state, 3, NOW)), CALLERS_WAITING_EACH);
}

/* When all places of those known are taken, a stranger who gets known pushes out others, too. */
static void test_a_stranger_gets_known_late(void **state)
{
	struct caller *late = get(*state, 100, NOW + 1), *surplus;

	assert_true(hold_one(*state, late));
	for (unsigned i = 0; i < CALLERS_WAITING_MAX / CALLERS_WAITING_EACH; i++)
		(void)hold(*state, get_known(*state, i, 1000 + i, NOW));
	callers_learn(*state, late, 2000, false, NOW);
	surplus = callers_find_surplus(*state, late);
	assert_non_null(surplus);
	assert_ptr_not_equal(surplus, late);
	callers_release(*state, surplus, 1);
	assert_null(callers_find_surplus(*state, late));
	/* His place among strangers is free. */
	for (unsigned i = 0; i < CALLERS_WAITING_STRANGERS; i++)
		hold_free(*state, get(*state, 200 + i, NOW));
}

static void test_questions(void **state)
{
	struct caller *one = get_known(*state, 1, 1000, NOW);
	struct caller *two = get_known(*state, 2, 1000, NOW);
	unsigned n = 0;

	assert_int_equal(ask(*state, one), CALLERS_ASKED_EACH);
	assert_int_equal(ask(*state, two), 0);
	callers_end_question(*state, one);
	assert_int_equal(ask(*state, two), 1);
	callers_end_question(*state, two);
	for (unsigned i = 1; i < CALLERS_ASKED_EACH; i++)
		callers_end_question(*state, one);

	for (unsigned i = 0; i < CALLERS_ASKED_MAX; i++)
		n += ask(*state, get_known(*state, 10 + i, 2000 + i, NOW));
	assert_int_equal(n, CALLERS_ASKED_MAX);
	assert_false(callers_may_ask(*state, one));
	callers_end_question(*state, get_known(*state, 10, 2000, NOW));
	assert_true(callers_may_ask(*state, one));
}

/* Whoever has most connections loses those unused for longest; others keep theirs. */
static void test_a_crowd_pushes_out_itself(void **state)
{
	(void)get_known(*state, 0, 1001, NOW);
	(void)get_known(*state, 1, 0, NOW + 1);
	for (unsigned i = 2; i < 5 * CALLERS_MAX; i++)
		(void)get_known(*state, i, 1000, NOW + i);
	assert_true(is_remembered(*state, 0, NOW + 9999));
	assert_true(is_remembered(*state, 1, NOW + 9999));
	assert_true(is_remembered(*state, 5 * CALLERS_MAX - 1, NOW + 9999));
	assert_false(is_remembered(*state, 2, NOW + 9999));
}

/* Strangers of whom nothing waits go before anybody. */
static void test_strangers_go_first(void **state)
{
	(void)get_known(*state, 0, 1001, NOW);
	for (unsigned i = 1; i < 3 * CALLERS_MAX; i++)
		(void)get(*state, i, NOW + i);
	assert_true(is_remembered(*state, 0, NOW + 9999));
}

/* Who has something waiting does not go; there always is room for one more. */
static void test_room(void **state)
{
	for (unsigned i = 0; i < CALLERS_WAITING_MAX; i++)
		hold_free(*state, get_known(*state, i, i, NOW));
	for (unsigned i = 0; i < CALLERS_WAITING_STRANGERS; i++)
		hold_free(*state, get(*state, CALLERS_MAX + i, NOW));
	for (unsigned i = 0; i < CALLERS_MAX; i++)
		assert_non_null(get_known(*state, 2 * CALLERS_MAX + i, 5000, NOW + i));
	for (unsigned i = 0; i < CALLERS_WAITING_MAX; i++)
		assert_true(is_remembered(*state, i, NOW));
	for (unsigned i = 0; i < CALLERS_WAITING_STRANGERS; i++)
		callers_release(*state, get(*state, CALLERS_MAX + i, NOW), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_connection_pays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_costs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_user_pays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_taken_in_vain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leaving_does_not_help, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_shares_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_how_many_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_with_large_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_late_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_crowd_of_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_oldest_stranger_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_get_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stranger_gets_known_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_questions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_crowd_pushes_out_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_go_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
