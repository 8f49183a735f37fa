/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discovered: devices that knocked at a door and that nobody has claimed. Kept in memory only, bounded
 * and aged: strangers must not be able to fill a disk. Never evidence of anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct discovered;

struct sighting {
	char id[GW_ID_MAX + 1]; /* as it called itself */
	char transport[GW_NAME_MAX + 1];
	char address[GW_ADDRESS_MAX + 1];
	uint64_t last_seen; /* seconds since the epoch */
};

int discovered_new(size_t max, uint64_t age_s, struct discovered **ret);

/* One of another size with what was in this one; where that is too much, the newest. NULL for want of memory.
 * Both are the caller's. */
struct discovered *discovered_resized(const struct discovered *discovered, size_t max,
				      uint64_t age_s);

/* Forgets one that found no room there, so that it can be told; false: there is none. */
bool discovered_take_missing(struct discovered *discovered, struct discovered *resized,
			     char ret_gone[GW_ID_MAX + 1]);

struct discovered *discovered_free(struct discovered *discovered);

/* Notes a sighting. Returns 1 if it is new (the oldest makes room), 0 if it was known. `ret_gone` gets
 * the id of the one that made room, or "". */
int discovered_note(struct discovered *discovered, const struct sighting *sighting,
		    char ret_gone[GW_ID_MAX + 1]);

/* NULL: not seen, or too long ago. */
const struct sighting *discovered_find(struct discovered *discovered, const char *id);

void discovered_forget(struct discovered *discovered, const char *id);

/* The sighting with the least id above `after`, or NULL. */
const struct sighting *discovered_after(struct discovered *discovered, const char *after);

size_t discovered_count(struct discovered *discovered);

/* Forgets one that was seen too long ago, so that it can be told; false: there is none. */
bool discovered_take_aged(struct discovered *discovered, char ret_gone[GW_ID_MAX + 1]);

/* Seconds until there is one, rounded up; 0 = nothing is kept. */
uint64_t discovered_next_aged_s(const struct discovered *discovered);
