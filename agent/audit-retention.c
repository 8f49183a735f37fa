/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slice at a time, each a turn of its own, behind everything else. Age is judged by a clock that is
 * trusted only; a record that was written under a clock that was ahead keeps those behind it from going by
 * age, never by number.
 *
 * The chain stays one chain: what goes is always its beginning, and the sealed checkpoint takes over from
 * it. Summaries are ordinary records at its end, one for each kind of event and reason: how many, and from
 * when to when.
 */
#include "agent/audit-retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/audit.h"
#include "agent/lifecycle.h"
#include "agent/steps.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define SLICE      256
#define SUMMARISED 1024 /* records at a time that become GROUPS at most */
#define GROUPS     64
#define LOOK_US    3600000000ull
#define BEHIND_ALL (SD_EVENT_PRIORITY_IDLE + 10)
#define DAY_S      86400
#define SUMMARY    "summarised"

struct audit_retention {
	struct agent *agent;
	sd_event_source *look;
};

struct facts {
	struct audit_point head;
	struct audit_checkpoint checkpoint;
	struct audit_acknowledged acknowledged;
};

static int load_facts(struct agent *agent, struct facts *ret)
{
	int r = audit_head(agent->store, agent->vault, &ret->head);

	if (r >= 0)
		r = audit_checkpoint(agent->store, agent->vault, &ret->checkpoint);
	return r < 0 ? r : audit_acknowledged(agent->store, agent->vault, &ret->acknowledged);
}

/* --- what the cloud has --- */

/* The last of those at the beginning that are too old, among the first SLICE. */
static int find_old(struct agent *agent, uint64_t from, uint64_t *ret)
{
	uint64_t keep_s = agent->settings.audit_keep_days * DAY_S, now = clock_now_s(&agent->clock);
	struct audit_record record;
	struct sqlite3_stmt *row;
	int r;

	*ret = 0;
	if (!keep_s || now < keep_s || !clock_is_trusted(&agent->clock))
		return 0;

	r = audit_select(agent->store, from, &row);
	for (int i = 0; r >= 0 && i < SLICE; i++) {
		r = audit_next(agent->store, row, &record);
		if (r <= 0)
			return r;
		if (record.time >= now - keep_s)
			break;
		*ret = record.n;
	}
	if (r > 0)
		store_done(row);
	return GW_MIN(r, 0);
}

static uint64_t beyond(uint64_t n, uint64_t keep)
{
	return n > keep ? n - keep : 0;
}

/* So many wait for the cloud that a summary is shorter than what it replaces. */
static bool is_too_much(const struct agent *agent, const struct facts *facts)
{
	uint64_t from = GW_MAX(facts->acknowledged.at.n, facts->checkpoint.at.n);

	return beyond(facts->head.n, from) > agent->settings.audit_waiting_max + SUMMARISED;
}

/* The last that may go now; that of the checkpoint if none may. */
static int find_limit(struct agent *agent, const struct facts *facts, uint64_t *ret)
{
	uint64_t first = facts->checkpoint.at.n, old, limit;
	int r = find_old(agent, first + 1, &old);

	if (r < 0)
		return r;
	limit = GW_MAX(old, beyond(facts->head.n, agent->settings.audit_keep_records));
	limit = GW_MIN(limit, facts->acknowledged.at.n);
	if (is_too_much(agent, facts)) /* those that it has make room for those that wait */
		limit = facts->acknowledged.at.n;
	*ret = GW_MAX(first, GW_MIN(limit, first + SLICE));
	return 0;
}

/* That the store is an old copy is said until the record that tells of it is as old as that. */
static int forget_loss(struct agent *agent, const struct facts *facts)
{
	struct audit_acknowledged acknowledged = facts->acknowledged;

	acknowledged.lost_from = acknowledged.lost_to = 0;
	acknowledged.noticed = acknowledged.since = 0;
	return audit_set_acknowledged(agent->store, agent->vault, &acknowledged);
}

static int drop(struct agent *agent, const struct facts *facts, uint64_t n)
{
	int r = turn_open(agent->turn);

	if (r < 0)
		return r;
	turn_step(agent->turn, STEP_PRUNE);
	r = audit_drop(agent->store, agent->vault, n, clock_now_s(&agent->clock));
	if (r < 0 || !facts->acknowledged.lost_to || facts->acknowledged.noticed > n)
		return r;
	return forget_loss(agent, facts);
}

/* --- what it has not --- */

struct group {
	char event[64], reason[65];
	uint64_t n, from_s, to_s;
};

struct summary {
	struct group groups[GROUPS]; /* the last is for all that find no room */
	size_t n_groups;
};

/* A summary that is summarised again keeps its count: what we wrote ourselves can be read back. */
static void read_back(const struct audit_record *record, struct group *ret)
{
	*ret = (struct group){ .n = 1, .from_s = record->time, .to_s = record->time };
	(void)gw_copy(ret->reason, sizeof(ret->reason), record->reason);
	if (gw_streq(record->event, SUMMARY) &&
	    sscanf(record->detail, "%" SCNu64 " of %63s from %" SCNu64 " to %" SCNu64, &ret->n,
		   ret->event, &ret->from_s, &ret->to_s) == 4)
		return;
	(void)gw_copy(ret->event, sizeof(ret->event), record->event);
}

