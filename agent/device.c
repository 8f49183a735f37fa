/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a device, as a table. Each row is an event, each column a state in which it is possible;
 * what is not in the table cannot happen. Somebody who asks for it anyway is refused, and nothing
 * changes.
 *
 * A device that is claimed anew while its old certificate is good keeps that certificate until the
 * new one is proved. If the new claim comes to nothing it is simply aboard as before: `to_if_live`. To be
 * suspended is for who is aboard, in this way too; the new claim is over then.
 *
 * One that renews its certificate is aboard all the time: the events of an enrolment, too, leave it there.
 */
#include "agent/device.h"

#include <errno.h>

#include "lib/util.h"

#define DROP_UNPROVED (DEVICE_ACTION_VOID_JOB | DEVICE_ACTION_REVOKE_CANDIDATE)
#define GIVE_UP       (DROP_UNPROVED | DEVICE_ACTION_CLOSE_CLAIM | DEVICE_ACTION_END_SESSIONS)
#define TAKE_OUT      (GIVE_UP | DEVICE_ACTION_RETIRE_LIVE)
#define LEAVE                                                                              \
	(DEVICE_ACTION_VOID_JOB | DEVICE_ACTION_CLOSE_CLAIM | DEVICE_ACTION_END_SESSIONS | \
	 DEVICE_ACTION_FORGET | DEVICE_ACTION_TELL)
#define SUSPEND (GIVE_UP | DEVICE_ACTION_TELL)

#define MOVE_OUT (GIVE_UP | DEVICE_ACTION_LEAVE_LIVE)

/* A renewal comes to nothing. */
#define STAY_AS_BEFORE (DROP_UNPROVED | DEVICE_ACTION_NEXT_ROUND)

