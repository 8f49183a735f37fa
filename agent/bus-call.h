/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-call: what can be seen of a call before anybody deals with it. */
#pragma once

#include <stdbool.h>

struct sd_bus_message;

/* No call that means anything is larger; larger ones shall not wait in our memory. */
#define BUS_CALL_SIZE_MAX 16384

bool bus_call_is_small(struct sd_bus_message *call);

/* Whether a dictionary of options among the arguments has this flag and it is true, be it beside others of
 * the name. */
bool bus_call_has_flag(struct sd_bus_message *call, const char *name);
