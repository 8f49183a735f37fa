/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * half-open: the handshakes under way, oldest first, and who has to go for a new one. Pure. An item
 * lives in its peer; the list owns nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct path;

struct half_open {
	struct half_open *older, *newer;
	const struct path *path;
	bool listed;
};

struct half_open_list {
	struct half_open *oldest, *newest;
	size_t n;
	size_t max, max_per_source;
};

/* Adds the newest one. The path must live as long as the item is listed. */
void half_open_add(struct half_open_list *list, struct half_open *item, const struct path *path);

/* Takes it off the list; fine if it is not on it. */
void half_open_remove(struct half_open_list *list, struct half_open *item);

/*
 * Who has to go before one more from this path is added: the oldest of the same source if that has
 * its share, else the oldest of all if the list is full; NULL if there is room.
 */
struct half_open *half_open_excess(const struct half_open_list *list, const struct path *path);