static struct group *find_group(struct summary *summary, const struct group *one)
{
	struct group *group = summary->groups;

	for (size_t i = 0; i < summary->n_groups; i++, group++)
		if (gw_streq(group->event, one->event) && gw_streq(group->reason, one->reason))
			return group;
	if (summary->n_groups == GROUPS)
		return group - 1;

	*group = (struct group){ .from_s = one->from_s };
	(void)gw_copy(group->event, sizeof(group->event), "others");
	if (++summary->n_groups < GROUPS) {
		(void)gw_copy(group->event, sizeof(group->event), one->event);
		(void)gw_copy(group->reason, sizeof(group->reason), one->reason);
	}
	return group;
}

static int count(struct agent *agent, uint64_t from, uint64_t to, struct summary *summary)
{
	struct audit_record record;
	struct sqlite3_stmt *row;
	int r;

	r = audit_select(agent->store, from, &row);
	while (r >= 0 && (r = audit_next(agent->store, row, &record)) > 0 && record.n <= to) {
		struct group one, *group;

		read_back(&record, &one);
		group = find_group(summary, &one);
		group->n += one.n;
		group->from_s = GW_MIN(group->from_s, one.from_s);
		group->to_s = GW_MAX(group->to_s, one.to_s);
	}
	if (r > 0)
		store_done(row);
	return GW_MIN(r, 0);
}

static void record_group(struct agent *agent, const struct group *group)
{
	char detail[AUDIT_TEXT_MAX + 1];

	(void)snprintf(detail, sizeof(detail), "%" PRIu64 " of %s from %" PRIu64 " to %" PRIu64,
		       group->n, group->event, group->from_s, group->to_s);
	lifecycle_record(agent, SUMMARY, "", "gangway", group->reason, detail);
}

/* The cloud is away for so long that the oldest which it has not seen have to go. */
static int summarise(struct agent *agent, const struct facts *facts)
{
	uint64_t from = facts->checkpoint.at.n + 1,
		 to = GW_MIN(facts->checkpoint.at.n + SUMMARISED, facts->head.n);
	_cleanup_free_ struct summary *summary = calloc(1, sizeof(*summary));
	int r;

	if (!summary)
		return -ENOMEM;
	r = count(agent, from, to, summary);
	if (r >= 0)
		r = drop(agent, facts, to);
	if (r < 0)
		return r;

	for (size_t i = 0; i < summary->n_groups; i++)
		record_group(agent, &summary->groups[i]);
	return turn_log(
		agent->turn,
		&(struct turn_line){ .event = GW_EVENT_RECORD_SUMMARISED, .is_warning = true },
		"The cloud has not taken records %llu to %llu for so long that only a summary "
		"of them is kept",
		(unsigned long long)from, (unsigned long long)to);
}

/* --- looking --- */

/* Returns 1 if there is more to be done at once. */
static int do_slice(struct agent *agent)
{
	struct facts facts;
	uint64_t limit;
	int r;

	r = load_facts(agent, &facts);
	if (r >= 0)
		r = find_limit(agent, &facts, &limit);
	if (r < 0)
		return r;

	if (limit > facts.checkpoint.at.n)
		r = drop(agent, &facts, limit);
	else if (is_too_much(agent, &facts))
		r = summarise(agent, &facts);
	else
		return 0;
	return r < 0 ? r : 1;
}

static void look_in(struct audit_retention *retention, uint64_t us)
{
	(void)sd_event_source_set_time_relative(retention->look, us);
	(void)sd_event_source_set_enabled(retention->look, SD_EVENT_ONESHOT);
}

/* A sealed fact that was changed is for audit-verify and the doctor to tell: then nothing is dropped. */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct audit_retention *retention = userdata;
	int r = do_slice(retention->agent);

	if (r < 0 && r != -EBADMSG && r != -ENOENT)
		turn_fail(retention->agent->turn, r);
	look_in(retention, r > 0 ? 0 : LOOK_US);
	return 0;
}

void audit_retention_look(struct audit_retention *retention)
{
	if (retention)
		look_in(retention, 0);
}

int audit_retention_new(struct agent *agent, struct audit_retention **ret)
{
	struct audit_retention *retention = calloc(1, sizeof(*retention));
	int r;

	if (!retention)
		return -ENOMEM;
	retention->agent = agent;
	r = sd_event_add_time_relative(agent->event, &retention->look, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_look, retention);
	if (r >= 0)
		r = sd_event_source_set_priority(retention->look, BEHIND_ALL);
	if (r < 0) {
		audit_retention_free(retention);
		return r;
	}
	*ret = retention;
	return 0;
}

struct audit_retention *audit_retention_free(struct audit_retention *retention)
{
	if (retention)
		sd_event_source_disable_unref(retention->look);
	free(retention);
	return NULL;
}
