/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is out of date is judged whenever it is asked, by the time that is known then; that it was said is on record with the
 * list, so that it is said once, whatever starts again in between.
 */
#include "agent/crl-watch.h"

#include <errno.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/due.h"
#include "agent/issuers.h"
#include "agent/lifecycle.h"
#include "agent/policy.h"
#include "agent/sessions.h"
#include "agent/store-crl.h"
#include "agent/turn.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

/* --- for people --- */

void crl_watch_number(const struct crl_record *record, char text[CRL_NUMBER_MAX + 1])
{
	uint64_t number = 0;

	for (size_t i = 0; i < record->number_len; i++)
		number = number << 8 | record->number[i];
	if (record->number_len <= sizeof(number)) {
		(void)snprintf(text, CRL_NUMBER_MAX + 1, "%llu", (unsigned long long)number);
	} else {
		text[0] = '0';
		text[1] = 'x';
		gw_hex_encode(record->number, record->number_len, text + 2);
	}
}

void crl_watch_describe(const struct crl_record *record, char text[CRL_DESCRIPTION_MAX + 1])
{
	char number[CRL_NUMBER_MAX + 1];

	crl_watch_number(record, number);
	(void)snprintf(text, CRL_DESCRIPTION_MAX + 1, "%s, number %s",
		       *record->name ? record->name : "(no name)", number);
}

void crl_watch_open_doors(struct agent *agent, bool was_stale)
{
	if (was_stale && agent->settings.devices_stale_crl_closes)
		sessions_end_waiting(agent->sessions, gw_reason_code(GW_REASON_RESTARTED));
	due_look(agent->due);
}

/* --- issuers that are none any more --- */

static bool is_issuer(const struct gw_msg_issuers *msg, const struct crl_record *record)
{
	for (size_t at = 0; at + GW_HASH_LEN <= msg->issuers.len; at += GW_HASH_LEN)
		if (memcmp(msg->issuers.data + at, record->issuer, GW_HASH_LEN) == 0)
			return true;
	return false;
}

static int forget(struct agent *agent, const struct crl_record *record)
{
	char what[CRL_DESCRIPTION_MAX + 1];
	int r = turn_open(agent->turn);

	if (r >= 0)
		r = store_crl_remove(agent->store, record->id);
	if (r < 0)
		return r;
	crl_watch_describe(record, what);
	lifecycle_record(agent, "crl-forgotten", "", "gangway", "", what);
	crl_watch_open_doors(agent, record->is_stale);
	return 0;
}

int crl_watch_take_issuers(struct agent *agent, const struct gw_msg_issuers *msg)
{
	struct crl_record record = { 0 };
	int r;

	if (msg->issuers.len % GW_HASH_LEN)
		return -EBADMSG;
	if (agent->issuers)
		issuers_set(agent->issuers, msg->issuers);
	while ((r = store_crl_next(agent->store, record.id, &record)) >= 0) {
		if (is_issuer(msg, &record))
			continue;
		r = forget(agent, &record);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

/* --- what they say --- */

int crl_watch_look_up(struct agent *agent, const struct gw_msg_peer *msg, bool *ret_is_listed,
		      bool *ret_closes)
{
	struct crl_word word = { 0 };
	int r = store_crl_look_up(agent->store, msg->issuer, msg->serial, &word);

	if (r < 0)
		return r;
	*ret_is_listed = word.is_listed;
	*ret_closes = agent->settings.devices_stale_crl_closes && word.next_update &&
		      policy_list_is_stale(word.next_update, clock_now_s(&agent->clock),
					   clock_is_trusted(&agent->clock));
	return 0;
}

static void tell_stale(struct agent *agent, const struct crl_record *record)
{
	bool closes = agent->settings.devices_stale_crl_closes;
	char what[CRL_DESCRIPTION_MAX + 1];

	crl_watch_describe(record, what);
	lifecycle_record(agent, "crl-stale", "", "gangway", "", what);
	gw_log_event(WARNING, REVOCATION_LIST_STALE,
		     "The revocation list of %s is out of date, and no later one has come; devices "
		     "with certificates of that issuer are %s",
		     what, closes ? "told to come again later" : "served as before");
	if (closes)
		sessions_end_certificates(agent->sessions, gw_reason_code(GW_REASON_LIST_STALE));
}

/* A clock that was stepped back makes a list fresh again. */
void crl_watch_look(struct agent *agent, uint64_t now)
{
	struct crl_record record = { 0 };

	while (store_crl_next(agent->store, record.id, &record) >= 0) {
		bool is_stale = policy_list_is_stale(record.next_update, now, true);

		if (is_stale == record.is_stale)
			continue;
		(void)store_crl_set_stale(agent->store, record.id, is_stale);
		if (is_stale)
			tell_stale(agent, &record);
		else
			crl_watch_open_doors(agent, /* was_stale= */ true);
	}
}

uint64_t crl_watch_next_s(struct agent *agent, uint64_t now)
{
	struct crl_record record = { 0 };
	uint64_t next = 0;

	while (store_crl_next(agent->store, record.id, &record) >= 0)
		if (record.next_update > now && (!next || record.next_update < next))
			next = record.next_update;
	return next;
}

/* Who is in, and who waits, is judged anew. */
void crl_watch_reloaded(struct agent *agent)
{
	struct crl_record record = { 0 };

	while (store_crl_next(agent->store, record.id, &record) >= 0)
		if (record.is_stale)
			sessions_end_certificates(agent->sessions,
						  gw_reason_code(GW_REASON_RESTARTED));
}
