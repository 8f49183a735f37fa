/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record's way to a cloud that is late, wrong, restored from a copy or away for long; the question where it
 * stands; and an old copy of the store, which the cloud knows better than.
 */
#include <string.h>
#include <sys/stat.h>

#include "agent/audit-retention.h"
#include "agent/lifecycle.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tests/unit/agent-record.h"
#include "tests/unit/agent-world.h"

static void batches_in_order(void **state)
{
	uint64_t from = record_facts().acknowledged;
	struct batch batch = record_send(), second;
	char id[GW_ID_MAX + 1];

	assert_int_equal(batch.first, from + 1);
	assert_int_equal(batch.last, from + 64);
	assert_string_equal(batch.broken, "");
	record_sends_nothing(); /* one at a time */
	(void)gw_copy(id, sizeof(id), batch.id);
	batch = record_send();
	assert_string_equal(batch.id, id); /* the same records have the same name */

	record_say_done(&batch);
	assert_int_equal(record_facts().acknowledged, batch.last);
	assert_true(record_hear(&second));
	assert_int_equal(second.first, batch.last + 1);
	assert_memory_equal(second.before, batch.mac, AUDIT_MAC_LEN);
	record_say_done(&batch); /* twice: nothing goes out of turn */
	record_sends_nothing();
	assert_int_equal(record_facts().acknowledged, batch.last);
	record_say_done(&second);
	record_export();
	assert_true(world_record_is_whole());
}

static void what_is_acknowledged_survives(void **state)
{
	struct batch batch = record_send(), again;

	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(record_hear(&again));
	assert_string_equal(again.id, batch.id);
	record_say_done(&again);
	world_restart();
	assert_int_equal(record_facts().acknowledged, batch.last);
	record_say_done(&batch); /* late, to an agent that has not sent it */
	assert_int_equal(record_facts().acknowledged, batch.last);
}

static void a_long_record_makes_small_batches(void **state)
{
	char long_text[AUDIT_TEXT_MAX + 1];
	struct batch batch;

	record_export();
	memset(long_text, '\\', AUDIT_TEXT_MAX);
	long_text[AUDIT_TEXT_MAX] = 0;
	for (int i = 0; i < 100; i++)
		lifecycle_record(world_agent(), "claim", long_text, long_text, long_text,
				 long_text);
	world_turn();
	batch = record_send();
	assert_in_range(batch.last - batch.first, 30, 50);
	record_export();
}

static void answers_that_lead_nowhere(void **state)
{
	uint8_t wrong[AUDIT_MAC_LEN] = { 1 };
	struct batch batch = record_send();
	uint64_t before = record_facts().acknowledged;

	record_say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, 0,
		   NULL); /* it says nothing of a head */
	record_sends_nothing();
	batch = record_send();
	record_say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, batch.last, NULL);
	record_sends_nothing();
	batch = record_send();
	record_say(GW_OUTCOME_PENDING, batch.id, GW_REASON_NONE, 0, NULL);
	record_sends_nothing();
	batch = record_send();
	record_say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_NOT_ALLOWED, 0, NULL);
	assert_string_equal(record_facts().refusal, "not-allowed");
	record_sends_nothing();
	assert_int_equal(record_facts().acknowledged, before);
	assert_int_equal(record_facts().lost_to, 0);

	batch = record_send();
	assert_string_equal(record_facts().refusal, "");
	record_say(GW_OUTCOME_DONE, "record.1.1.00", GW_REASON_NONE, batch.first, wrong);
	assert_int_equal(record_facts().acknowledged, before); /* that is no record of ours: */
	assert_int_equal(record_facts().lost_to, batch.first);
}

static void a_cloud_that_was_set_back(void **state)
{
	uint64_t before = record_facts().acknowledged;
	struct batch batch = record_send(), again;

	record_say_done(&batch);
	assert_true(record_hear(&again));
	record_say(GW_OUTCOME_REFUSED, again.id, GW_REASON_RECORD_GAP, batch.first - 1,
		   batch.before);
	assert_int_equal(record_facts().acknowledged, before);
	assert_true(record_hear(&again));
	assert_string_equal(again.id, batch.id);
	assert_string_equal(again.broken, "");
	record_say_done(&again);
	record_export();
	assert_int_equal(world_recorded("record-set-back"), 1);
	assert_int_equal(world_recorded("record-lost"), 0);
	assert_true(world_record_is_whole());
}

