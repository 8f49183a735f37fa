/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud link repeats a batch until the cloud answers, as it does with any request. An answer names the
 * last record that the cloud holds, by number and MAC, and is judged by that alone, so that one which comes
 * late or twice does no harm: it is a place in our chain (then the next batch goes on behind it), or it is
 * none. If the cloud holds what is not here, an old copy of the store was put back, or another store
 * altogether: that is recorded, and the chain that is here is sent as a new one ("broken"), from the last place
 * that both knew.
 *
 * A cloud that is behind what it acknowledged (restored from a backup) is sent again what is still here.
 *
 * After each start of the agent, once there is nothing new, an empty batch asks where the cloud stands, so that an
 * old copy is found out although nothing happens there.
 */
#include "agent/audit-export.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/audit-retention.h"
#include "agent/audit.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/steps.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"

#define BATCH_ID      "record."
#define BATCH_RECORDS 64
#define BATCH_BYTES   56000 /* of JSON, at most: a body has 64 KiB */
#define RECORD_BYTES  256   /* of JSON around the texts of a record */
#define SECOND_US     1000000ull
#define GATHER_US     (SECOND_US / 2)
#define STUCK_US      (30 * SECOND_US) /* after an answer that leads nowhere */
#define REFUSED_US    (300 * SECOND_US)
#define BEHIND_ALL    (SD_EVENT_PRIORITY_IDLE + 10)

struct audit_export {
	struct agent *agent;
	sd_event_source *look;
	bool is_looking;
	bool is_unsure;   /* whether the cloud still stands where it stood before our start */
	bool is_question; /* the batch that the cloud link holds is the one that asks */
	char open[GW_ID_MAX + 1]; /* id of the batch that the cloud link holds; empty: none */
	char refusal[GW_REASON_MAX + 1];
	uint64_t refused_us; /* for the first time in a row, 0: it is not */
};

struct batch {
	struct audit_point before; /* and of the last record, as they are added */
	struct audit_point last;
	unsigned n;
	size_t len;
};

static void look_in(struct audit_export *export, uint64_t us)
{
	export->is_looking = true;
	(void)sd_event_source_set_time_relative(export->look, us);
	(void)sd_event_source_set_enabled(export->look, SD_EVENT_ONESHOT);
}

/* --- sending --- */

/* In JSON a character takes two at most. */
static size_t json_len(const struct audit_record *record)
{
	return RECORD_BYTES +
	       2 * (strlen(record->event) + strlen(record->device) + strlen(record->who) +
		    strlen(record->reason) + strlen(record->detail));
}

static void send_record(struct plugin *cloud, const struct audit_record *record)
{
	struct gw_msg msg = {
		.type = GW_MSG_EVENT,
		.event = { .n = record->n,
			   .time = record->time,
			   .event = record->event,
			   .device = record->device,
			   .who = record->who,
			   .reason = record->reason,
			   .detail = record->detail,
			   .mac = GW_BLOB_ARRAY(record->mac) },
	};

	plugin_send(cloud, &msg, /* fd= */ -1);
}

static int send_records(struct agent *agent, struct plugin *cloud, struct batch *batch)
{
	struct audit_record record;
	struct sqlite3_stmt *row;
	int r;

	r = audit_select(agent->store, batch->before.n + 1, &row);
	while (r >= 0 && (r = audit_next(agent->store, row, &record)) > 0) {
		batch->len += json_len(&record);
		if (batch->n == BATCH_RECORDS || batch->len > BATCH_BYTES)
			break;
		send_record(cloud, &record);
		batch->n++;
		batch->last.n = record.n;
		memcpy(batch->last.mac, record.mac, sizeof(batch->last.mac));
	}
	if (r > 0)
		store_done(row);
	return GW_MIN(r, 0);
}

/* The same records, the same id: a repetition after a restart is one. A question is new each time: no answer
 * of the past will do. */
static int name_batch(const struct batch *batch, char id[GW_ID_MAX + 1])
{
	uint8_t tag[4];
	char text[2 * sizeof(tag) + 1];
	int r = 0;

	memcpy(tag, batch->last.mac, sizeof(tag));
	if (!batch->n)
		r = gw_random(tag, sizeof(tag));
	if (r < 0)
		return r;
	gw_hex_encode(tag, sizeof(tag), text);
	(void)snprintf(id, GW_ID_MAX + 1, BATCH_ID "%" PRIu64 ".%u.%s", batch->before.n + 1,
		       batch->n, text);
	return 0;
}

