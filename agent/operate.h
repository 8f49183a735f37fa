/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operate: what an operator or the cloud decides of a device that is there: rejected, suspended, resumed,
 * revoked, decommissioned.
 */
#pragma once

#include "agent/device.h"
#include "lib/reason.h"

struct agent;

struct operate_wish {
	enum device_event event;
	const char *device;
	const char *who;    /* for the record: "uid 1000", "cloud" */
	const char *reason; /* a code that the device shows; empty: the usual one */
};

/* Lower-case letters, digits and '-', at most GW_REASON_MAX of them; or nothing. */
bool operate_reason_is_valid(const char *reason);

/* GW_REASON_NONE: it is so, or was so already. An error takes back the turn. */
int operate_device(struct agent *agent, const struct operate_wish *wish,
		   enum gw_reason *ret_reason);
