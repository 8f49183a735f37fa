/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers that gateways were given, so that a request is answered the same however often it
 * comes. Bounded: beyond the newest of a gateway the oldest are forgotten; a request as old as that
 * would be judged anew.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define ANSWERS_MAX 50000 /* a gateway */

int registry_answer_get(struct registry *registry, const char *gateway, const char *id,
			char **ret_about, char **ret_body)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	_cleanup_free_ char *about = NULL, *body = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT about, body FROM answer WHERE gateway = ? AND id = ?", "ss",
			gateway, id);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	about = strdup((const char *)sqlite3_column_text(s, 0));
	body = strdup((const char *)sqlite3_column_text(s, 1));
	if (!about || !body)
		return -ENOMEM;

	*ret_about = TAKE_PTR(about);
	*ret_body = TAKE_PTR(body);
	return 0;
}

int registry_answer_add(struct registry *registry, const char *gateway, const char *id,
			const char *about, const char *body)
{
	int r;

	r = sql_run(registry->db, "INSERT INTO answer(gateway, id, about, body) VALUES(?, ?, ?, ?)",
		    "ssss", gateway, id, about, body);
	if (r < 0)
		return r;

	return sql_run(registry->db,
		       "DELETE FROM answer WHERE gateway = ?1 AND number <="
		       " (SELECT number FROM answer WHERE gateway = ?1"
		       "  ORDER BY number DESC LIMIT 1 OFFSET ?2)",
		       "si", gateway, (int64_t)ANSWERS_MAX);
}
