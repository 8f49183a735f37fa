/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come to another gateway with the certificate that they have. Where a device is at home is
 * written in its certificate's row and nowhere else, and there is one live row a device: so it is live at one
 * gateway, whoever asks at the same time. How often it moved is kept for as long as the policy asks.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

/* Those that OLD had taken the place of go with it; and NEW is nobody's predecessor any more. */
static int take_place(struct registry *registry, const char *old, const char *new)
{
	int r;

	r = sql_run(registry->db,
		    "UPDATE gateway SET replaced_by = ?2 WHERE id = ?1 OR replaced_by = ?1", "ss",
		    old, new);
	if (r < 0)
		return r;
	return sql_run(registry->db, "UPDATE gateway SET replaced_by = '' WHERE id = ?", "s", new);
}

int registry_gateway_replace(struct registry *registry, const char *old, const char *new)
{
	bool has_old, has_new;
	int r;

	r = registry_gateway_is_known(registry, old, &has_old);
	if (r >= 0)
		r = registry_gateway_is_known(registry, new, &has_new);
	if (r >= 0 && !(has_old && has_new))
		r = -ENOENT;
	if (r >= 0)
		r = take_place(registry, old, new);
	if (r < 0)
		return r;
	return sql_run(registry->db,
		       "INSERT OR IGNORE INTO tenancy(gateway, tenant)"
		       " SELECT ?2, tenant FROM tenancy WHERE gateway = ?1",
		       "ss", old, new);
}

static int is_one(struct registry *registry, const char *text, const char *a, const char *b,
		  bool *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n, text, b ? "ss" : "s", a, b);

	if (r < 0)
		return r;
	*ret = n > 0;
	return 0;
}

int registry_gateway_is_replaced_by(struct registry *registry, const char *old, const char *new,
				    bool *ret)
{
	return is_one(registry, "SELECT count(*) FROM gateway WHERE id = ? AND replaced_by = ?",
		      old, new, ret);
}

int registry_tenant_set_roaming(struct registry *registry, const char *tenant, bool may)
{
	return sql_run(registry->db,
		       may ? "INSERT OR IGNORE INTO roaming(tenant) VALUES(?)"
			   : "DELETE FROM roaming WHERE tenant = ?",
		       "s", tenant);
}

int registry_tenant_may_roam(struct registry *registry, const char *tenant, bool *ret)
{
	return is_one(registry, "SELECT count(*) FROM roaming WHERE tenant = ?", tenant,
		      /* b= */ NULL, ret);
}

int registry_device_moves(struct registry *registry, const char *device, uint64_t since,
			  unsigned *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n,
			   "SELECT count(*) FROM move WHERE device = ? AND at > ?", "si", device,
			   (int64_t)since);

	if (r < 0)
		return r;
	*ret = (unsigned)n;
	return 0;
}

static int note_move(struct registry *registry, const struct record *record, const char *gateway,
		     uint64_t now)
{
	int r = sql_run(registry->db, "DELETE FROM move WHERE device = ? AND at <= ?", "si",
			record->device, (int64_t)now - POLICY_MOVES_S);

	if (r < 0)
		return r;
	return sql_run(registry->db, "INSERT INTO move(device, old, new, at) VALUES(?, ?, ?, ?)",
		       "sssi", record->device, record->gateway, gateway, (int64_t)now);
}

/* An open claim elsewhere would be a second home to come to. */
static int leave_others(struct registry *registry, const struct record *record)
{
	int r;

	r = sql_run(registry->db,
		    "UPDATE certificate SET state = 'revoked', reason = 'moved'"
		    " WHERE device = ? AND serial <> ? AND state <> 'revoked'",
		    "ss", record->device, record->serial);
	if (r < 0)
		return r;
	return sql_run(registry->db,
		       "UPDATE claim SET state = 'closed', reason = 'moved'"
		       " WHERE device = ? AND id <> ? AND state = 'open'",
		       "ss", record->device, record->claim);
}

int registry_device_move(struct registry *registry, const struct record *record,
			 const char *gateway, const char *job, uint64_t now)
{
	int r;

	r = leave_others(registry, record);
	if (r >= 0)
		r = sql_change(registry->db,
			       "UPDATE certificate SET state = 'live', gateway = ?, job = ?"
			       " WHERE serial = ? AND state <> 'revoked'",
			       "sss", gateway, job, record->serial);
	if (r >= 0)
		r = sql_change(registry->db,
			       "UPDATE claim SET gateway = ?, state = 'spent' WHERE id = ?", "ss",
			       gateway, record->claim);
	return r < 0 ? r : note_move(registry, record, gateway, now);
}
