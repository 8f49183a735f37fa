/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record as a whole: the chain between its two ends and every way to tamper with it, its way to a cloud that
 * is late, wrong, restored from a copy or away for long, an old copy of the store, and what goes when.
 * test-vault has the chain without a checkpoint.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/audit-export.h"
#include "agent/audit-retention.h"
#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/lifecycle.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tests/unit/agent-world.h"

#define DAY 86400

static struct store *store(void)
{
	return world_agent()->store;
}

static struct vault *vault(void)
{
	return world_agent()->vault;
}

static void add(unsigned n)
{
	static const char *const events[] = { "claim", "secret-given", "csr-refused" };

	for (unsigned i = 0; i < n; i++) {
		lifecycle_record(world_agent(), events[i % 3], i % 3 ? "" : "ACME-1", "uid 0",
				 i % 3 == 2 ? "bad-csr" : "", "a \"detail\"");
		if (i % 64 == 63)
			world_turn();
	}
	world_turn();
}

static uint64_t head(void)
{
	struct audit_point point;

	assert_int_equal(audit_head(store(), vault(), &point), 0);
	return point.n;
}

static uint64_t first(void)
{
	struct audit_record record;

	assert_int_equal(audit_get(store(), 0, &record), 0);
	return record.n;
}

static void drop(uint64_t n)
{
	assert_int_equal(store_begin(store()), 0);
	assert_int_equal(audit_drop(store(), vault(), n, world_now_s()), 0);
	assert_int_equal(store_commit(store()), 1);
}

static void expect_walk(size_t slice, uint64_t first_bad, const char *says)
{
	struct audit_walk walk = { 0 };
	unsigned n = 0;
	int r;

	while ((r = audit_walk_on(store(), vault(), &walk, slice)) > 0)
		n++;
	assert_int_equal(r, 0);
	if (walk.first_bad != first_bad || !strstr(walk.why, says))
		fail_msg("%" PRIu64 " '%s', not %" PRIu64 " '%s'", walk.first_bad, walk.why,
			 first_bad, says);
	assert_int_equal(!walk.first_bad, !*walk.why);
	if (slice == 1 && !first_bad)
		assert_true(n > 1);
}

static void expect(uint64_t first_bad, const char *says)
{
	for (size_t slice = 1; slice < 50; slice += 6)
		expect_walk(slice, first_bad, says);
	expect_walk(100000, first_bad, says);
}

/* --- the chain --- */

#define N_RECORDS 20
#define DROPPED   5

/* Records 6 to 20 are here. */
static int set_up(void **state)
{
	int r = world_set_up(state);

	if (r < 0)
		return r;
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	add((unsigned)(N_RECORDS - head()));
	drop(DROPPED);
	return 0;
}

static void a_chain_without_its_beginning(void **state)
{
	expect(0, "");
	assert_int_equal(first(), DROPPED + 1);
	assert_int_equal(head(), N_RECORDS);
	add(1);
	expect(0, "");
	drop(N_RECORDS + 1); /* all there are */
	expect_walk(7, 0, "");
	add(1);
	expect_walk(7, 0, "");
	assert_int_equal(first(), N_RECORDS + 2);
}

