/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's gateways, the tenants each may enrol for, and the few settings of the cloud. */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

int registry_set(struct registry *registry, const char *name, const char *value)
{
	return sql_run(registry->db, "INSERT OR REPLACE INTO setting(name, value) VALUES(?, ?)",
		       "ss", name, value);
}

int registry_get(struct registry *registry, const char *name, char *value, size_t size)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, "SELECT value FROM setting WHERE name = ?", "s", name);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	sql_text(s, 0, value, size);
	return 0;
}

int registry_gateway_add(struct registry *registry, const char *gateway, const char *tenant)
{
	int r;

	r = sql_run(registry->db, "INSERT OR IGNORE INTO gateway(id) VALUES(?)", "s", gateway);
	if (r < 0)
		return r;

	return sql_run(registry->db, "INSERT OR IGNORE INTO tenancy(gateway, tenant) VALUES(?, ?)",
		       "ss", gateway, tenant);
}

static int is_there(struct registry *registry, bool *ret, const char *text, const char *a,
		    const char *b)
{
	int64_t one;
	int r;

	r = sql_number(registry->db, &one, text, b ? "ss" : "s", a, b);
	if (r < 0 && r != -ENOENT)
		return r;

	*ret = r >= 0;
	return 0;
}

int registry_gateway_is_known(struct registry *registry, const char *gateway, bool *ret)
{
	return is_there(registry, ret, "SELECT 1 FROM gateway WHERE id = ?", gateway,
			/* b= */ NULL);
}

int registry_tenant_is_allowed(struct registry *registry, const char *gateway, const char *tenant,
			       bool *ret)
{
	return is_there(registry, ret, "SELECT 1 FROM tenancy WHERE gateway = ? AND tenant = ?",
			gateway, tenant);
}

int registry_each_name(sqlite3_stmt *s, int (*each)(const char *name, void *), void *userdata)
{
	char name[REGISTRY_ID_MAX + 1];
	int r;

	while ((r = sql_step(s)) > 0) {
		sql_text(s, 0, name, sizeof(name));
		r = each(name, userdata);
		if (r < 0)
			return r;
	}
	return r;
}

static int each_gateway(struct registry *registry, const char *select,
			int (*each)(const char *gateway, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s, select, "");
	return r < 0 ? r : registry_each_name(s, each, userdata);
}

int registry_gateways_each(struct registry *registry, int (*each)(const char *gateway, void *),
			   void *userdata)
{
	return each_gateway(registry, "SELECT id FROM gateway ORDER BY id", each, userdata);
}

int registry_gateways_each_good(struct registry *registry, int (*each)(const char *gateway, void *),
				void *userdata)
{
	return each_gateway(registry,
			    "SELECT id FROM gateway WHERE revoked = '' AND replaced_by = ''"
			    " ORDER BY id",
			    each, userdata);
}

int registry_gateways_of_device(struct registry *registry, const char *device,
				int (*each)(const char *gateway, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT gateway FROM certificate WHERE device = ? AND state <> 'revoked'"
			" UNION SELECT gateway FROM claim WHERE device = ? AND state = 'open'",
			"ss", device, device);
	if (r < 0)
		return r;
	return registry_each_name(s, each, userdata);
}

int registry_gateways_ever_of_device(struct registry *registry, const char *device,
				     int (*each)(const char *gateway, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT gateway FROM certificate WHERE device = ?"
			" UNION SELECT gateway FROM claim WHERE device = ?",
			"ss", device, device);
	if (r < 0)
		return r;
	return registry_each_name(s, each, userdata);
}