static int close_batch(struct audit_export *export, struct plugin *cloud, const struct batch *batch,
		       const char *broken)
{
	struct gw_msg msg = {
		.type = GW_MSG_EVENTS,
		.events = { .job = export->open,
			    .first = batch->before.n + 1,
			    .count = (uint16_t)batch->n,
			    .before = GW_BLOB_ARRAY(batch->before.mac),
			    .broken = broken },
	};

	int r = name_batch(batch, export->open);

	if (r < 0)
		return r;
	export->is_question = !batch->n;
	plugin_send(cloud, &msg, /* fd= */ -1);
	return 0;
}

/* Behind all else, so that what is sent is on disk. */
static int send_batch(struct audit_export *export)
{
	struct agent *agent = export->agent;
	struct plugin *cloud = plugins_find(agent->plugins, GW_ROLE_CLOUD);
	struct audit_acknowledged acknowledged;
	struct audit_checkpoint checkpoint;
	struct batch batch = { 0 };
	const char *broken;
	int r;

	if (!cloud || *export->open)
		return 0;
	r = audit_acknowledged(agent->store, agent->vault, &acknowledged);
	if (r >= 0)
		r = audit_checkpoint(agent->store, agent->vault, &checkpoint);
	if (r < 0)
		return r;

	batch.before = acknowledged.at;
	broken = acknowledged.broken;
	if (checkpoint.at.n > batch.before.n) {
		batch.before = checkpoint.at;
		broken = *broken ? broken : "summarised";
	}
	r = send_records(agent, cloud, &batch);
	if (r >= 0 && (batch.n || (export->is_unsure && !*broken)))
		r = close_batch(export, cloud, &batch, broken);
	return r;
}

/* --- answers --- */

bool audit_export_is_batch(const char *id)
{
	return strncmp(id, BATCH_ID, strlen(BATCH_ID)) == 0;
}

/* What is noted is progress: 1. */
static int note(struct agent *agent, const struct audit_acknowledged *acknowledged)
{
	int r;

	turn_step(agent->turn, STEP_EXPORT);
	r = audit_set_acknowledged(agent->store, agent->vault, acknowledged);
	return r < 0 ? r : 1;
}

/* Where the cloud says that it stands, as a place in our chain. */
enum standing {
	STANDS_HERE,
	STANDS_BEFORE, /* where it stood before our beginning: those records went, it had them */
	STANDS_NOWHERE,
};

static int find_place(struct agent *agent, const struct gw_msg_answer *msg,
		      struct audit_point *place, enum standing *ret)
{
	static const struct audit_point start;
	struct audit_checkpoint checkpoint;
	int r;

	*ret = STANDS_NOWHERE;
	if (!msg->head) {
		*place = start;
		*ret = STANDS_HERE;
		return 0;
	}
	if (msg->mac.len != AUDIT_MAC_LEN)
		return -EBADMSG;

	r = audit_checkpoint(agent->store, agent->vault, &checkpoint);
	if (r >= 0 && msg->head < checkpoint.at.n)
		*ret = STANDS_BEFORE;
	else if (r >= 0)
		r = audit_point_at(agent->store, agent->vault, msg->head, place);
	if (r < 0 || *ret == STANDS_BEFORE)
		return r == -ENOENT ? 0 : r;
	if (gw_equal_secret(place->mac, msg->mac.data, AUDIT_MAC_LEN))
		*ret = STANDS_HERE;
	return 0;
}

/* What this store and the cloud last had in common is not known better than what it acknowledged here. */
static int take_loss(struct agent *agent, const struct gw_msg_answer *msg,
		     struct audit_acknowledged *acknowledged)
{
	static const char broken[] = "old-copy";
	struct audit_point head;
	char detail[AUDIT_TEXT_MAX + 1];
	int r;

	if (gw_streq(acknowledged->broken, broken))
		return 0; /* known: the batch that says so is still to be taken */
	r = audit_head(agent->store, agent->vault, &head);
	if (r < 0)
		return r;

