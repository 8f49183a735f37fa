/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mac(n) = HMAC(audit key, mac(n-1) | every member of record n, each with its length). The head
 * (number and mac of the last record) is sealed anew with each record, in the same transaction: the
 * end cannot be cut off without the key either. The checkpoint is sealed with each drop in the same way: it
 * is the mac from which the walk begins that the records before it can no longer give.
 *
 * A sealed fact can be put back as it once was, by whoever has an old copy. Then it does not fit the
 * records, unless they are put back with it; that only the cloud can know.
 */
#include "agent/audit.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "agent/vault.h"
#include "lib/crypto.h"
#include "lib/util.h"

#define SEALED_MAX 128 /* bytes of a sealed fact, in the clear */

static_assert(AUDIT_MAC_LEN == VAULT_MAC_LEN, "the vault makes them");
static_assert(sizeof(struct audit_acknowledged) <= SEALED_MAX, "the largest has room");

/* --- sealed facts --- */

static int load_sealed(struct store *store, struct vault *vault, const char *name, void *ret,
		       size_t len)
{
	const struct vault_name whose = { "", "", name };
	uint8_t sealed[SEALED_MAX + GW_SEAL_EXTRA], plain[sizeof(sealed)];
	size_t sealed_len, plain_len;
	int r;

	r = store_meta_get(store, name, sealed, sizeof(sealed), &sealed_len);
	if (r < 0)
		return r == -ENOSPC ? -EBADMSG : r;

	r = vault_unseal(vault, &whose, (struct gw_blob){ sealed, sealed_len }, plain, &plain_len);
	if (r < 0)
		return r;
	if (plain_len != len)
		return -EBADMSG;

	memcpy(ret, plain, len);
	return 0;
}

static int save_sealed(struct store *store, struct vault *vault, const char *name,
		       const void *plain, size_t len)
{
	const struct vault_name whose = { "", "", name };
	uint8_t sealed[SEALED_MAX + GW_SEAL_EXTRA];
	int r;

	assert(len <= SEALED_MAX);
	r = vault_seal(vault, &whose, (struct gw_blob){ plain, len }, sealed);
	return r < 0 ? r
		     : store_meta_set(store, name, (struct gw_blob){ sealed, len + GW_SEAL_EXTRA });
}

int audit_head(struct store *store, struct vault *vault, struct audit_point *ret)
{
	return load_sealed(store, vault, "audit-head", ret, sizeof(*ret));
}

int audit_checkpoint(struct store *store, struct vault *vault, struct audit_checkpoint *ret)
{
	int r = load_sealed(store, vault, "audit-checkpoint", ret, sizeof(*ret));

	if (r == -ENOENT)
		*ret = (struct audit_checkpoint){ 0 };
	return r == -ENOENT ? 0 : r;
}

int audit_acknowledged(struct store *store, struct vault *vault, struct audit_acknowledged *ret)
{
	int r = load_sealed(store, vault, "audit-acknowledged", ret, sizeof(*ret));

	if (r == -ENOENT)
		*ret = (struct audit_acknowledged){ 0 };
	return r == -ENOENT ? 0 : r;
}

int audit_set_acknowledged(struct store *store, struct vault *vault,
			   const struct audit_acknowledged *acknowledged)
{
	return save_sealed(store, vault, "audit-acknowledged", acknowledged, sizeof(*acknowledged));
}

/* --- the chain --- */

static struct gw_blob text_part(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) + 1 };
}

static int chain(struct vault *vault, const uint8_t before[AUDIT_MAC_LEN],
		 const struct audit_record *record, uint8_t ret[AUDIT_MAC_LEN])
{
	const struct gw_blob parts[] = {
		{ before, AUDIT_MAC_LEN },
		{ (const uint8_t *)&record->n, sizeof(record->n) },
		{ (const uint8_t *)&record->time, sizeof(record->time) },
		text_part(record->event),
		text_part(record->device),
		text_part(record->who),
		text_part(record->reason),
		text_part(record->detail),
	};

	return vault_mac(vault, parts, GW_ELEMENTS(parts), ret);
}

bool audit_follows(const struct audit_point *before, const struct audit_record *record)
{
	return record->n == before->n + 1;
}

bool audit_fits(struct vault *vault, const struct audit_point *before,
		const struct audit_record *record)
{
	uint8_t mac[AUDIT_MAC_LEN];

	return chain(vault, before->mac, record, mac) >= 0 &&
	       gw_equal_secret(mac, record->mac, sizeof(mac));
}

