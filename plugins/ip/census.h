/* SPDX-License-Identifier: GPL-2.0-or-later */
/* census: tells the agent who is on the network, a few at a time. */
#pragma once

#include <stdbool.h>

struct census;
struct gw_plugin;
struct netlink_neighbour;
struct sd_event;

int census_new(struct gw_plugin *plugin, struct sd_event *event, struct census **ret);
struct census *census_free(struct census *census);

/* Begins anew, towards an agent that has been told nothing. */
void census_clear(struct census *census);

/* Somebody is seen, or seen no more, on one of the interfaces served. */
void census_see(struct census *census, const char *interface, const struct netlink_neighbour *seen);

/* All on this interface are gone. */
void census_drop(struct census *census, const char *interface);

/* All are seen anew between these two calls. If not complete, nobody is missed. True: what was said between them
 * does not agree with what was known before, so one of the two was wrong. */
void census_begin(struct census *census);
bool census_end(struct census *census, bool complete);
