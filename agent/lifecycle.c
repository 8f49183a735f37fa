/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lifecycle_apply() walks one edge: first what has to be undone (a job that is void, certificates that
 * are no longer good), then what is new, then the state itself. Errors of the store spoil the
 * transaction as a whole (store.h), so none of it can be half done.
 */
#include "agent/lifecycle.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/audit.h"
#include "agent/due.h"
#include "agent/enrol.h"
#include "agent/leave.h"
#include "agent/queue.h"
#include "agent/refusals.h"
#include "agent/renewal.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store-key.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/util.h"

#define STORE_ID_META    "store-id"
#define STORE_ID_BYTES   4
#define OFTEN_MAX        16 /* in an hour */
#define CHANGE_BYTES     16
#define CLAIM_COUNT_META "claim-count"

/* A certificate that came to its end long ago need not be known when somebody knocks with it. */
#define FORGET_AFTER_S (30ull * 86400)

void lifecycle_record(struct agent *agent, const char *event, const char *device, const char *who,
		      const char *reason, const char *detail)
{
	struct audit_record record = { .time = clock_now_s(&agent->clock) };
	int r;

	if (turn_open(agent->turn) < 0)
		return;

	(void)gw_copy(record.event, sizeof(record.event), event);
	(void)gw_copy(record.device, sizeof(record.device), device);
	(void)gw_copy(record.who, sizeof(record.who), who);
	(void)gw_copy(record.reason, sizeof(record.reason), reason);
	(void)gw_copy(record.detail, sizeof(record.detail), detail ? detail : "");
	r = audit_add(agent->store, agent->vault, &record);
	if (r < 0) /* nothing is done that is not on record */
		turn_fail(agent->turn, r == -EBADMSG || r == -EEXIST ? -EUCLEAN : r);
	audit_export_look(agent->audit_export);
}

static bool is_news(struct agent *agent, const char *whose, const char *reason)
{
	enum gw_reason kind = GW_REASON_BAD_MESSAGE; /* a code that we do not know */

	(void)gw_reason_from_code(reason, &kind);
	return refusals_is_news(agent->refusals, whose, kind, OFTEN_MAX);
}

void lifecycle_record_often(struct agent *agent, const char *event, const char *device,
			    const char *who, const char *reason, const char *detail)
{
	if (is_news(agent, *device ? device : who, reason))
		lifecycle_record(agent, event, device, who, reason, detail);
}

void lifecycle_record_refusal(struct agent *agent, const char *event, const char *device,
			      const char *who, const char *reason)
{
	if (is_news(agent, who, reason))
		lifecycle_record(agent, event, device, who, reason, /* detail= */ NULL);
}

/* --- claim ids --- */

static int store_id(struct agent *agent, char id[2 * STORE_ID_BYTES + 1])
{
	uint8_t bytes[STORE_ID_BYTES];
	size_t len;
	int r;

	r = store_meta_get(agent->store, STORE_ID_META, bytes, sizeof(bytes), &len);
	if (r == -ENOENT) {
		r = gw_random(bytes, sizeof(bytes));
		if (r >= 0)
			r = store_meta_set(agent->store, STORE_ID_META, GW_BLOB_ARRAY(bytes));
	}
	if (r >= 0)
		gw_hex_encode(bytes, sizeof(bytes), id);
	return r;
}

int lifecycle_new_claim_id(struct agent *agent, char *id, unsigned size)
{
	int64_t n = store_meta_number(agent->store, CLAIM_COUNT_META, 0) + 1;
	char prefix[2 * STORE_ID_BYTES + 1];
	int r;

	r = store_id(agent, prefix);
	if (r >= 0)
		r = store_meta_set_number(agent->store, CLAIM_COUNT_META, n);
	if (r < 0)
		return r;
	(void)snprintf(id, size, "%s-%lld", prefix, (long long)n);
	return 0;
}

/* --- actions --- */

static void add_job(struct agent *agent, struct job_record *job)
{
	int r = queue_add(agent->queue, job);

	if (r < 0)
		turn_fail(agent->turn, r);
}

/* NULL: the turn has failed. */
static struct job_record *new_job(struct agent *agent, enum gw_request_kind kind,
				  const struct device_record *device, const char *reason)
{
	struct job_record *job = calloc(1, sizeof(*job));

	if (!job) {
		turn_fail(agent->turn, -ENOMEM);
		return NULL;
	}
	job->kind = kind;
	(void)gw_copy(job->device, sizeof(job->device), device->id);
	(void)gw_copy(job->tenant, sizeof(job->tenant), device->tenant);
	(void)gw_copy(job->reason, sizeof(job->reason), reason);
	return job;
}

