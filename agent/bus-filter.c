/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call is a wait (agent/bus-wait.h) with three stations: who calls (the bus is asked), has he called too much
 * (then he waits for his turn), has he the rights (agent/bus-rights.c). None of these blocks: the call is kept and
 * goes on when the answer is there. A call that has passed them all is put before sd-bus once more, which
 * brings it here again: what it needs is worked out anew, compared with what it was given, and it goes on
 * to its handler, in the same breath. So nothing is changed before every question is answered.
 *
 * Who calls is asked on a connection of its own: where too many strangers call, none is heard until that is
 * answered. So a crowd keeps nobody out, however many connections the bus lets a user have (dbus-daemon 256,
 * dbus-broker 4,096).
 *
 * Every call is wiped when it is done with, for it may hold a secret, and dropped when its caller leaves.
 */
#include "agent/bus-filter.h"

#include <assert.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/bus-call.h"
#include "agent/bus-credentials.h"
#include "agent/bus-rights.h"
#include "agent/bus-verify.h"
#include "agent/bus-wait.h"
#include "agent/callers.h"
#include "agent/polkit.h"
#include "agent/turn.h"
#include "agent/unconfigured.h"
#include "lib/util.h"
#include "lib/wire.h"

#define GROUP "gangway"

struct bus_filter {
	struct agent *agent;
	sd_bus *connection, *asker;
	sd_bus_slot *leavers;
	bool is_deaf; /* nothing is read from the connection */
	struct bus_group group;
	struct bus_waits waits;

	/* The call that went to its handler last. */
	struct {
		const sd_bus_message *call;
		unsigned uid, granted;
	} now;
};

/* --- whom we hear --- */

/* Strangers are as many as may be: whoever calls now waits in the bus, at no cost of ours, until it has said who some
 * of them are. It says so to the asker, where no call is in the way. */
static void stop_hearing(struct bus_filter *filter)
{
	if (filter->is_deaf || !callers_strangers_are_full(filter->waits.callers))
		return;
	if (sd_bus_detach_event(filter->connection) >= 0)
		filter->is_deaf = true;
}

static void hear_again(struct bus_filter *filter)
{
	if (!filter->is_deaf || callers_strangers_are_full(filter->waits.callers))
		return;
	if (sd_bus_attach_event(filter->connection, filter->agent->event,
				SD_EVENT_PRIORITY_NORMAL) >= 0)
		filter->is_deaf = false;
	else
		bus_said(filter->agent->bus, -ENOMEM);
}

/* --- who calls --- */

static int refuse_unknown(const struct bus_wait *wait)
{
	return bus_wait_refuse(wait, SD_BUS_ERROR_ACCESS_DENIED,
			       "The bus does not say who you are");
}

/* All calls of this caller waited for it. */
static void go_on_all(struct bus_filter *filter, const struct caller *caller)
{
	struct bus_wait *next;

	for (struct bus_wait *wait = filter->waits.first; wait; wait = next) {
		next = wait->next;
		if (wait->caller == caller && wait->station == BUS_STATION_WHO)
			filter->waits.go_on(wait);
	}
}

static void refuse_all(struct bus_filter *filter, const struct caller *caller)
{
	struct bus_wait *next;

	for (struct bus_wait *wait = filter->waits.first; wait; wait = next) {
		next = wait->next;
		if (wait->caller != caller)
			continue;
		(void)refuse_unknown(wait);
		bus_wait_free(wait);
	}
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus_wait *wait = userdata;
	struct bus_filter *filter = wait->waits->filter;
	struct caller *caller = wait->caller;
	struct bus_credentials who;

	wait->credentials = sd_bus_slot_unref(wait->credentials);
	bus_credentials_read(m, &filter->group, &who);
	if (who.is_known) {
		callers_learn(filter->waits.callers, caller, who.uid, who.in_group,
			      gw_now_monotonic_us());
		bus_waits_trim(&filter->waits, caller);
		go_on_all(filter, caller);
	} else {
		refuse_all(filter, caller);
	}
	hear_again(filter);
	return 1;
}

