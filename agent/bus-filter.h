/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-filter: what stands between the bus and the handlers. A call comes through when we know who calls, it
 * was not too much of late, and the caller has every right that the call needs.
 */
#pragma once

#include <stdbool.h>

#include "agent/rights.h"

struct agent;
struct bus_filter;
struct sd_bus;
struct sd_bus_message;

/* For as long as both connections live: the one that calls come by, and one to ask the bus by who they are. */
int bus_filter_new(struct agent *agent, struct sd_bus *connection, struct sd_bus *asker,
		   struct bus_filter **ret);
struct bus_filter *bus_filter_free(struct bus_filter *filter);

/* Judges a method call; returns what sd-bus wants of a filter: 0 lets it through. One that has to wait
 * comes here again. */
int bus_filter_judge(struct bus_filter *filter, struct sd_bus_message *call);

/* For the handler of the call that just came through: who calls, and whether the call was given a right. */
bool bus_filter_uid(const struct bus_filter *filter, struct sd_bus_message *call, unsigned *ret);
bool bus_filter_granted(const struct bus_filter *filter, struct sd_bus_message *call,
			enum right right);

/* For work that goes on after the handler: has the caller pay for a part of it. False: not now. */
bool bus_filter_charge(struct bus_filter *filter, struct sd_bus_message *call, enum cost cost);
