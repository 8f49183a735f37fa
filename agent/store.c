/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file, the one transaction, and a cache of prepared statements. WAL with
 * synchronous=FULL: when store_commit() returns, what was written survives the loss of power.
 * secure_delete overwrites what is deleted, since secrets are among it.
 */
#include "config.h"

#include "agent/store.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/store-schema.h"
#include "lib/util.h"

#define FILE_NAME      "gangway.db"
#define STATEMENTS_MAX 128
#define BUSY_MS        2000 /* somebody looks at the file with another program */

struct store {
	sqlite3 *db;
	bool in_transaction;
	int64_t changes_before; /* rows changed until it began */
	int spoiled;            /* the first error of the transaction */
	bool wipes_log;         /* once it is committed, or as soon as that works */

	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} cache[STATEMENTS_MAX];
	size_t n_cached;
};

static int error_of(int sqlite_error)
{
	switch (sqlite_error & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM: return -EROFS;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT: return -EUCLEAN;
	default: return -EIO;
	}
}

void store_spoil(struct store *store, int error)
{
	if (store->in_transaction && !store->spoiled)
		store->spoiled = error;
}

/* Notes an error as the transaction's end, and hands it on. */
static int spoil(struct store *store, int r)
{
	store_spoil(store, r);
	return r;
}

/* --- opening --- */

static const char *advice(int r)
{
	switch (r) {
	case -EUCLEAN: return "is damaged; restore it from a backup, or move it away";
	case -ENOSPC: return "cannot be written: the disk is full; make room";
	case -EBUSY: return "is in use by another program; stop that first";
	case -EROFS: return "cannot be written; check the folder's owner and mode";
	default: return "cannot be used";
	}
}