/* clang-format off */
static const struct device_edge edges[_DEVICE_EVENT_MAX][_DEVICE_STATE_MAX] = {
	[DEVICE_EVENT_SIGHTED] = {
		[DEVICE_UNKNOWN]        = { DEVICE_DISCOVERED },
		[DEVICE_DISCOVERED]     = { DEVICE_DISCOVERED },
	},
	[DEVICE_EVENT_CLAIM] = {
		[DEVICE_UNKNOWN]        = { DEVICE_CLAIMED },
		[DEVICE_DISCOVERED]     = { DEVICE_CLAIMED },
		[DEVICE_REJECTED]       = { DEVICE_CLAIMED },
		[DEVICE_DECOMMISSIONED] = { DEVICE_CLAIMED, .actions = DEVICE_ACTION_END_NOTICE },
	},
	[DEVICE_EVENT_REPLACE] = {
		[DEVICE_CLAIMED]        = { DEVICE_CLAIMED, .actions = GIVE_UP },
		[DEVICE_ENROLLING]      = { DEVICE_CLAIMED, .actions = GIVE_UP },
		[DEVICE_ISSUED]         = { DEVICE_CLAIMED, .actions = GIVE_UP },
		[DEVICE_ONBOARDED]      = { DEVICE_CLAIMED, .actions = STAY_AS_BEFORE },
	},
	[DEVICE_EVENT_WITHDRAW] = {
		[DEVICE_CLAIMED]        = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ENROLLING]      = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ISSUED]         = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
	},
	[DEVICE_EVENT_REJECT] = {
		[DEVICE_CLAIMED]        = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ENROLLING]      = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ISSUED]         = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
	},
	[DEVICE_EVENT_CLAIM_EXPIRED] = {
		/* Not when issued: the certificate is on its way, and the device has prove_within. */
		[DEVICE_CLAIMED]        = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ENROLLING]      = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
	},
	[DEVICE_EVENT_CSR] = {
		[DEVICE_CLAIMED]        = { DEVICE_ENROLLING },
		[DEVICE_ENROLLING]      = { DEVICE_ENROLLING, .actions = DROP_UNPROVED },
		[DEVICE_ISSUED]         = { DEVICE_ENROLLING, .actions = DROP_UNPROVED },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED, .actions = DROP_UNPROVED },
	},
	[DEVICE_EVENT_ISSUED] = {
		[DEVICE_ENROLLING]      = { DEVICE_ISSUED },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED },
	},
	[DEVICE_EVENT_REFUSED] = {
		[DEVICE_ENROLLING]      = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED, .actions = STAY_AS_BEFORE },
	},
	[DEVICE_EVENT_PROVED] = {
		[DEVICE_ISSUED]         = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_PROMOTE |
							DEVICE_ACTION_RETIRE_LIVE |
							DEVICE_ACTION_BURN_CLAIM },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_PROMOTE |
							DEVICE_ACTION_RETIRE_LIVE },
	},
	[DEVICE_EVENT_NOT_PROVED] = {
		[DEVICE_ISSUED]         = { DEVICE_CLAIMED, .actions = DROP_UNPROVED |
						      DEVICE_ACTION_REARM_CLAIM },
	},
	[DEVICE_EVENT_NEVER_PROVED] = {
		[DEVICE_ISSUED]         = { DEVICE_REJECTED, DEVICE_ONBOARDED, GIVE_UP },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED, .actions = STAY_AS_BEFORE },
	},
	[DEVICE_EVENT_SUSPEND] = {
		/* Nobody is aboard yet: a claim is withdrawn, there is nothing to come back to. */
		[DEVICE_CLAIMED]        = { DEVICE_UNKNOWN, DEVICE_SUSPENDED, SUSPEND },
		[DEVICE_ENROLLING]      = { DEVICE_UNKNOWN, DEVICE_SUSPENDED, SUSPEND },
		[DEVICE_ISSUED]         = { DEVICE_UNKNOWN, DEVICE_SUSPENDED, SUSPEND },
		[DEVICE_ONBOARDED]      = { DEVICE_SUSPENDED, .actions = SUSPEND | STAY_AS_BEFORE },
		[DEVICE_SUSPENDED]      = { DEVICE_SUSPENDED },
	},
	[DEVICE_EVENT_RESUME] = {
		[DEVICE_SUSPENDED]      = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_TELL },
		[DEVICE_ONBOARDED]      = { DEVICE_ONBOARDED },
	},
	[DEVICE_EVENT_REVOKE] = {
		[DEVICE_CLAIMED]        = { DEVICE_REVOKED, .actions = TAKE_OUT },
		[DEVICE_ENROLLING]      = { DEVICE_REVOKED, .actions = TAKE_OUT },
		[DEVICE_ISSUED]         = { DEVICE_REVOKED, .actions = TAKE_OUT },
		[DEVICE_ONBOARDED]      = { DEVICE_REVOKED, .actions = TAKE_OUT },
		[DEVICE_SUSPENDED]      = { DEVICE_REVOKED, .actions = TAKE_OUT },
		[DEVICE_REVOKED]        = { DEVICE_REVOKED },
	},
	[DEVICE_EVENT_DECOMMISSION] = {
		[DEVICE_CLAIMED]        = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_ENROLLING]      = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_ISSUED]         = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_ONBOARDED]      = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_SUSPENDED]      = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_REVOKED]        = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_REJECTED]       = { DEVICE_DECOMMISSIONED, .actions = LEAVE },
		[DEVICE_DECOMMISSIONED] = { DEVICE_DECOMMISSIONED },
	},
	[DEVICE_EVENT_ADOPT] = {
		/* Rejected only as one that has moved: policy.c. */
		[DEVICE_UNKNOWN]        = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_END_SESSIONS },
		[DEVICE_DISCOVERED]     = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_END_SESSIONS },
		[DEVICE_REJECTED]       = { DEVICE_ONBOARDED, .actions = DEVICE_ACTION_END_SESSIONS },
	},
	[DEVICE_EVENT_MOVED] = {
		/* Who is claimed here and was never aboard has nothing that could be elsewhere. */
		[DEVICE_CLAIMED]        = { DEVICE_UNKNOWN, DEVICE_REJECTED, MOVE_OUT },
		[DEVICE_ENROLLING]      = { DEVICE_UNKNOWN, DEVICE_REJECTED, MOVE_OUT },
		[DEVICE_ISSUED]         = { DEVICE_UNKNOWN, DEVICE_REJECTED, MOVE_OUT },
		[DEVICE_ONBOARDED]      = { DEVICE_REJECTED, .actions = MOVE_OUT },
		[DEVICE_SUSPENDED]      = { DEVICE_REJECTED, .actions = MOVE_OUT },
		[DEVICE_REJECTED]       = { DEVICE_REJECTED },
	},
};
/* clang-format on */

