/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * At each beat the agent asks itself for a turn, and only when that has come to its end, commit and all,
 * the service manager hears of it. A loop that hangs, and a commit that never returns, are silent, and we
 * are started again.
 *
 * A commit that fails is no such thing: a new start would find the same disk, and those who ask now would
 * find nobody. It is said, and tried again at each beat, so that all is well as soon as the disk is. While
 * nothing is written for long, a beat writes a little: a disk that has failed should be known before a device
 * needs it.
 */
#include "agent/pulse.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/clock-watch.h"
#include "agent/cloud.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"

#define BEAT_US      10000000   /* where nobody watches .. */
#define BEATS        3          /* .. else so many in the time that the watchdog allows */
#define UNWRITTEN_US 3600000000 /* a store that took nothing for so long is tried */
#define META         "pulse"

struct pulse {
	struct agent *agent;
	sd_event_source *timer;
	uint64_t beat_us;
	uint64_t written_us; /* monotonic */
	int error;           /* of the last attempt to write */
	bool is_watched, is_asked;
	char status[2 * GW_TEXT_MAX]; /* as told last */
};

void pulse_describe(struct pulse *pulse)
{
	const struct agent *agent = pulse->agent;
	const char *trouble = bus_trouble(agent->bus);
	char status[sizeof(pulse->status)];

	(void)snprintf(status, sizeof(status), "%s%sServes gateway %s; the cloud is %s", trouble,
		       *trouble ? ". " : "", agent->settings.gateway,
		       cloud_state_name(pulse->agent));
	if (gw_streq(status, pulse->status))
		return;
	(void)gw_copy(pulse->status, sizeof(pulse->status), status);
	(void)sd_notifyf(0, "STATUS=%s", status);
}

static void note_written(struct pulse *pulse, int r)
{
	if (r == 0)
		return;
	if (r > 0)
		pulse->written_us = gw_now_monotonic_us();
	pulse->error = GW_MIN(r, 0);
}

void pulse_turned(struct pulse *pulse, int r)
{
	if (!pulse)
		return;

	note_written(pulse, r);
	pulse_describe(pulse);
	if (pulse->is_asked && pulse->is_watched)
		(void)sd_notify(0, "WATCHDOG=1");
	pulse->is_asked = false;
}

/* Apart from any turn: what fails here is nobody's, and breaks no link. */
static int write_little(struct agent *agent)
{
	struct store *store = agent->store;
	int r = store_begin(store), r2;

	if (r < 0)
		return r;
	r = store_meta_set_number(store, META, (int64_t)clock_now_s(&agent->clock));
	r2 = store_commit(store);
	return r < 0 ? r : r2;
}

static void try_store(struct pulse *pulse)
{
	struct agent *agent = pulse->agent;
	int r;

	if (store_in_transaction(agent->store)) /* soon it will be known anyway */
		return;

	r = write_little(agent);
	note_written(pulse, r);
	turn_store_was_tried(agent->turn, r);
}

static bool is_doubtful(const struct pulse *pulse)
{
	return pulse->error < 0 || gw_now_monotonic_us() - pulse->written_us > UNWRITTEN_US;
}

static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct pulse *pulse = userdata;

	clock_watch_compare(pulse->agent->clock_watch);
	if (is_doubtful(pulse))
		try_store(pulse);
	pulse->is_asked = true;
	turn_wake(pulse->agent->turn);
	(void)sd_event_source_set_time_relative(source, pulse->beat_us);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int pulse_new(struct agent *agent, struct pulse **ret)
{
	struct pulse *pulse = calloc(1, sizeof(*pulse));
	uint64_t allowed_us;
	int r;

	if (!pulse)
		return -ENOMEM;

	pulse->agent = agent;
	pulse->written_us = gw_now_monotonic_us();
	pulse->is_watched = sd_watchdog_enabled(/* unset_environment= */ 0, &allowed_us) > 0;
	pulse->beat_us = pulse->is_watched ? allowed_us / BEATS : BEAT_US;
	r = sd_event_add_time_relative(agent->event, &pulse->timer, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 0, on_beat, pulse);
	if (r < 0) {
		pulse_free(pulse);
		return r;
	}

	*ret = pulse;
	return 0;
}

struct pulse *pulse_free(struct pulse *pulse)
{
	if (!pulse)
		return NULL;
	sd_event_source_disable_unref(pulse->timer);
	free(pulse);
	return NULL;
}
