/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gateways have told of their records. Nothing here is ever changed: a gateway whose store is an old
 * copy begins a new branch, and what it told before stays beside it. Bounded: beyond the newest of a branch the
 * oldest go.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define EVENTS_MAX 1000000 /* of a branch */

int registry_branch_get(struct registry *registry, const char *gateway, struct branch *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT branch, broken, head, mac FROM branch WHERE gateway = ?"
			" ORDER BY branch DESC LIMIT 1",
			"s", gateway);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;

	*ret = (struct branch){ 0 };
	memset(ret->mac, '0', REGISTRY_HASH_MAX);
	if (r == 0)
		return 0;
	ret->number = (uint64_t)sqlite3_column_int64(s, 0);
	ret->head = (uint64_t)sqlite3_column_int64(s, 2);
	sql_text(s, 1, ret->broken, sizeof(ret->broken));
	sql_text(s, 3, ret->mac, sizeof(ret->mac));
	return 0;
}

int registry_branch_begin(struct registry *registry, const char *gateway,
			  const struct branch *branch, uint64_t now)
{
	return sql_run(registry->db,
		       "INSERT INTO branch(gateway, branch, broken, since, head, mac)"
		       " VALUES(?, ?, ?, ?, ?, ?)",
		       "sisiis", gateway, (int64_t)branch->number, branch->broken, (int64_t)now,
		       (int64_t)branch->head, branch->mac);
}

int registry_branch_losses(struct registry *registry, const char *gateway, uint64_t since,
			   unsigned *ret)
{
	int64_t n;
	int r = sql_number(registry->db, &n,
			   "SELECT count(*) FROM branch WHERE gateway = ? AND since > ?"
			   " AND broken = 'old-copy'",
			   "si", gateway, (int64_t)since);

	if (r < 0)
		return r;
	*ret = (unsigned)n;
	return 0;
}

int registry_event_add(struct registry *registry, const char *gateway, struct branch *branch,
		       const struct event *event)
{
	int r;

	r = sql_run(
		registry->db,
		"INSERT INTO event(gateway, branch, n, time, event, device, who, reason, detail,"
		" mac) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"siiissssss", gateway, (int64_t)branch->number, (int64_t)event->n,
		(int64_t)event->time, event->event, event->device, event->who, event->reason,
		event->detail, event->mac);
	if (r >= 0)
		r = sql_change(
			registry->db,
			"UPDATE branch SET head = ?, mac = ? WHERE gateway = ? AND branch = ?",
			"issi", (int64_t)event->n, event->mac, gateway, (int64_t)branch->number);
	if (r < 0)
		return r;

	branch->head = event->n;
	(void)gw_copy(branch->mac, sizeof(branch->mac), event->mac);
	return sql_run(registry->db,
		       "DELETE FROM event WHERE gateway = ? AND branch = ? AND n <= ?", "sii",
		       gateway, (int64_t)branch->number, (int64_t)event->n - EVENTS_MAX);
}

int registry_event_mac(struct registry *registry, const char *gateway, uint64_t branch, uint64_t n,
		       char mac[REGISTRY_HASH_MAX + 1])
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT mac FROM event WHERE gateway = ? AND branch = ? AND n = ?", "sii",
			gateway, (int64_t)branch, (int64_t)n);
	if (r >= 0)
		r = sql_step(s);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	sql_text(s, 0, mac, REGISTRY_HASH_MAX + 1);
	return 0;
}

static void read_event(sqlite3_stmt *s, struct event *ret)
{
	*ret = (struct event){ .n = (uint64_t)sqlite3_column_int64(s, 3),
			       .time = (uint64_t)sqlite3_column_int64(s, 4) };
	sql_text(s, 5, ret->event, sizeof(ret->event));
	sql_text(s, 6, ret->device, sizeof(ret->device));
	sql_text(s, 7, ret->who, sizeof(ret->who));
	sql_text(s, 8, ret->reason, sizeof(ret->reason));
	sql_text(s, 9, ret->detail, sizeof(ret->detail));
	sql_text(s, 10, ret->mac, sizeof(ret->mac));
}

int registry_events_each(struct registry *registry, const char *gateway,
			 int (*each)(const char *gateway, uint64_t branch, const char *broken,
				     const struct event *event, void *),
			 void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	char name[REGISTRY_ID_MAX + 1], broken[REGISTRY_ID_MAX + 1];
	struct event event;
	int r;

	r = sql_prepare(
		registry->db, &s,
		"SELECT gateway, branch, broken, n, time, event, device, who, reason, detail,"
		" event.mac FROM event JOIN branch USING (gateway, branch)"
		" WHERE ?1 IS NULL OR gateway = ?1 ORDER BY gateway, branch, n",
		"s", gateway);
	while (r >= 0 && (r = sql_step(s)) > 0) {
		sql_text(s, 0, name, sizeof(name));
		sql_text(s, 2, broken, sizeof(broken));
		read_event(s, &event);
		r = each(name, (uint64_t)sqlite3_column_int64(s, 1), broken, &event, userdata);
	}
	return GW_MIN(r, 0);
}
