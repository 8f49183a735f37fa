/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lineup: peers in the order in which they came (or were last heard of), and who has to go for a new
 * one. Pure. An item lives in its peer; the list owns nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct path;

struct lineup_item {
	struct lineup_item *older, *newer;
	const struct path *path;
	bool listed;
};

struct lineup {
	struct lineup_item *oldest, *newest;
	size_t n;
	size_t max, max_per_source;
};

/* Adds the newest one. The path must live as long as the item is listed. */
void lineup_add(struct lineup *lineup, struct lineup_item *item, const struct path *path);

/* Takes it off the list; fine if it is not on it. */
void lineup_remove(struct lineup *lineup, struct lineup_item *item);

/*
 * Who has to go before one more from this path is added: the oldest of the same source if that has
 * its share, else the oldest of all if the list is full; NULL if there is room.
 */
struct lineup_item *lineup_excess(const struct lineup *lineup, const struct path *path);
