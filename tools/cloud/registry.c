/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's file: its schema, its transactions, the names of its states. One SQLite database
 * in WAL mode with synchronous=FULL, which `serve` and the verbs share; secure_delete keeps what is
 * wiped from lingering in free pages. What can be said as a constraint is one, so that no mistake
 * in a verdict can leave a device with two live certificates.
 */
#include "tools/cloud/registry.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>

#include "lib/step.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry-sql.h"

#define BUSY_TIMEOUT_MS 5000

/* clang-format off */
static const char version_1[] =
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
	"CREATE TABLE gateway(id TEXT PRIMARY KEY, seq INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE tenancy(gateway TEXT NOT NULL REFERENCES gateway, tenant TEXT NOT NULL,"
	"  PRIMARY KEY(gateway, tenant)) STRICT;"

	"CREATE TABLE claim(id TEXT PRIMARY KEY, gateway TEXT NOT NULL REFERENCES gateway,"
	"  device TEXT NOT NULL, tenant TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK(state IN ('open', 'spent', 'closed')),"
	"  reason TEXT NOT NULL DEFAULT '', expires INTEGER NOT NULL,"
	"  by_fleet INTEGER NOT NULL) STRICT;"
	"CREATE INDEX claim_of_device ON claim(device);"

	"CREATE TABLE certificate(number INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"
	"  device TEXT NOT NULL, gateway TEXT NOT NULL REFERENCES gateway, tenant TEXT NOT NULL,"
	"  claim TEXT NOT NULL REFERENCES claim, job TEXT NOT NULL, key_sha256 TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK(state IN ('candidate', 'live', 'revoked')),"
	"  reason TEXT NOT NULL DEFAULT '', not_before INTEGER NOT NULL,"
	"  not_after INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE(gateway, job)) STRICT;"
	"CREATE UNIQUE INDEX one_live_a_device ON certificate(device) WHERE state = 'live';"
	"CREATE INDEX certificate_of_device ON certificate(device);"
	"CREATE INDEX certificate_of_claim ON certificate(claim);"

	"CREATE TABLE registrar(number INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"
	"  gateway TEXT NOT NULL REFERENCES gateway, key_sha256 TEXT NOT NULL,"
	"  not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, der BLOB NOT NULL) STRICT;"
	"CREATE INDEX registrar_of_gateway ON registrar(gateway);"

	"CREATE TABLE answer(number INTEGER PRIMARY KEY, gateway TEXT NOT NULL REFERENCES gateway,"
	"  id TEXT NOT NULL, about TEXT NOT NULL, body TEXT NOT NULL, UNIQUE(gateway, id)) STRICT;"
	"CREATE INDEX answer_in_order ON answer(gateway, number);"

	"CREATE TABLE command(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	"  gateway TEXT NOT NULL REFERENCES gateway, kind TEXT NOT NULL, device TEXT NOT NULL,"
	"  tenant TEXT NOT NULL, claim TEXT NOT NULL, claim_expires INTEGER NOT NULL,"
	"  \"replace\" INTEGER NOT NULL, secret BLOB, reason TEXT NOT NULL,"
	"  expires_at INTEGER NOT NULL, not_before INTEGER NOT NULL, made_at INTEGER NOT NULL,"
	"  seq INTEGER NOT NULL DEFAULT 0,"
	"  state TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '') STRICT;"
	"CREATE INDEX command_open ON command(gateway) WHERE state IN ('waiting', 'sent');"
	"CREATE INDEX command_of_device ON command(device);";

