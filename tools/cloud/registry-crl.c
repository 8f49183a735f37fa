/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's revocation lists: the newest of each authority. */
#include <sqlite3.h>

#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry-sql.h"
#include "tools/cloud/registry.h"

int registry_crl_put(struct registry *registry, const struct registry_crl *crl)
{
	return sql_run(registry->db,
		       "INSERT INTO crl(authority, number, der, lifetime, renew_at)"
		       " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(authority) DO UPDATE SET"
		       "  number = ?2, der = ?3, lifetime = iif(?6, ?4, lifetime),"
		       "  renew_at = iif(?6, ?5, min(renew_at, ?5))",
		       "iibiii", (int64_t)crl->authority, (int64_t)crl->number,
		       (const void *)crl->der, crl->len, (int64_t)crl->lifetime_s,
		       (int64_t)crl->renew_at, (int64_t)crl->is_for_all);
}

int registry_crl_renewal(struct registry *registry, unsigned authority, uint64_t *ret_lifetime_s,
			 uint64_t *ret_renew_at)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r = sql_prepare(registry->db, &s,
			    "SELECT lifetime, renew_at FROM crl WHERE authority = ?", "i",
			    (int64_t)authority);

	if (r >= 0)
		r = sql_step(s);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_lifetime_s = (uint64_t)sqlite3_column_int64(s, 0);
	*ret_renew_at = (uint64_t)sqlite3_column_int64(s, 1);
	return 0;
}

int registry_crl_next_number(struct registry *registry, unsigned authority, uint64_t now,
			     uint64_t *ret)
{
	int64_t number;
	int r = sql_number(registry->db, &number,
			   "SELECT max(?2, coalesce((SELECT number + 1 FROM crl"
			   " WHERE authority = ?1), 0))",
			   "ii", (int64_t)authority, (int64_t)now);

	if (r >= 0)
		*ret = (uint64_t)number;
	return r;
}

int registry_crl_get(struct registry *registry, unsigned authority, uint8_t **ret_der,
		     size_t *ret_len)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	struct gw_blob der;
	int r = sql_prepare(registry->db, &s, "SELECT der FROM crl WHERE authority = ?", "i",
			    (int64_t)authority);

	if (r >= 0)
		r = sql_step(s);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	der = (struct gw_blob){ sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0) };
	*ret_der = gw_blob_dup(der);
	*ret_len = der.len;
	return *ret_der ? 0 : -ENOMEM;
}

int registry_crl_each_revoked(struct registry *registry, unsigned authority, uint64_t now,
			      int (*each)(const char *serial, const char *reason, void *),
			      void *userdata)
{
	char serial[REGISTRY_SERIAL_MAX + 1], reason[REGISTRY_ID_MAX + 1];
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r = sql_prepare(registry->db, &s,
			    "SELECT serial, reason FROM certificate WHERE state = 'revoked'"
			    " AND authority = ? AND not_after > ? ORDER BY number",
			    "ii", (int64_t)authority, (int64_t)now);

	while (r >= 0 && (r = sql_step(s)) > 0) {
		sql_text(s, 0, serial, sizeof(serial));
		sql_text(s, 1, reason, sizeof(reason));
		r = each(serial, reason, userdata);
	}
	return r;
}

int registry_crl_commands_end(struct registry *registry, const char *authority, const char *gateway)
{
	return sql_run(registry->db,
		       "UPDATE command SET state = 'cancelled', outcome = 'superseded'"
		       " WHERE kind = 'crl' AND device = ?1 AND state IN ('waiting', 'sent')"
		       " AND (?2 IS NULL OR gateway = ?2)",
		       "ss", authority, gateway);
}

int registry_crl_gateways_each(struct registry *registry, int (*each)(const char *gateway, void *),
			       void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r = sql_prepare(
		registry->db, &s,
		"SELECT id FROM gateway WHERE revoked = '' AND replaced_by = '' AND EXISTS"
		" (SELECT 1 FROM command WHERE command.gateway = gateway.id"
		"  AND kind = 'crl') ORDER BY id",
		"");

	return r < 0 ? r : registry_each_name(s, each, userdata);
}