int audit_add(struct store *store, struct vault *vault, const struct audit_record *record)
{
	struct audit_record full = *record;
	struct audit_point head = { 0 };
	int r;

	r = audit_head(store, vault, &head);
	if (r < 0 && r != -ENOENT)
		return r;

	full.n = head.n + 1;
	r = chain(vault, head.mac, &full, full.mac);
	if (r < 0)
		return r;
	r = store_exec(store,
		       "INSERT INTO audit (n, time, event, device, who, reason, detail, mac)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		       "iitttttb", (int64_t)full.n, (int64_t)full.time, full.event, full.device,
		       full.who, full.reason, full.detail, GW_BLOB_ARRAY(full.mac));
	if (r < 0)
		return r;

	head.n = full.n;
	memcpy(head.mac, full.mac, sizeof(head.mac));
	return save_sealed(store, vault, "audit-head", &head, sizeof(head));
}

/* If there are records without a head it was taken away: audit-verify says so, nothing covers it up. */
int audit_begin(struct store *store, struct vault *vault, uint64_t now_s)
{
	const struct audit_record first = { .time = now_s,
					    .event = "record-begun",
					    .who = "gangway" };
	struct audit_point head;
	int r;

	r = audit_head(store, vault, &head);
	if (r != -ENOENT)
		return r == -EBADMSG ? 0 : r;
	if (store_number(store, 0, "SELECT count(*) FROM (SELECT 1 FROM audit LIMIT 1)", ""))
		return 0;

	r = store_begin(store);
	if (r < 0)
		return r;
	r = audit_add(store, vault, &first);
	if (r < 0)
		store_spoil(store, r);
	r = store_commit(store);
	return r < 0 ? r : 0;
}

/* --- reading --- */

static int read_row(struct sqlite3_stmt *row, struct audit_record *ret)
{
	size_t len = 0;
	int r;

	ret->n = (uint64_t)store_column_int(row, 0);
	ret->time = (uint64_t)store_column_int(row, 1);
	store_column_text(row, 2, ret->event, sizeof(ret->event));
	store_column_text(row, 3, ret->device, sizeof(ret->device));
	store_column_text(row, 4, ret->who, sizeof(ret->who));
	store_column_text(row, 5, ret->reason, sizeof(ret->reason));
	store_column_text(row, 6, ret->detail, sizeof(ret->detail));
	r = store_column_bytes(row, 7, ret->mac, sizeof(ret->mac), &len);
	memset(ret->mac + len, 0, sizeof(ret->mac) - len); /* one that is cut fits nothing */
	return r == -EUCLEAN ? 0 : r;
}

int audit_select(struct store *store, uint64_t from, struct sqlite3_stmt **ret)
{
	return store_select(store, ret,
			    "SELECT n, time, event, device, who, reason, detail, mac FROM audit"
			    " WHERE n >= ? ORDER BY n",
			    "i", (int64_t)GW_MIN(from, (uint64_t)INT64_MAX));
}

int audit_next(struct store *store, struct sqlite3_stmt *row, struct audit_record *ret)
{
	int r = store_next(store, row);

	if (r <= 0)
		return r;
	r = read_row(row, ret);
	if (r < 0)
		store_done(row);
	return r < 0 ? r : 1;
}

int audit_get(struct store *store, uint64_t from, struct audit_record *ret)
{
	struct sqlite3_stmt *row;
	int r;

	r = audit_select(store, from, &row);
	if (r < 0)
		return r;
	r = audit_next(store, row, ret);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	store_done(row);
	return ret->n < from ? -ENOENT : 0; /* behind the last number that there can be */
}

int audit_point_at(struct store *store, struct vault *vault, uint64_t n, struct audit_point *ret)
{
	struct audit_checkpoint checkpoint;
	struct audit_record record;
	int r;

	r = audit_checkpoint(store, vault, &checkpoint);
	if (r < 0)
		return r;
	if (n == checkpoint.at.n) {
		*ret = checkpoint.at;
		return 0;
	}

	r = n < checkpoint.at.n ? -ENOENT : audit_get(store, n, &record);
	if (r < 0 || record.n != n)
		return r < 0 ? r : -ENOENT;
	ret->n = n;
	memcpy(ret->mac, record.mac, sizeof(ret->mac));
	return 0;
}

/* --- dropping --- */

int audit_drop(struct store *store, struct vault *vault, uint64_t n, uint64_t now_s)
{
	struct audit_checkpoint checkpoint = { .time = now_s };
	int r;

	r = audit_point_at(store, vault, n, &checkpoint.at);
	if (r >= 0)
		r = save_sealed(store, vault, "audit-checkpoint", &checkpoint, sizeof(checkpoint));
	if (r < 0)
		return r;
	r = store_exec(store, "DELETE FROM audit WHERE n <= ?", "i", (int64_t)n);
	return r < 0 ? r : 0;
}