static void every_way_to_tamper(void **state)
{
	static const struct {
		const char *sql, *then;
		uint64_t first_bad;
		const char *says;
	} cases[] = {
		{ "UPDATE audit SET detail = 'x' WHERE n = 10", NULL, 10, "changed" },
		{ "UPDATE audit SET time = time + 1 WHERE n = 6", NULL, 6, "changed" },
		{ "UPDATE audit SET mac = zeroblob(32) WHERE n = 20", NULL, 20, "changed" },
		{ "UPDATE audit SET mac = zeroblob(40) WHERE n = 20", NULL, 20, "changed" },
		{ "UPDATE audit SET n = 21 WHERE n = 10", NULL, 10, "missing" },
		{ "DELETE FROM audit WHERE n = 10", NULL, 10, "missing" },
		{ "DELETE FROM audit WHERE n = 6", NULL, 6, "missing" },
		{ "DELETE FROM audit WHERE n < 12", NULL, 6, "missing" },
		{ "DELETE FROM audit WHERE n = 20", NULL, 20, "newest records are missing" },
		{ "DELETE FROM audit WHERE n > 8", NULL, 9, "newest records are missing" },
		{ "DELETE FROM audit", NULL, 6, "newest records are missing" },
		{ "DELETE FROM audit WHERE n = 10", "UPDATE audit SET n = n - 1 WHERE n > 10", 10,
		  "changed, inserted or moved" },
		{ "INSERT INTO audit SELECT 21, time, event, device, who, reason, detail, mac FROM "
		  "audit WHERE n = 20",
		  NULL, 21, "inserted" },
		{ "INSERT INTO audit SELECT 5, time, event, device, who, reason, detail, mac FROM "
		  "audit WHERE n = 6",
		  NULL, 5, "inserted before" },
		{ "INSERT INTO audit SELECT 0, time, event, device, who, reason, detail, mac FROM "
		  "audit WHERE n = 6",
		  NULL, 1, "inserted before" },
		{ "INSERT INTO audit SELECT -7, time, event, device, who, reason, detail, mac FROM "
		  "audit WHERE n = 6",
		  NULL, 1, "inserted before" },
		{ "UPDATE meta SET value = zeroblob(68) WHERE key = 'audit-head'", NULL, 1,
		  "head of the chain was changed" },
		{ "DELETE FROM meta WHERE key = 'audit-head'", NULL, 1, "is missing" },
		{ "UPDATE meta SET value = zeroblob(76) WHERE key = 'audit-checkpoint'", NULL, 1,
		  "beginning of the chain was changed" },
		{ "UPDATE meta SET value = zeroblob(300) WHERE key = 'audit-checkpoint'", NULL, 1,
		  "beginning of the chain was changed" },
		{ "DELETE FROM meta WHERE key = 'audit-checkpoint'", NULL, 1, "missing" },
		{ "INSERT OR REPLACE INTO meta SELECT 'audit-checkpoint', value FROM meta WHERE "
		  "key "
		  "= 'audit-head'",
		  NULL, 1, "beginning of the chain was changed" },
		{ "INSERT INTO meta VALUES ('audit-acknowledged', zeroblob(116))", NULL, 1,
		  "what the cloud has was changed" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		assert_int_equal(store_begin(store()), 0);
		assert_true(store_exec(store(), cases[i].sql, "") > 0);
		if (cases[i].then)
			assert_true(store_exec(store(), cases[i].then, "") > 0);
		expect(cases[i].first_bad, cases[i].says);
		store_spoil(store(), -EIO);
		assert_int_equal(store_commit(store()), -EIO);
		expect(0, "");
	}
}

/* All from 10 on changed and chained anew, as well as one can who has everything but the key. */
static void recomputed_without_the_key(void **state)
{
	static const uint8_t no_key[GW_KEY_LEN];
	struct audit_record record;
	struct audit_point before;

	assert_int_equal(audit_point_at(store(), vault(), 9, &before), 0);
	assert_int_equal(store_begin(store()), 0);
	for (uint64_t n = 10; n <= N_RECORDS; n++) {
		const struct gw_blob parts[] = { GW_BLOB_ARRAY(before.mac),
						 { (const uint8_t *)&n, sizeof(n) } };

		assert_int_equal(audit_get(store(), n, &record), 0);
		assert_int_equal(gw_hmac(no_key, parts, 2, before.mac), 0);
		assert_int_equal(store_exec(store(),
					    "UPDATE audit SET who = 'nobody', mac = ? WHERE n = ?",
					    "bi", GW_BLOB_ARRAY(before.mac), (int64_t)n),
				 1);
	}
	assert_int_equal(store_commit(store()), 1);
	expect(10, "changed");
}

static struct gw_blob keep(const char *name, uint8_t *buf, size_t size)
{
	struct gw_blob kept = { buf, 0 };

	assert_int_equal(store_meta_get(store(), name, buf, size, &kept.len), 0);
	return kept;
}

static void put_back(const char *name, struct gw_blob kept)
{
	assert_int_equal(store_begin(store()), 0);
	assert_int_equal(store_meta_set(store(), name, kept), 0);
	assert_int_equal(store_commit(store()), 1);
}

static void sealed_facts_of_another_day(void **state)
{
	uint8_t one[160], two[160];
	struct gw_blob checkpoint = keep("audit-checkpoint", one, sizeof(one)),
		       sealed_head = keep("audit-head", two, sizeof(two));

	drop(8);
	put_back("audit-checkpoint", checkpoint);
	expect(6, "missing");
	drop(9);
	expect(0, "");
	add(1);
	put_back("audit-head", sealed_head);
	expect(N_RECORDS + 1, "records were added");
}

/* Who tampers does not keep the gateway from starting; nor does a start cover it up. */
static void a_start_after_tampering(void **state)
{
	static const uint8_t other[] = "this was never sealed by anybody";

	put_back("audit-head", GW_BLOB_ARRAY(other));
	assert_int_equal(audit_begin(store(), vault(), /* now_s= */ 7), 0);
	expect(1, "the sealed head of the chain was changed");
	assert_int_equal(store_begin(store()), 0);
	assert_true(store_exec(store(), "DELETE FROM meta WHERE key = 'audit-head'", "") >= 0);
	assert_int_equal(store_commit(store()), 1);
	assert_int_equal(audit_begin(store(), vault(), /* now_s= */ 7), 0);
	expect(1, "the sealed head of the chain is missing");
}

static void records_come_and_go_during_a_walk(void **state)
{
	struct audit_walk walk = { 0 };

	assert_int_equal(audit_walk_on(store(), vault(), &walk, 2), 1);
	assert_int_equal(walk.at.n, 7);
	drop(12);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 2), 1);
	assert_int_equal(walk.at.n, 14);
	add(3);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 8), 1);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 8), 0);
	assert_int_equal(walk.first_bad, 0);
	assert_int_equal(walk.at.n, N_RECORDS + 3);
}

