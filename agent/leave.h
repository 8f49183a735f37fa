/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leave: a device that was decommissioned. What was kept of it is wiped, but for a tombstone, and for the fingerprint of
 * its certificate until it was told, has confirmed, or its days are over.
 */
#pragma once

#include <stdint.h>

struct agent;
struct device_record;
struct gw_msg_wiped;

/* Wipes what is on record of the device, and of `device` all that is no part of a tombstone; the caller stores that. */
void leave_forget(struct agent *agent, struct device_record *device);

/* It has a new claim: nobody is told any more that it left. */
void leave_end_notice(struct agent *agent, const struct device_record *device);

/* It was let in for the notice, and has been answered. */
int leave_told(struct agent *agent, const char *device);

/* It says that it has wiped itself. */
int leave_take_wiped(struct agent *agent, const struct gw_msg_wiped *msg);

/* By a clock that is trusted: ends the notices whose days are over. */
void leave_look(struct agent *agent, uint64_t now);

/* When there is something to end, seconds since the epoch; 0: never. */
uint64_t leave_next_s(struct agent *agent);
