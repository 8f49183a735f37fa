/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neighbours: what transports say of addresses on their networks. Shown to people, never evidence. */
#pragma once

#include <stddef.h>

#include "lib/wire.h"

struct neighbours;

struct neighbour {
	char transport[GW_NAME_MAX + 1]; /* empty: no neighbour */
	char address[GW_ADDRESS_MAX + 1];
	char link_address[GW_ADDRESS_MAX + 1];
	char interface[GW_NAME_MAX + 1];
	char vendor[GW_TEXT_MAX + 1];
};

#define NEIGHBOURS_MAX 4096 /* more are not remembered */

int neighbours_new(struct neighbours **ret);
struct neighbours *neighbours_free(struct neighbours *neighbours);

int neighbours_take(struct neighbours *neighbours, const char *transport,
		    const struct gw_msg_neighbour *msg);

/* The transport is gone, and what it said. */
void neighbours_drop(struct neighbours *neighbours, const char *transport);

/* A transport's neighbours one after the other: NULL begins and ends. */
const struct neighbour *neighbours_next(const struct neighbours *neighbours, const char *transport,
					const struct neighbour *after);
