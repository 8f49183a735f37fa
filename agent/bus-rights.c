/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root has every right. The others' polkit is asked for, one by one, and the table of agent/rights.c where there is
 * no polkit. What a call was given is its own: the next one asks again.
 *
 * A bus lets nobody wait for more than so many answers, and polkit answers late where a person has to find a
 * password: so a user has few questions under way, and who asks more waits for the answers to those.
 */
#include "agent/bus-rights.h"

#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "agent/bus-call.h"
#include "agent/bus-wait.h"
#include "agent/callers.h"
#include "agent/polkit.h"
#include "agent/rights.h"
#include "lib/log.h"
#include "lib/util.h"

#define GROUP "gangway"

static int refuse_unknown(const struct bus_wait *wait)
{
	const char *interface = sd_bus_message_get_interface(wait->call);
	char text[600];

	(void)snprintf(text, sizeof(text), "There is no method %s.%s here",
		       interface ? interface : "", sd_bus_message_get_member(wait->call));
	return bus_wait_refuse(wait, SD_BUS_ERROR_UNKNOWN_METHOD, text);
}

/* `more`: why, or who has it. */
static int refuse_right(const struct bus_wait *wait, const char *error, const char *more)
{
	const char *member = sd_bus_message_get_member(wait->call);
	const char *right = right_name(wait->asked);
	char text[600];

	gw_log_event(NOTICE, ACCESS_DENIED, "Uid %u may not call %s: it needs the right %s; %s",
		     caller_uid(wait->caller), member, right, more);
	(void)snprintf(text, sizeof(text),
		       "You do not have the right to call %s, which needs %s; %s", member, right,
		       more);
	return bus_wait_refuse(wait, error, text);
}

static bool is_interactive(const struct bus_wait *wait)
{
	return sd_bus_message_get_allow_interactive_authorization(wait->call) > 0;
}

static unsigned rights_of_call(const struct bus_wait *wait)
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

/* No longer than for polkit itself. */
static bool has_lined_up_in_vain(const struct bus_wait *wait)
{
	return gw_now_monotonic_us() > wait->line_up_us + polkit_patience_us(is_interactive(wait));
}

void bus_rights_look(struct bus_waits *waits)
{
	struct bus_wait *next;

	for (struct bus_wait *wait = waits->first; wait; wait = next) {
		next = wait->next;
		if (wait->station != BUS_STATION_RIGHTS || wait->check)
			continue;
		if (callers_may_ask(waits->callers, wait->caller)) {
			waits->go_on(wait);
		} else if (has_lined_up_in_vain(wait)) {
			(void)bus_wait_refuse(wait, SD_BUS_ERROR_LIMITS_EXCEEDED,
					      "Polkit has too many questions to answer already: "
					      "try again later");
			bus_wait_free(wait);
		} else {
			bus_waits_look_again(waits);
		}
	}
}

/* What polkit says is for this call alone. Where there is none the table has it all. */
static void take_answer(struct bus_wait *wait, enum polkit_answer answer, const char *why)
{
	char more[256];

	switch (answer) {
	case POLKIT_YES:
		wait->granted |= RIGHT_BIT(wait->asked);
		wait->waits->go_on(wait);
		return;
	case POLKIT_ABSENT:
		wait->granted |=
			rights_held(caller_uid(wait->caller), caller_is_in_group(wait->caller));
		if (wait->granted & RIGHT_BIT(wait->asked)) {
			wait->waits->go_on(wait);
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
	bus_wait_free(wait);
}

static void on_polkit(enum polkit_answer answer, const char *why, void *userdata)
{
	struct bus_wait *wait = userdata;
	struct bus_waits *waits = wait->waits;

	bus_wait_end_question(wait);
	take_answer(wait, answer, why);
	bus_rights_look(waits);
}

static enum right first_of(unsigned rights)
{
	enum right right = RIGHT_NONE;

	while (!(rights & RIGHT_BIT(right)))
		right++;
	return right;
}

static int ask_polkit(struct bus_wait *wait, enum right right)
{
	struct bus_waits *waits = wait->waits;
	const struct polkit_question question = {
		.sender = caller_name(wait->caller),
		.action = right_action(right),
		.interactive = is_interactive(wait),
	};
	int r;

	if (!callers_may_ask(waits->callers, wait->caller)) {
		wait->line_up_us = wait->line_up_us ? wait->line_up_us : gw_now_monotonic_us();
		return bus_wait_for_others(wait);
	}
	if (!bus_wait_list(wait))
		return BUS_REFUSED;
	wait->asked = right;
	wait->line_up_us = 0;
	r = polkit_ask(waits->polkit, &question, on_polkit, wait, &wait->check);
	if (r < 0)
		return r;
	callers_begin_question(waits->callers, wait->caller);
	return BUS_WAITS;
}

int bus_rights_ask(struct bus_wait *wait)
{
	unsigned missing;

	if (!wait->line)
		return refuse_unknown(wait);
	wait->granted |= RIGHT_BIT(RIGHT_NONE);
	if (caller_uid(wait->caller) == 0)
		wait->granted = RIGHTS_ALL;
	missing = rights_of_call(wait) & ~wait->granted;
	return missing ? ask_polkit(wait, first_of(missing)) : BUS_PASSES;
}

int bus_rights_compare(struct bus_wait *wait)
{
	unsigned missing = rights_of_call(wait) & ~wait->granted;

	if (!missing)
		return BUS_PASSES;
	wait->asked = first_of(missing);
	return refuse_right(wait, SD_BUS_ERROR_ACCESS_DENIED, "it was not asked for");
}
