/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store-schema: the tables of the store, version by version. A file says itself of which version it is
 * (SQLite's user_version); an empty one is of version 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct store;

struct store_schema {
	const char *const *steps; /* steps[n] makes of version n the version n + 1 */
	int64_t version;          /* how many there are: the version that this program works with */
};

extern const struct store_schema store_schema;

/*
 * Brings the file to the schema's version: all steps that it lacks, or none. Returns the version that it
 * had, or -errno: -EPROTO for one that the schema does not know. After an error the store can only be closed,
 * which leaves the file as it was; ret_reached is where it broke off.
 */
int store_migrate(struct store *store, const struct store_schema *schema, int64_t *ret_reached);

/* store_open() with another schema than the one of this program. */
int store_open_as(const struct store_schema *schema, const char *folder, struct store **ret,
		  char *error, size_t error_size);
