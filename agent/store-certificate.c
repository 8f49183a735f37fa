/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificate records as SQL. */
#include "agent/store-certificate.h"

#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "lib/util.h"

static const char *const state_names[_CERTIFICATE_STATE_MAX] = {
	[CERTIFICATE_CANDIDATE] = "candidate",
	[CERTIFICATE_LIVE] = "live",
	[CERTIFICATE_REVOKED] = "revoked",
	[CERTIFICATE_LEFT] = "left",
};

static const char *const approval_names[_CERTIFICATE_APPROVAL_MAX] = {
	[APPROVAL_NONE] = "",
	[APPROVAL_ASKED] = "asked",
	[APPROVAL_GIVEN] = "given",
	[APPROVAL_DENIED] = "denied",
};

#define COLUMNS                                                                         \
	"serial, fingerprint, key, device, claim, generation, job, state, not_before, " \
	"not_after, issued, round, renew_asked, renew_refused, approval, issuer"

static int find_name(const char *name, const char *const *names, int n)
{
	int i = 0;

	while (i < n && !gw_streq(name, names[i]))
		i++;
	return i < n ? i : -EUCLEAN;
}

static int read_row(struct sqlite3_stmt *row, struct certificate_record *ret)
{
	char state[16], approval[16];
	int found_state, found_approval;
	size_t len;

	if (store_column_bytes(row, 0, ret->serial, sizeof(ret->serial), &ret->serial_len) < 0 ||
	    store_column_bytes(row, 1, ret->fingerprint, sizeof(ret->fingerprint), &len) < 0 ||
	    store_column_bytes(row, 2, ret->key, sizeof(ret->key), &len) < 0)
		return -EUCLEAN;
	store_column_text(row, 3, ret->device, sizeof(ret->device));
	store_column_text(row, 4, ret->claim, sizeof(ret->claim));
	store_column_text(row, 5, ret->generation, sizeof(ret->generation));
	store_column_text(row, 6, ret->job, sizeof(ret->job));
	store_column_text(row, 7, state, sizeof(state));
	ret->not_before = (uint64_t)store_column_int(row, 8);
	ret->not_after = (uint64_t)store_column_int(row, 9);
	ret->issued = (uint64_t)store_column_int(row, 10);
	ret->round = (uint64_t)store_column_int(row, 11);
	ret->renew_asked = (uint64_t)store_column_int(row, 12);
	ret->renew_refused = (uint64_t)store_column_int(row, 13);
	store_column_text(row, 14, approval, sizeof(approval));
	if (store_column_bytes(row, 15, ret->issuer, sizeof(ret->issuer), &ret->issuer_len) < 0)
		return -EUCLEAN;

	found_state = find_name(state, state_names, _CERTIFICATE_STATE_MAX);
	found_approval = find_name(approval, approval_names, _CERTIFICATE_APPROVAL_MAX);
	if (found_state < 0 || found_approval < 0)
		return -EUCLEAN;
	ret->state = (enum certificate_state)found_state;
	ret->approval = (enum certificate_approval)found_approval;
	return 0;
}

static int get_one(struct store *store, struct sqlite3_stmt *row, struct certificate_record *ret)
{
	int r = store_next(store, row);

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_row(row, ret);
	store_done(row);
	return r;
}

int store_certificate_add(struct store *store, const struct certificate_record *record,
			  struct gw_blob certificate, struct gw_blob chain)
{
	int r = store_exec(
		store,
		"INSERT INTO certificate (" COLUMNS ", certificate, chain)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"bbbtttttiiiiiitbbb", (struct gw_blob){ record->serial, record->serial_len },
		GW_BLOB_ARRAY(record->fingerprint), GW_BLOB_ARRAY(record->key), record->device,
		record->claim, record->generation, record->job, state_names[record->state],
		(int64_t)record->not_before, (int64_t)record->not_after, (int64_t)record->issued,
		(int64_t)record->round, (int64_t)record->renew_asked,
		(int64_t)record->renew_refused, approval_names[record->approval],
		(struct gw_blob){ record->issuer, record->issuer_len }, certificate, chain);

	return r < 0 ? r : 0;
}

