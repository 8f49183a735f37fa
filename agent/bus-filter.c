/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call is a wait with stations: who calls (the bus is asked), has he called too much (then he waits for
 * his turn), has he the rights (root has, the others' polkit is asked for, one by one). None of these
 * blocks: the call is kept, bounded in size and number, and goes on when the answer is there. A call that
 * has passed them all is put before sd-bus once more, which brings it here again: what it needs is worked out
 * anew, compared with what it was given, and it goes on to its handler, in the same breath. So nothing is
 * changed before every question is answered.
 *
 * Every call is wiped when it is done with, for it may hold a secret, and dropped when its caller leaves.
 */
#include "agent/bus-filter.h"

#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/bus-call.h"
#include "agent/bus-credentials.h"
#include "agent/callers.h"
#include "agent/polkit.h"
#include "agent/turn.h"
#include "agent/unconfigured.h"
#include "lib/log.h"
#include "lib/util.h"

#define GROUP   "gangway"
#define TURN_US 20000 /* between looks at those who wait for their turn */

enum station {
	STATION_WHO,
	STATION_TURN,
	STATION_RIGHTS,
	STATION_THROUGH,
};

/* A call under way; in the list while it waits. */
struct wait {
	struct wait *next;
	struct bus_filter *filter;
	sd_bus_message *call;
	struct caller *caller;
	const struct rights_line *line; /* NULL: nobody may */
	enum station station;
	bool is_listed;
	unsigned granted;
	enum right asked;
	sd_bus_slot *credentials;
	struct polkit_check *check;
};

struct bus_filter {
	struct agent *agent;
	sd_bus *connection;
	sd_bus_slot *leavers;
	sd_event_source *turns;
	struct callers *callers;
	struct polkit *polkit;
	struct bus_group group;
	struct wait *first;

	/* The call that went to its handler last. */
	struct {
		const sd_bus_message *call;
		unsigned uid, granted;
	} now;
};

enum outcome { OUTCOME_PASSES, OUTCOME_WAITS, OUTCOME_REFUSED };

/* --- the list of those that wait --- */

static struct wait *find_wait(struct bus_filter *filter, const sd_bus_message *call)
{
	struct wait *wait = filter->first;

	while (wait && wait->call != call)
		wait = wait->next;
	return wait;
}

static struct wait *wait_free(struct wait *wait)
{
	struct wait **at;

	if (!wait)
		return NULL;
	if (wait->is_listed) {
		for (at = &wait->filter->first; *at != wait; at = &(*at)->next)
			;
		*at = wait->next;
		callers_release(wait->filter->callers, wait->caller);
	}
	polkit_check_free(wait->check);
	sd_bus_slot_unref(wait->credentials);
	sd_bus_message_unref(wait->call);
	free(wait);
	return NULL;
}

/* Behind the others, unless too many wait already. */
static bool wait_list(struct wait *wait)
{
	struct wait **at = &wait->filter->first;

	if (wait->is_listed)
		return true;
	if (!callers_hold(wait->filter->callers, wait->caller))
		return false;
	while (*at)
		at = &(*at)->next;
	*at = wait;
	wait->is_listed = true;
	return true;
}

/* --- refusals --- */

static int refuse(const struct wait *wait, const char *error, const char *text)
{
	bus_said(wait->filter->agent->bus,
		 sd_bus_reply_method_errorf(wait->call, error, "%s", text));
	return OUTCOME_REFUSED;
}

static int refuse_crowd(const struct wait *wait)
{
	return refuse(wait, SD_BUS_ERROR_LIMITS_EXCEEDED,
		      "Too many of your calls wait already: wait for answers, then try again");
}

static int refuse_unknown(const struct wait *wait)
{
	const char *interface = sd_bus_message_get_interface(wait->call);
	char text[600];

	(void)snprintf(text, sizeof(text), "There is no method %s.%s here",
		       interface ? interface : "", sd_bus_message_get_member(wait->call));
	return refuse(wait, SD_BUS_ERROR_UNKNOWN_METHOD, text);
}

/* `more`: why, or who has it. */
static int refuse_right(const struct wait *wait, const char *error, const char *more)
{
	const char *member = sd_bus_message_get_member(wait->call);
	const char *right = right_name(wait->asked);
	char text[600];

	gw_log_event(NOTICE, ACCESS_DENIED, "Uid %u may not call %s: it needs the right %s; %s",
		     caller_uid(wait->caller), member, right, more);
	(void)snprintf(text, sizeof(text),
		       "You do not have the right to call %s, which needs %s; %s", member, right,
		       more);
	return refuse(wait, error, text);
}

/* --- stations --- */

static void go_on(struct wait *wait);

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct wait *wait = userdata;
	struct bus_filter *filter = wait->filter;
	struct bus_credentials who;

	wait->credentials = sd_bus_slot_unref(wait->credentials);
	bus_credentials_read(m, &filter->group, &who);
	if (!who.is_known)
		(void)refuse(wait, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who you are");
	else if (!callers_learn(filter->callers, wait->caller, who.uid, who.in_group,
				gw_now_monotonic_us()))
		(void)refuse_crowd(wait);
	else
		go_on(TAKE_PTR(wait));
	wait_free(wait);
	return 1;
}

static int ask_who_calls(struct wait *wait)
{
	int r;

	if (wait->credentials)
		return OUTCOME_WAITS;
	if (!wait_list(wait))
		return refuse_crowd(wait);
	r = sd_bus_call_method_async(wait->filter->connection, &wait->credentials,
				     "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "GetConnectionCredentials",
				     on_credentials, wait, "s", caller_name(wait->caller));
	return r < 0 ? r : OUTCOME_WAITS;
}

/* No call overtakes another of the same caller. */
static bool is_behind(const struct wait *wait)
{
	const struct wait *other = wait->filter->first;

	while (other && other != wait &&
	       (other->caller != wait->caller || other->station != STATION_TURN))
		other = other->next;
	return other && other != wait;
}

static int wait_for_turn(struct wait *wait)
{
	sd_event_source *turns = wait->filter->turns;
	int enabled;

	if (!wait_list(wait))
		return refuse_crowd(wait);
	if (sd_event_source_get_enabled(turns, &enabled) >= 0 && enabled == SD_EVENT_OFF) {
		(void)sd_event_source_set_time_relative(turns, TURN_US);
		(void)sd_event_source_set_enabled(turns, SD_EVENT_ONESHOT);
	}
	return OUTCOME_WAITS;
}

static unsigned rights_of_call(const struct wait *wait)
{
	const struct rights_option *option = rights_option(wait->line);
	unsigned rights = RIGHT_BIT(wait->line->right);

	if (option && bus_call_has_flag(wait->call, option->name))
		rights |= RIGHT_BIT(option->right);
	return rights;
}

static const char *who_has(enum right right)
{
	return right_is_held(right, /* uid= */ UINT32_MAX, /* in_group= */ true)
		       ? "root has it, and members of the group " GROUP
		       : "root has it";
}

/* What polkit says is for this call alone. Where there is none the table has it all. */
static void on_polkit(enum polkit_answer answer, const char *why, void *userdata)
{
	struct wait *wait = userdata;
	char more[256];

	wait->check = polkit_check_free(wait->check);
	switch (answer) {
	case POLKIT_YES:
		wait->granted |= RIGHT_BIT(wait->asked);
		go_on(wait);
		return;
	case POLKIT_ABSENT:
		wait->granted |=
			rights_held(caller_uid(wait->caller), caller_is_in_group(wait->caller));
		if (wait->granted & RIGHT_BIT(wait->asked)) {
			go_on(wait);
			return;
		}
		(void)refuse_right(wait, SD_BUS_ERROR_ACCESS_DENIED, who_has(wait->asked));
		break;
	case POLKIT_NO:
		(void)refuse_right(wait, SD_BUS_ERROR_ACCESS_DENIED, "polkit denies it");
		break;
	case POLKIT_UNCONFIRMED:
		(void)refuse_right(wait, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
				   "an administrator would have to confirm it");
		break;
	case POLKIT_TROUBLE:
		(void)snprintf(more, sizeof(more), "polkit was asked in vain: %s", why);
		(void)refuse_right(wait, SD_BUS_ERROR_ACCESS_DENIED, more);
		break;
	}
	wait_free(wait);
}

static enum right first_of(unsigned rights)
{
	enum right right = RIGHT_NONE;

	while (!(rights & RIGHT_BIT(right)))
		right++;
	return right;
}

static int ask_polkit(struct wait *wait, enum right right)
{
	const struct polkit_question question = {
		.sender = caller_name(wait->caller),
		.action = right_action(right),
		.interactive = sd_bus_message_get_allow_interactive_authorization(wait->call) > 0,
	};
	int r;

	if (!wait_list(wait))
		return refuse_crowd(wait);
	wait->asked = right;
	r = polkit_ask(wait->filter->polkit, &question, on_polkit, wait, &wait->check);
	return r < 0 ? r : OUTCOME_WAITS;
}

/* As far as it goes. */
static int proceed(struct wait *wait)
{
	unsigned missing;

	switch (wait->station) {
	case STATION_WHO:
		if (!caller_is_known(wait->caller))
			return ask_who_calls(wait);
		wait->station = STATION_TURN;
		/* fall through */
	case STATION_TURN:
		if (is_behind(wait) ||
		    !caller_pay(wait->caller, wait->line ? wait->line->cost : COST_ORDINARY,
				gw_now_monotonic_us()))
			return wait_for_turn(wait);
		wait->station = STATION_RIGHTS;
		/* fall through */
	case STATION_RIGHTS:
		if (!wait->line)
			return refuse_unknown(wait);
		wait->granted |= RIGHT_BIT(RIGHT_NONE);
		if (caller_uid(wait->caller) == 0)
			wait->granted = RIGHTS_ALL;
		missing = rights_of_call(wait) & ~wait->granted;
		if (missing)
			return ask_polkit(wait, first_of(missing));
		wait->station = STATION_THROUGH;
		return OUTCOME_PASSES;
	case STATION_THROUGH: break;
	}
	return OUTCOME_PASSES;
}

/* An answer is there: the call goes on, and comes here again when it is through. */
static void go_on(struct wait *wait)
{
	int r = proceed(wait);

	if (r == OUTCOME_WAITS)
		return;
	if (r == OUTCOME_PASSES) {
		(void)sd_bus_message_rewind(wait->call, /* complete= */ true);
		r = sd_bus_enqueue_for_read(wait->filter->connection, wait->call);
		if (r >= 0)
			return;
	}
	if (r < 0)
		bus_said(wait->filter->agent->bus,
			 sd_bus_reply_method_errno(wait->call, r, /* error= */ NULL));
	wait_free(wait);
}

static int on_turns(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus_filter *filter = userdata;
	struct wait *next;

	for (struct wait *wait = filter->first; wait; wait = next) {
		next = wait->next;
		if (wait->station == STATION_TURN)
			go_on(wait);
	}
	return 0;
}

/* --- calls --- */

/* Before the gateway is configured there is nothing to be told or changed but that. */
static bool is_too_early(const struct wait *wait)
{
	return wait->filter->agent->unconfigured && wait->line->right != RIGHT_CONFIGURE &&
	       wait->line->right != RIGHT_NONE;
}

static int refuse_early(const struct wait *wait)
{
	char name[128];

	gw_reason_error_name(gw_reason_code(GW_REASON_UNCONFIGURED), name, sizeof(name));
	(void)refuse(wait, name, unconfigured_text(wait->filter->agent->unconfigured));
	return 1;
}

static int let_through(const struct wait *wait)
{
	struct bus_filter *filter = wait->filter;

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
static int judge_again(struct wait *wait)
{
	unsigned missing = rights_of_call(wait) & ~wait->granted;
	int r = 1;

	if (missing) {
		wait->asked = first_of(missing);
		(void)refuse_right(wait, SD_BUS_ERROR_ACCESS_DENIED, "it was not asked for");
	} else {
		r = let_through(wait);
	}
	wait_free(wait);
	return r;
}

static int judge_new(struct bus_filter *filter, sd_bus_message *call)
{
	const char *sender = sd_bus_message_get_sender(call);
	const char *interface = sd_bus_message_get_interface(call);
	struct wait *wait = calloc(1, sizeof(*wait));
	int r;

	if (!wait)
		return -ENOMEM;

	wait->filter = filter;
	wait->call = sd_bus_message_ref(call);
	wait->line = rights_find(interface ? interface : "", sd_bus_message_get_member(call));
	wait->caller = callers_get(filter->callers, sender ? sender : "", gw_now_monotonic_us());
	if (!wait->caller)
		r = refuse(wait, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many callers at a time");
	else if (!bus_call_is_small(call))
		r = refuse(wait, SD_BUS_ERROR_LIMITS_EXCEEDED, "No call is as large as this one");
	else
		r = proceed(wait);

	if (r == OUTCOME_WAITS)
		return 1;
	r = r == OUTCOME_PASSES ? let_through(wait) : r < 0 ? r : 1;
	wait_free(wait);
	return r;
}

int bus_filter_judge(struct bus_filter *filter, sd_bus_message *call)
{
	struct wait *wait = find_wait(filter, call);

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

/* --- those who leave --- */

static void drop_calls_of(struct bus_filter *filter, const char *name)
{
	struct wait *next;

	for (struct wait *wait = filter->first; wait; wait = next) {
		next = wait->next;
		if (gw_streq(caller_name(wait->caller), name))
			wait_free(wait);
	}
}

static int on_leaver(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus_filter *filter = userdata;
	const char *name, *from, *to;

	if (sd_bus_message_read(m, "sss", &name, &from, &to) < 0 || *to)
		return 0;
	drop_calls_of(filter, name);
	callers_forget(filter->callers, name);
	return 0;
}

/* --- life --- */

static int set_up(struct bus_filter *filter)
{
	int r = callers_new(&filter->callers);

	if (r >= 0)
		r = polkit_new(filter->connection, &filter->polkit);
	if (r >= 0)
		r = sd_bus_add_match_async(filter->connection, &filter->leavers,
					   "type='signal',sender='org.freedesktop.DBus',"
					   "path='/org/freedesktop/DBus',"
					   "interface='org.freedesktop.DBus',"
					   "member='NameOwnerChanged',arg2=''",
					   on_leaver, /* install_callback= */ NULL, filter);
	if (r >= 0)
		r = sd_event_add_time_relative(filter->agent->event, &filter->turns,
					       CLOCK_MONOTONIC, TURN_US, /* accuracy= */ 1000,
					       on_turns, filter);
	return r;
}

int bus_filter_new(struct agent *agent, sd_bus *connection, struct bus_filter **ret)
{
	struct bus_filter *filter = calloc(1, sizeof(*filter));
	int r;

	if (!filter)
		return -ENOMEM;

	filter->agent = agent;
	filter->connection = connection;
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
	while (filter->first)
		wait_free(filter->first);
	sd_bus_slot_unref(filter->leavers);
	sd_event_source_disable_unref(filter->turns);
	polkit_free(filter->polkit);
	callers_free(filter->callers);
	free(filter);
	return NULL;
}
