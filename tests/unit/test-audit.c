/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record as a whole: the chain between its two ends and every way to tamper with it, and what goes when.
 * test-vault has the chain without a checkpoint, test-audit-export its way to the cloud.
 */

#include "agent/audit-retention.h"
#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/store.h"
#include "lib/crypto.h"
#include "lib/util.h"
#include "tests/unit/agent-record.h"
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

static void expect(uint64_t first_bad, const char *says)
{
	for (size_t slice = 1; slice < 50; slice += 6)
		record_expect_walk(slice, first_bad, says);
	record_expect_walk(100000, first_bad, says);
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
	record_add((unsigned)(N_RECORDS - record_head()));
	record_drop(DROPPED);
	return 0;
}

static void a_chain_without_its_beginning(void **state)
{
	expect(0, "");
	assert_int_equal(record_first(), DROPPED + 1);
	assert_int_equal(record_head(), N_RECORDS);
	record_add(1);
	expect(0, "");
	record_drop(N_RECORDS + 1); /* all there are */
	record_expect_walk(7, 0, "");
	record_add(1);
	record_expect_walk(7, 0, "");
	assert_int_equal(record_first(), N_RECORDS + 2);
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

	record_drop(8);
	put_back("audit-checkpoint", checkpoint);
	expect(6, "missing");
	record_drop(9);
	expect(0, "");
	record_add(1);
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
	record_drop(12);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 2), 1);
	assert_int_equal(walk.at.n, 14);
	record_add(3);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 8), 1);
	assert_int_equal(audit_walk_on(store(), vault(), &walk, 8), 0);
	assert_int_equal(walk.first_bad, 0);
	assert_int_equal(walk.at.n, N_RECORDS + 3);
}

/* --- what goes when --- */

static void look(void)
{
	audit_retention_look(world_agent()->audit_retention);
	world_turn();
}

static void nothing_goes_that_the_cloud_has_not(void **state)
{
	struct batch batch;
	uint64_t acknowledged = record_facts().acknowledged;

	world_agent()->settings.audit_keep_records = 10;
	world_agent()->settings.audit_keep_days = 1;
	world_pass(30ull * DAY);
	look();
	assert_int_equal(record_first(), acknowledged + 1);
	batch = record_send();
	record_say_done(&batch);
	assert_int_equal(record_first(), batch.last + 1); /* of itself, with the answer */
	record_export();
	look();
	assert_true(world_record_is_whole());
}

static void by_number(void **state)
{
	record_export();
	world_agent()->settings.audit_keep_records = 10;
	look();
	assert_int_equal(record_first(), record_head() - 9);
	assert_true(world_record_is_whole());
	record_add(30);
	look();
	assert_int_equal(record_first(), record_head() - 29); /* the cloud has none of these */
	record_export();
	assert_int_equal(record_first(), record_head() - 9);
}

static void by_age(void **state)
{
	uint64_t old;

	world_agent()->settings.audit_keep_days = 10;
	record_export();
	old = record_head();
	world_pass(9ull * DAY);
	record_add(5);
	record_export();
	assert_int_equal(record_first(), 1);
	world_pass(2ull * DAY);
	world_trust_clock(false);
	look();
	assert_int_equal(record_first(), 1); /* who knows what day it is */
	world_trust_clock(true);
	look();
	assert_int_equal(record_first(), old + 1);
	world_pass(9ull * DAY);
	look();
	assert_int_equal(record_facts().first, record_head() + 1);
	assert_true(world_record_is_whole());
}

static void a_big_drop_is_done_in_slices(void **state)
{
	record_add(1000);
	record_export();
	world_agent()->settings.audit_keep_records = 1;
	look();
	assert_int_equal(record_first(), record_head());
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
	uint64_t acknowledged = record_facts().acknowledged, begun_s = world_now_s();
	unsigned n_summaries;
	struct batch batch;

	world_lose(GW_ROLE_CLOUD);
	world_agent()->settings.audit_waiting_max = 1000;
	record_add(1800);
	look();
	assert_int_equal(summarised("claim", ""), 0);
	for (int i = 0; i < 12; i++) {
		world_pass(10);
		record_add(399);
		look();
		assert_in_range(record_head() - record_first(), 1000, 1000 + 1024);
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
	assert_true(record_hear(&batch));
	assert_string_equal(batch.broken, "summarised");
	assert_true(batch.first > acknowledged + 1);
	assert_int_equal(batch.first, record_first());
	record_say_done(&batch);
	record_export();
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
		TEST(nothing_goes_that_the_cloud_has_not, record_set_up),
		TEST(by_number, record_set_up),
		TEST(by_age, record_set_up),
		TEST(a_big_drop_is_done_in_slices, record_set_up),
		TEST(a_cloud_that_is_away_for_long, record_set_up),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