int store_run_script(struct store *store, const char *sql)
{
	return error_of(sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

/* Says why a file is no good; all but the two cases of the schema have to do with SQLite. */
static void explain(struct store *store, const struct store_schema *schema, const char *path,
		    int64_t version, int r, char *error, size_t size)
{
	if (r == -EPROTO)
		(void)snprintf(
			error, size,
			"The store %s is of schema version %" PRId64 ", and gangwayd %s knows "
			"none later than %" PRId64 ": install the version that wrote it or a "
			"newer one, or move the file away to begin with an empty store",
			path, version, PACKAGE_VERSION, schema->version);
	else if (version > 0 && version < schema->version)
		(void)snprintf(
			error, size,
			"The store %s is of schema version %" PRId64
			" and cannot be brought to the next, so it was left as it is; it %s (%s)",
			path, version, advice(r), sqlite3_errmsg(store->db));
	else
		(void)snprintf(error, size, "The store %s %s (%s)", path, advice(r),
			       sqlite3_errmsg(store->db));
}

/* What was deleted is overwritten in the file by secure_delete; its older copies in the log go with the log. Somebody
 * who reads the file with another program keeps it: then the next commit tries again, or the next start. */
static int wipe_log(struct store *store)
{
	return error_of(
		sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

/* What it does to the file comes last: one that is no good must stay as it was. */
static int prepare_file(struct store *store, const struct store_schema *schema,
			int64_t *ret_version)
{
	int found, r;

	(void)sqlite3_busy_timeout(store->db, BUSY_MS);

	/* One plan for good: else SQLite compiles a statement again each time it is used, where a value that
	 * is bound could decide whether a partial index serves. Ours that are to use one say so in words. */
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	r = store_run_script(store, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
				    "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;");
	if (r < 0)
		return r;

	found = store_migrate(store, schema, ret_version);
	if (found < 0)
		return found;

	r = store_run_script(store, "PRAGMA journal_mode = WAL");
	if (r >= 0)
		(void)wipe_log(store); /* of an agent that died before it could */
	return r < 0 ? r : found > 0 && found < schema->version;
}

int store_open_as(const struct store_schema *schema, const char *folder, struct store **ret,
		  char *error, size_t error_size)
{
	struct store *store = calloc(1, sizeof(*store));
	int64_t version = 0;
	char path[4096];
	mode_t mask;
	int r;

	if (!store)
		return -ENOMEM;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, FILE_NAME);
	mask = umask(0077);
	r = error_of(sqlite3_open_v2(path, &store->db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					     SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				     NULL));
	if (r >= 0)
		r = prepare_file(store, schema, &version);
	(void)umask(mask);
	if (r < 0) {
		explain(store, schema, path, version, r, error, error_size);
		store_close(store);
		return r;
	}

	*ret = store;
	return r;
}

int store_open(const char *folder, struct store **ret, char *error, size_t error_size)
{
	return store_open_as(&store_schema, folder, ret, error, error_size);
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;

	for (size_t i = 0; i < store->n_cached; i++)
		(void)sqlite3_finalize(store->cache[i].statement);
	(void)sqlite3_close(store->db);
	free(store);
	return NULL;
}

/* --- the transaction --- */

int store_begin(struct store *store)
{
	int r;

	if (store->in_transaction)
		return 0;

	r = store_run_script(store, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	store->in_transaction = true;
	store->spoiled = 0;
	store->changes_before = sqlite3_total_changes64(store->db);
	return 0;
}

int store_commit(struct store *store)
{
	bool is_changed = sqlite3_total_changes64(store->db) != store->changes_before;
	int r = store->spoiled;

	if (!store->in_transaction)
		return 0;

	if (r == 0)
		r = store_run_script(store, "COMMIT");
	if (r < 0 && !sqlite3_get_autocommit(store->db))
		(void)store_run_script(store, "ROLLBACK");
	store->in_transaction = false;
	store->spoiled = 0;
	if (r >= 0 && store->wipes_log)
		store->wipes_log = wipe_log(store) < 0;
	return r < 0 ? r : is_changed;
}

void store_wipe_log(struct store *store)
{
	store->wipes_log = true;
}

bool store_in_transaction(const struct store *store)
{
	return store->in_transaction;
}

/* --- statements --- */

static int find_statement(struct store *store, const char *sql, sqlite3_stmt **ret)
{
	sqlite3_stmt *statement;
	int r;

	for (size_t i = 0; i < store->n_cached; i++) {
		if (store->cache[i].sql == sql) {
			*ret = store->cache[i].statement;
			return 0;
		}
	}

	if (store->n_cached == STATEMENTS_MAX)
		return -EOVERFLOW;
	r = error_of(sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
					NULL));
	if (r < 0)
		return r;

	store->cache[store->n_cached].sql = sql;
	store->cache[store->n_cached++].statement = statement;
	*ret = statement;
	return 0;
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
	struct gw_blob blob;
	int e = SQLITE_OK;

	for (int i = 1; *types && e == SQLITE_OK; types++, i++) {
		switch (*types) {
		case 't':
			e = sqlite3_bind_text(statement, i, va_arg(args, const char *), -1,
					      SQLITE_TRANSIENT);
			break;
		case 'i': e = sqlite3_bind_int64(statement, i, va_arg(args, int64_t)); break;
		case 'b':
			blob = va_arg(args, struct gw_blob);
			e = sqlite3_bind_blob(statement, i, blob.len ? (const void *)blob.data : "",
					      (int)blob.len, SQLITE_TRANSIENT);
			break;
		default: abort();
		}
	}
	return error_of(e);
}

static int select_with(struct store *store, sqlite3_stmt **ret, const char *sql, const char *types,
		       va_list args)
{
	sqlite3_stmt *statement;
	int r;

	r = find_statement(store, sql, &statement);
	if (r < 0)
		return spoil(store, r);
	r = bind_all(statement, types, args);
	if (r < 0) {
		store_done(statement);
		return spoil(store, r);
	}

	*ret = statement;
	return 0;
}

int store_select(struct store *store, sqlite3_stmt **ret, const char *sql, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = select_with(store, ret, sql, types, args);
	va_end(args);
	return r;
}

int store_next(struct store *store, sqlite3_stmt *statement)
{
	int e = sqlite3_step(statement);

	if (e == SQLITE_ROW)
		return 1;

	store_done(statement);
	return e == SQLITE_DONE ? 0 : spoil(store, error_of(e));
}

void store_done(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
}

int store_exec(struct store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;
	int r;

	/* SQLite may have rolled back by itself: what is written now would be kept. */
	if (store->spoiled)
		return store->spoiled;

	va_start(args, types);
	r = select_with(store, &statement, sql, types, args);
	va_end(args);
	if (r < 0)
		return r;

	r = store_next(store, statement);
	return r < 0 ? r : sqlite3_changes(store->db);
}

int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types,
		     ...)
{
	sqlite3_stmt *statement;
	int64_t number = otherwise;
	va_list args;
	int r;

	va_start(args, types);
	r = select_with(store, &statement, sql, types, args);
	va_end(args);
	if (r < 0 || store_next(store, statement) <= 0)
		return otherwise;

	if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
		number = sqlite3_column_int64(statement, 0);
	store_done(statement);
	return number;
}

void store_column_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(statement, column);

	(void)gw_copy(text, size, value ? (const char *)value : "");
}

int64_t store_column_int(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

struct gw_blob store_column_blob(sqlite3_stmt *statement, int column)
{
	const void *data = sqlite3_column_blob(statement, column);

	return (struct gw_blob){ data, (size_t)sqlite3_column_bytes(statement, column) };
}

int store_collect_ids(struct store *store, sqlite3_stmt *statement, char (*ids)[GW_ID_MAX + 1],
		      size_t max)
{
	size_t n = 0;
	int r = 0;

	while (n < max && (r = store_next(store, statement)) > 0)
		store_column_text(statement, 0, ids[n++], GW_ID_MAX + 1);
	store_done(statement);
	return r < 0 ? r : (int)n;
}

int store_column_bytes(sqlite3_stmt *statement, int column, uint8_t *to, size_t size,
		       size_t *ret_len)
{
	struct gw_blob blob = store_column_blob(statement, column);

	if (blob.len > size)
		return -EUCLEAN;
	if (blob.len)
		memcpy(to, blob.data, blob.len);
	*ret_len = blob.len;
	return 0;
}

/* --- small facts --- */

int store_meta_get(struct store *store, const char *key, uint8_t *value, size_t size,
		   size_t *ret_len)
{
	sqlite3_stmt *row;
	struct gw_blob blob;
	int r;

	r = store_select(store, &row, "SELECT value FROM meta WHERE key = ?", "t", key);
	if (r < 0)
		return r;
	r = store_next(store, row);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;

	blob = store_column_blob(row, 0);
	if (blob.len <= size) {
		if (blob.len)
			memcpy(value, blob.data, blob.len);
		*ret_len = blob.len;
	}
	r = blob.len <= size ? 0 : -ENOSPC;
	store_done(row);
	return r;
}

int store_meta_set(struct store *store, const char *key, struct gw_blob value)
{
	int r = store_exec(store, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", "tb",
			   key, value);

	return r < 0 ? r : 0;
}

int64_t store_meta_number(struct store *store, const char *key, int64_t otherwise)
{
	return store_number(store, otherwise,
			    "SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", "t", key);
}

int store_meta_set_number(struct store *store, const char *key, int64_t value)
{
	int r = store_exec(store, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", "ti",
			   key, value);

	return r < 0 ? r : 0;
}
