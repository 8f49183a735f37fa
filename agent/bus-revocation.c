/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call is kept while the registrar looks at the list; the answer leaves with the turn in which the list was taken,
 * so that whoever has it knows that nothing on the list is served any more. There are as many places as lists are
 * examined at a time.
 */
#include "agent/bus-revocation.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/crl-watch.h"
#include "agent/policy.h"
#include "agent/revocation.h"
#include "agent/store-crl.h"
#include "agent/turn.h"
#include "lib/util.h"
#include "lib/wire.h"

struct waiter {
	sd_bus_message *call; /* NULL: free */
	uint64_t number;      /* of the list */
};

struct bus_revocation {
	struct waiter waiters[REVOCATION_LISTS_MAX];
};

static struct waiter *find_waiter(struct bus_revocation *all, uint64_t number)
{
	for (size_t i = 0; i < REVOCATION_LISTS_MAX; i++)
		if (all->waiters[i].number == number)
			return &all->waiters[i];
	return NULL;
}

static void waiter_done(struct waiter *waiter)
{
	sd_bus_message_unref(waiter->call);
	*waiter = (struct waiter){ 0 };
}

/* --- the answer --- */

static int append_facts(sd_bus_message *reply, const struct revocation_verdict *verdict)
{
	const struct crl_record *record = verdict->record;
	char number[CRL_NUMBER_MAX + 1];

	crl_watch_number(record, number);
	return sd_bus_message_append(reply, "ssttuu", record->name, number, record->this_update,
				     record->next_update, (uint32_t)record->n_entries,
				     (uint32_t)verdict->n_revoked);
}

static int make_refusal(sd_bus_message *call, const struct revocation_verdict *verdict,
			sd_bus_message **ret)
{
	bool has_more = *verdict->text;
	char name[128];

	gw_reason_error_name(gw_reason_code(verdict->reason), name, sizeof(name));
	return sd_bus_message_new_method_errorf(call, ret, name, "%s%s%s%s",
						gw_reason_text(verdict->reason),
						has_more ? " (" : "", verdict->text,
						has_more ? ")" : "");
}

void bus_revocation_tell(struct agent *agent, uint64_t number,
			 const struct revocation_verdict *verdict)
{
	struct waiter *waiter = find_waiter(agent->bus_revocation, number);
	sd_bus_message *reply = NULL;
	int r;

	if (!waiter)
		return;
	if (verdict->reason != GW_REASON_NONE) {
		r = make_refusal(waiter->call, verdict, &reply);
	} else {
		r = sd_bus_message_new_method_return(waiter->call, &reply);
		if (r >= 0)
			r = append_facts(reply, verdict);
	}
	if (r >= 0)
		r = turn_reply(agent->turn, waiter->call, TAKE_PTR(reply));
	sd_bus_message_unref(reply);
	bus_said(agent->bus, r);
	waiter_done(waiter);
}

/* --- the call --- */

int bus_revocation_call(struct agent *agent, sd_bus_message *call)
{
	struct waiter *waiter = find_waiter(agent->bus_revocation, 0);
	struct gw_blob der;
	const void *list;
	uint64_t number;
	char who[32];
	int r;

	r = sd_bus_message_read_array(call, 'y', &list, &der.len);
	if (r < 0)
		return r;
	if (der.len > GW_CRL_MAX)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_INVALID_ARGS,
						  "The list is larger than 1.25 MiB");

	der.data = list;
	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = waiter ? revocation_take(agent, who, der, &number) : -EBUSY;
	if (r == -EBUSY)
		return sd_bus_reply_method_errorf(
			call, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"Others' lists are being examined: ask again when that is over");
	if (r == -ENOTCONN)
		return bus_reply_reason(agent, call, GW_REASON_NO_REGISTRAR);
	if (r < 0)
		return r;
	*waiter = (struct waiter){ sd_bus_message_ref(call), number };
	return 1;
}

/* --- the property --- */

static int append_list(struct agent *agent, sd_bus_message *reply, const struct crl_record *record)
{
	bool is_stale = policy_list_is_stale(record->next_update, clock_now_s(&agent->clock),
					     clock_is_trusted(&agent->clock));
	char number[CRL_NUMBER_MAX + 1];

	crl_watch_number(record, number);
	return sd_bus_message_append(reply, "(ssttutt)", record->name, number, record->this_update,
				     record->next_update, (uint32_t)record->n_entries,
				     record->received,
				     is_stale ? record->next_update : (uint64_t)0);
}

int bus_revocation_list(struct agent *agent, sd_bus_message *reply)
{
	struct crl_record record = { 0 };
	int r = sd_bus_message_open_container(reply, 'a', "(ssttutt)");

	while (r >= 0 && store_crl_next(agent->store, record.id, &record) >= 0)
		r = append_list(agent, reply, &record);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* --- life --- */

int bus_revocation_new(struct bus_revocation **ret)
{
	struct bus_revocation *waiters = calloc(1, sizeof(*waiters));

	if (!waiters)
		return -ENOMEM;
	*ret = waiters;
	return 0;
}

void bus_revocation_clear(struct bus_revocation *waiters)
{
	for (size_t i = 0; waiters && i < REVOCATION_LISTS_MAX; i++)
		waiter_done(&waiters->waiters[i]);
}

struct bus_revocation *bus_revocation_free(struct bus_revocation *waiters)
{
	bus_revocation_clear(waiters);
	free(waiters);
	return NULL;
}
