/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list is made anew after two thirds of its life, with as long a life as it had, and goes to the gateways that were ever
 * sent one: a gateway that is away for a while still has one that is good. While one authority replaces another, both lists
 * are made together, and the next one's is made as soon as there is that authority.
 *
 * A gateway that turns out to be an old copy has forgotten what was revoked since: it gets a list at once, also where none
 * was ever made. Lest a gateway keep us at that, it gets so few an hour.
 */
#include "tools/cloud/crl-care.h"

#include <systemd/sd-event.h>
#include <time.h>

#include "lib/log.h"
#include "lib/util.h"
#include "tools/cloud/crl-issue.h"
#include "tools/cloud/fleet.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/roll.h"
#include "tools/cloud/turn.h"

#define SECOND_US  1000000ull
#define LOOK_MAX_S 60  /* between looks: the clock on the wall may have been set */
#define AGAIN_S    600 /* after a failure */
#define LOSSES_MAX 6   /* lists for one gateway within LOSSES_S */
#define LOSSES_S   3600
#define NEVER      UINT64_MAX

struct crl_care {
	const struct home *home;
	struct registry *registry;
	struct turn *turn;
	struct fleet *fleet;
	sd_event_source *timer;
	uint64_t due_s; /* when the lists are to be made anew, by the clock on the wall; NEVER */
};

static uint64_t now_s(void)
{
	return (uint64_t)time(/* tloc= */ NULL);
}

/* --- when ------------------------------------------------------------------------------------ */

static int note_gateway(const char *gateway, void *userdata)
{
	*(bool *)userdata = true;
	return 0;
}

static int find_due(struct crl_care *care, uint64_t *ret)
{
	unsigned numbers[ROLL_ANCHORS_MAX];
	uint64_t lifetime_s, renew_at, due = NEVER;
	bool anybody = false;
	struct roll roll;
	int r;

	r = registry_crl_gateways_each(care->registry, note_gateway, &anybody);
	if (r >= 0)
		r = roll_read(care->registry, &roll);
	if (r < 0)
		return r;

	for (size_t i = 0, n = roll_anchors(&roll, numbers); i < n && anybody; i++) {
		r = registry_crl_renewal(care->registry, numbers[i], &lifetime_s, &renew_at);
		if (r < 0 && r != -ENOENT)
			return r;
		due = GW_MIN(due, r < 0 ? 0 : renew_at);
	}
	*ret = due;
	return 0;
}

static void set_timer(struct crl_care *care)
{
	uint64_t now = now_s(), wait_s = LOOK_MAX_S;

	if (care->due_s <= now)
		wait_s = 0;
	else
		wait_s = GW_MIN(wait_s, care->due_s - now);
	(void)sd_event_source_set_time(care->timer, gw_now_monotonic_us() + wait_s * SECOND_US);
	(void)sd_event_source_set_enabled(care->timer,
					  care->due_s == NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

void crl_care_look(struct crl_care *care)
{
	int r = find_due(care, &care->due_s);

	if (r < 0) {
		gw_log(ERROR, "revocation lists: %s; looking again later", strerror(-r));
		care->due_s = now_s() + AGAIN_S;
	}
	set_timer(care);
}

/* --- making ---------------------------------------------------------------------------------- */

/* To that gateway, or to all that have one (NULL). */
static int issue(struct crl_care *care, unsigned authority, const char *gateway)
{
	_cleanup_(crl_issued_done) struct crl_issued list = { .n = 0 };
	struct crl_wish wish = { authority, CRL_ISSUE_LIFETIME_S, .is_for_all = !gateway };
	uint64_t renew_at;
	int r;

	r = registry_crl_renewal(care->registry, authority, &wish.lifetime_s, &renew_at);
	if (r >= 0 || r == -ENOENT)
		r = crl_issue(care->home, care->registry, &wish, &list);
	if (r < 0)
		return r;
	gw_log(INFO, "%s: list %llu, %zu certificates, for %s", list.name,
	       (unsigned long long)list.number, list.n, gateway ?: "the gateways that have one");
	return gateway ? crl_send(care->registry, &list, gateway)
		       : crl_send_anew(care->registry, &list);
}

static int issue_all(struct crl_care *care, const char *gateway)
{
	unsigned numbers[ROLL_ANCHORS_MAX];
	struct roll roll;
	int r = roll_read(care->registry, &roll);

	if (r < 0)
		return r;
	for (size_t i = 0, n = roll_anchors(&roll, numbers); i < n && r >= 0; i++)
		r = issue(care, numbers[i], gateway);
	return r;
}

/* A part of the transaction, so that what else is in it goes on if this fails. */
static int do_part(struct crl_care *care, const char *gateway)
{
	int r = registry_part_begin(care->registry), done;

	if (r < 0)
		return r;
	r = issue_all(care, gateway);
	done = registry_part_end(care->registry, /* keep= */ r >= 0);
	if (r >= 0 && done >= 0)
		turn_step(care->turn, CRL_ISSUE_STEP);
	return r < 0 ? r : done;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct crl_care *care = userdata;
	int r = 0;

	if (care->due_s > now_s()) {
		set_timer(care);
		return 0;
	}
	r = turn_enter(care->turn);
	if (r >= 0)
		r = do_part(care, /* gateway= */ NULL);
	if (r < 0) {
		gw_log(ERROR, "revocation lists cannot be made anew: %s; trying again in %d min",
		       strerror(-r), AGAIN_S / 60);
		care->due_s = now_s() + AGAIN_S;
		set_timer(care);
		return 0;
	}
	crl_care_look(care);
	fleet_look(care->fleet);
	return 0;
}

void crl_care_lost(struct crl_care *care, const char *gateway)
{
	unsigned n = 0;
	int r = registry_branch_losses(care->registry, gateway, now_s() - LOSSES_S, &n);

	if (r >= 0 && n > LOSSES_MAX) {
		gw_log(WARNING,
		       "%s: an old copy of its store for the %uth time within an hour; it is sent "
		       "no "
		       "more lists for that",
		       gateway, n);
		return;
	}
	if (r >= 0)
		r = do_part(care, gateway);
	if (r < 0)
		gw_log(ERROR,
		       "%s has forgotten what was revoked, and cannot be told: %s; see to that, "
		       "then "
		       "run crl",
		       gateway, strerror(-r));
	else
		crl_care_look(care);
}

/* --- life ------------------------------------------------------------------------------------ */

struct crl_care *crl_care_free(struct crl_care *care)
{
	if (!care)
		return NULL;

	(void)sd_event_source_disable_unref(care->timer);
	free(care);
	return NULL;
}

void crl_care_freep(struct crl_care **care)
{
	(void)crl_care_free(*care);
}

int crl_care_new(struct sd_event *event, const struct home *home, struct registry *registry,
		 struct turn *turn, struct fleet *fleet, struct crl_care **ret)
{
	_cleanup_(crl_care_freep) struct crl_care *care = calloc(1, sizeof(*care));
	int r;

	if (!care)
		return -ENOMEM;

	*care = (struct crl_care){ home, registry, turn, fleet, NULL, NEVER };
	r = sd_event_add_time(event, &care->timer, CLOCK_MONOTONIC, UINT64_MAX, /* accuracy= */ 0,
			      on_timer, care);
	if (r < 0)
		return r;

	crl_care_look(care);
	*ret = TAKE_PTR(care);
	return 0;
}