/* Once a connection, whatever it calls meanwhile. */
static int ask_who_calls(struct bus_wait *wait)
{
	int r;

	if (!bus_wait_list(wait))
		return BUS_REFUSED;
	stop_hearing(wait->waits->filter);
	if (bus_wait_before(wait, BUS_STATION_WHO))
		return BUS_WAITS;
	r = sd_bus_call_method_async(wait->waits->filter->asker, &wait->credentials,
				     "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "GetConnectionCredentials",
				     on_credentials, wait, "s", caller_name(wait->caller));
	return r < 0 ? r : BUS_WAITS;
}

/* --- his turn --- */

/* No call overtakes another of the same caller. */
static int ask_for_turn(struct bus_wait *wait)
{
	enum cost cost = wait->line ? wait->line->cost : COST_ORDINARY;

	if (!bus_wait_before(wait, BUS_STATION_TURN) &&
	    caller_pay(wait->caller, cost, gw_now_monotonic_us()))
		return BUS_PASSES;
	return bus_wait_for_others(wait);
}

/* --- from station to station --- */

static int ask(struct bus_wait *wait)
{
	switch (wait->station) {
	case BUS_STATION_WHO:
		return caller_is_known(wait->caller) ? BUS_PASSES : ask_who_calls(wait);
	case BUS_STATION_TURN: return ask_for_turn(wait);
	case BUS_STATION_RIGHTS: return bus_rights_ask(wait);
	case BUS_STATION_THROUGH: break;
	}
	return BUS_PASSES;
}

/* As far as it goes. */
static int proceed(struct bus_wait *wait)
{
	int r = BUS_PASSES;

	while (wait->station != BUS_STATION_THROUGH && (r = ask(wait)) == BUS_PASSES)
		wait->station++;
	return r;
}

/* An answer is there: the call goes on, and comes here again when it is through. */
static void go_on(struct bus_wait *wait)
{
	int r = proceed(wait);

	if (r == BUS_WAITS)
		return;
	if (r == BUS_PASSES) {
		(void)sd_bus_message_rewind(wait->call, /* complete= */ true);
		r = sd_bus_enqueue_for_read(wait->waits->filter->connection, wait->call);
		if (r >= 0)
			return;
	}
	if (r < 0)
		bus_said(wait->waits->agent->bus,
			 sd_bus_reply_method_errno(wait->call, r, /* error= */ NULL));
	bus_wait_free(wait);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus_filter *filter = userdata;
	struct bus_wait *next;

	for (struct bus_wait *wait = filter->waits.first; wait; wait = next) {
		next = wait->next;
		if (wait->station == BUS_STATION_TURN)
			go_on(wait);
	}
	bus_rights_look(&filter->waits);
	return 0;
}

/* --- calls --- */

/* Before the gateway is configured there is nothing to be told or changed but that. */
static bool is_too_early(const struct bus_wait *wait)
{
	return wait->waits->agent->unconfigured && !rights_is_early(wait->line);
}

static int refuse_early(const struct bus_wait *wait)
{
	char name[128];

	gw_reason_error_name(gw_reason_code(GW_REASON_UNCONFIGURED), name, sizeof(name));
	(void)bus_wait_refuse(wait, name, unconfigured_text(wait->waits->agent->unconfigured));
	return 1;
}

static int let_through(struct bus_wait *wait)
{
	struct bus_filter *filter = wait->waits->filter;

	if (is_too_early(wait))
		return refuse_early(wait);

	filter->now.call = wait->call;
	filter->now.uid = caller_uid(wait->caller);
	filter->now.granted = wait->granted;
	if (wait->line->right == RIGHT_INSPECT)
		turn_settle(filter->agent->turn);
	return 0;
}

/* It has been here before, and got what it needed then. */
static int judge_again(struct bus_wait *wait)
{
	int r = bus_rights_compare(wait) == BUS_PASSES ? let_through(wait) : 1;

	bus_wait_free(wait);
	return r;
}

static_assert((BUS_CALL_SIZE_MAX + GW_CRL_MAX) / BUS_CALL_PLACE < CALLERS_PLACES_MAX,
	      "the largest call that there is");

/* With the bytes that are for its method, and no more. */
static int measure(struct bus_wait *wait)
{
	size_t bytes = wait->line ? rights_bytes(wait->line) : 0;

	return bus_call_measure(wait->call, BUS_CALL_SIZE_MAX + bytes, &wait->places);
}