static void a_cloud_that_lost_what_is_gone_here(void **state)
{
	struct batch batch;
	uint8_t old[AUDIT_MAC_LEN] = { 3 };

	record_export();
	record_drop(record_head() - 10);
	record_add(1);
	batch = record_send();
	record_say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_RECORD_GAP, 2, old);
	assert_true(record_hear(&batch));
	assert_string_equal(batch.broken, "gone");
	assert_int_equal(batch.first, record_first());
	record_say_done(&batch);
	record_export();
	assert_true(world_record_is_whole());
}

/* --- asking where the cloud stands --- */

static struct batch hear_question(void)
{
	struct batch question;

	assert_true(record_hear(&question));
	assert_true(record_is_question(&question));
	assert_int_equal(question.last, record_head());
	assert_string_equal(question.broken, "");
	return question;
}

static struct batch start_anew(void)
{
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	return hear_question();
}

static void once_after_each_start(void **state)
{
	struct batch question, again;

	record_export();
	question = start_anew();
	again = start_anew();
	assert_string_not_equal(question.id, again.id);
	record_say_done(&question); /* an answer of the past is none */
	record_sends_nothing();
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	question = hear_question();
	assert_string_not_equal(question.id, again.id);
	record_say_done(&question);
	record_sends_nothing();
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	record_sends_nothing();
}

/* While the cloud is away the gateway goes on; what it records goes at once when the question is answered. */
static void nothing_waits_for_the_answer(void **state)
{
	struct batch question, batch;

	record_export();
	question = start_anew();
	record_add(3);
	record_sends_nothing();
	record_say_done(&question);
	assert_true(record_hear(&batch));
	assert_int_equal(batch.first, question.first);
	assert_int_equal(batch.last, record_head());
	record_say_done(&batch);
	record_sends_nothing();
}

static void answers_that_do_not_settle_it(void **state)
{
	struct batch question;

	record_export();
	question = start_anew();
	record_say(GW_OUTCOME_PENDING, question.id, GW_REASON_NONE, 0, NULL);
	question = record_send();
	assert_true(record_is_question(&question));
	record_say(GW_OUTCOME_REFUSED, question.id, GW_REASON_NOT_ALLOWED, 0, NULL);
	question = record_send();
	assert_true(record_is_question(&question));
	record_say(GW_OUTCOME_DONE, question.id, GW_REASON_NONE, question.last, NULL);
	question = record_send();
	assert_true(record_is_question(&question));
	record_say_done(&question);
	record_sends_nothing();
}

static void a_question_where_all_records_went(void **state)
{
	record_export();
	record_drop(record_head());
	(void)start_anew();
}

static void a_question_to_a_cloud_that_was_set_back(void **state)
{
	struct batch batch = record_send(), question;

	record_say_done(&batch);
	record_export();
	question = start_anew();
	record_say(GW_OUTCOME_REFUSED, question.id, GW_REASON_RECORD_GAP, batch.last, batch.mac);
	assert_int_equal(world_recorded("record-set-back"), 1);
	assert_int_equal(record_facts().acknowledged, batch.last);
	assert_true(record_hear(&question));
	assert_int_equal(question.first, batch.last + 1);
	assert_false(record_is_question(&question));
}

/* --- an old copy of the store --- */

static void copy_store(const char *from, const char *to)
{
	static const char *const names[] = { "gangway.db", "gangway.db-wal", "gangway.db-shm" };
	char command[512];

	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		(void)snprintf(command, sizeof(command), "rm -f %s/%s; cp %s/%s %s/ 2>/dev/null",
			       to, names[i], from, names[i], to);
		(void)!system(command);
	}
}

/* Puts back a copy of before the last batch, which is returned. */
static struct batch put_back_old_copy(void)
{
	char aside[128];
	struct batch batch;
	uint64_t common;

