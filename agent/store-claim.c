/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claim records as SQL. A time of expiry below 0 is a lifetime that has not begun. */
#include "agent/store-claim.h"

#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "lib/util.h"

static const char *const state_names[_CLAIM_STATE_MAX] = {
	[CLAIM_OPEN] = "open",
	[CLAIM_BURNED] = "burned",
	[CLAIM_CLOSED] = "closed",
};

static int read_row(struct sqlite3_stmt *row, struct claim_record *ret)
{
	int64_t expires = store_column_int(row, 6);
	char state[16];

	store_column_text(row, 0, ret->id, sizeof(ret->id));
	store_column_text(row, 1, ret->device, sizeof(ret->device));
	store_column_text(row, 2, ret->tenant, sizeof(ret->tenant));
	store_column_text(row, 3, state, sizeof(state));
	store_column_text(row, 4, ret->claimed_by, sizeof(ret->claimed_by));
	ret->created = (uint64_t)store_column_int(row, 5);
	ret->expires = (uint64_t)GW_MAX(expires, 0);
	ret->lifetime_s = expires < 0 ? 0 - (uint64_t)expires : 0;
	if (store_column_bytes(row, 7, ret->secret, sizeof(ret->secret), &ret->secret_len) < 0)
		return -EUCLEAN;

	for (int i = 0; i < _CLAIM_STATE_MAX; i++) {
		if (gw_streq(state, state_names[i])) {
			ret->state = (enum claim_state)i;
			return 0;
		}
	}
	return -EUCLEAN;
}

static int get_one(struct store *store, struct sqlite3_stmt *row, struct claim_record *ret)
{
	int r = store_next(store, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_row(row, ret);
	store_done(row);
	return r;
}

#define COLUMNS "id, device, tenant, state, claimed_by, created, expires, secret"

int store_claim_open_of(struct store *store, const char *device, struct claim_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM claim WHERE device = ? AND state = 'open'",
			     "t", device);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_claim_get(struct store *store, const char *id, struct claim_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row, "SELECT " COLUMNS " FROM claim WHERE id = ?", "t", id);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_claim_add(struct store *store, const struct claim_record *claim)
{
	int r = store_exec(store,
			   "INSERT INTO claim (" COLUMNS ", n_secrets, secret_given)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
			   "tttttiib", claim->id, claim->device, claim->tenant,
			   state_names[claim->state], claim->claimed_by, (int64_t)claim->created,
			   claim->lifetime_s ? -(int64_t)claim->lifetime_s
					     : (int64_t)claim->expires,
			   (struct gw_blob){ claim->secret, claim->secret_len });

	return r < 0 ? r : 0;
}

int store_claim_end(struct store *store, const char *id, enum claim_state state)
{
	int r = store_exec(store, "UPDATE claim SET state = ?, secret = x'' WHERE id = ?", "tt",
			   state_names[state], id);

	return r < 0 ? r : 0;
}

int store_claim_wipe(struct store *store, const char *device)
{
	int r = store_exec(store, "UPDATE claim SET secret = x'', claimed_by = '' WHERE device = ?",
			   "t", device);

	return r < 0 ? r : 0;
}

int store_claim_count_secret(struct store *store, const char *id, uint64_t when)
{
	int r = store_exec(
		store, "UPDATE claim SET n_secrets = n_secrets + 1, secret_given = ? WHERE id = ?",
		"it", (int64_t)when, id);

	return r < 0 ? r : 0;
}

int store_claim_anchor(struct store *store, uint64_t now)
{
	int r = store_exec(store, "UPDATE claim SET expires = ? - expires WHERE expires < 0", "i",
			   (int64_t)now);

	return r < 0 ? r : 0;
}

/* Both that follow are asked in every turn. CROSS JOIN: claims first, in the order of their index; else SQLite
 * walks over all devices that are claimed. */
int store_claim_expired(struct store *store, uint64_t now, char (*devices)[GW_ID_MAX + 1],
			size_t max)
{
	struct sqlite3_stmt *row;
	int r;

	r = store_select(
		store, &row,
		"SELECT claim.device FROM claim CROSS JOIN device ON device.id = claim.device"
		" WHERE claim.state = 'open' AND claim.expires > 0 AND claim.expires <= ?"
		" AND device.state IN ('claimed', 'enrolling') LIMIT ?",
		"ii", (int64_t)now, (int64_t)max);
	return r < 0 ? r : store_collect_ids(store, row, devices, max);
}

uint64_t store_claim_next_end(struct store *store)
{
	return (uint64_t)store_number(
		store, 0,
		"SELECT claim.expires FROM claim CROSS JOIN device ON device.id = claim.device"
		" WHERE claim.state = 'open' AND claim.expires > 0"
		" AND device.state IN ('claimed', 'enrolling') ORDER BY claim.expires LIMIT 1",
		"");
}