/* --- the way to the cloud --- */

struct heard {
	char id[GW_ID_MAX + 1], broken[GW_REASON_MAX + 1];
	uint64_t first, last;
	uint8_t before[AUDIT_MAC_LEN], mac[AUDIT_MAC_LEN];
};

/* The batch that the cloud link was given, whose records follow one another. */
static bool hear(struct heard *ret)
{
	const struct gw_msg *events = world_hear(GW_ROLE_CLOUD, GW_MSG_EVENTS);

	if (!events)
		return false;
	*ret = (struct heard){ .first = events->events.first, .last = events->events.first - 1 };
	(void)gw_copy(ret->id, sizeof(ret->id), events->events.job);
	(void)gw_copy(ret->broken, sizeof(ret->broken), events->events.broken);
	memcpy(ret->before, events->events.before.data, AUDIT_MAC_LEN);
	memcpy(ret->mac, ret->before, AUDIT_MAC_LEN);
	for (unsigned i = 0; i < events->events.count; i++) {
		const struct gw_msg *msg = world_hear(GW_ROLE_CLOUD, GW_MSG_EVENT);

		assert_non_null(msg);
		assert_int_equal(msg->event.n, ret->first + i);
		ret->last = msg->event.n;
		memcpy(ret->mac, msg->event.mac.data, AUDIT_MAC_LEN);
	}
	assert_null(world_hear(GW_ROLE_CLOUD, GW_MSG_EVENT));
	assert_true(audit_export_is_batch(ret->id));
	return true;
}

/* What would go by itself a little later. */
static struct heard send(void)
{
	struct heard heard;

	world_forget();
	audit_export_restart(world_agent()->audit_export);
	world_turn();
	assert_true(hear(&heard));
	return heard;
}

static bool is_question(const struct heard *batch)
{
	return batch->last < batch->first;
}

static void sends_nothing(void)
{
	struct heard heard;

	world_turn();
	assert_false(hear(&heard));
}

static void say(enum gw_outcome outcome, const char *id, enum gw_reason reason, uint64_t n,
		const uint8_t *mac)
{
	const struct gw_msg msg = {
		.type = GW_MSG_ANSWER,
		.answer = { .job = id,
			    .outcome = (uint8_t)outcome,
			    .retry_after_s = outcome == GW_OUTCOME_PENDING ? 30 : 0,
			    .reason = gw_reason_code(reason),
			    .head = n,
			    .mac = { mac, mac ? AUDIT_MAC_LEN : 0 } },
	};

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, /* fd= */ -1), 0);
	world_turn();
}

static void say_done(const struct heard *batch)
{
	say(GW_OUTCOME_DONE, batch->id, GW_REASON_NONE, batch->last, batch->mac);
}

