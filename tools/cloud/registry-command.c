/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's commands. A sequence number is given when a command is first sent, not when it is
 * made: what has to wait (for the gateway's key, say) must not hold up what comes later. The secret
 * of a claim lies here until the command has ended, in whatever way, and is overwritten then.
 *
 * What a gateway is told of several devices in one command is a command for each of them here. One goes, the others
 * go with it (`list`), and have its number and state for as long.
 */
#include <sqlite3.h>

#include "lib/util.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/registry-sql.h"

#define COLUMNS                                                                         \
	"number, id, gateway, kind, device, tenant, claim, claim_expires, \"replace\"," \
	" secret, reason, expires_at, not_before, made_at, seq, state, outcome, list"

static void read_command(sqlite3_stmt *s, struct command *ret)
{
	struct command command = {
		.number = sqlite3_column_int64(s, 0),
		.claim_expires = (uint64_t)sqlite3_column_int64(s, 7),
		.replace = sqlite3_column_int(s, 8),
		.secret_len = (size_t)sqlite3_column_bytes(s, 9),
		.expires_at = (uint64_t)sqlite3_column_int64(s, 11),
		.not_before = (uint64_t)sqlite3_column_int64(s, 12),
		.made_at = (uint64_t)sqlite3_column_int64(s, 13),
		.seq = (uint64_t)sqlite3_column_int64(s, 14),
	};
	char name[REGISTRY_ID_MAX + 1];

	sql_text(s, 1, command.id, sizeof(command.id));
	sql_text(s, 2, command.gateway, sizeof(command.gateway));
	sql_text(s, 3, name, sizeof(name));
	command.kind = command_kind_from(name);
	sql_text(s, 4, command.device, sizeof(command.device));
	sql_text(s, 5, command.tenant, sizeof(command.tenant));
	sql_text(s, 6, command.claim, sizeof(command.claim));
	sql_text(s, 10, command.reason, sizeof(command.reason));
	sql_text(s, 15, name, sizeof(name));
	command.state = command_state_from(name);
	sql_text(s, 16, command.outcome, sizeof(command.outcome));
	sql_text(s, 17, command.list, sizeof(command.list));

	command.secret_len = GW_MIN(command.secret_len, sizeof(command.secret));
	if (command.secret_len)
		memcpy(command.secret, sqlite3_column_blob(s, 9), command.secret_len);
	*ret = command;
	explicit_bzero(command.secret, sizeof(command.secret));
}

static int each_command(sqlite3_stmt *s, int (*each)(const struct command *command, void *),
			void *userdata)
{
	struct command command = { 0 };
	int r;

	while ((r = sql_step(s)) > 0) {
		read_command(s, &command);
		r = each(&command, userdata);
		if (r < 0)
			break;
	}
	explicit_bzero(command.secret, sizeof(command.secret));
	return r;
}

int registry_command_add(struct registry *registry, const struct command *command)
{
	return sql_run(
		registry->db,
		"INSERT INTO command(id, gateway, kind, device, tenant, claim, claim_expires,"
		" \"replace\", secret, reason, expires_at, not_before, made_at, list, state)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')",
		"ssssssiibsiiis", command->id, command->gateway, command_kind_name(command->kind),
		command->device, command->tenant, command->claim, (int64_t)command->claim_expires,
		(int64_t)command->replace, (const void *)command->secret, command->secret_len,
		command->reason, (int64_t)command->expires_at, (int64_t)command->not_before,
		(int64_t)command->made_at, command->list);
}

int registry_command_get(struct registry *registry, const char *gateway, const char *id,
			 struct command *ret)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM command WHERE gateway = ? AND id = ?", "ss",
			gateway, id);
	if (r >= 0)
		r = sql_step(s);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	read_command(s, ret);
	return 0;
}

int registry_commands_open(struct registry *registry, const char *gateway,
			   int (*each)(const struct command *command, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM command"
			" WHERE gateway = ? AND state IN ('waiting', 'sent') AND list = ''"
			" ORDER BY seq = 0, seq, number",
			"s", gateway);
	if (r < 0)
		return r;
	return each_command(s, each, userdata);
}

int registry_commands_gateways(struct registry *registry, int (*each)(const char *gateway, void *),
			       void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT DISTINCT gateway FROM command WHERE state IN ('waiting', 'sent')",
			"");
	if (r < 0)
		return r;
	return registry_each_name(s, each, userdata);
}

int registry_commands_each(struct registry *registry,
			   int (*each)(const struct command *command, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT number, id, gateway, kind, device, tenant, claim, claim_expires,"
			" \"replace\", NULL, reason, expires_at, not_before, made_at, seq, state,"
			" outcome, list FROM command ORDER BY number",
			"");
	if (r < 0)
		return r;
	return each_command(s, each, userdata);
}

int registry_command_list(struct registry *registry, const struct command *command,
			  int (*each)(const struct command *command, void *), void *userdata)
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r;

	r = sql_prepare(registry->db, &s,
			"SELECT " COLUMNS " FROM command"
			" WHERE list <> '' AND list = ? AND gateway = ? ORDER BY number",
			"ss", command->id, command->gateway);
	return r < 0 ? r : each_command(s, each, userdata);
}

