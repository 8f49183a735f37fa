/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prospect: what becomes of one device by itself, when, and what a person can do about it. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/device.h"
#include "lib/reason.h"

/* Times are seconds since the epoch, 0 = never or not known. */
struct prospect_facts {
	enum device_state state;
	enum gw_reason reason;
	uint64_t claim_ends;    /* an open one's */
	uint64_t renew_at;      /* the live certificate's */
	uint64_t unproved_ends; /* when a candidate is given up, 0 = there is none */
	bool is_orphaned;       /* whoever signed the live certificate is trusted no more */
	bool is_renewing;       /* the cloud was asked for the next one */
	bool has_expired;       /* the live certificate, by a clock that is trusted */
	enum gw_reason
		refusal;     /* what its device is told then if it comes, none: that it may ask */
	bool is_approved;    /* and a person has said that it may be renewed */
	uint64_t grace_ends; /* until when an expired certificate may be renewed */
	uint64_t notice_ends;
};

struct prospect {
	const char *next; /* a sentence, "" = nothing by itself */
	uint64_t at;
	const char *advice; /* a sentence, "" = there is nothing to do */
};

void prospect_look(const struct prospect_facts *facts, struct prospect *ret);