static struct audit_export_facts facts(void)
{
	struct audit_export_facts facts;

	audit_export_get_facts(world_agent(), &facts);
	assert_true(facts.is_sealed);
	return facts;
}

/* The cloud has all there is. */
static void export_all(void)
{
	struct heard batch;

	world_forget();
	audit_export_restart(world_agent()->audit_export);
	world_turn();
	while (hear(&batch))
		say_done(&batch);
	assert_int_equal(facts().acknowledged, head());
}

static int set_up_export(void **state)
{
	int r = world_set_up(state);

	if (r < 0)
		return r;
	export_all();
	add(200);
	return 0;
}

static void batches_in_order(void **state)
{
	uint64_t from = facts().acknowledged;
	struct heard batch = send(), second;
	char id[GW_ID_MAX + 1];

	assert_int_equal(batch.first, from + 1);
	assert_int_equal(batch.last, from + 64);
	assert_string_equal(batch.broken, "");
	sends_nothing(); /* one at a time */
	(void)gw_copy(id, sizeof(id), batch.id);
	batch = send();
	assert_string_equal(batch.id, id); /* the same records have the same name */

	say_done(&batch);
	assert_int_equal(facts().acknowledged, batch.last);
	assert_true(hear(&second));
	assert_int_equal(second.first, batch.last + 1);
	assert_memory_equal(second.before, batch.mac, AUDIT_MAC_LEN);
	say_done(&batch); /* twice: nothing goes out of turn */
	sends_nothing();
	assert_int_equal(facts().acknowledged, batch.last);
	say_done(&second);
	export_all();
	assert_true(world_record_is_whole());
}

static void what_is_acknowledged_survives(void **state)
{
	struct heard batch = send(), again;

	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(hear(&again));
	assert_string_equal(again.id, batch.id);
	say_done(&again);
	world_restart();
	assert_int_equal(facts().acknowledged, batch.last);
	say_done(&batch); /* late, to an agent that has not sent it */
	assert_int_equal(facts().acknowledged, batch.last);
}

static void a_long_record_makes_small_batches(void **state)
{
	char long_text[AUDIT_TEXT_MAX + 1];
	struct heard batch;

	export_all();
	memset(long_text, '\\', AUDIT_TEXT_MAX);
	long_text[AUDIT_TEXT_MAX] = 0;
	for (int i = 0; i < 100; i++)
		lifecycle_record(world_agent(), "claim", long_text, long_text, long_text,
				 long_text);
	world_turn();
	batch = send();
	assert_in_range(batch.last - batch.first, 30, 50);
	export_all();
}

static void answers_that_lead_nowhere(void **state)
{
	uint8_t wrong[AUDIT_MAC_LEN] = { 1 };
	struct heard batch = send();
	uint64_t before = facts().acknowledged;

	say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, 0, NULL); /* it says nothing of a head */
	sends_nothing();
	batch = send();
	say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, batch.last, NULL);
	sends_nothing();
	batch = send();
	say(GW_OUTCOME_PENDING, batch.id, GW_REASON_NONE, 0, NULL);
	sends_nothing();
	batch = send();
	say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_NOT_ALLOWED, 0, NULL);
	assert_string_equal(facts().refusal, "not-allowed");
	sends_nothing();
	assert_int_equal(facts().acknowledged, before);
	assert_int_equal(facts().lost_to, 0);

	batch = send();
	assert_string_equal(facts().refusal, "");
	say(GW_OUTCOME_DONE, "record.1.1.00", GW_REASON_NONE, batch.first, wrong);
	assert_int_equal(facts().acknowledged, before); /* that is no record of ours: */
	assert_int_equal(facts().lost_to, batch.first);
}

static void a_cloud_that_was_set_back(void **state)
{
	uint64_t before = facts().acknowledged;
	struct heard batch = send(), again;

	say_done(&batch);
	assert_true(hear(&again));
	say(GW_OUTCOME_REFUSED, again.id, GW_REASON_RECORD_GAP, batch.first - 1, batch.before);
	assert_int_equal(facts().acknowledged, before);
	assert_true(hear(&again));
	assert_string_equal(again.id, batch.id);
	assert_string_equal(again.broken, "");
	say_done(&again);
	export_all();
	assert_int_equal(world_recorded("record-set-back"), 1);
	assert_int_equal(world_recorded("record-lost"), 0);
	assert_true(world_record_is_whole());
}