int registry_command_sent(struct registry *registry, int64_t number, uint64_t now,
			  uint64_t *ret_seq)
{
	int64_t seq;
	int r;

	r = sql_change(registry->db,
		       "UPDATE gateway SET seq = max(seq + 1, ?)"
		       " WHERE id = (SELECT gateway FROM command WHERE number = ?)",
		       "ii", (int64_t)now, number);
	if (r >= 0)
		r = sql_change(
			registry->db,
			"UPDATE command SET state = 'sent',"
			" seq = (SELECT seq FROM gateway WHERE id = command.gateway)"
			" WHERE number = ?1"
			" OR (list <> '' AND list = (SELECT id FROM command WHERE number = ?1)"
			"  AND state = 'waiting')",
			"i", number);
	if (r >= 0)
		r = sql_number(registry->db, &seq, "SELECT seq FROM command WHERE number = ?", "i",
			       number);
	if (r < 0)
		return r;

	*ret_seq = (uint64_t)seq;
	return 0;
}

int registry_command_end(struct registry *registry, int64_t number, enum command_state state,
			 const char *outcome)
{
	return sql_change(registry->db,
			  "UPDATE command SET state = ?, outcome = ?, secret = NULL"
			  " WHERE number = ?",
			  "ssi", command_state_name(state), outcome, number);
}

int registry_command_again(struct registry *registry, int64_t number, const char *new_id,
			   uint64_t not_before)
{
	return sql_change(registry->db,
			  "UPDATE command SET id = ?, seq = 0, state = 'waiting', not_before = ?,"
			  " list = ''"
			  " WHERE number = ?",
			  "sii", new_id, (int64_t)not_before, number);
}

int registry_commands_cancel(struct registry *registry, const char *gateway, const char *device,
			     const char *outcome)
{
	return sql_run(registry->db,
		       "UPDATE command SET state = 'cancelled', outcome = ?1, secret = NULL"
		       " WHERE (?2 IS NULL OR gateway = ?2) AND device = ?3"
		       " AND kind = 'claim' AND state = 'waiting'",
		       "sss", outcome, gateway, device);
}

int registry_command_find_list(struct registry *registry, const char *gateway,
			       enum command_kind kind, unsigned room, char id[REGISTRY_ID_MAX + 1])
{
	_cleanup_(sql_finishp) sqlite3_stmt *s = NULL;
	int r = sql_prepare(
		registry->db, &s,
		"SELECT id FROM command WHERE gateway = ?1"
		" AND state IN ('waiting', 'sent') AND kind = ?2 AND seq = 0 AND list = ''"
		" AND (SELECT count(*) FROM command AS other"
		"  WHERE other.list <> '' AND other.list = command.id) < ?3"
		" ORDER BY number DESC LIMIT 1",
		"ssi", gateway, command_kind_name(kind), (int64_t)room);

	if (r >= 0)
		r = sql_step(s);
	if (r > 0)
		sql_text(s, 0, id, REGISTRY_ID_MAX + 1);
	return r;
}

/* Those that were to go with it go by themselves. */
static int free_list(struct registry *registry, const char *gateway, const char *device)
{
	return sql_run(registry->db,
		       "UPDATE command SET list = '', seq = 0, state = 'waiting'"
		       " WHERE list <> '' AND state IN ('waiting', 'sent') AND list IN"
		       " (SELECT id FROM command WHERE gateway = ? AND device = ?"
		       "  AND kind = 'moved' AND state IN ('waiting', 'sent'))",
		       "ss", gateway, device);
}

int registry_commands_unmove(struct registry *registry, const char *gateway, const char *device)
{
	int r = free_list(registry, gateway, device);

	if (r < 0)
		return r;
	return sql_run(registry->db,
		       "UPDATE command SET state = 'cancelled', outcome = 'moved'"
		       " WHERE gateway = ? AND device = ? AND kind = 'moved'"
		       " AND state IN ('waiting', 'sent')",
		       "ss", gateway, device);
}

/*
 * What opens is not said again once anything newer was said about the device. What closes is: only an opening
 * of the same, or the same once more, takes its place. Who is revoked need not be suspended any more; but a
 * suspension says nothing of the certificate that was to be revoked.
 */
int registry_command_is_overtaken(struct registry *registry, const struct command *command,
				  bool *ret)
{
	bool opens = command->kind == COMMAND_CLAIM || command->kind == COMMAND_RESUME;
	int64_t n;
	int r;

	r = sql_number(registry->db, &n,
		       "SELECT count(*) FROM command WHERE gateway = ?1 AND device = ?2"
		       " AND number > ?3 AND (?5 OR kind = ?4"
		       "  OR (state NOT IN ('refused', 'expired', 'cancelled')"
		       "   AND (kind = 'claim' OR (?4 = 'suspend'"
		       "    AND kind IN ('resume', 'revoke', 'decommission')))))",
		       "ssisi", command->gateway, command->device, command->number,
		       command_kind_name(command->kind), (int64_t)opens);
	if (r < 0)
		return r;

	*ret = n > 0;
	return 0;
}
