/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device: the states of a device, and the edges between them. Pure: no I/O, no memory. */
#pragma once

#include <stdbool.h>

/* In the order of a device's life; the names on D-Bus are device_state_name(). */
enum device_state {
	DEVICE_UNKNOWN, /* no record of it */
	DEVICE_DISCOVERED,
	DEVICE_CLAIMED,
	DEVICE_ENROLLING,
	DEVICE_ISSUED,
	DEVICE_ONBOARDED,
	DEVICE_SUSPENDED,
	DEVICE_REVOKED,
	DEVICE_DECOMMISSIONED,
	DEVICE_REJECTED,
	_DEVICE_STATE_MAX,
};

enum device_event {
	DEVICE_EVENT_SIGHTED,       /* it knocked without a claim */
	DEVICE_EVENT_CLAIM,         /* the first claim, or a new one after the end */
	DEVICE_EVENT_REPLACE,       /* a claim that starts over */
	DEVICE_EVENT_WITHDRAW,      /* the claim is taken back */
	DEVICE_EVENT_CLAIM_EXPIRED, /* nobody came in time */
	DEVICE_EVENT_CSR,           /* a CSR with a new key was accepted */
	DEVICE_EVENT_ISSUED,        /* the cloud's certificate is checked and stored */
	DEVICE_EVENT_REFUSED,       /* the cloud said no for good */
	DEVICE_EVENT_PROVED,        /* it came back with the certificate */
	DEVICE_EVENT_NOT_PROVED,    /* it did not; the claim lives on */
	DEVICE_EVENT_NEVER_PROVED,  /* it did not, and the claim is over */
	DEVICE_EVENT_REJECT,        /* the operator does not want it aboard */
	DEVICE_EVENT_SUSPEND,       /* it is not served for a while, and keeps its certificate */
	DEVICE_EVENT_RESUME,        /* that while is over */
	DEVICE_EVENT_REVOKE,        /* the owner or the cloud takes it out */
	DEVICE_EVENT_DECOMMISSION,  /* it leaves */
	DEVICE_EVENT_ADOPT, /* it came with a certificate from elsewhere, and the cloud says it is at home here */
	DEVICE_EVENT_MOVED, /* the cloud says it is at home elsewhere */
	_DEVICE_EVENT_MAX,
};

/* What has to be done beside writing the state; a set of bits. */
enum device_action {
	DEVICE_ACTION_VOID_JOB = 1 << 0,         /* the pending enrolment gets no answer any more */
	DEVICE_ACTION_REVOKE_CANDIDATE = 1 << 1, /* an unproved certificate is revoked */
	DEVICE_ACTION_RETIRE_LIVE = 1 << 2,      /* the certificate proved before is revoked */
	DEVICE_ACTION_PROMOTE = 1 << 3,     /* the candidate becomes the live one; tell the cloud */
	DEVICE_ACTION_BURN_CLAIM = 1 << 4,  /* the secret has done its service */
	DEVICE_ACTION_CLOSE_CLAIM = 1 << 5, /* the secret never will */
	DEVICE_ACTION_REARM_CLAIM = 1 << 6, /* the claim goes on as a new generation */
	DEVICE_ACTION_END_SESSIONS = 1 << 7, /* who is talking now is cut off */
	DEVICE_ACTION_TELL = 1 << 8, /* the cloud is told what happened to the device itself */
	DEVICE_ACTION_LEAVE_LIVE = 1
				   << 12, /* the live certificate is good no more, but only here */
	DEVICE_ACTION_NEXT_ROUND = 1
				   << 9, /* the live certificate may be renewed as if never asked */
	DEVICE_ACTION_FORGET = 1 << 10,  /* what is kept of it is wiped, but for a tombstone */
	DEVICE_ACTION_END_NOTICE = 1 << 11, /* nobody is told any more that it left */
};

struct device_edge {
	enum device_state to; /* DEVICE_UNKNOWN: not possible in this state, but for to_if_live */
	enum device_state
		to_if_live; /* where else if an older certificate is live; or DEVICE_UNKNOWN */
	unsigned actions;
};

/* What `event` does to a device in `state`. False: not possible; the state stays as it is. */
bool device_step(enum device_state state, enum device_event event, bool has_live_certificate,
		 enum device_state *ret_to, unsigned *ret_actions);

/* "claimed" */
const char *device_state_name(enum device_state state);

/* -ENOENT: no such state. */
int device_state_from_name(const char *name, enum device_state *ret);

const char *device_event_name(enum device_event event);

/* At rest: nothing is under way; D-Bus lists it by ListDevices only. */
bool device_state_is_at_rest(enum device_state state);