static void a_cloud_that_lost_what_is_gone_here(void **state)
{
	struct heard batch;
	uint8_t old[AUDIT_MAC_LEN] = { 3 };

	export_all();
	drop(head() - 10);
	add(1);
	batch = send();
	say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_RECORD_GAP, 2, old);
	assert_true(hear(&batch));
	assert_string_equal(batch.broken, "gone");
	assert_int_equal(batch.first, first());
	say_done(&batch);
	export_all();
	assert_true(world_record_is_whole());
}

/* --- asking where the cloud stands --- */

static struct heard hear_question(void)
{
	struct heard question;

	assert_true(hear(&question));
	assert_true(is_question(&question));
	assert_int_equal(question.last, head());
	assert_string_equal(question.broken, "");
	return question;
}

static struct heard start_anew(void)
{
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	return hear_question();
}

static void once_after_each_start(void **state)
{
	struct heard question, again;

	export_all();
	question = start_anew();
	again = start_anew();
	assert_string_not_equal(question.id, again.id);
	say_done(&question); /* an answer of the past is none */
	sends_nothing();
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	question = hear_question();
	assert_string_not_equal(question.id, again.id);
	say_done(&question);
	sends_nothing();
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	sends_nothing();
}

/* While the cloud is away the gateway goes on; what it records goes at once when the question is answered. */
static void nothing_waits_for_the_answer(void **state)
{
	struct heard question, batch;

	export_all();
	question = start_anew();
	add(3);
	sends_nothing();
	say_done(&question);
	assert_true(hear(&batch));
	assert_int_equal(batch.first, question.first);
	assert_int_equal(batch.last, head());
	say_done(&batch);
	sends_nothing();
}

static void answers_that_do_not_settle_it(void **state)
{
	struct heard question;

	export_all();
	question = start_anew();
	say(GW_OUTCOME_PENDING, question.id, GW_REASON_NONE, 0, NULL);
	question = send();
	assert_true(is_question(&question));
	say(GW_OUTCOME_REFUSED, question.id, GW_REASON_NOT_ALLOWED, 0, NULL);
	question = send();
	assert_true(is_question(&question));
	say(GW_OUTCOME_DONE, question.id, GW_REASON_NONE, question.last, NULL);
	question = send();
	assert_true(is_question(&question));
	say_done(&question);
	sends_nothing();
}

static void a_question_where_all_records_went(void **state)
{
	export_all();
	drop(head());
	(void)start_anew();
}