	record_export();
	common = record_head();
	(void)snprintf(aside, sizeof(aside), "%s/aside", world_folder());
	assert_int_equal(mkdir(aside, 0700), 0);
	world_restart();
	copy_store(world_folder(), aside);
	world_connect(GW_ROLE_CLOUD);
	record_add(30);
	batch = record_send();
	record_say_done(&batch);
	assert_int_equal(batch.first, common + 1);
	assert_int_equal(batch.last, record_head());

	world_restart_on(aside);
	assert_int_equal(record_head(), common);
	assert_true(world_record_is_whole()); /* as far as can be known here */
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	return batch;
}

static void an_old_copy_where_nothing_happens(void **state)
{
	struct batch lost = put_back_old_copy(), batch;
	uint64_t common = record_head();

	assert_true(record_hear(&batch));
	assert_true(record_is_question(&batch));
	assert_int_equal(batch.last, common);
	record_say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, lost.last, lost.mac);
	assert_int_equal(world_recorded("record-lost"), 1);
	assert_int_equal(record_facts().lost_from, common + 1);
	assert_int_equal(record_facts().lost_to, lost.last);
	assert_int_equal(record_facts().common, WORLD_START_S);
	assert_true(record_hear(&batch));
	assert_string_equal(batch.broken, "old-copy");
	assert_int_equal(batch.first, common + 1);
	record_say_done(&batch);
	record_sends_nothing(); /* it has been asked */
}

static void an_old_copy(unsigned n_more)
{
	struct batch batch = put_back_old_copy();
	uint64_t common = record_head(), lost = batch.last;

	world_pass(60); /* other records than those that were lost */
	record_add(n_more);
	record_expect_walk(1000, 0, "");
	{
		struct batch ours = record_send();

		assert_int_equal(ours.first, common + 1);
		record_say(GW_OUTCOME_REFUSED, ours.id, GW_REASON_RECORD_LOST, batch.last,
			   batch.mac);
	}
	assert_int_equal(world_recorded("record-lost"), 1);
	assert_int_equal(record_facts().lost_from, common + 1);
	assert_int_equal(record_facts().lost_to, lost);
	assert_true(record_facts().since >= WORLD_START_S);
	record_expect_walk(1000, common + 1, "old copy of the store");

	/* It is not forgotten, and the chain that is here goes on as one of its own. */
	world_restart();
	assert_int_equal(record_facts().lost_to, lost);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(record_hear(&batch));
	assert_string_equal(batch.broken, "old-copy");
	assert_int_equal(batch.first, common + 1);
	record_say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_RECORD_LOST, lost, batch.before);
	assert_int_equal(world_recorded("record-lost"), 1); /* once */
	batch = record_send();
	record_say_done(&batch);
	record_export();
	record_add(1);
	batch = record_send();
	assert_string_equal(batch.broken, "");
	record_say_done(&batch);
	record_expect_walk(1000, common + 1, "old copy of the store");

	/* Until the record that tells of it goes. */
	world_agent()->settings.audit_keep_records = 1;
	audit_retention_look(world_agent()->audit_retention);
	world_turn();
	record_expect_walk(1000, 0, "");
	assert_int_equal(record_facts().lost_to, 0);
}

static void an_old_copy_that_is_behind(void **state)
{
	an_old_copy(3);
}

static void an_old_copy_that_has_gone_on(void **state)
{
	an_old_copy(50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
		TEST(batches_in_order, record_set_up),
		TEST(what_is_acknowledged_survives, record_set_up),
		TEST(a_long_record_makes_small_batches, record_set_up),
		TEST(answers_that_lead_nowhere, record_set_up),
		TEST(a_cloud_that_was_set_back, record_set_up),
		TEST(a_cloud_that_lost_what_is_gone_here, record_set_up),
		TEST(once_after_each_start, record_set_up),
		TEST(nothing_waits_for_the_answer, record_set_up),
		TEST(answers_that_do_not_settle_it, record_set_up),
		TEST(a_question_where_all_records_went, record_set_up),
		TEST(a_question_to_a_cloud_that_was_set_back, record_set_up),
		TEST(an_old_copy_where_nothing_happens, record_set_up),
		TEST(an_old_copy_that_is_behind, record_set_up),
		TEST(an_old_copy_that_has_gone_on, record_set_up),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
