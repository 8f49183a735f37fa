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
	(void)callers_learn(callers, caller, uid, /* in_group= */ false, now_us);
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

static unsigned hold(struct callers *callers, struct caller *caller)
{
	unsigned n = 0;

	while (callers_hold(callers, caller))
		n++;
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
	assert_true(callers_learn(*state, caller, 1000, /* in_group= */ true, NOW));
	assert_true(caller_is_known(caller));
	assert_int_equal(caller_uid(caller), 1000);
	assert_true(caller_is_in_group(caller));
	assert_true(callers_learn(*state, caller, 0, false, NOW)); /* once and for all */
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
	assert_int_equal(hold(*state, two), 0);
	assert_int_equal(hold(*state, other), CALLERS_WAITING_EACH);
	callers_release(*state, one);
	assert_int_equal(hold(*state, two), 1);

	callers_forget(*state, ":1.1"); /* not while something waits */
	assert_true(is_remembered(*state, 1, NOW));
}

static void test_how_many_wait(void **state)
{
	unsigned known = 0, strangers = 0;

	for (unsigned i = 0; i < 20; i++)
		known += hold(*state, get_known(*state, i, 1000 + i, NOW));
	assert_int_equal(known, CALLERS_WAITING_MAX);
	for (unsigned i = 100; i < 120; i++)
		strangers += hold(*state, get(*state, i, NOW));
	assert_int_equal(strangers, CALLERS_WAITING_STRANGERS);
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
	struct caller *one = get(*state, 1, NOW), *two = get(*state, 2, NOW);
	unsigned n = 0;

	assert_int_equal(hold(*state, one), CALLERS_WAITING_EACH);
	assert_int_equal(hold(*state, two), CALLERS_WAITING_EACH);
	assert_true(callers_learn(*state, one, 1000, false, NOW));
	while (!callers_learn(*state, two, 1000, false, NOW)) {
		callers_release(*state, two);
		n++;
	}
	assert_int_equal(n, CALLERS_WAITING_EACH);

	/* All that is released is free again. */
	for (unsigned i = 0; i < CALLERS_WAITING_EACH; i++)
		callers_release(*state, one);
	assert_int_equal(hold(*state, two), CALLERS_WAITING_EACH);
	assert_int_equal(hold(*state, get(*state, 3, NOW)), CALLERS_WAITING_EACH);
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

/* Who has something waiting does not go; when that is true of all there is no room. */
static void test_no_room(void **state)
{
	unsigned n_strangers = 0;

	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = get(*state, i, NOW);

		if (callers_hold(*state, caller))
			n_strangers++;
		else
			(void)callers_learn(*state, caller, i, false, NOW);
		if (caller_is_known(caller))
			assert_true(callers_hold(*state, caller));
	}
	assert_int_equal(n_strangers, CALLERS_WAITING_STRANGERS);
	assert_null(get(*state, CALLERS_MAX, NOW));
	callers_release(*state, get(*state, 200, NOW));
	assert_non_null(get(*state, CALLERS_MAX, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_connection_pays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_costs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_user_pays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leaving_does_not_help, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_how_many_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_get_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_crowd_pushes_out_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_go_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
