/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peers: finds a peer by its path and by its session number. An entry lives in its peer; the table
 * owns nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct path;

#define PEERS_BUCKETS 1024 /* some 2000 peers are the most by default */

struct peers_entry {
	struct peers_entry *next_by_path, *next_by_session;
	const struct path *path;
	uint64_t session;
};

struct peers {
	struct peers_entry *by_path[PEERS_BUCKETS], *by_session[PEERS_BUCKETS];
	size_t n;
	uint64_t seed; /* of the hash: strangers must not know it */
};

/* The path must live as long as the entry is in the table. */
void peers_add(struct peers *p, struct peers_entry *entry, const struct path *path,
	       uint64_t session);
void peers_remove(struct peers *p, struct peers_entry *entry);

/* NULL: there is none. */
struct peers_entry *peers_find_path(const struct peers *p, const struct path *path);
struct peers_entry *peers_find_session(const struct peers *p, uint64_t session);

/* Each of them once; the one that was returned last may be removed meanwhile, but nothing be added. */
struct peers_cursor {
	size_t bucket;
	struct peers_entry *next;
};
struct peers_entry *peers_next(const struct peers *p, struct peers_cursor *cursor);
