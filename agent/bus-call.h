/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-call: what can be seen of a call before anybody deals with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sd_bus_message;

/* No call that means anything is larger, but for the bytes that its method takes (agent/rights.c); larger ones shall not
 * wait in our memory. While it waits it takes so many places there (agent/callers.h). */
#define BUS_CALL_SIZE_MAX 16384
#define BUS_CALL_PLACE    32768

/* -EFBIG: it is larger than that. */
int bus_call_measure(struct sd_bus_message *call, size_t size_max, unsigned *ret_places);

/* Whether a dictionary of options among the arguments has this flag and it is true, be it beside others of
 * the name. */
bool bus_call_has_flag(struct sd_bus_message *call, const char *name);