bool device_step(enum device_state state, enum device_event event, bool has_live_certificate,
		 enum device_state *ret_to, unsigned *ret_actions)
{
	const struct device_edge *edge = &edges[event][state];
	bool elsewhere = has_live_certificate && edge->to_if_live != DEVICE_UNKNOWN;

	if (edge->to == DEVICE_UNKNOWN && !elsewhere)
		return false;

	*ret_to = elsewhere ? edge->to_if_live : edge->to;
	*ret_actions = edge->actions;
	return true;
}

static const char *const state_names[_DEVICE_STATE_MAX] = {
	[DEVICE_UNKNOWN] = "",
	[DEVICE_DISCOVERED] = "discovered",
	[DEVICE_CLAIMED] = "claimed",
	[DEVICE_ENROLLING] = "enrolling",
	[DEVICE_ISSUED] = "issued",
	[DEVICE_ONBOARDED] = "onboarded",
	[DEVICE_SUSPENDED] = "suspended",
	[DEVICE_REVOKED] = "revoked",
	[DEVICE_DECOMMISSIONED] = "decommissioned",
	[DEVICE_REJECTED] = "rejected",
};

static const char *const event_names[_DEVICE_EVENT_MAX] = {
	[DEVICE_EVENT_SIGHTED] = "sighted",
	[DEVICE_EVENT_CLAIM] = "claim",
	[DEVICE_EVENT_REPLACE] = "replace",
	[DEVICE_EVENT_WITHDRAW] = "withdraw",
	[DEVICE_EVENT_CLAIM_EXPIRED] = "claim-expired",
	[DEVICE_EVENT_CSR] = "csr",
	[DEVICE_EVENT_ISSUED] = "issued",
	[DEVICE_EVENT_REFUSED] = "refused",
	[DEVICE_EVENT_PROVED] = "proved",
	[DEVICE_EVENT_NOT_PROVED] = "not-proved",
	[DEVICE_EVENT_NEVER_PROVED] = "never-proved",
	[DEVICE_EVENT_REJECT] = "reject",
	[DEVICE_EVENT_SUSPEND] = "suspend",
	[DEVICE_EVENT_RESUME] = "resume",
	[DEVICE_EVENT_REVOKE] = "revoke",
	[DEVICE_EVENT_DECOMMISSION] = "decommission",
	[DEVICE_EVENT_ADOPT] = "adopt",
	[DEVICE_EVENT_MOVED] = "moved",
};

const char *device_state_name(enum device_state state)
{
	return state_names[state];
}

int device_state_from_name(const char *name, enum device_state *ret)
{
	for (int i = 0; i < _DEVICE_STATE_MAX; i++) {
		if (gw_streq(state_names[i], name)) {
			*ret = (enum device_state)i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *device_event_name(enum device_event event)
{
	return event_names[event];
}

bool device_state_is_at_rest(enum device_state state)
{
	switch (state) {
	case DEVICE_DISCOVERED:
	case DEVICE_ENROLLING:
	case DEVICE_ISSUED: return false;
	case DEVICE_UNKNOWN:
	case DEVICE_CLAIMED:
	case DEVICE_ONBOARDED:
	case DEVICE_SUSPENDED:
	case DEVICE_REVOKED:
	case DEVICE_DECOMMISSIONED:
	case DEVICE_REJECTED:
	case _DEVICE_STATE_MAX: break;
	}
	return true;
}
