/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gateways tell of their records, on a registry in a file: what is new of it, what is a gap, what another chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/util.h"
#include "tests/unit/cloud-home.h"
#include "tools/cloud/body.h"
#include "tools/cloud/history.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/request.h"

#define GATEWAY "gw-1"

static struct cloud_home world;
static const char *last_step; /* of the last batch that was taken */
static bool is_lost;          /* and what it showed */

/* In the place of the machine's clock. */
uint64_t request_now_s(void)
{
	return 1900000000;
}

static int set_up(void **state)
{
	cloud_home_make(&world);
	assert_int_equal(registry_gateway_add(world.registry, GATEWAY, "t"), 0);
	return 0;
}

static int tear_down(void **state)
{
	cloud_home_remove(&world);
	return 0;
}

/* --- chains --- */

/* The MAC of a record of the chain of that letter; zeros before the first. */
static void mac_of(char chain, uint64_t n, char mac[BODY_HASH_LEN + 1])
{
	memset(mac, n ? chain : '0', BODY_HASH_LEN);
	mac[BODY_HASH_LEN] = 0;
	if (n)
		(void)snprintf(mac + BODY_HASH_LEN - 8, 9, "%08llx", (unsigned long long)n);
}

static struct events *batch(char chain, uint64_t first, size_t n, const char *broken)
{
	static struct events events;

	events = (struct events){ .id = "record.1", .first = first, .n_events = n };
	mac_of(chain, first - 1, events.before);
	(void)gw_copy(events.broken, sizeof(events.broken), broken);
	for (size_t i = 0; i < n; i++) {
		events.events[i] = (struct event){ .n = first + i, .time = 7, .event = "claim" };
		mac_of(chain, first + i, events.events[i].mac);
	}
	return &events;
}

/* What the cloud answers: the number of its last record; *ret_reason is "" where it took the batch. */
static uint64_t tell(const struct events *events, const char **ret_reason)
{
	static char reason[64];
	char mac[BODY_HASH_LEN + 1] = "";
	struct branch branch;
	char *answer = NULL;
	const char *why, *told;
	json_int_t head;
	json_t *json;

	last_step = NULL;
	assert_int_equal(
		history_take(world.registry, GATEWAY, events, &answer, &last_step, &is_lost), 0);
	json = json_loads(answer, 0, NULL);
	assert_non_null(json);
	why = json_string_value(json_object_get(json, "reason"));
	(void)gw_copy(reason, sizeof(reason), why ? why : "");
	head = json_integer_value(json_object_get(json, "head"));
	told = json_string_value(json_object_get(json, "mac"));
	(void)gw_copy(mac, sizeof(mac), told ? told : "");

	assert_int_equal(registry_branch_get(world.registry, GATEWAY, &branch), 0);
	assert_int_equal(branch.head, head);
	if (head)
		assert_string_equal(mac, branch.mac);
	json_decref(json);
	free(answer);
	*ret_reason = reason;
	return (uint64_t)head;
}

static void expect_taken(const struct events *events, uint64_t head, bool is_new)
{
	const char *reason;

	assert_int_equal(tell(events, &reason), head);
	assert_string_equal(reason, "");
	assert_int_equal(last_step != NULL, is_new);
}

static void expect_refused(const struct events *events, uint64_t head, const char *expected)
{
	const char *reason;

	assert_int_equal(tell(events, &reason), head);
	assert_string_equal(reason, expected);
	assert_null(last_step);
}

static int count_one(const char *gateway, uint64_t branch, const char *broken,
		     const struct event *event, void *userdata)
{
	unsigned *counts = userdata;

	assert_string_equal(gateway, GATEWAY);
	assert_in_range(branch, 1, 3);
	counts[branch]++;
	return 0;
}

/* How many records there are of the branch. */
static unsigned count(uint64_t branch)
{
	unsigned counts[4] = { 0 };

	assert_int_equal(registry_events_each(world.registry, GATEWAY, count_one, counts), 0);
	return counts[branch];
}

/* --- tests --- */

static void one_after_the_other(void **state)
{
	expect_taken(batch('a', 1, 3, ""), 3, true);
	expect_taken(batch('a', 4, 1, ""), 4, true);
	expect_taken(batch('a', 5, BODY_EVENTS_MAX, ""), 4 + BODY_EVENTS_MAX, true);
	assert_int_equal(count(1), 4 + BODY_EVENTS_MAX);
	assert_int_equal(count(2), 0);
}

static int keep_one(const char *gateway, uint64_t branch, const char *broken,
		    const struct event *event, void *userdata)
{
	*(struct event *)userdata = *event;
	return 0;
}

static void all_of_a_record_is_kept(void **state)
{
	struct events *events = batch('a', 1, 1, "");
	struct event kept = { 0 };
	char mac[BODY_HASH_LEN + 1];

	events->events[0] = (struct event){ .n = 1,
					    .time = 1800000000,
					    .event = "claim",
					    .device = "ACME-1",
					    .who = "uid 0",
					    .reason = "withdrawn",
					    .detail = "a \"detail\"" };
	mac_of('a', 1, events->events[0].mac);
	expect_taken(events, 1, true);
	assert_int_equal(registry_events_each(world.registry, GATEWAY, keep_one, &kept), 0);
	assert_memory_equal(&kept, &events->events[0], sizeof(kept));
	assert_int_equal(registry_event_mac(world.registry, GATEWAY, 1, 1, mac), 0);
	assert_string_equal(mac, kept.mac);
	assert_int_equal(registry_event_mac(world.registry, GATEWAY, 1, 2, mac), -ENOENT);
	assert_int_equal(registry_event_mac(world.registry, GATEWAY, 2, 1, mac), -ENOENT);
}

