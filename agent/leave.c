/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificate of a device that left is kept as its fingerprint alone, in state `left`: enough to know it when it
 * comes, to say so, and to hear that it has wiped itself. Time counts from the decommissioning, or from when the clock is
 * first trusted after it. Nothing here waits for the cloud.
 *
 * Reasons of a tombstone: not-told, told, wiped, never-came-back; decommissioned where there was nobody to tell.
 */
#include "agent/leave.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/due.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-key.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"

#define BATCH 64
#define DAY_S 86400

static void set_reason(const struct agent *agent, struct device_record *device,
		       enum gw_reason reason)
{
	device->changed = clock_now_s(&agent->clock);
	(void)gw_copy(device->reason, sizeof(device->reason), gw_reason_code(reason));
}

static bool has_reason(const struct device_record *device, enum gw_reason reason)
{
	return gw_streq(device->reason, gw_reason_code(reason));
}

/* Errors of the store spoil the transaction as a whole (store.h). */
void leave_forget(struct agent *agent, struct device_record *device)
{
	uint64_t since = clock_is_trusted(&agent->clock) ? clock_now_s(&agent->clock) : 0;
	struct device_record tombstone = { .state = device->state };
	int n;

	(void)store_keys_wipe(agent->store, device->id);
	n = store_certificate_leave(agent->store, device->id, since);
	(void)store_claim_wipe(agent->store, device->id);
	store_wipe_log(agent->store);
	agent->notices_are_known = false;

	(void)gw_copy(tombstone.id, sizeof(tombstone.id), device->id);
	(void)gw_copy(tombstone.tenant, sizeof(tombstone.tenant), device->tenant);
	set_reason(agent, &tombstone, n > 0 ? GW_REASON_NOT_TOLD : GW_REASON_DECOMMISSIONED);
	*device = tombstone;
}

/* The last of it. */
static void end_notice(struct agent *agent, const char *device)
{
	(void)store_certificate_forget_left(agent->store, device);
	store_wipe_log(agent->store);
	agent->notices_are_known = false;
}

void leave_end_notice(struct agent *agent, const struct device_record *device)
{
	end_notice(agent, device->id);
}

int leave_told(struct agent *agent, const char *device)
{
	struct device_record record;
	int r = store_device_get(agent->store, device, &record);

	if (r < 0 || record.state != DEVICE_DECOMMISSIONED ||
	    !has_reason(&record, GW_REASON_NOT_TOLD))
		return r == -ENOENT ? 0 : r;

	turn_step(agent->turn, STEP_NOTICE);
	lifecycle_record(agent, "device-told", device, "gangway", "", /* detail= */ NULL);
	set_reason(agent, &record, GW_REASON_TOLD);
	return store_device_put(agent->store, &record);
}

static int confirm(struct agent *agent, const char *device)
{
	struct device_record record;
	int r = store_device_get(agent->store, device, &record);

	if (r < 0 || record.state != DEVICE_DECOMMISSIONED || has_reason(&record, GW_REASON_WIPED))
		return r == -ENOENT ? 0 : r;

	turn_step(agent->turn, STEP_WIPED);
	lifecycle_record(agent, "device-wiped", device, "device", "", /* detail= */ NULL);
	end_notice(agent, device);
	set_reason(agent, &record, GW_REASON_WIPED);
	return store_device_put(agent->store, &record);
}

int leave_take_wiped(struct agent *agent, const struct gw_msg_wiped *msg)
{
	const struct session *session = session_find_for_notice(agent->sessions, msg->session);
	const struct gw_msg reply = { .type = GW_MSG_REPORTED,
				      .reported = { msg->session, msg->request, GW_OUTCOME_DONE,
						    "" } };
	int r;

	if (!session)
		return 0; /* ended meanwhile */
	r = turn_open(agent->turn);
	if (r >= 0)
		r = confirm(agent, session->device);
	if (r < 0)
		return r;
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &reply, /* fd= */ -1);
	return 0;
}

/* --- time --- */

static void close_one(struct agent *agent, const char *device)
{
	struct device_record record;

	turn_step(agent->turn, STEP_NOTICE);
	end_notice(agent, device);
	if (store_device_get(agent->store, device, &record) < 0)
		return;
	if (has_reason(&record, GW_REASON_NOT_TOLD))
		set_reason(agent, &record, GW_REASON_NEVER_CAME_BACK);
	(void)store_device_put(agent->store, &record);
	lifecycle_record(agent, "notice-over", device, "gangway", record.reason,
			 /* detail= */ NULL);
}

void leave_look(struct agent *agent, uint64_t now)
{
	uint64_t days_s = agent->settings.devices_notice_days * DAY_S;
	char ids[BATCH][GW_ID_MAX + 1];
	uint64_t next = leave_next_s(agent);
	int n;

	if (!next || next > now)
		return;
	if (store_certificate_date_left(agent->store, now) > 0)
		agent->notices_are_known = false;
	n = store_certificate_left_before(agent->store, now - GW_MIN(now, days_s), ids, BATCH);
	for (int i = 0; i < n; i++)
		close_one(agent, ids[i]);
}

/* What is not dated yet is due at once: leave_look() dates it. */
uint64_t leave_next_s(struct agent *agent)
{
	uint64_t since;

	if (!agent->notices_are_known) {
		int r = store_certificate_first_left(agent->store, &since);

		agent->notices_are_known = r >= 0 || r == -ENOENT;
		agent->notices_next_s =
			r < 0 ? 0
			      : GW_MAX(since ? since + agent->settings.devices_notice_days * DAY_S
					     : 1,
				       1ull);
	}
	return agent->notices_next_s;
}