int store_certificate_by_fingerprint(struct store *store, struct gw_blob fingerprint,
				     struct certificate_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM certificate WHERE fingerprint = ?", "b",
			     fingerprint);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_certificate_by_serial(struct store *store, struct gw_blob serial,
				struct certificate_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row, "SELECT " COLUMNS " FROM certificate WHERE serial = ?",
			     "b", serial);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_certificate_holder(struct store *store, struct gw_blob issuer, struct gw_blob serial,
			     char device[GW_ID_MAX + 1])
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT device FROM certificate WHERE serial = ?"
			     " AND issuer IN (?, x'') AND state IN ('live', 'candidate')",
			     "bb", serial, issuer);

	if (r >= 0)
		r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	store_column_text(row, 0, device, GW_ID_MAX + 1);
	store_done(row);
	return 0;
}

int store_certificate_of(struct store *store, const char *device, enum certificate_state state,
			 struct certificate_record *ret)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT " COLUMNS " FROM certificate WHERE device = ? AND state = ?",
			     "tt", device, state_names[state]);

	return r < 0 ? r : get_one(store, row, ret);
}

int store_certificate_for_key(struct store *store, const char *generation, struct gw_blob key,
			      uint8_t *certificate, size_t *ret_certificate_len, uint8_t *chain,
			      size_t *ret_chain_len)
{
	struct sqlite3_stmt *row;
	int r;

	r = store_select(store, &row,
			 "SELECT certificate, chain FROM certificate"
			 " WHERE generation = ? AND key = ? AND state = 'candidate'",
			 "tb", generation, key);
	if (r < 0)
		return r;
	r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	r = store_column_bytes(row, 0, certificate, GW_CERT_MAX, ret_certificate_len);
	if (r >= 0)
		r = store_column_bytes(row, 1, chain, GW_CHAIN_MAX, ret_chain_len);
	store_done(row);
	return r;
}

bool store_certificate_is_known(struct store *store, struct gw_blob serial,
				struct gw_blob fingerprint)
{
	return store_number(store, 0,
			    "SELECT count(*) FROM certificate WHERE serial = ? OR fingerprint = ?",
			    "bb", serial, fingerprint) > 0;
}

bool store_certificate_has_job(struct store *store, const char *job)
{
	return store_number(store, 0, "SELECT count(*) FROM certificate WHERE job = ?", "t", job) >
	       0;
}

int store_certificate_set_state(struct store *store, const struct certificate_record *record,
				enum certificate_state state)
{
	int r = store_exec(store, "UPDATE certificate SET state = ? WHERE serial = ?", "tb",
			   state_names[state],
			   (struct gw_blob){ record->serial, record->serial_len });

	return r < 0 ? r : 0;
}

int store_certificate_set_renewal(struct store *store, const struct certificate_record *record)
{
	int r = store_exec(store,
			   "UPDATE certificate SET round = ?, renew_asked = ?, renew_refused = ?,"
			   " approval = ? WHERE serial = ?",
			   "iiitb", (int64_t)record->round, (int64_t)record->renew_asked,
			   (int64_t)record->renew_refused, approval_names[record->approval],
			   (struct gw_blob){ record->serial, record->serial_len });

	return r < 0 ? r : 0;
}

int store_certificate_remove(struct store *store, struct gw_blob serial)
{
	int r = store_exec(store, "DELETE FROM certificate WHERE serial = ? AND state = 'revoked'",
			   "b", serial);

	return r < 0 ? r : 0;
}

int store_certificate_forget(struct store *store, const char *device, uint64_t until)
{
	int r = store_exec(store,
			   "DELETE FROM certificate WHERE device = ? AND state = 'revoked'"
			   " AND not_after <= ?",
			   "ti", device, (int64_t)until);

	return r < 0 ? r : 0;
}

int store_certificates_ahead(struct store *store, struct sqlite3_stmt **ret_row)
{
	return store_select(
		store, ret_row,
		"SELECT device, not_before, not_after, issued, renew_asked, approval, issuer"
		" FROM certificate WHERE state = 'live'"
		" AND device NOT IN (SELECT id FROM device WHERE state = 'suspended')"
		" ORDER BY not_after",
		"");
}

int store_certificate_ahead(struct store *store, struct sqlite3_stmt *row,
			    struct certificate_record *ret)
{
	char approval[16];
	int found, r = store_next(store, row);