/* Answers get lost: what is known is not added once more, and what is new behind it is. */
static void told_again(void **state)
{
	expect_taken(batch('a', 1, 4, ""), 4, true);
	expect_taken(batch('a', 1, 4, ""), 4, false);
	expect_taken(batch('a', 2, 2, ""), 4, false);
	expect_taken(batch('a', 4, 1, ""), 4, false);
	expect_taken(batch('a', 3, 4, ""), 6, true);
	assert_int_equal(count(1), 6);
}

static void a_gap(void **state)
{
	expect_refused(batch('a', 2, 1, ""), 0, "record-gap");
	expect_taken(batch('a', 1, 2, ""), 2, true);
	expect_refused(batch('a', 4, 2, ""), 2, "record-gap");
	expect_refused(batch('b', 4, 2, ""), 2,
		       "record-gap"); /* which chain it is shows when it comes closer */
	expect_taken(batch('a', 3, 3, ""), 5, true);
	assert_int_equal(count(1), 5);
}

static void another_chain(void **state)
{
	struct events *events;

	expect_taken(batch('a', 1, 3, ""), 3, true);
	expect_refused(batch('b', 4, 1, ""), 3, "record-lost"); /* its last one is not ours */
	expect_refused(batch('b', 3, 2, ""), 3, "record-lost");
	expect_refused(batch('b', 1, 2, ""), 3, "record-lost"); /* shorter than ours */

	/* The same up to a record, and then another: found out at the last that both have. */
	events = batch('a', 2, 4, "");
	mac_of('b', 3, events->events[1].mac);
	expect_refused(events, 3, "record-lost");
	events = batch('a', 4, 1, "");
	mac_of('b', 3, events->before);
	expect_refused(events, 3, "record-lost");
	assert_int_equal(count(1), 3);
}

/* A batch without records: the gateway wants to know where we stand. */
static void a_question(void **state)
{
	expect_refused(batch('a', 2, 0, ""), 0, "record-gap");
	expect_taken(batch('a', 1, 3, ""), 3, true);
	expect_taken(batch('a', 4, 0, ""), 3, false);
	expect_taken(batch('a', 3, 0, ""), 3, false); /* an old copy: our head tells it */
	expect_refused(batch('a', 5, 0, ""), 3, "record-gap");
	expect_refused(batch('b', 4, 0, ""), 3, "record-lost");
	expect_refused(batch('b', 3, 0, ""), 3, "record-lost");
	assert_int_equal(count(1), 3);
}

/* Only where the gateway says so, what it tells begins anew; and once. */
static void a_new_branch(void **state)
{
	struct branch branch;

	expect_taken(batch('a', 1, 3, ""), 3, true);
	expect_taken(batch('b', 2, 4, "old-copy"), 5, true);
	assert_true(is_lost);
	assert_int_equal(registry_branch_get(world.registry, GATEWAY, &branch), 0);
	assert_int_equal(branch.number, 2);
	assert_string_equal(branch.broken, "old-copy");
	expect_taken(batch('b', 2, 4, "old-copy"), 5, false);
	assert_false(is_lost); /* that is known */
	expect_taken(batch('b', 6, 1, ""), 6, true);
	expect_taken(batch('b', 9, 1, "summarised"), 9, true);
	assert_false(is_lost);
	assert_int_equal(count(1), 3);
	assert_int_equal(count(2), 5);
	assert_int_equal(count(3), 1);
}

/* A gateway may have dropped what it told another cloud: the first that we hear of it begins later. */
static void a_branch_that_is_the_first(void **state)
{
	struct branch branch;

	expect_taken(batch('a', 9, 2, "gone"), 10, true);
	assert_int_equal(registry_branch_get(world.registry, GATEWAY, &branch), 0);
	assert_int_equal(branch.number, 1);
	expect_taken(batch('a', 11, 1, ""), 11, true);
	assert_int_equal(count(1), 3);
}

static void a_gateway_that_nobody_knows(void **state)
{
	struct branch branch;
	const char *step = NULL;
	char *answer = NULL;

	assert_int_equal(history_take(world.registry, "gw-9", batch('a', 1, 1, ""), &answer, &step,
				      &is_lost),
			 0);
	assert_non_null(strstr(answer, "not-allowed"));
	assert_null(step);
	free(answer);
	assert_int_equal(registry_branch_get(world.registry, "gw-9", &branch), 0);
	assert_int_equal(branch.number, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(one_after_the_other),
		TEST(all_of_a_record_is_kept),
		TEST(told_again),
		TEST(a_gap),
		TEST(another_chain),
		TEST(a_question),
		TEST(a_new_branch),
		TEST(a_branch_that_is_the_first),
		TEST(a_gateway_that_nobody_knows),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
