/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk itself is audit-verify.c's. Each slice is paid for by one of those who wait for it, so a long
 * record costs more than a short one, and who has called too much lately makes the walk wait, nobody else.
 */
#include "agent/bus-verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/audit-verify.h"
#include "agent/bus.h"
#include "agent/lifecycle.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

#define SLICE        256   /* records: about a millisecond */
#define UNPAID_US    20000 /* until somebody may have tokens again */
#define WAITERS_MAX  32
#define WAITERS_EACH 8 /* of a user; root has no limit of its own */
#define BEHIND_ALL   (SD_EVENT_PRIORITY_IDLE + 20)

struct waiter {
	sd_bus_message *call; /* NULL: free */
	unsigned uid;
	bool walks; /* in the walk that is under way, not the next */
};

struct bus_verify {
	struct agent *agent;
	sd_event_source *next;
	struct waiter waiters[WAITERS_MAX];
	struct audit_walk walk;
	bool is_walking;
	uint64_t first_bad; /* of the last walk that came to its end */
	const char *why;
	uint64_t found_us; /* by the first walk that found it so */
};

static void waiter_done(struct waiter *waiter)
{
	sd_bus_message_unref(waiter->call);
	*waiter = (struct waiter){ 0 };
}

static bool has_waiters(const struct bus_verify *verify, bool walking)
{
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (verify->waiters[i].call && verify->waiters[i].walks == walking)
			return true;
	return false;
}

static void go_on_in(struct bus_verify *verify, uint64_t us)
{
	(void)sd_event_source_set_time_relative(verify->next, us);
	(void)sd_event_source_set_enabled(verify->next, SD_EVENT_ONESHOT);
}

/* --- one walk --- */

static void begin(struct bus_verify *verify)
{
	verify->walk = (struct audit_walk){ 0 };
	verify->is_walking = true;
	for (size_t i = 0; i < WAITERS_MAX; i++)
		verify->waiters[i].walks = verify->waiters[i].call;
}

/* At once: it changes nothing, and must come even if nothing can be recorded any more. */
static int reply(struct bus_verify *verify, const struct waiter *waiter, int r)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

	r = r < 0 ? sd_bus_message_new_method_errnof(waiter->call, &message, r,
						     "The record cannot be read: %s", strerror(-r))
		  : sd_bus_message_new_method_return(waiter->call, &message);
	if (r >= 0 && !sd_bus_message_is_method_error(message, NULL))
		r = sd_bus_message_append(message, "bts", !verify->first_bad, verify->first_bad,
					  verify->why);
	return r < 0 ? r : sd_bus_send(NULL, message, NULL);
}

static void tell(struct bus_verify *verify)
{
	char detail[256];

	(void)snprintf(detail, sizeof(detail), "at record %llu: %s",
		       (unsigned long long)verify->first_bad, verify->why);
	gw_log_event(ERROR, RECORD_BROKEN, "The record was tampered with, %s", detail);
	lifecycle_record_often(verify->agent, "record-broken", "", "gangway", "", detail);
}

static void finish(struct bus_verify *verify, int r)
{
	verify->is_walking = false;
	if (r >= 0) {
		if (verify->first_bad != verify->walk.first_bad)
			verify->found_us = gw_now_monotonic_us();
		verify->first_bad = verify->walk.first_bad;
		verify->why = verify->walk.why;
	}
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		struct waiter *waiter = &verify->waiters[i];

		if (!waiter->walks)
			continue;
		bus_said(verify->agent->bus, reply(verify, waiter, r));
		waiter_done(waiter);
	}
	if (r >= 0 && verify->first_bad)
		tell(verify);
}

static bool is_paid(struct bus_verify *verify)
{
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (verify->waiters[i].walks &&
		    bus_charge(verify->agent->bus, verify->waiters[i].call, COST_ORDINARY))
			return true;
	return false;
}

static int on_next(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus_verify *verify = userdata;
	int r;

	if (!verify->is_walking)
		begin(verify);
	if (!is_paid(verify)) {
		go_on_in(verify, UNPAID_US);
		return 0;
	}

	r = audit_walk_on(verify->agent->store, verify->agent->vault, &verify->walk, SLICE);
	if (r <= 0)
		finish(verify, r);
	if (r > 0 || has_waiters(verify, /* walking= */ false))
		go_on_in(verify, 0);
	return 0;
}

/* --- who waits --- */

static struct waiter *find_room(struct bus_verify *verify, unsigned uid)
{
	struct waiter *room = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < WAITERS_MAX; i++) {
		struct waiter *waiter = &verify->waiters[i];

		if (!waiter->call)
			room = room ? room : waiter;
		else
			n += waiter->uid == uid;
	}
	return uid == 0 || n < WAITERS_EACH ? room : NULL;
}

int bus_verify_call(struct agent *agent, sd_bus_message *call)
{
	struct bus_verify *verify = agent->verify;
	struct waiter *waiter;
	unsigned uid;

	if (!bus_caller_uid(agent->bus, call, &uid))
		return -EACCES;
	waiter = find_room(verify, uid);
	if (!waiter)
		return sd_bus_reply_method_errorf(
			call, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"Too many wait for VerifyAudit already: ask again when they have theirs");

	*waiter = (struct waiter){ .call = sd_bus_message_ref(call), .uid = uid };
	if (!verify->is_walking)
		go_on_in(verify, 0);
	return 1;
}

static void end_unless_wanted(struct bus_verify *verify)
{
	if (verify->is_walking && !has_waiters(verify, /* walking= */ true))
		verify->is_walking = false;
	if (!verify->is_walking && !has_waiters(verify, /* walking= */ false))
		(void)sd_event_source_set_enabled(verify->next, SD_EVENT_OFF);
}

void bus_verify_leave(struct bus_verify *verify, const char *name)
{
	if (!verify)
		return;
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (verify->waiters[i].call &&
		    gw_streq(sd_bus_message_get_sender(verify->waiters[i].call), name))
			waiter_done(&verify->waiters[i]);
	end_unless_wanted(verify);
}

void bus_verify_clear(struct bus_verify *verify)
{
	if (!verify)
		return;
	for (size_t i = 0; i < WAITERS_MAX; i++)
		waiter_done(&verify->waiters[i]);
	end_unless_wanted(verify);
}

uint64_t bus_verify_first_bad(const struct bus_verify *verify, const char **ret_why,
			      uint64_t *ret_found_us)
{
	*ret_why = verify->why;
	*ret_found_us = verify->found_us;
	return verify->first_bad;
}

/* --- life --- */

int bus_verify_new(struct agent *agent, struct bus_verify **ret)
{
	struct bus_verify *verify = calloc(1, sizeof(*verify));
	int r;

	if (!verify)
		return -ENOMEM;
	verify->agent = agent;
	verify->why = "";
	r = sd_event_add_time_relative(agent->event, &verify->next, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_next, verify);
	if (r >= 0)
		r = sd_event_source_set_priority(verify->next, BEHIND_ALL);
	if (r >= 0)
		r = sd_event_source_set_enabled(verify->next, SD_EVENT_OFF);
	if (r < 0) {
		bus_verify_free(verify);
		return r;
	}
	*ret = verify;
	return 0;
}

struct bus_verify *bus_verify_free(struct bus_verify *verify)
{
	if (!verify)
		return NULL;
	bus_verify_clear(verify);
	sd_event_source_disable_unref(verify->next);
	free(verify);
	return NULL;
}
