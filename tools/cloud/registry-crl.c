/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's revocation lists: the newest of each authority. */
#include <sqlite3.h>

#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry-sql.h"
#include "tools/cloud/registry.h"

int registry_crl_put(struct registry *registry, unsigned authority, uint64_t number,
		     const uint8_t *der, size_t len)
{
	return sql_run(registry->db,
		       "INSERT OR REPLACE INTO crl(authority, number, der) VALUES(?, ?, ?)", "iib",
		       (int64_t)authority, (int64_t)number, (const void *)der, len);
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

int registry_crl_commands_end(struct registry *registry, const char *authority)
{
	return sql_run(registry->db,
		       "UPDATE command SET state = 'cancelled', outcome = 'superseded'"
		       " WHERE kind = 'crl' AND device = ? AND state IN ('waiting', 'sent')",
		       "s", authority);
}