static void a_question_to_a_cloud_that_was_set_back(void **state)
{
	struct heard batch = send(), question;

	say_done(&batch);
	export_all();
	question = start_anew();
	say(GW_OUTCOME_REFUSED, question.id, GW_REASON_RECORD_GAP, batch.last, batch.mac);
	assert_int_equal(world_recorded("record-set-back"), 1);
	assert_int_equal(facts().acknowledged, batch.last);
	assert_true(hear(&question));
	assert_int_equal(question.first, batch.last + 1);
	assert_false(is_question(&question));
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
static struct heard put_back_old_copy(void)
{
	char aside[128];
	struct heard batch;
	uint64_t common;

	export_all();
	common = head();
	(void)snprintf(aside, sizeof(aside), "%s/aside", world_folder());
	assert_int_equal(mkdir(aside, 0700), 0);
	world_restart();
	copy_store(world_folder(), aside);
	world_connect(GW_ROLE_CLOUD);
	add(30);
	batch = send();
	say_done(&batch);
	assert_int_equal(batch.first, common + 1);
	assert_int_equal(batch.last, head());

	world_restart_on(aside);
	assert_int_equal(head(), common);
	assert_true(world_record_is_whole()); /* as far as can be known here */
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	return batch;
}

static void an_old_copy_where_nothing_happens(void **state)
{
	struct heard lost = put_back_old_copy(), batch;
	uint64_t common = head();

	assert_true(hear(&batch));
	assert_true(is_question(&batch));
	assert_int_equal(batch.last, common);
	say(GW_OUTCOME_DONE, batch.id, GW_REASON_NONE, lost.last, lost.mac);
	assert_int_equal(world_recorded("record-lost"), 1);
	assert_int_equal(facts().lost_from, common + 1);
	assert_int_equal(facts().lost_to, lost.last);
	assert_int_equal(facts().common, WORLD_START_S);
	assert_true(hear(&batch));
	assert_string_equal(batch.broken, "old-copy");
	assert_int_equal(batch.first, common + 1);
	say_done(&batch);
	sends_nothing(); /* it has been asked */
}

static void an_old_copy(unsigned n_more)
{
	struct heard batch = put_back_old_copy();
	uint64_t common = head(), lost = batch.last;

	world_pass(60); /* other records than those that were lost */
	add(n_more);
	expect_walk(1000, 0, "");
	{
		struct heard ours = send();

		assert_int_equal(ours.first, common + 1);
		say(GW_OUTCOME_REFUSED, ours.id, GW_REASON_RECORD_LOST, batch.last, batch.mac);
	}
	assert_int_equal(world_recorded("record-lost"), 1);
	assert_int_equal(facts().lost_from, common + 1);
	assert_int_equal(facts().lost_to, lost);
	assert_true(facts().since >= WORLD_START_S);
	expect_walk(1000, common + 1, "old copy of the store");

	/* It is not forgotten, and the chain that is here goes on as one of its own. */
	world_restart();
	assert_int_equal(facts().lost_to, lost);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(hear(&batch));
	assert_string_equal(batch.broken, "old-copy");
	assert_int_equal(batch.first, common + 1);
	say(GW_OUTCOME_REFUSED, batch.id, GW_REASON_RECORD_LOST, lost, batch.before);
	assert_int_equal(world_recorded("record-lost"), 1); /* once */
	batch = send();
	say_done(&batch);
	export_all();
	add(1);
	batch = send();
	assert_string_equal(batch.broken, "");
	say_done(&batch);
	expect_walk(1000, common + 1, "old copy of the store");

	/* Until the record that tells of it goes. */
	world_agent()->settings.audit_keep_records = 1;
	audit_retention_look(world_agent()->audit_retention);
	world_turn();
	expect_walk(1000, 0, "");
	assert_int_equal(facts().lost_to, 0);
}

static void an_old_copy_that_is_behind(void **state)
{
	an_old_copy(3);
}

static void an_old_copy_that_has_gone_on(void **state)
{
	an_old_copy(50);
}

/* --- what goes when --- */

static void look(void)
{
	audit_retention_look(world_agent()->audit_retention);
	world_turn();
}

static void nothing_goes_that_the_cloud_has_not(void **state)
{
	struct heard batch;
	uint64_t acknowledged = facts().acknowledged;

	world_agent()->settings.audit_keep_records = 10;
	world_agent()->settings.audit_keep_days = 1;
	world_pass(30ull * DAY);
	look();
	assert_int_equal(first(), acknowledged + 1);
	batch = send();
	say_done(&batch);
	assert_int_equal(first(), batch.last + 1); /* of itself, with the answer */
	export_all();
	look();
	assert_true(world_record_is_whole());
}

static void by_number(void **state)
{
	export_all();
	world_agent()->settings.audit_keep_records = 10;
	look();
	assert_int_equal(first(), head() - 9);
	assert_true(world_record_is_whole());
	add(30);
	look();
	assert_int_equal(first(), head() - 29); /* the cloud has none of these */
	export_all();
	assert_int_equal(first(), head() - 9);
}

static void by_age(void **state)
{
	uint64_t old;

	world_agent()->settings.audit_keep_days = 10;
	export_all();
	old = head();
	world_pass(9ull * DAY);
	add(5);
	export_all();
	assert_int_equal(first(), 1);
	world_pass(2ull * DAY);
	world_trust_clock(false);
	look();
	assert_int_equal(first(), 1); /* who knows what day it is */
	world_trust_clock(true);
	look();
	assert_int_equal(first(), old + 1);
	world_pass(9ull * DAY);
	look();
	assert_int_equal(facts().first, head() + 1);
	assert_true(world_record_is_whole());
}

static void a_big_drop_is_done_in_slices(void **state)
{
	add(1000);
	export_all();
	world_agent()->settings.audit_keep_records = 1;
	look();
	assert_int_equal(first(), head());
	assert_true(world_record_is_whole());
}

static uint64_t summarised(const char *event, const char *reason)
{
	struct audit_record record;
	uint64_t n = 0;

	for (uint64_t from = 0; audit_get(store(), from, &record) >= 0; from = record.n + 1) {
		unsigned long long count;
		char name[64];

		if (!gw_streq(record.event, "summarised") || !gw_streq(record.reason, reason) ||
		    sscanf(record.detail, "%llu of %63s", &count, name) != 2 ||
		    !gw_streq(name, event))
			continue;
		n += count;
	}
	return n;
}

/* From when on they tell; each of something that was, from one time to a later one. */
static uint64_t summarised_from(unsigned *ret_n)
{
	struct audit_record record;
	uint64_t first_s = UINT64_MAX;

	*ret_n = 0;
	for (uint64_t from = 0; audit_get(store(), from, &record) >= 0; from = record.n + 1) {
		unsigned long long count, from_s, to_s;

		if (!gw_streq(record.event, "summarised"))
			continue;
		assert_int_equal(sscanf(record.detail, "%llu of %*s from %llu to %llu", &count,
					&from_s, &to_s),
				 3);
		assert_true(count > 0 && from_s <= to_s && to_s <= record.time);
		assert_true(count < 3 || from_s < to_s);
		first_s = GW_MIN(first_s, from_s);
		++*ret_n;
	}
	return first_s;
}

static uint64_t recorded_or_summarised(const char *event, const char *reason)
{
	return world_recorded(event) + summarised(event, reason);
}

/* However often the summaries themselves are summarised, nothing is lost count of. */
static void a_cloud_that_is_away_for_long(void **state)
{
	uint64_t acknowledged = facts().acknowledged, begun_s = world_now_s();
	unsigned n_summaries;
	struct heard batch;

	world_lose(GW_ROLE_CLOUD);
	world_agent()->settings.audit_waiting_max = 1000;
	add(1800);
	look();
	assert_int_equal(summarised("claim", ""), 0);
	for (int i = 0; i < 12; i++) {
		world_pass(10);
		add(399);
		look();
		assert_in_range(head() - first(), 1000, 1000 + 1024);
	}
	assert_true(summarised_from(&n_summaries) == begun_s);
	assert_in_range(n_summaries, 2, 8);
	assert_true(summarised("claim", "") > 1000);
	assert_int_equal(recorded_or_summarised("claim", ""), (1800 + 12 * 399 + 200) / 3 + 1);
	assert_int_equal(recorded_or_summarised("csr-refused", "bad-csr"),
			 (1800 + 12 * 399 + 200) / 3);
	assert_true(world_record_is_whole());

	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(hear(&batch));
	assert_string_equal(batch.broken, "summarised");
	assert_true(batch.first > acknowledged + 1);
	assert_int_equal(batch.first, first());
	say_done(&batch);
	export_all();
	assert_true(world_record_is_whole());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
		TEST(a_chain_without_its_beginning, set_up),
		TEST(every_way_to_tamper, set_up),
		TEST(recomputed_without_the_key, set_up),
		TEST(sealed_facts_of_another_day, set_up),
		TEST(a_start_after_tampering, set_up),
		TEST(records_come_and_go_during_a_walk, set_up),
		TEST(batches_in_order, set_up_export),
		TEST(what_is_acknowledged_survives, set_up_export),
		TEST(a_long_record_makes_small_batches, set_up_export),
		TEST(answers_that_lead_nowhere, set_up_export),
		TEST(a_cloud_that_was_set_back, set_up_export),
		TEST(a_cloud_that_lost_what_is_gone_here, set_up_export),
		TEST(once_after_each_start, set_up_export),
		TEST(nothing_waits_for_the_answer, set_up_export),
		TEST(answers_that_do_not_settle_it, set_up_export),
		TEST(a_question_where_all_records_went, set_up_export),
		TEST(a_question_to_a_cloud_that_was_set_back, set_up_export),
		TEST(an_old_copy_where_nothing_happens, set_up_export),
		TEST(an_old_copy_that_is_behind, set_up_export),
		TEST(an_old_copy_that_has_gone_on, set_up_export),
		TEST(nothing_goes_that_the_cloud_has_not, set_up_export),
		TEST(by_number, set_up_export),
		TEST(by_age, set_up_export),
		TEST(a_big_drop_is_done_in_slices, set_up_export),
		TEST(a_cloud_that_is_away_for_long, set_up_export),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
