/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the registry knows of devices beside their certificates: who is suspended. That is kept by device, not by
 * certificate, so that a renewal does not end it.
 */
#include <sqlite3.h>

#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry-sql.h"
#include "tools/cloud/registry.h"

int registry_device_suspend(struct registry *registry, const char *device, const char *reason)
{
	return sql_run(registry->db,
		       "INSERT OR REPLACE INTO suspended(device, reason) VALUES(?, ?)", "ss",
		       device, reason);
}

int registry_device_resume(struct registry *registry, const char *device)
{
	return sql_run(registry->db, "DELETE FROM suspended WHERE device = ?", "s", device);
}

int registry_device_is_of(struct registry *registry, const char *device, const char *gateway,
			  bool *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n,
			   "SELECT count(*) FROM certificate"
			   " WHERE device = ? AND gateway = ? AND state <> 'revoked'",
			   "ss", device, gateway);

	if (r < 0)
		return r;
	*ret = n > 0;
	return 0;
}

int registry_device_is_suspended(struct registry *registry, const char *device, bool *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n, "SELECT count(*) FROM suspended WHERE device = ?", "s",
			   device);

	if (r < 0)
		return r;
	*ret = n > 0;
	return 0;
}
