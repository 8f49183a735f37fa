/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lineup: peers by where they come from, each place's in the order in which they came or were last heard
 * of; and who has to go for a new one. Pure but for memory. An item lives in its peer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lineup_party;
struct path;

#define LINEUP_BUCKETS 256
#define LINEUP_RANKS   32 /* by the number of binary digits of how many they are */

/* Parties (hosts or networks) by how many peers they have, to within a factor of two. */
struct lineup_ranking {
	struct {
		struct lineup_party *first, *last;
	} ranks[LINEUP_RANKS];
};

struct lineup_item {
	struct lineup_item *older, *newer;
	struct lineup_party *host; /* NULL: not listed */
	bool busy;
};

struct lineup {
	size_t n, max, max_per_source;
	uint64_t seed; /* of the hash: strangers must not know it */
	struct lineup_party *hosts[LINEUP_BUCKETS], *networks[LINEUP_BUCKETS];
	struct lineup_ranking ranking; /* of the networks */
};

/* Adds the newest one from there. -ENOMEM. */
int lineup_add(struct lineup *lineup, struct lineup_item *item, const struct path *path);

/* It was heard of: it is the newest again, among those who are busy or among those who are not. */
void lineup_touch(struct lineup_item *item, bool busy);

/* Takes it off; fine if it is not listed. */
void lineup_remove(struct lineup *lineup, struct lineup_item *item);

/* Who has to go before one more from this path is added; NULL if there is room. */
struct lineup_item *lineup_excess(const struct lineup *lineup, const struct path *path);
