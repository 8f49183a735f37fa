/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim: the owner says which device may come aboard, and takes it back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/blob.h"
#include "lib/reason.h"

struct agent;

struct claim_wish {
	const char *device;
	struct gw_blob secret; /* empty: the label names a public key */
	const char *tenant;
	const char *vendor, *model; /* "" if not told */
	uint64_t expires;           /* seconds since the epoch, 0 = by configuration */
	uint64_t label_expires;     /* 0 = never */
	bool replace, may_replace;
	const char *id;  /* of the claim; NULL: make one */
	const char *who; /* "uid 1000", "cloud" */
};

/* Decides and, if it may be, records the claim. 0 with *ret_reason: GW_REASON_NONE or the refusal;
 * -errno if the store or the vault failed. */
int claim_make(struct agent *agent, const struct claim_wish *wish, enum gw_reason *ret_reason);

/* Takes back the open claim of a device. As above. */
int claim_withdraw(struct agent *agent, const char *device, const char *who,
		   enum gw_reason *ret_reason);