static const char version_2[] =
	"ALTER TABLE gateway ADD COLUMN revoked TEXT NOT NULL DEFAULT '';"

	"CREATE TABLE gateway_claim(name TEXT PRIMARY KEY, uses INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL, is_listed INTEGER NOT NULL,"
	"  is_closed INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE gateway_claim_list(claim TEXT NOT NULL REFERENCES gateway_claim,"
	"  gateway TEXT NOT NULL, PRIMARY KEY(claim, gateway)) STRICT;"
	"CREATE TABLE gateway_claim_tenancy(claim TEXT NOT NULL REFERENCES gateway_claim,"
	"  tenant TEXT NOT NULL, PRIMARY KEY(claim, tenant)) STRICT;"

	"CREATE TABLE gateway_certificate(number INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE,"
	"  gateway TEXT NOT NULL REFERENCES gateway, claim TEXT NOT NULL, job TEXT NOT NULL,"
	"  key_sha256 TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK(state IN ('candidate', 'live', 'revoked')),"
	"  reason TEXT NOT NULL DEFAULT '', not_before INTEGER NOT NULL,"
	"  not_after INTEGER NOT NULL, der BLOB NOT NULL, UNIQUE(gateway, job)) STRICT;"
	"CREATE UNIQUE INDEX one_live_a_gateway ON gateway_certificate(gateway)"
	"  WHERE state = 'live';"
	"CREATE INDEX gateway_certificate_of_claim ON gateway_certificate(claim);"

	"ALTER TABLE command ADD COLUMN list TEXT NOT NULL DEFAULT '';"
	"CREATE INDEX command_of_list ON command(list) WHERE list <> '';"
	"CREATE INDEX command_of_crl ON command(gateway) WHERE kind = 'crl';"

	/* Ends with the last certificate, however that comes to be revoked. */
	"CREATE TABLE suspended(device TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT;"
	"CREATE TRIGGER suspended_ends AFTER UPDATE OF state ON certificate"
	"  WHEN NEW.state = 'revoked' AND NOT EXISTS(SELECT 1 FROM certificate"
	"    WHERE device = NEW.device AND state <> 'revoked')"
	"  BEGIN DELETE FROM suspended WHERE device = NEW.device; END;"

	"ALTER TABLE gateway ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE roaming(tenant TEXT PRIMARY KEY) STRICT;"
	"CREATE TABLE move(number INTEGER PRIMARY KEY, device TEXT NOT NULL,"
	"  old TEXT NOT NULL, new TEXT NOT NULL, at INTEGER NOT NULL) STRICT;"
	"CREATE INDEX move_of_device ON move(device);"

	"ALTER TABLE certificate ADD COLUMN renews TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE certificate ADD COLUMN authority INTEGER NOT NULL DEFAULT 1;"
	"CREATE INDEX certificate_renewing ON certificate(renews) WHERE renews <> '';"

	"CREATE TABLE crl(authority INTEGER PRIMARY KEY, number INTEGER NOT NULL,"
	"  der BLOB NOT NULL, lifetime INTEGER NOT NULL, renew_at INTEGER NOT NULL) STRICT;"

	"CREATE TABLE branch(gateway TEXT NOT NULL REFERENCES gateway, branch INTEGER NOT NULL,"
	"  broken TEXT NOT NULL, since INTEGER NOT NULL, head INTEGER NOT NULL, mac TEXT NOT NULL,"
	"  PRIMARY KEY(gateway, branch)) STRICT;"
	"CREATE TABLE event(gateway TEXT NOT NULL, branch INTEGER NOT NULL, n INTEGER NOT NULL,"
	"  time INTEGER NOT NULL, event TEXT NOT NULL, device TEXT NOT NULL, who TEXT NOT NULL,"
	"  reason TEXT NOT NULL, detail TEXT NOT NULL, mac TEXT NOT NULL,"
	"  PRIMARY KEY(gateway, branch, n), FOREIGN KEY(gateway, branch) REFERENCES branch)"
	"  STRICT, WITHOUT ROWID;";

/* Version N is made of the first N, whichever it was begun with. */
static const char *const versions[] = { version_1, version_2 };
/* clang-format on */

#define VERSION_NOW ((int64_t)GW_ELEMENTS(versions))

static const char *const claim_states[_CLAIM_STATE_MAX] = {
	[CLAIM_OPEN] = "open",
	[CLAIM_SPENT] = "spent",
	[CLAIM_CLOSED] = "closed",
};

static const char *const certificate_states[_CERTIFICATE_STATE_MAX] = {
	[CERTIFICATE_CANDIDATE] = "candidate",
	[CERTIFICATE_LIVE] = "live",
	[CERTIFICATE_REVOKED] = "revoked",
};

static const char *const command_kinds[_COMMAND_KIND_MAX] = {
	[COMMAND_CLAIM] = "claim",
	[COMMAND_WITHDRAW] = "withdraw",
	[COMMAND_REVOKE] = "revoke",
	[COMMAND_SUSPEND] = "suspend",
	[COMMAND_RESUME] = "resume",
	[COMMAND_ANCHORS] = "anchors",
	[COMMAND_DECOMMISSION] = "decommission",
	[COMMAND_MOVED] = "moved",
	[COMMAND_CRL] = "crl",
};

static const char *const command_states[_COMMAND_STATE_MAX] = {
	[COMMAND_WAITING] = "waiting", [COMMAND_SENT] = "sent",
	[COMMAND_DONE] = "done",       [COMMAND_REFUSED] = "refused",
	[COMMAND_EXPIRED] = "expired", [COMMAND_CANCELLED] = "cancelled",
};

const char *claim_state_name(enum claim_state state)
{
	return claim_states[state];
}

const char *certificate_state_name(enum certificate_state state)
{
	return certificate_states[state];
}

const char *command_kind_name(enum command_kind kind)
{
	return command_kinds[kind];
}

const char *command_state_name(enum command_state state)
{
	return command_states[state];
}

static unsigned index_of(const char *name, const char *const *names, unsigned n_names)
{
	unsigned i = 0;

	while (i + 1 < n_names && !gw_streq(name, names[i]))
		i++;
	return i;
}

enum claim_state claim_state_from(const char *name)
{
	return index_of(name, claim_states, _CLAIM_STATE_MAX);
}

