/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit-verify: the walk along the chain, from the checkpoint to the head, in slices: whoever walks does
 * something else in between, and records may come and go meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/audit.h"

struct audit_walk {
	struct audit_point at; /* all up to here fit */
	bool has_begun;
	uint64_t first_bad; /* 0, or the number of the first record that does not fit .. */
	const char *why;    /* .. and what is wrong; "" for nothing */
};

/* Goes on, for at most `max` records. Returns 1: there is more; 0: it is over; -errno: of the disk. */
int audit_walk_on(struct store *store, struct vault *vault, struct audit_walk *walk, size_t max);

/* All of it at a time. */
int audit_verify(struct store *store, struct vault *vault, uint64_t *ret_first_bad,
		 const char **ret_why);
