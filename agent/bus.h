/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus: the people's side of the agent, org.gangway1 on the system bus. Connects and reconnects, has
 * every call judged (bus-filter) before a handler sees it, and sends the news. The objects are in
 * bus-manager, bus-device and bus-transport.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/rights.h"
#include "lib/reason.h"

struct agent;
struct bus;
struct sd_bus;
struct sd_bus_message;
struct turn_change;

#define BUS_NAME             "org.gangway1"
#define BUS_PATH             "/org/gangway1"
#define BUS_DEVICE_PREFIX    BUS_PATH "/device"
#define BUS_TRANSPORT_PREFIX BUS_PATH "/transport"

int bus_new(struct agent *agent, struct bus **ret);
struct bus *bus_free(struct bus *bus);

/* What came of saying something on the bus. For want of memory we leave it and come back: who waits for an
 * answer, or for news, would wait for ever. */
void bus_said(struct bus *bus, int r);

/* News; each is told to whoever watches, or to nobody if there is no bus. */
void bus_tell_change(struct bus *bus, const struct turn_change *change);
void bus_tell_plugins(struct bus *bus);
void bus_tell_transport(struct bus *bus, const char *name);
void bus_tell_cloud(struct bus *bus);
void bus_tell_clock(struct bus *bus);

/* NULL while there is none. Who keeps nothing of it but what ends with it may ask others on the bus. */
struct sd_bus *bus_connection(struct bus *bus);

/* The agent was on the bus before it was at work (agent/unconfigured.c); from now on it is. */
void bus_begin(struct bus *bus);

/* What keeps the agent from its work, NULL for nothing: property State. */
void bus_set_trouble(struct bus *bus, const char *text);
const char *bus_trouble(const struct bus *bus);

/* Since when it is so, or is not, by the monotonic clock. */
uint64_t bus_trouble_since_us(const struct bus *bus);

/* For handlers, of the call that they are called for: who calls (as a number, as "uid 1000"), and whether the call was given
 * a right that not every call of this method needs. */
bool bus_caller_uid(struct bus *bus, struct sd_bus_message *call, unsigned *ret);
void bus_name_caller(struct bus *bus, struct sd_bus_message *call, char *name, unsigned size);
bool bus_caller_has(struct bus *bus, struct sd_bus_message *call, enum right right);

/* Has the caller pay for work that goes on for long, part by part; false: not now, he has called too much lately. */
bool bus_charge(struct bus *bus, struct sd_bus_message *call, enum cost cost);

/* For handlers: queues a reply without arguments, an error by its reason, or one of ours, which takes back
 * the turn. All return 1, which tells sd-bus that the call is dealt with. */
int bus_reply_empty(struct agent *agent, struct sd_bus_message *call);
int bus_reply_reason(struct agent *agent, struct sd_bus_message *call, enum gw_reason reason);
int bus_reply_errno(struct agent *agent, struct sd_bus_message *call, int error);

/* The objects. */
int bus_manager_add(struct agent *agent, struct sd_bus *bus);
int bus_device_add(struct agent *agent, struct sd_bus *bus);
int bus_transport_add(struct agent *agent, struct sd_bus *bus);
