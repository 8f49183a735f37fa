/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's claims: those that the fleet made here, and those of the gateways' own operators,
 * which become known with the first enrolment under them. A claim that has been spent or closed is
 * never opened again.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define COLUMNS "id, gateway, device, tenant, state, reason, expires, by_fleet"

static void read_claim(sqlite3_stmt *s, struct claim *ret)
{
	struct claim claim = { .expires = (uint64_t)sqlite3_column_int64(s, 6),
			       .by_fleet = sqlite3_column_int(s, 7) };
	char state[REGISTRY_ID_MAX + 1];

	sql_text(s, 0, claim.id, sizeof(claim.id));
	sql_text(s, 1, claim.gateway, sizeof(claim.gateway));
	sql_text(s, 2, claim.device, sizeof(claim.device));
	sql_text(s, 3, claim.tenant, sizeof(claim.tenant));
	sql_text(s, 4, state, sizeof(state));
	sql_text(s, 5, claim.reason, sizeof(claim.reason));
	claim.state = claim_state_from(state);
	*ret = claim;
}

static int read_first(sqlite3_stmt *s, struct claim *ret)
{
	int r = sql_step(s);

	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	read_claim(s, ret);
	return 0;
}

int registry_claim_get(struct registry *registry, const char *id, struct claim *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT " COLUMNS " FROM claim WHERE id = ?", "s", id);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_claim_of_fleet(struct registry *registry, const char *device, uint64_t now,
			    struct claim *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM claim WHERE device = ? AND by_fleet"
			" AND state = 'open' AND (expires = 0 OR expires > ?)",
			"si", device, (int64_t)now);
	if (r < 0)
		return r;
	return read_first(s, ret);
}

int registry_claim_add(struct registry *registry, const struct claim *claim)
{
	return sql_run(registry->db,
		       "INSERT INTO claim(" COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?)", "ssssssii",
		       claim->id, claim->gateway, claim->device, claim->tenant,
		       claim_state_name(claim->state), claim->reason, (int64_t)claim->expires,
		       (int64_t)claim->by_fleet);
}

int registry_claim_spend(struct registry *registry, const char *id)
{
	return sql_change(registry->db, "UPDATE claim SET state = 'spent' WHERE id = ?", "s", id);
}

int registry_claim_close(struct registry *registry, const char *id, const char *reason)
{
	return sql_change(registry->db,
			  "UPDATE claim SET state = 'closed', reason = ?"
			  " WHERE id = ? AND state = 'open'",
			  "ss", reason, id);
}

int registry_claims_close(struct registry *registry, const char *gateway, const char *device,
			  const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE claim SET state = 'closed', reason = ?1"
		       " WHERE device = ?2 AND state = 'open' AND (?3 IS NULL OR gateway = ?3)",
		       "sss", reason, device, gateway);
}

int registry_claims_over(struct registry *registry, const char *gateway, const char *device,
			 const char *reason)
{
	return sql_run(registry->db,
		       "UPDATE claim SET state = 'closed', reason = ?1"
		       " WHERE device = ?2 AND state = 'open' AND gateway = ?3"
		       " AND id NOT IN (SELECT claim FROM command WHERE device = ?2"
		       "  AND state IN ('waiting', 'sent'))",
		       "sss", reason, device, gateway);
}