	(void)snprintf(detail, sizeof(detail),
		       "the cloud has records up to %" PRIu64
		       "; in common with this store are those up to %" PRIu64
		       ", which ended with %" PRIu64,
		       msg->head, acknowledged->at.n, head.n);
	lifecycle_record_often(agent, "record-lost", "", "cloud",
			       gw_reason_code(GW_REASON_RECORD_LOST), detail);
	gw_log_event(ERROR, RECORD_LOST,
		     "An old copy of the store was put back, or another store: %s", detail);
	(void)gw_copy(acknowledged->broken, sizeof(acknowledged->broken), broken);
	acknowledged->lost_from = acknowledged->at.n + 1;
	acknowledged->lost_to = msg->head;
	acknowledged->noticed = head.n + 1;
	acknowledged->since = clock_now_s(&agent->clock);
	return note(agent, acknowledged);
}

/* It has acknowledged more than it says that it has now. */
static int take_setback(struct agent *agent, uint64_t has, const struct audit_point *go_on_from,
			struct audit_acknowledged *acknowledged)
{
	char detail[AUDIT_TEXT_MAX + 1];

	(void)snprintf(detail, sizeof(detail),
		       "the cloud has records up to %" PRIu64
		       ", although it acknowledged those up to %" PRIu64,
		       has, acknowledged->at.n);
	lifecycle_record_often(agent, "record-set-back", "", "cloud",
			       gw_reason_code(GW_REASON_RECORD_GAP), detail);
	gw_log_event(WARNING, RECORD_SET_BACK, "%s", detail);
	acknowledged->at = *go_on_from;
	return note(agent, acknowledged);
}

/* Nothing new: it comes late, or once more. */
static int take_head(struct agent *agent, const struct audit_point *place,
		     struct audit_acknowledged *acknowledged)
{
	if (place->n <= acknowledged->at.n)
		return 0;
	acknowledged->at = *place;
	*acknowledged->broken = 0;
	return note(agent, acknowledged);
}

static int take_done(struct agent *agent, const struct gw_msg_answer *msg,
		     struct audit_acknowledged *acknowledged)
{
	struct audit_point place;
	enum standing standing;
	int r;

	r = find_place(agent, msg, &place, &standing);
	if (r < 0)
		return r;

	switch (standing) {
	case STANDS_NOWHERE: return take_loss(agent, msg, acknowledged);
	case STANDS_BEFORE: return 0;
	case STANDS_HERE: break;
	}
	return take_head(agent, &place, acknowledged);
}

/* What comes next does not go on from what it has. */
static int take_gap(struct agent *agent, const struct gw_msg_answer *msg,
		    struct audit_acknowledged *acknowledged)
{
	struct audit_checkpoint checkpoint;
	struct audit_point place;
	enum standing standing;
	int r;

	r = find_place(agent, msg, &place, &standing);
	if (r < 0)
		return r;

	switch (standing) {
	case STANDS_NOWHERE: return take_loss(agent, msg, acknowledged);
	case STANDS_HERE:
		return place.n < acknowledged->at.n
			       ? take_setback(agent, msg->head, &place, acknowledged)
			       : take_head(agent, &place, acknowledged);
	case STANDS_BEFORE: break;
	}
	r = audit_checkpoint(agent->store, agent->vault, &checkpoint);
	if (r < 0)
		return r;
	(void)gw_copy(acknowledged->broken, sizeof(acknowledged->broken), "gone");
	return take_setback(agent, msg->head, &checkpoint.at, acknowledged);
}

static int take_refusal(struct audit_export *export, const struct gw_msg_answer *msg,
			struct audit_acknowledged *acknowledged)
{
	enum gw_reason reason = GW_REASON_NONE;

	(void)gw_reason_from_code(msg->reason, &reason);
	if (reason == GW_REASON_RECORD_GAP || reason == GW_REASON_RECORD_LOST)
		return take_gap(export->agent, msg, acknowledged);

	gw_log_event(ERROR, CLOUD_REFUSED, "The cloud will not take the record: %s %s", msg->reason,
		     msg->text);
	(void)gw_copy(export->refusal, sizeof(export->refusal), msg->reason);
	if (!export->refused_us)
		export->refused_us = gw_now_monotonic_us();
	return 0;
}

