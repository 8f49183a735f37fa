/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tried keys as SQL. */
#include "agent/store-key.h"

#include "agent/store.h"
#include "lib/blob.h"

int store_key_add(struct store *store, const char *generation, struct gw_blob key)
{
	int r = store_exec(store, "INSERT OR IGNORE INTO tried_key (generation, key) VALUES (?, ?)",
			   "tb", generation, key);

	return r < 0 ? r : 0;
}

bool store_key_is_known(struct store *store, const char *generation, struct gw_blob key)
{
	return store_number(store, 0,
			    "SELECT count(*) FROM tried_key WHERE generation = ? AND key = ?", "tb",
			    generation, key) > 0;
}

unsigned store_key_count(struct store *store, const char *generation)
{
	return (unsigned)store_number(
		store, 0, "SELECT count(*) FROM tried_key WHERE generation = ?", "t", generation);
}

int store_key_forget(struct store *store, const char *generation)
{
	int r = store_exec(store, "DELETE FROM tried_key WHERE generation = ?", "t", generation);

	return r < 0 ? r : 0;
}

/* The generation of a renewal is a plus, the serial number of its certificate, a dot, and more (renewal.c); what begins
 * like that lies between the dot and the slash, which is the next character. */
int store_keys_wipe(struct store *store, const char *device)
{
	int r = store_exec(store,
			   "DELETE FROM tried_key WHERE generation IN"
			   " (SELECT id FROM claim WHERE device = ?)",
			   "t", device);

	if (r < 0)
		return r;
	r = store_exec(
		store,
		"DELETE FROM tried_key WHERE generation IN"
		" (SELECT tried.generation FROM certificate AS c CROSS JOIN tried_key AS tried"
		"  ON tried.generation > '+' || lower(hex(c.serial)) || '.'"
		"  AND tried.generation < '+' || lower(hex(c.serial)) || '/'"
		"  WHERE c.device = ?)",
		"t", device);
	return r < 0 ? r : 0;
}
