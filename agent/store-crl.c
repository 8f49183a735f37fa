/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Revocation lists as SQL. A new list is mostly the old one: what is on both is not written again.
 */
#include "agent/store-crl.h"

#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "lib/util.h"

#define COLUMNS \
	"id, issuer, name, number, hash, this_update, next_update, received, n_entries, is_stale"

static int read_row(struct sqlite3_stmt *row, struct crl_record *ret)
{
	size_t len;

	ret->id = store_column_int(row, 0);
	if (store_column_bytes(row, 1, ret->issuer, sizeof(ret->issuer), &len) < 0 ||
	    store_column_bytes(row, 3, ret->number, sizeof(ret->number), &ret->number_len) < 0 ||
	    store_column_bytes(row, 4, ret->hash, sizeof(ret->hash), &len) < 0)
		return -EUCLEAN;
	store_column_text(row, 2, ret->name, sizeof(ret->name));
	ret->this_update = (uint64_t)store_column_int(row, 5);
	ret->next_update = (uint64_t)store_column_int(row, 6);
	ret->received = (uint64_t)store_column_int(row, 7);
	ret->n_entries = (uint64_t)store_column_int(row, 8);
	ret->is_stale = store_column_int(row, 9);
	return 0;
}

static int get_one(struct store *store, struct sqlite3_stmt *row, struct crl_record *ret)
{
	int r = store_next(store, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_row(row, ret);
	store_done(row);
	return r;
}

int store_crl_get(struct store *store, struct gw_blob issuer, struct crl_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row, "SELECT " COLUMNS " FROM crl WHERE issuer = ?", "b",
			     issuer);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_crl_next(struct store *store, int64_t after, struct crl_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM crl WHERE id > ? ORDER BY id LIMIT 1", "i",
			     after);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_crl_put(struct store *store, struct crl_record *record)
{
	if (!record->id)
		record->id = store_number(store, 0, "SELECT max(id) FROM crl", "") + 1;
	return store_exec(store,
			  "INSERT OR REPLACE INTO crl (" COLUMNS ")"
			  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			  "ibtbbiiiii", record->id, GW_BLOB_ARRAY(record->issuer), record->name,
			  (struct gw_blob){ record->number, record->number_len },
			  GW_BLOB_ARRAY(record->hash), (int64_t)record->this_update,
			  (int64_t)record->next_update, (int64_t)record->received,
			  (int64_t)record->n_entries, (int64_t)record->is_stale);
}

int store_crl_remove(struct store *store, int64_t id)
{
	int r = store_exec(store, "DELETE FROM crl_serial WHERE crl = ?", "i", id);

	return r < 0 ? r : store_exec(store, "DELETE FROM crl WHERE id = ?", "i", id);
}

int store_crl_set_stale(struct store *store, int64_t id, bool is_stale)
{
	return store_exec(store, "UPDATE crl SET is_stale = ? WHERE id = ?", "ii",
			  (int64_t)is_stale, id);
}

/* --- serial numbers --- */

/* As SQLite has blobs in order. */
static int compare(const void *a, const void *b)
{
	const struct gw_blob *left = a, *right = b;
	int r = memcmp(left->data, right->data, GW_MIN(left->len, right->len));

	return r ? r : (left->len > right->len) - (left->len < right->len);
}

static size_t drop_repeated(struct gw_blob *serials, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare(&serials[kept - 1], &serials[i]) != 0)
			serials[kept++] = serials[i];
	return kept;
}

struct gone {
	uint8_t bytes[GW_SERIAL_MAX];
	size_t len;
};

/* Both are in order: walks along what is on record, and marks what of the new ones is there by an empty blob. What is not
 * among them is collected, since nothing can be removed on the way. */
static int compare_lists(struct store *store, int64_t id, struct gw_blob *serials, size_t n,
			 struct gone *gone, size_t *n_gone)
{
	struct sqlite3_stmt *row;
	size_t i = 0;
	int r = store_select(store, &row,
			     "SELECT serial FROM crl_serial WHERE crl = ? ORDER BY serial", "i",
			     id);

	while (r >= 0 && (r = store_next(store, row)) > 0) {
		struct gw_blob old = store_column_blob(row, 0);

		while (i < n && compare(&serials[i], &old) < 0)
			i++;
		if (i < n && compare(&serials[i], &old) == 0)
			serials[i++].len = 0;
		else if (*n_gone < GW_CRL_ENTRIES_MAX && old.len <= GW_SERIAL_MAX) {
			memcpy(gone[*n_gone].bytes, old.data, old.len);
			gone[(*n_gone)++].len = old.len;
		}
	}
	return r;
}

static int write_changes(struct store *store, int64_t id, struct gw_blob *serials, size_t n,
			 const struct gone *gone, size_t n_gone, size_t *ret_n)
{
	size_t n_new = 0;
	int r = 0;

	for (size_t i = 0; i < n_gone && r >= 0; i++)
		r = store_exec(store, "DELETE FROM crl_serial WHERE crl = ? AND serial = ?", "ib",
			       id, (struct gw_blob){ gone[i].bytes, gone[i].len });
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (serials[i].len == 0)
			continue;
		r = store_exec(store, "INSERT INTO crl_serial (crl, serial) VALUES (?, ?)", "ib",
			       id, serials[i]);
		serials[n_new++] = serials[i];
	}
	*ret_n = n_new;
	return GW_MIN(r, 0);
}

int store_crl_set_serials(struct store *store, int64_t id, struct gw_blob *serials, size_t n,
			  size_t *ret_n)
{
	_cleanup_free_ struct gone *gone = malloc(GW_CRL_ENTRIES_MAX * sizeof(*gone));
	size_t n_gone = 0;
	int r;

	if (!gone)
		return -ENOMEM;
	qsort(serials, n, sizeof(*serials), compare);
	n = drop_repeated(serials, n);
	r = compare_lists(store, id, serials, n, gone, &n_gone);
	return r < 0 ? r : write_changes(store, id, serials, n, gone, n_gone, ret_n);
}

int store_crl_look_up(struct store *store, struct gw_blob issuer, struct gw_blob serial,
		      struct crl_word *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT min(next_update), max(EXISTS(SELECT 1 FROM crl_serial"
			     "  WHERE crl = crl.id AND serial = ?1))"
			     " FROM crl WHERE issuer = ?2 OR ?2 = x''",
			     "bb", serial, issuer);

	if (r >= 0)
		r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -EUCLEAN;
	ret->next_update = (uint64_t)store_column_int(row, 0);
	ret->is_listed = store_column_int(row, 1);
	store_done(row);
	return 0;
}
