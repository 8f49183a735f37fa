/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's claims of gateways: the right of so many boxes to come and get their first own
 * certificate. What was used of one is counted by the certificates issued under it, one use a
 * gateway, so that no counter can differ from what happened.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define COLUMNS                                                                          \
	"name, uses, expires, is_listed, is_closed,"                                     \
	" (SELECT count(DISTINCT gateway) FROM gateway_certificate WHERE claim = name)," \
	" (SELECT count(*) FROM gateway_claim_list WHERE claim = name)"

static void read_claim(sqlite3_stmt *s, struct gateway_claim *ret)
{
	struct gateway_claim claim = {
		.uses = (uint64_t)sqlite3_column_int64(s, 1),
		.expires = (uint64_t)sqlite3_column_int64(s, 2),
		.is_listed = sqlite3_column_int(s, 3),
		.is_closed = sqlite3_column_int(s, 4),
		.n_used = (uint64_t)sqlite3_column_int64(s, 5),
		.n_listed = (uint64_t)sqlite3_column_int64(s, 6),
	};

	sql_text(s, 0, claim.name, sizeof(claim.name));
	*ret = claim;
}

int registry_gateway_claim_set(struct registry *registry, const struct gateway_claim *claim)
{
	return sql_run(registry->db,
		       "INSERT INTO gateway_claim(name, uses, expires, is_listed, is_closed)"
		       " VALUES(?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET"
		       "  uses = excluded.uses, expires = excluded.expires,"
		       "  is_listed = excluded.is_listed, is_closed = excluded.is_closed",
		       "siiii", claim->name, (int64_t)claim->uses, (int64_t)claim->expires,
		       (int64_t)claim->is_listed, (int64_t)claim->is_closed);
}

int registry_gateway_claim_get(struct registry *registry, const char *name,
			       struct gateway_claim *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT " COLUMNS " FROM gateway_claim WHERE name = ?",
			"s", name);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	read_claim(s, ret);
	return 0;
}

int registry_gateway_claims_each(struct registry *registry,
				 int (*each)(const struct gateway_claim *claim, void *),
				 void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	struct gateway_claim claim;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT " COLUMNS " FROM gateway_claim ORDER BY name",
			"");
	if (r < 0)
		return r;

	while ((r = sql_step(s)) > 0) {
		read_claim(s, &claim);
		r = each(&claim, userdata);
		if (r < 0)
			return r;
	}
	return r;
}

int registry_gateway_claim_list(struct registry *registry, const char *name, const char *gateway)
{
	return sql_run(registry->db,
		       "INSERT OR IGNORE INTO gateway_claim_list(claim, gateway) VALUES(?, ?)",
		       "ss", name, gateway);
}

int registry_gateway_claim_allow(struct registry *registry, const char *name, const char *tenant)
{
	return sql_run(registry->db,
		       "INSERT OR IGNORE INTO gateway_claim_tenancy(claim, tenant) VALUES(?, ?)",
		       "ss", name, tenant);
}

static int count(struct registry *registry, const char *text, const char *name, const char *gateway,
		 bool *ret)
{
	int64_t n;
	int r;

	r = sql_number(registry->db, &n, text, "ss", name, gateway);
	if (r < 0)
		return r;

	*ret = n > 0;
	return 0;
}

int registry_gateway_claim_lists(struct registry *registry, const char *name, const char *gateway,
				 bool *ret)
{
	return count(registry,
		     "SELECT count(*) FROM gateway_claim_list WHERE claim = ? AND gateway = ?",
		     name, gateway, ret);
}

int registry_gateway_claim_was_used_by(struct registry *registry, const char *name,
				       const char *gateway, bool *ret)
{
	return count(registry,
		     "SELECT count(*) FROM gateway_certificate WHERE claim = ? AND gateway = ?",
		     name, gateway, ret);
}

/* A gateway that comes aboard may enrol for the tenants of its claim. */
int registry_gateway_admit(struct registry *registry, const char *name, const char *gateway)
{
	int r;

	r = sql_run(registry->db, "INSERT OR IGNORE INTO gateway(id) VALUES(?)", "s", gateway);
	if (r < 0)
		return r;

	return sql_run(registry->db,
		       "INSERT OR IGNORE INTO tenancy(gateway, tenant)"
		       " SELECT ?, tenant FROM gateway_claim_tenancy WHERE claim = ?",
		       "ss", gateway, name);
}
