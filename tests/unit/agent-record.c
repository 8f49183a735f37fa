/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of the agent in agent-world.h, and a cloud that is sent batches of it and says what the test wants. A
 * batch is heard whole: its records follow one another, or the test fails.
 */
#include "tests/unit/agent-record.h"

#include <inttypes.h>
#include <string.h>

#include "agent/audit-retention.h"
#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/lifecycle.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"
#include "tests/unit/agent-world.h"

void record_add(unsigned n)
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

uint64_t record_head(void)
{
	struct audit_point point;

	assert_int_equal(audit_head(world_agent()->store, world_agent()->vault, &point), 0);
	return point.n;
}

uint64_t record_first(void)
{
	struct audit_record record;

	assert_int_equal(audit_get(world_agent()->store, 0, &record), 0);
	return record.n;
}

void record_drop(uint64_t n)
{
	assert_int_equal(store_begin(world_agent()->store), 0);
	assert_int_equal(audit_drop(world_agent()->store, world_agent()->vault, n, world_now_s()),
			 0);
	assert_int_equal(store_commit(world_agent()->store), 1);
}

void record_expect_walk(size_t slice, uint64_t first_bad, const char *says)
{
	struct audit_walk walk = { 0 };
	unsigned n = 0;
	int r;

	while ((r = audit_walk_on(world_agent()->store, world_agent()->vault, &walk, slice)) > 0)
		n++;
	assert_int_equal(r, 0);
	if (walk.first_bad != first_bad || !strstr(walk.why, says))
		fail_msg("%" PRIu64 " '%s', not %" PRIu64 " '%s'", walk.first_bad, walk.why,
			 first_bad, says);
	assert_int_equal(!walk.first_bad, !*walk.why);
	if (slice == 1 && !first_bad)
		assert_true(n > 1);
}

/* The batch that the cloud link was given, whose records follow one another. */
bool record_hear(struct batch *ret)
{
	const struct gw_msg *events = world_hear(GW_ROLE_CLOUD, GW_MSG_EVENTS);

	if (!events)
		return false;
	*ret = (struct batch){ .first = events->events.first, .last = events->events.first - 1 };
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
struct batch record_send(void)
{
	struct batch heard;

	world_forget();
	audit_export_restart(world_agent()->audit_export);
	world_turn();
	assert_true(record_hear(&heard));
	return heard;
}

bool record_is_question(const struct batch *batch)
{
	return batch->last < batch->first;
}

void record_sends_nothing(void)
{
	struct batch heard;

	world_turn();
	assert_false(record_hear(&heard));
}

void record_say(enum gw_outcome outcome, const char *id, enum gw_reason reason, uint64_t n,
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

void record_say_done(const struct batch *batch)
{
	record_say(GW_OUTCOME_DONE, batch->id, GW_REASON_NONE, batch->last, batch->mac);
}

struct audit_export_facts record_facts(void)
{
	struct audit_export_facts facts;

	audit_export_get_facts(world_agent(), &facts);
	assert_true(facts.is_sealed);
	return facts;
}

/* The cloud has all there is. */
void record_export(void)
{
	struct batch batch;

	world_forget();
	audit_export_restart(world_agent()->audit_export);
	world_turn();
	while (record_hear(&batch))
		record_say_done(&batch);
	assert_int_equal(record_facts().acknowledged, record_head());
}

int record_set_up(void **state)
{
	int r = world_set_up(state);

	if (r < 0)
		return r;
	record_export();
	record_add(200);
	return 0;
}
