/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MACs mean nothing to us, who have no key: they are compared. A batch goes on from what we hold, or
 * repeats some of it; then what is new of it is added. If not, the gateway is told what we hold, and finds
 * out which of us is an old copy. Only where it says itself that its chain is broken, and why, what it sends
 * begins another branch.
 */
#include "tools/cloud/history.h"

#include <errno.h>

#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/request.h"

#define OLD_COPY "old-copy" /* doc/protocol/cloud.md, Events */

enum verdict {
	VERDICT_ADD, /* what is behind the head, if anything */
	VERDICT_GAP,
	VERDICT_FORK,
};

/* A batch without records is a question: it names the last one that the gateway has, by its MAC. */
static const char *mac_at(const struct events *events, uint64_t n)
{
	return n < events->first ? events->before : events->events[n - events->first].mac;
}

/* The batch begins at or before our head: is it the same chain, as far as both have it? */
static int compare(struct registry *registry, const char *gateway, const struct branch *branch,
		   const struct events *events, enum verdict *ret)
{
	uint64_t last = events->first + events->n_events - 1, n = GW_MIN(last, branch->head);
	char mac[REGISTRY_HASH_MAX + 1];
	int r = registry_event_mac(registry, gateway, branch->number, n, mac);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r >= 0 && gw_streq(mac, mac_at(events, n)) ? VERDICT_ADD : VERDICT_FORK;
	return 0;
}

static int judge(struct registry *registry, const char *gateway, const struct branch *branch,
		 const struct events *events, enum verdict *ret)
{
	if (events->first <= branch->head)
		return compare(registry, gateway, branch, events, ret);

	if (events->first > branch->head + 1)
		*ret = VERDICT_GAP;
	else
		*ret = gw_streq(events->before, branch->mac) ? VERDICT_ADD : VERDICT_FORK;
	return 0;
}

static int begin_branch(struct registry *registry, const char *gateway, const struct events *events,
			struct branch *branch)
{
	branch->number++;
	branch->head = events->first - 1;
	(void)gw_copy(branch->broken, sizeof(branch->broken), events->broken);
	(void)gw_copy(branch->mac, sizeof(branch->mac), events->before);
	if (branch->number > 1)
		gw_log(WARNING, "%s begins its record anew at %llu: %s", gateway,
		       (unsigned long long)events->first, events->broken);
	return registry_branch_begin(registry, gateway, branch, request_now_s());
}

static int add(struct registry *registry, const char *gateway, const struct events *events,
	       struct branch *branch, const char **ret_step)
{
	for (size_t i = 0; i < events->n_events; i++) {
		int r;

		if (events->events[i].n <= branch->head)
			continue;
		r = registry_event_add(registry, gateway, branch, &events->events[i]);
		if (r < 0)
			return r;
		*ret_step = "cloud.events";
	}
	return 0;
}

static char *refuse(const struct events *events, const struct branch *branch, enum gw_reason why)
{
	return body_not_recorded(events->id, gw_reason_code(why), gw_reason_text(why), branch->head,
				 branch->mac);
}

static int take(struct registry *registry, const char *gateway, const struct events *events,
		char **ret_answer, const char **ret_step, bool *ret_lost)
{
	struct branch branch;
	enum verdict verdict;
	int r;

	r = registry_branch_get(registry, gateway, &branch);
	if (r >= 0)
		r = judge(registry, gateway, &branch, events, &verdict);
	if (r < 0)
		return r;

	if (verdict != VERDICT_ADD && !*events->broken) {
		*ret_answer = refuse(events, &branch,
				     verdict == VERDICT_GAP ? GW_REASON_RECORD_GAP
							    : GW_REASON_RECORD_LOST);
		return *ret_answer ? 0 : -ENOMEM;
	}

	*ret_lost = verdict != VERDICT_ADD && gw_streq(events->broken, OLD_COPY);
	if (verdict != VERDICT_ADD || !branch.number)
		r = begin_branch(registry, gateway, events, &branch);
	if (r >= 0)
		r = add(registry, gateway, events, &branch, ret_step);
	if (r < 0)
		return r;
	*ret_answer = body_recorded(events->id, branch.head, branch.mac);
	return *ret_answer ? 0 : -ENOMEM;
}

int history_take(struct registry *registry, const char *gateway, const struct events *events,
		 char **ret_answer, const char **ret_step, bool *ret_lost)
{
	bool known;
	int r = registry_gateway_is_known(registry, gateway, &known);

	if (r < 0)
		return r;
	*ret_lost = false;
	if (known)
		return take(registry, gateway, events, ret_answer, ret_step, ret_lost);

	gw_log(WARNING, "events of %s, which is not on record; run init --gateway %s", gateway,
	       gateway);
	*ret_answer =
		body_refused(events->id, /* final= */ false, gw_reason_code(GW_REASON_NOT_ALLOWED),
			     "This gateway is not on record.");
	return *ret_answer ? 0 : -ENOMEM;
}
