/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counted by a walk along all live certificates, since when one is to be renewed depends on settings that may
 * change. Who looks often sees what the last walk found: walks take a small part of the time, however many
 * devices there are.
 */
#include "agent/outlook.h"

#include <stdlib.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/issuers.h"
#include "agent/renewal.h"
#include "agent/store-certificate.h"
#include "agent/store.h"
#include "lib/log.h"
#include "lib/util.h"

#define SHARE 50 /* a walk that took 20 ms holds for a second */

struct outlook {
	struct agent *agent;
	struct outlook_view view;
	uint64_t holds_until_us;
};

static void count_overdue(struct outlook_view *view, const struct certificate_record *one,
			  uint64_t at_s, uint64_t now_s)
{
	view->overdue++;
	if (now_s - at_s <= (one->not_after - at_s) / 2)
		return;
	if (!view->late++) { /* they come in the order of their ends */
		view->late_since_s = at_s;
		view->late_ends_s = one->not_after;
	}
}

static void count(struct outlook_view *view, const struct certificate_record *one, uint64_t at_s,
		  uint64_t now_s)
{
	if (one->approval == APPROVAL_ASKED) {
		view->asking++;
	} else if (now_s && renewal_is_too_late(one, now_s)) {
		if (!view->expired++)
			view->expired_since_s = one->not_after;
	} else if (now_s && at_s <= now_s) {
		count_overdue(view, one, at_s, now_s);
	} else {
		view->waiting++;
		view->next_s = view->next_s ? GW_MIN(view->next_s, at_s) : at_s;
	}
}

static int walk(struct agent *agent, struct outlook_view *ret)
{
	uint64_t now_s = clock_is_trusted(&agent->clock) ? clock_now_s(&agent->clock) : 0;
	const struct settings *settings = &agent->settings;
	struct certificate_record one = { 0 };
	struct outlook_view view = { 0 };
	struct sqlite3_stmt *row;
	int r = store_certificates_ahead(agent->store, &row);

	while (r >= 0 && (r = store_certificate_ahead(agent->store, row, &one)) > 0) {
		count(&view, &one,
		      renewal_at(&one, settings->devices_renew_after,
				 settings->devices_renew_spread),
		      now_s);
		view.orphaned += issuers_lack(agent->issuers,
					      (struct gw_blob){ one.issuer, one.issuer_len });
	}
	if (r >= 0)
		*ret = view;
	return r;
}

const struct outlook_view *outlook_look(struct outlook *outlook)
{
	uint64_t began_us = gw_now_monotonic_us(), ended_us;
	int r;

	if (began_us < outlook->holds_until_us)
		return &outlook->view;
	r = walk(outlook->agent, &outlook->view);
	if (r < 0)
		gw_log(ERROR, "Cannot look through the certificates: %s, ignoring", strerror(-r));
	ended_us = gw_now_monotonic_us();
	outlook->holds_until_us = ended_us + (ended_us - began_us) * SHARE;
	return &outlook->view;
}

int outlook_new(struct agent *agent, struct outlook **ret)
{
	struct outlook *outlook = calloc(1, sizeof(*outlook));

	if (!outlook)
		return -ENOMEM;
	outlook->agent = agent;
	*ret = outlook;
	return 0;
}

struct outlook *outlook_free(struct outlook *outlook)
{
	free(outlook);
	return NULL;
}
