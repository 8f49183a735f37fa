/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of calls that wait. Whose call has to go where there are too many is for agent/callers.c to say; it is
 * the last that came of them, and not one that is through: that is on its way to its handler already.
 *
 * A call is wiped when it is done with, for it may hold a secret: who judged it marked it so.
 */
#include "agent/bus-wait.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/callers.h"
#include "agent/polkit.h"
#include "lib/util.h"

#define LOOK_US 20000 /* between looks at those who wait for others */

int bus_wait_new(struct bus_waits *waits, sd_bus_message *call, struct bus_wait **ret)
{
	struct bus_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return -ENOMEM;
	wait->waits = waits;
	wait->call = sd_bus_message_ref(call);
	*ret = wait;
	return 0;
}

void bus_wait_end_question(struct bus_wait *wait)
{
	if (!wait->check)
		return;
	wait->check = polkit_check_free(wait->check);
	callers_end_question(wait->waits->callers, wait->caller);
}

struct bus_wait *bus_wait_free(struct bus_wait *wait)
{
	struct bus_wait **at;

	if (!wait)
		return NULL;
	bus_wait_end_question(wait);
	if (wait->is_listed) {
		for (at = &wait->waits->first; *at != wait; at = &(*at)->next)
			;
		*at = wait->next;
		callers_release(wait->waits->callers, wait->caller, wait->places);
	}
	sd_bus_slot_unref(wait->credentials);
	sd_bus_message_unref(wait->call);
	free(wait);
	return NULL;
}

/* --- refusals --- */

int bus_wait_refuse(const struct bus_wait *wait, const char *error, const char *text)
{
	bus_said(wait->waits->agent->bus,
		 sd_bus_reply_method_errorf(wait->call, error, "%s", text));
	return BUS_REFUSED;
}

static void refuse_surplus(const struct bus_wait *wait, bool is_own)
{
	(void)bus_wait_refuse(
		wait, SD_BUS_ERROR_LIMITS_EXCEEDED,
		is_own ? "Too many of your calls wait already: wait for answers, then try again"
		       : "Too many calls of all callers wait, and you have no fewer than others: "
			 "try "
			 "again later");
}

/* --- the list --- */

struct bus_wait *bus_waits_find(struct bus_waits *waits, const sd_bus_message *call)
{
	struct bus_wait *wait = waits->first;

	while (wait && wait->call != call)
		wait = wait->next;
	return wait;
}

struct bus_wait *bus_wait_before(const struct bus_wait *wait, enum bus_station station)
{
	struct bus_wait *other = wait->waits->first;

	while (other && other != wait &&
	       (other->caller != wait->caller || other->station != station))
		other = other->next;
	return other != wait ? other : NULL;
}

static struct bus_wait *find_last(struct bus_waits *waits, const struct caller *caller)
{
	struct bus_wait *last = NULL;

	for (struct bus_wait *wait = waits->first; wait; wait = wait->next)
		if (wait->station != BUS_STATION_THROUGH &&
		    caller_is_of_crowd(wait->caller, caller))
			last = wait;
	return last;
}

/* Whoever holds `kept` frees it by himself; false: it was refused. */
static bool trim(struct bus_waits *waits, struct caller *caller, const struct bus_wait *kept)
{
	struct caller *surplus;
	struct bus_wait *last;

	while ((surplus = callers_find_surplus(waits->callers, caller))) {
		last = find_last(waits, surplus);
		if (!last)
			break;
		refuse_surplus(last, caller_waits_too_much(surplus));
		if (last == kept)
			return false;
		bus_wait_free(last);
	}
	return true;
}

bool bus_wait_list(struct bus_wait *wait)
{
	struct bus_wait **at = &wait->waits->first;

	if (wait->is_listed)
		return true;
	while (*at)
		at = &(*at)->next;
	*at = wait;
	wait->is_listed = true;
	callers_hold(wait->waits->callers, wait->caller, wait->places);
	return trim(wait->waits, wait->caller, wait);
}

void bus_waits_look_again(struct bus_waits *waits)
{
	int enabled;

	if (sd_event_source_get_enabled(waits->look, &enabled) < 0 || enabled != SD_EVENT_OFF)
		return;
	(void)sd_event_source_set_time_relative(waits->look, LOOK_US);
	(void)sd_event_source_set_enabled(waits->look, SD_EVENT_ONESHOT);
}

int bus_wait_for_others(struct bus_wait *wait)
{
	if (!bus_wait_list(wait))
		return BUS_REFUSED;
	bus_waits_look_again(wait->waits);
	return BUS_WAITS;
}

void bus_waits_trim(struct bus_waits *waits, struct caller *caller)
{
	(void)trim(waits, caller, /* kept= */ NULL);
}

void bus_waits_drop(struct bus_waits *waits, const char *caller)
{
	struct bus_wait *next;

	for (struct bus_wait *wait = waits->first; wait; wait = next) {
		next = wait->next;
		if (gw_streq(caller_name(wait->caller), caller))
			bus_wait_free(wait);
	}
}

void bus_waits_drop_all(struct bus_waits *waits)
{
	while (waits->first)
		bus_wait_free(waits->first);
}
