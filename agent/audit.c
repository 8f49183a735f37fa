/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mac(n) = HMAC(audit key, mac(n-1) | every member of record n, each with its length). The head
 * (number and mac of the last record) is sealed anew with each record, in the same transaction: the
 * end cannot be cut off without the key either.
 */
#include "agent/audit.h"

#include <errno.h>
#include <string.h>

#include "agent/store.h"
#include "agent/vault.h"
#include "lib/crypto.h"
#include "lib/util.h"

#define HEAD_META "audit-head"
#define HEAD_LEN  (8 + VAULT_MAC_LEN)

static const struct vault_name head_name = { "", "", "audit-head" };

struct head {
	uint64_t n;
	uint8_t mac[VAULT_MAC_LEN];
};

static int load_head(struct store *store, struct vault *vault, struct head *ret)
{
	uint8_t sealed[HEAD_LEN + GW_SEAL_EXTRA], plain[sizeof(sealed)];
	size_t sealed_len, len;
	int r;

	*ret = (struct head){ 0 };
	r = store_meta_get(store, HEAD_META, sealed, sizeof(sealed), &sealed_len);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	r = vault_unseal(vault, &head_name, (struct gw_blob){ sealed, sealed_len }, plain, &len);
	if (r < 0)
		return r;
	if (len != HEAD_LEN)
		return -EBADMSG;

	memcpy(&ret->n, plain, 8);
	memcpy(ret->mac, plain + 8, VAULT_MAC_LEN);
	return 0;
}

static int save_head(struct store *store, struct vault *vault, const struct head *head)
{
	uint8_t plain[HEAD_LEN], sealed[HEAD_LEN + GW_SEAL_EXTRA];
	int r;

	memcpy(plain, &head->n, 8);
	memcpy(plain + 8, head->mac, VAULT_MAC_LEN);
	r = vault_seal(vault, &head_name, GW_BLOB_ARRAY(plain), sealed);
	return r < 0 ? r : store_meta_set(store, HEAD_META, GW_BLOB_ARRAY(sealed));
}

static struct gw_blob text_part(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) + 1 };
}

static int chain(struct vault *vault, const uint8_t before[VAULT_MAC_LEN],
		 const struct audit_record *record, uint8_t ret[VAULT_MAC_LEN])
{
	const struct gw_blob parts[] = {
		{ before, VAULT_MAC_LEN },
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

int audit_add(struct store *store, struct vault *vault, const struct audit_record *record)
{
	struct audit_record full = *record;
	struct head head;
	int r;

	r = load_head(store, vault, &head);
	if (r < 0)
		return r;

	full.n = head.n + 1;
	full.time = gw_now_realtime_us() / 1000000;
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
	return save_head(store, vault, &head);
}

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
	return r;
}

int audit_get(struct store *store, uint64_t from, struct audit_record *ret)
{
	struct sqlite3_stmt *row;
	int r;

	if (from > INT64_MAX) /* behind the last number that there can be */
		return -ENOENT;
	r = store_select(store, &row,
			 "SELECT n, time, event, device, who, reason, detail, mac FROM audit"
			 " WHERE n >= ? ORDER BY n LIMIT 1",
			 "i", (int64_t)from);
	if (r < 0)
		return r;
	r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	r = read_row(row, ret);
	store_done(row);
	return r;
}

/* Returns what is wrong with a record, or NULL. */
static const char *check(struct vault *vault, const struct head *before,
			 const struct audit_record *record)
{
	uint8_t mac[VAULT_MAC_LEN];

	if (record->n != before->n + 1)
		return "a record is missing";
	if (chain(vault, before->mac, record, mac) < 0 ||
	    !gw_equal_secret(mac, record->mac, sizeof(mac)))
		return "a record was changed, inserted or moved";
	return NULL;
}

int audit_verify(struct store *store, struct vault *vault, uint64_t *ret_first_bad,
		 const char **ret_why)
{
	struct head end, at = { 0 };
	struct audit_record record;
	const char *why = NULL;
	int r;

	r = load_head(store, vault, &end);
	if (r < 0)
		why = "the sealed head of the chain was changed";

	while (!why && (r = audit_get(store, at.n + 1, &record)) >= 0) {
		why = check(vault, &at, &record);
		if (!why) {
			at.n = record.n;
			memcpy(at.mac, record.mac, sizeof(at.mac));
		}
	}
	if (!why && r != -ENOENT)
		return r;
	if (!why && at.n != end.n)
		why = at.n < end.n ? "the newest records are missing" : "records were added";

	*ret_first_bad = why ? at.n + 1 : 0;
	*ret_why = why ? why : "";
	return 0;
}