static int judge_new(struct bus_filter *filter, sd_bus_message *call)
{
	const char *sender = sd_bus_message_get_sender(call);
	const char *interface = sd_bus_message_get_interface(call);
	struct bus_wait *wait;
	int r = bus_wait_new(&filter->waits, call, &wait);

	if (r < 0)
		return r;

	wait->line = rights_find(interface ? interface : "", sd_bus_message_get_member(call));
	wait->caller =
		callers_get(filter->waits.callers, sender ? sender : "", gw_now_monotonic_us());
	if (!wait->caller)
		r = refuse_unknown(wait);
	else if (measure(wait) < 0)
		r = bus_wait_refuse(wait, SD_BUS_ERROR_LIMITS_EXCEEDED,
				    "No call is as large as this one");
	else
		r = proceed(wait);

	if (r == BUS_WAITS)
		return 1;
	r = r == BUS_PASSES ? let_through(wait) : r < 0 ? r : 1;
	bus_wait_free(wait);
	return r;
}

int bus_filter_judge(struct bus_filter *filter, sd_bus_message *call)
{
	struct bus_wait *wait = bus_waits_find(&filter->waits, call);

	filter->now.call = NULL;
	(void)sd_bus_message_sensitive(call); /* one that is refused may hold a secret too */
	return wait ? judge_again(wait) : judge_new(filter, call);
}

bool bus_filter_uid(const struct bus_filter *filter, sd_bus_message *call, unsigned *ret)
{
	if (filter->now.call != call)
		return false;
	*ret = filter->now.uid;
	return true;
}

bool bus_filter_granted(const struct bus_filter *filter, sd_bus_message *call, enum right right)
{
	return filter->now.call == call && filter->now.granted & RIGHT_BIT(right);
}

/* Whoever was pushed out of the table pays nothing: work that is charged is behind all other. */
bool bus_filter_charge(struct bus_filter *filter, sd_bus_message *call, enum cost cost)
{
	const char *sender = sd_bus_message_get_sender(call);
	uint64_t now_us = gw_now_monotonic_us();
	struct caller *caller = callers_get(filter->waits.callers, sender ? sender : "", now_us);

	return !caller || !caller_is_known(caller) || caller_pay(caller, cost, now_us);
}

/* --- those who leave --- */

static int on_leaver(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus_filter *filter = userdata;
	const char *name, *from, *to;

	if (sd_bus_message_read(m, "sss", &name, &from, &to) < 0 || *to)
		return 0;
	bus_waits_drop(&filter->waits, name);
	bus_verify_leave(filter->agent->verify, name);
	callers_forget(filter->waits.callers, name);
	return 0;
}

/* --- life --- */

static int set_up(struct bus_filter *filter)
{
	int r = callers_new(&filter->waits.callers);

	if (r >= 0)
		r = polkit_new(filter->connection, &filter->waits.polkit);
	if (r >= 0)
		r = sd_bus_add_match_async(filter->connection, &filter->leavers,
					   "type='signal',sender='org.freedesktop.DBus',"
					   "path='/org/freedesktop/DBus',"
					   "interface='org.freedesktop.DBus',"
					   "member='NameOwnerChanged',arg2=''",
					   on_leaver, /* install_callback= */ NULL, filter);
	if (r >= 0)
		r = sd_event_add_time_relative(filter->agent->event, &filter->waits.look,
					       CLOCK_MONOTONIC, /* usec= */ 0,
					       /* accuracy= */ 1000, on_look, filter);
	return r;
}

int bus_filter_new(struct agent *agent, sd_bus *connection, sd_bus *asker, struct bus_filter **ret)
{
	struct bus_filter *filter = calloc(1, sizeof(*filter));
	int r;

	if (!filter)
		return -ENOMEM;

	filter->agent = agent;
	filter->connection = connection;
	filter->asker = asker;
	filter->waits.agent = agent;
	filter->waits.filter = filter;
	filter->waits.go_on = go_on;
	bus_group_find(GROUP, &filter->group);
	r = set_up(filter);
	if (r < 0) {
		bus_filter_free(filter);
		return r;
	}
	*ret = filter;
	return 0;
}

struct bus_filter *bus_filter_free(struct bus_filter *filter)
{
	if (!filter)
		return NULL;
	bus_waits_drop_all(&filter->waits);
	sd_bus_slot_unref(filter->leavers);
	sd_event_source_disable_unref(filter->waits.look);
	polkit_free(filter->waits.polkit);
	callers_free(filter->waits.callers);
	free(filter);
	return NULL;
}
