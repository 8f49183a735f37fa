/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One transaction, so that there is nothing in between: either all is as it was, or all is gone and the cloud is
 * still to be told of each device that had not left already. That is all that the queue keeps. Devices are not told:
 * who wants them to wipe themselves decommissions them first.
 *
 * The gateway's own certificate goes last, for it is by that one that the cloud is told: once all is acknowledged the cloud
 * link tells the cloud of that too, and forgets what it has of its own.
 *
 * What stays is the machine's: the record, which says who did this and when; the highest number of the cloud's commands,
 * so that none of the old ones is obeyed again; the floor of the clock; the store's key.
 */
#include "agent/reset.h"

#include <errno.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/discovered.h"
#include "agent/due.h"
#include "agent/lifecycle.h"
#include "agent/queue.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"

#define BATCH        64
#define CHANGE_BYTES 16
#define OWED_META    "reset-owed" /* the gateway's own certificate is still to go */

static int tell_cloud(struct agent *agent, enum gw_request_kind kind, const char *device,
		      const char *tenant)
{
	_cleanup_free_ struct job_record *job = calloc(1, sizeof(*job));
	uint8_t change[CHANGE_BYTES];
	int r = job ? gw_random(change, sizeof(change)) : -ENOMEM;

	if (r < 0)
		return r;
	job->kind = kind;
	(void)gw_copy(job->device, sizeof(job->device), device);
	(void)gw_copy(job->tenant, sizeof(job->tenant), tenant);
	gw_hex_encode(change, sizeof(change), job->of);
	return queue_add(agent->queue, job);
}

static int forget_device(struct agent *agent, const struct device_record *device, unsigned *n)
{
	int r = turn_tell(agent->turn, &(struct turn_change){ .device = device->id,
							      .from = device->state,
							      .to = DEVICE_UNKNOWN,
							      .reason = "",
							      .is_unlogged = true });

	if (r < 0 || device->state == DEVICE_DECOMMISSIONED)
		return r; /* the cloud knows, or is to be told already */
	++*n;
	return tell_cloud(agent, GW_REQUEST_DECOMMISSIONED, device->id, device->tenant);
}

static int forget_devices(struct agent *agent, unsigned *n)
{
	_cleanup_free_ struct device_record *devices = calloc(BATCH, sizeof(*devices));
	struct device_filter filter = { .after = "" };
	char after[GW_ID_MAX + 1];
	int found, r = 0;

	if (!devices)
		return -ENOMEM;
	while ((found = store_device_list(agent->store, &filter, devices, BATCH)) > 0) {
		for (int i = 0; i < found && r >= 0; i++)
			r = forget_device(agent, &devices[i], n);
		if (r < 0)
			return r;
		(void)gw_copy(after, sizeof(after), devices[found - 1].id);
		filter.after = after;
	}
	return found;
}

static void forget_sightings(struct agent *agent)
{
	const struct sighting *seen;

	while ((seen = discovered_after(agent->discovered, ""))) {
		char id[GW_ID_MAX + 1];

		(void)gw_copy(id, sizeof(id), seen->id);
		discovered_forget(agent->discovered, id);
		(void)turn_tell(agent->turn, &(struct turn_change){ .device = id,
								    .from = DEVICE_DISCOVERED,
								    .to = DEVICE_UNKNOWN,
								    .reason = "",
								    .is_unlogged = true });
	}
}

/* All that waits for the cloud is void with its device. */
static int drop_jobs(struct agent *agent)
{
	int r = 0;

	for (int kind = 0; kind < _GW_REQUEST_MAX && r >= 0; kind++)
		if (kind != GW_REQUEST_DECOMMISSIONED)
			r = queue_drop_kind(agent->queue, (enum gw_request_kind)kind);
	return r;
}

static int empty_tables(struct agent *agent)
{
	static const char *const statements[] = {
		"DELETE FROM device",  "DELETE FROM claim",      "DELETE FROM tried_key",
		"DELETE FROM anchors", "DELETE FROM command",    "DELETE FROM certificate",
		"DELETE FROM crl",     "DELETE FROM crl_serial",
	};
	int r = 0;

	for (size_t i = 0; i < GW_ELEMENTS(statements) && r >= 0; i++)
		r = store_exec(agent->store, statements[i], "");
	store_wipe_log(agent->store);
	agent->notices_are_known = false;
	return r;
}

int reset_go_on(struct agent *agent)
{
	int r;

	if (!store_meta_number(agent->store, OWED_META, 0) ||
	    store_job_has_kind(agent->store, GW_REQUEST_DECOMMISSIONED))
		return 0;
	r = store_meta_set_number(agent->store, OWED_META, 0);
	return r < 0 ? r : tell_cloud(agent, GW_REQUEST_RELINQUISHED, "", "");
}

int reset_to_factory(struct agent *agent, const char *who, unsigned *ret_devices)
{
	char detail[32];
	unsigned n = 0;
	int r = turn_open(agent->turn);

	if (r >= 0)
		r = drop_jobs(agent);
	if (r >= 0)
		r = forget_devices(agent, &n);
	if (r >= 0)
		r = empty_tables(agent);
	if (r >= 0)
		r = store_meta_set_number(agent->store, OWED_META, 1);
	if (r >= 0)
		r = reset_go_on(agent);
	if (r < 0)
		return r;

	turn_step(agent->turn, STEP_RESET);
	forget_sightings(agent);
	(void)snprintf(detail, sizeof(detail), "%u device%s", n, n == 1 ? "" : "s");
	lifecycle_record(agent, "factory-reset", "", who, "", detail);
	r = turn_log(agent->turn,
		     &(struct turn_line){ .event = GW_EVENT_FACTORY_RESET, .who = who },
		     "Reset to factory state by %s, who had %s forgotten", who, detail);
	if (r < 0)
		return r;
	sessions_end_all(agent->sessions, gw_reason_code(GW_REASON_DECOMMISSIONED));
	due_look(agent->due);
	*ret_devices = n;
	return 0;
}
