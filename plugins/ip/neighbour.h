/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * neighbour: who was seen on the network and who was told to the agent. Pure. Changes wait in order
 * and are taken one by one; what came and went meanwhile is never told, so a burst shrinks to what
 * differs in the end.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than the kernel keeps by default; what is above is not told, being a convenience only. */
#define NEIGHBOURS_MAX 16384

#define NEIGHBOUR_MAC_MAX 20 /* bytes of a link address: the longest is InfiniBand's */

struct neighbour {
	char interface[IF_NAMESIZE];
	int family; /* AF_INET: the first four bytes of the address; AF_INET6 */
	uint8_t address[16];
	bool present;
	uint8_t mac[NEIGHBOUR_MAC_MAX];
	size_t mac_len;
};

struct neighbours;

struct neighbours *neighbours_new(void);
struct neighbours *neighbours_free(struct neighbours *neighbours);

/* Back to nobody seen and nobody told. */
void neighbours_clear(struct neighbours *neighbours);

/* Takes in what was seen: 1 if it was seen otherwise before, 0 if not. -ENOSPC: the table is full and this one
 * is not remembered. */
int neighbours_see(struct neighbours *neighbours, const struct neighbour *seen);

/* All neighbours on an interface are gone. */
void neighbours_drop(struct neighbours *neighbours, const char *interface);

/* All are seen anew between these two calls; whoever was not is gone, and counted. */
void neighbours_begin(struct neighbours *neighbours);
size_t neighbours_end(struct neighbours *neighbours);

/* Takes the next change, which counts as told from now on. False: none waits. */
bool neighbours_next(struct neighbours *neighbours, struct neighbour *ret);

size_t neighbours_count(const struct neighbours *neighbours);