enum certificate_state certificate_state_from(const char *name)
{
	return index_of(name, certificate_states, _CERTIFICATE_STATE_MAX);
}

enum command_kind command_kind_from(const char *name)
{
	return index_of(name, command_kinds, _COMMAND_KIND_MAX);
}

enum command_state command_state_from(const char *name)
{
	return index_of(name, command_states, _COMMAND_STATE_MAX);
}

struct registry *registry_free(struct registry *registry)
{
	if (!registry)
		return NULL;

	(void)sqlite3_close(registry->db);
	free(registry);
	return NULL;
}

const char *registry_path(const struct registry *registry)
{
	return sqlite3_db_filename(registry->db, "main");
}

void registry_freep(struct registry **registry)
{
	(void)registry_free(*registry);
}

static int prepare_connection(sqlite3 *db)
{
	(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	if (sqlite3_exec(db,
			 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			 "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
			 /* callback= */ NULL, /* arg= */ NULL, /* errmsg= */ NULL) != SQLITE_OK)
		return sql_errno(db);
	return 0;
}

static int open_database(const struct home *home, int flags, struct registry **ret)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	char path[HOME_PATH_MAX];
	int r;

	r = home_path(home, HOME_REGISTRY, path, sizeof(path));
	if (r < 0)
		return r;

	registry = calloc(1, sizeof(*registry));
	if (!registry)
		return -ENOMEM;

	if (sqlite3_open_v2(path, &registry->db, flags, /* vfs= */ NULL) != SQLITE_OK) {
		r = registry->db ? sql_errno(registry->db) : -ENOMEM;
		assert(r < 0);
		return r;
	}
	r = prepare_connection(registry->db);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(registry);
	return 0;
}

static int schema_version(struct registry *registry, int64_t *ret)
{
	return sql_number(registry->db, ret, "PRAGMA user_version", "");
}

/* A registry without a version is an empty one, and only `init` begins one. */
static int bring_up_to_date(struct registry *registry, int64_t version)
{
	char pragma[64];

	for (int64_t i = version; i < VERSION_NOW; i++)
		if (sqlite3_exec(registry->db, versions[i], /* callback= */ NULL, /* arg= */ NULL,
				 /* errmsg= */ NULL) != SQLITE_OK)
			return sql_errno(registry->db);

	(void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", (int)VERSION_NOW);
	return sql_run(registry->db, pragma, "");
}

static int update(struct registry *registry, int64_t oldest)
{
	int64_t version;
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = schema_version(registry, &version);
	if (r >= 0 && (version < oldest || version > VERSION_NOW))
		r = -EPROTONOSUPPORT;
	if (r >= 0 && version < VERSION_NOW)
		r = bring_up_to_date(registry, version);
	if (r < 0) {
		registry_rollback(registry);
		return r;
	}
	return registry_commit(registry);
}

int registry_create(const struct home *home)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	int r;

	r = open_database(home, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &registry);
	return r < 0 ? r : update(registry, /* oldest= */ 0);
}

/* What is up to date is not written to: a verb that only looks must not wait for a writer. */
int registry_open(const struct home *home, struct registry **ret)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	int64_t version;
	int r;

	if (faccessat(home->fd, HOME_REGISTRY, F_OK, 0) < 0)
		return -errno;

	r = open_database(home, SQLITE_OPEN_READWRITE, &registry);
	if (r >= 0)
		r = schema_version(registry, &version);
	if (r >= 0 && version != VERSION_NOW)
		r = update(registry, /* oldest= */ 1);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(registry);
	return 0;
}

/* IMMEDIATE: who waits for the other writer waits here and not in the middle. */
int registry_begin(struct registry *registry)
{
	return sql_run(registry->db, "BEGIN IMMEDIATE", "");
}

int registry_commit(struct registry *registry)
{
	return sql_run(registry->db, "COMMIT", "");
}

int registry_commit_step(struct registry *registry, const char *step)
{
	int r;

	gw_step_before(step);
	r = registry_commit(registry);
	if (r >= 0)
		gw_step_after(step);
	return r;
}

void registry_rollback(struct registry *registry)
{
	if (!sqlite3_get_autocommit(registry->db))
		(void)sql_run(registry->db, "ROLLBACK", "");
}

/* If a verb is reading meanwhile, the log lives until the next time. */
void registry_forget(struct registry *registry)
{
	(void)sqlite3_wal_checkpoint_v2(registry->db, /* database= */ NULL,
					SQLITE_CHECKPOINT_TRUNCATE, /* log= */ NULL,
					/* checkpointed= */ NULL);
}

int registry_part_begin(struct registry *registry)
{
	return sql_run(registry->db, "SAVEPOINT part", "");
}

int registry_part_end(struct registry *registry, bool keep)
{
	if (!keep) {
		int r = sql_run(registry->db, "ROLLBACK TO part", "");

		if (r < 0)
			return r;
	}
	return sql_run(registry->db, "RELEASE part", "");
}