static void void_job(struct agent *agent, const struct device_record *device, const char *reason)
{
	_cleanup_free_ struct job_record *pending = new_job(agent, GW_REQUEST_ENROLL, device, "");
	_cleanup_free_ struct job_record *job = new_job(agent, GW_REQUEST_REVOKED, device, reason);

	if (!pending || !job)
		return;
	if (store_job_signing_of(agent->store, device->id, pending) < 0)
		return;

	(void)queue_drop(agent->queue, pending);
	enrol_answer_void(agent, pending->id, reason);
	(void)gw_copy(job->of, sizeof(job->of), pending->id);
	add_job(agent, job);
}

/* Revokes the device's certificate of that state here, and tells the cloud if it does not know. */
static void revoke_certificate(struct agent *agent, const struct device_record *device,
			       enum certificate_state state, const char *reason, bool tell)
{
	_cleanup_free_ struct job_record *job = NULL;
	struct certificate_record certificate;

	if (store_certificate_of(agent->store, device->id, state, &certificate) < 0)
		return;

	(void)store_certificate_set_state(agent->store, &certificate, CERTIFICATE_REVOKED);
	job = tell ? new_job(agent, GW_REQUEST_REVOKED, device, reason) : NULL;
	if (!job)
		return;
	memcpy(job->serial, certificate.serial, certificate.serial_len);
	job->serial_len = certificate.serial_len;
	add_job(agent, job);
}

static void promote(struct agent *agent, const struct device_record *device)
{
	_cleanup_free_ struct job_record *job = new_job(agent, GW_REQUEST_PROVED, device, "");
	struct certificate_record certificate;

	if (!job ||
	    store_certificate_of(agent->store, device->id, CERTIFICATE_CANDIDATE, &certificate) < 0)
		return;

	(void)store_certificate_set_state(agent->store, &certificate, CERTIFICATE_LIVE);
	(void)store_key_forget(agent->store, certificate.generation);
	if (clock_is_trusted(&agent->clock))
		(void)store_certificate_forget(agent->store, device->id,
					       clock_now_s(&agent->clock) - FORGET_AFTER_S);
	(void)gw_copy(job->claim, sizeof(job->claim), certificate.claim);
	memcpy(job->serial, certificate.serial, certificate.serial_len);
	job->serial_len = certificate.serial_len;
	add_job(agent, job);
}

/* What happened to the device itself, which may happen again: a job of its own each time. */
static void tell_cloud(struct agent *agent, const struct device_record *device,
		       enum device_event event, const char *reason)
{
	bool suspended = event == DEVICE_EVENT_SUSPEND;
	bool left = event == DEVICE_EVENT_DECOMMISSION;
	enum gw_request_kind kind = suspended ? GW_REQUEST_SUSPENDED
				    : left    ? GW_REQUEST_DECOMMISSIONED
					      : GW_REQUEST_RESUMED;
	_cleanup_free_ struct job_record *job =
		new_job(agent, kind, device, suspended ? reason : "");
	uint8_t change[CHANGE_BYTES];
	int r;

	if (!job)
		return;
	r = gw_random(change, sizeof(change));
	if (r < 0) {
		turn_fail(agent->turn, r);
		return;
	}
	gw_hex_encode(change, sizeof(change), job->of);
	add_job(agent, job);
}

static void end_claim(struct agent *agent, const struct device_record *device,
		      enum claim_state state)
{
	struct claim_record claim;

	if (store_claim_open_of(agent->store, device->id, &claim) >= 0)
		(void)store_claim_end(agent->store, claim.id, state);
}

/* The same secret, a new generation: what was issued under the old one stays void. */
static void rearm_claim(struct agent *agent, struct device_record *device)
{
	struct claim_record claim;

	if (store_claim_open_of(agent->store, device->id, &claim) < 0)
		return;

	(void)store_claim_end(agent->store, claim.id, CLAIM_CLOSED);
	if (lifecycle_new_claim_id(agent, claim.id, sizeof(claim.id)) < 0)
		return;
	(void)store_claim_add(agent->store, &claim);
	(void)gw_copy(device->claim, sizeof(device->claim), claim.id);
}

/* The same certificate, a new generation: what was asked for in the old one stays void. */
static void begin_next_round(struct agent *agent, const struct device_record *device)
{
	char generation[GW_ID_MAX + 1];
	struct certificate_record live;

	if (store_certificate_of(agent->store, device->id, CERTIFICATE_LIVE, &live) < 0)
		return;

	renewal_generation(&live, generation);
	(void)store_key_forget(agent->store, generation);
	live.round++;
	(void)store_certificate_set_renewal(agent->store, &live);
}