	if (r <= 0)
		return r;
	store_column_text(row, 0, ret->device, sizeof(ret->device));
	ret->not_before = (uint64_t)store_column_int(row, 1);
	ret->not_after = (uint64_t)store_column_int(row, 2);
	ret->issued = (uint64_t)store_column_int(row, 3);
	ret->renew_asked = (uint64_t)store_column_int(row, 4);
	store_column_text(row, 5, approval, sizeof(approval));
	found = find_name(approval, approval_names, _CERTIFICATE_APPROVAL_MAX);
	if (found < 0) {
		store_done(row);
		return found;
	}
	ret->approval = (enum certificate_approval)found;
	if (store_column_bytes(row, 6, ret->issuer, sizeof(ret->issuer), &ret->issuer_len) < 0)
		ret->issuer_len = 0;
	return 1;
}

int store_certificate_unproved(struct store *store, uint64_t until, uint64_t now,
			       char (*devices)[GW_ID_MAX + 1], size_t max)
{
	struct sqlite3_stmt *row;
	int r;

	r = store_select(store, &row,
			 "SELECT device FROM certificate WHERE state = 'candidate' AND issued <= ?"
			 " UNION SELECT device FROM certificate WHERE state = 'candidate'"
			 " AND not_after <= ? LIMIT ?",
			 "iii", (int64_t)until, (int64_t)now, (int64_t)max);
	return r < 0 ? r : store_collect_ids(store, row, devices, max);
}

int store_certificate_anchor(struct store *store, uint64_t now)
{
	int r = store_exec(store,
			   "UPDATE certificate SET issued = ?"
			   " WHERE state = 'candidate' AND issued = 0",
			   "i", (int64_t)now);

	return r < 0 ? r : 0;
}

uint64_t store_certificate_oldest_candidate(struct store *store)
{
	return (uint64_t)store_number(
		store, 0, "SELECT min(issued) FROM certificate WHERE state = 'candidate'", "");
}

uint64_t store_certificate_first_end(struct store *store)
{
	return (uint64_t)store_number(
		store, 0, "SELECT min(not_after) FROM certificate WHERE state = 'candidate'", "");
}

/* --- of devices that left --- */

/* The key of the table has to be something: a part of the fingerprint. */
int store_certificate_leave(struct store *store, const char *device, uint64_t since)
{
	int r = store_exec(store, "DELETE FROM certificate WHERE device = ? AND state = 'revoked'",
			   "t", device);

	if (r < 0)
		return r;
	return store_exec(
		store,
		"UPDATE certificate SET serial = substr(fingerprint, 1, 20), key = x'',"
		" claim = '', job = '', generation = '', approval = '', issuer = x'', round = 0,"
		" renew_asked = 0, renew_refused = 0, state = 'left', "
		"not_before = 0, not_after = 0,"
		" issued = ?, certificate = x'', chain = x'' WHERE device = ?",
		"it", (int64_t)since, device);
}

int store_certificate_forget_left(struct store *store, const char *device)
{
	int r = store_exec(store, "DELETE FROM certificate WHERE device = ? AND state = 'left'",
			   "t", device);

	return r < 0 ? r : 0;
}

int store_certificate_date_left(struct store *store, uint64_t now)
{
	return store_exec(store,
			  "UPDATE certificate SET issued = ? WHERE state = 'left' AND issued = 0",
			  "i", (int64_t)now);
}

int store_certificate_first_left(struct store *store, uint64_t *ret)
{
	int64_t first = store_number(
		store, -1, "SELECT min(issued) FROM certificate WHERE state = 'left'", "");

	if (first < 0)
		return -ENOENT;
	*ret = (uint64_t)first;
	return 0;
}

/* The plus: else SQLite walks over all certificates by device, so as to have no device twice. */
int store_certificate_left_before(struct store *store, uint64_t until,
				  char (*devices)[GW_ID_MAX + 1], size_t max)
{
	struct sqlite3_stmt *row;
	int r = store_select(store, &row,
			     "SELECT DISTINCT +device FROM certificate"
			     " WHERE state = 'left' AND issued <= ? LIMIT ?",
			     "ii", (int64_t)until, (int64_t)max);

	return r < 0 ? r : store_collect_ids(store, row, devices, max);
}
