/* SPDX-License-Identifier: GPL-2.0-or-later */
/* approval: what a person decides about the renewal of a device's certificate. */
#pragma once

#include <stdbool.h>

#include "lib/reason.h"

struct agent;

/* All: *ret_reason is GW_REASON_NONE, or why it cannot be. `who` is for the record. */

/* It is due from now on: the device reads so when it asks for its settings. */
int approval_ask_renewal(struct agent *agent, const char *device, const char *who,
			 enum gw_reason *ret_reason);

/* A device that asked to renew an expired certificate may, or may not. A rejection can be taken back. `why` is for the
 * record. */
int approval_decide(struct agent *agent, const char *device, bool approve, const char *why,
		    const char *who, enum gw_reason *ret_reason);