static void act(struct agent *agent, struct device_record *device, unsigned actions,
		enum device_event event, const char *reason)
{
	bool promoted = actions & DEVICE_ACTION_PROMOTE;

	if (!*reason) /* nothing is wrong with the device: something newer has come */
		reason = gw_reason_code(GW_REASON_SUPERSEDED);
	if (actions & DEVICE_ACTION_VOID_JOB)
		void_job(agent, device, reason);
	if (actions & DEVICE_ACTION_REVOKE_CANDIDATE)
		revoke_certificate(agent, device, CERTIFICATE_CANDIDATE, reason, /* tell= */ true);
	/* PROVED tells the cloud of the old certificate's end as well. */
	if (actions & DEVICE_ACTION_RETIRE_LIVE)
		revoke_certificate(agent, device, CERTIFICATE_LIVE, reason, /* tell= */ !promoted);
	if (actions & DEVICE_ACTION_LEAVE_LIVE)
		revoke_certificate(agent, device, CERTIFICATE_LIVE, reason, /* tell= */ false);
	if (promoted)
		promote(agent, device);
	if (actions & DEVICE_ACTION_BURN_CLAIM)
		end_claim(agent, device, CLAIM_BURNED);
	if (actions & DEVICE_ACTION_CLOSE_CLAIM)
		end_claim(agent, device, CLAIM_CLOSED);
	if (actions & DEVICE_ACTION_REARM_CLAIM)
		rearm_claim(agent, device);
	if (actions & DEVICE_ACTION_NEXT_ROUND)
		begin_next_round(agent, device);
	if (actions & DEVICE_ACTION_END_SESSIONS)
		sessions_end_device(agent->sessions, device->id, reason);
	if (actions & DEVICE_ACTION_FORGET)
		leave_forget(agent, device);
	if (actions & DEVICE_ACTION_END_NOTICE)
		leave_end_notice(agent, device);
	if (actions & DEVICE_ACTION_TELL)
		tell_cloud(agent, device, event, reason);
}

/* --- the state --- */

static int write_state(struct agent *agent, struct device_record *device, enum device_state to,
		       const struct lifecycle_cause *cause)
{
	enum device_state from = device->state;
	bool is_back = to == DEVICE_ONBOARDED && from != to;
	int r;

	device->state = to;
	/* A device that is aboard as before, by its old certificate, has nothing to be advised about; what there is to
	 * say of one that left leave.c has written. */
	if (to != DEVICE_DECOMMISSIONED)
		(void)gw_copy(device->reason, sizeof(device->reason), is_back ? "" : cause->reason);
	device->changed = clock_now_s(&agent->clock);
	r = store_device_put(agent->store, device);
	if (r < 0)
		return r;

	lifecycle_record(agent, device_event_name(cause->event), device->id, cause->who,
			 cause->reason, cause->detail);
	return turn_tell(agent->turn,
			 &(struct turn_change){ .device = device->id,
						.from = from,
						.to = to,
						.reason = cause->reason,
						.cause = device_event_name(cause->event),
						.who = cause->who });
}

int lifecycle_apply(struct agent *agent, struct device_record *device,
		    const struct lifecycle_cause *cause)
{
	struct certificate_record live;
	enum device_state to;
	unsigned actions;
	int r;

	r = turn_open(agent->turn);
	if (r < 0)
		return r;

	r = store_certificate_of(agent->store, device->id, CERTIFICATE_LIVE, &live);
	if (!device_step(device->state, cause->event, r >= 0, &to, &actions))
		return -EBUSY;

	act(agent, device, actions, cause->event, cause->reason);
	due_look(agent->due);
	return write_state(agent, device, to, cause);
}

int lifecycle_show_reason(struct agent *agent, struct device_record *device, const char *event,
			  const char *who, enum gw_reason reason, const char *detail)
{
	int r;

	(void)gw_copy(device->reason, sizeof(device->reason), gw_reason_code(reason));
	device->changed = clock_now_s(&agent->clock);
	r = store_device_put(agent->store, device);
	if (r < 0)
		return r;

	lifecycle_record(agent, event, device->id, who, device->reason, detail);
	return turn_tell(agent->turn, &(struct turn_change){ .device = device->id,
							     .from = device->state,
							     .to = device->state,
							     .reason = device->reason,
							     .cause = event,
							     .who = who });
}