/* Returns 1 if the next batch may go at once. */
static int take(struct audit_export *export, const struct gw_msg_answer *msg)
{
	struct agent *agent = export->agent;
	struct audit_acknowledged acknowledged;
	int r = audit_acknowledged(agent->store, agent->vault, &acknowledged);

	if (r < 0)
		return r;

	*export->refusal = 0;
	switch ((enum gw_outcome)msg->outcome) {
	case GW_OUTCOME_DONE: return take_done(agent, msg, &acknowledged);
	case GW_OUTCOME_REFUSED: return take_refusal(export, msg, &acknowledged);
	case GW_OUTCOME_PENDING: return 0;
	case _GW_OUTCOME_MAX: break;
	}
	return -EBADMSG;
}

/* The cloud says where it stands: the question is answered, and need not be asked again. */
static bool is_settled(const struct audit_export *export, const struct gw_msg_answer *msg, int r)
{
	return export->is_question && r >= 0 && msg->outcome != GW_OUTCOME_PENDING &&
	       !*export->refusal;
}

static uint64_t pause_after(const struct audit_export *export, const struct gw_msg_answer *msg,
			    int r)
{
	if (msg->outcome == GW_OUTCOME_PENDING)
		return msg->retry_after_s * SECOND_US;
	if (*export->refusal)
		return REFUSED_US;
	return r > 0 || is_settled(export, msg, r) ? 0 : STUCK_US;
}

/* A sealed fact that was changed stops the export, and is for audit-verify and the doctor to tell. */
int audit_export_take_answer(struct audit_export *export, const struct gw_msg_answer *msg)
{
	int r = take(export, msg);

	if (!*export->refusal)
		export->refused_us = 0;
	if (gw_streq(msg->job, export->open)) {
		*export->open = 0;
		look_in(export, pause_after(export, msg, r));
		if (is_settled(export, msg, r))
			export->is_unsure = false;
	}
	audit_retention_look(export->agent->audit_retention);
	if (r == -EBADMSG)
		gw_log(ERROR, "The cloud's word on the record fits nothing, ignoring");
	return r == -EBADMSG || r == -ENOENT ? 0 : GW_MIN(r, 0);
}

/* --- looking --- */

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct audit_export *export = userdata;
	int r;

	export->is_looking = false;
	r = send_batch(export);
	if (r < 0 && r != -EBADMSG && r != -ENOENT)
		turn_fail(export->agent->turn, r);
	if (*export->open) /* it may be so for long */
		audit_retention_look(export->agent->audit_retention);
	return 0;
}

void audit_export_look(struct audit_export *export)
{
	if (export && !export->is_looking)
		look_in(export, GATHER_US);
}

void audit_export_restart(struct audit_export *export)
{
	*export->open = 0;
	*export->refusal = 0;
	look_in(export, 0);
}

void audit_export_get_facts(struct agent *agent, struct audit_export_facts *ret)
{
	struct audit_acknowledged acknowledged;
	struct audit_checkpoint checkpoint;
	struct audit_record record;
	struct audit_point head;

	*ret = (struct audit_export_facts){ .refusal = agent->audit_export->refusal,
					    .refused_us = agent->audit_export->refused_us };
	if (audit_head(agent->store, agent->vault, &head) < 0 ||
	    audit_checkpoint(agent->store, agent->vault, &checkpoint) < 0 ||
	    audit_acknowledged(agent->store, agent->vault, &acknowledged) < 0)
		return;
	ret->is_sealed = true;
	ret->first = checkpoint.at.n + 1;
	ret->head = head.n;
	ret->acknowledged = acknowledged.at.n;
	ret->lost_from = acknowledged.lost_from;
	ret->lost_to = acknowledged.lost_to;
	ret->since = acknowledged.since;
	if (acknowledged.lost_to &&
	    audit_get(agent->store, acknowledged.lost_from - 1, &record) >= 0 &&
	    record.n == acknowledged.lost_from - 1)
		ret->common = record.time;
}

/* --- life --- */

int audit_export_new(struct agent *agent, struct audit_export **ret)
{
	struct audit_export *export = calloc(1, sizeof(*export));
	int r;

	if (!export)
		return -ENOMEM;
	export->agent = agent;
	export->is_unsure = true;
	r = sd_event_add_time_relative(agent->event, &export->look, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_look, export);
	if (r >= 0)
		r = sd_event_source_set_priority(export->look, BEHIND_ALL);
	if (r < 0) {
		audit_export_free(export);
		return r;
	}
	*ret = export;
	return 0;
}

struct audit_export *audit_export_free(struct audit_export *export)
{
	if (export)
		sd_event_source_disable_unref(export->look);
	free(export);
	return NULL;
}
