/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store: the agent's memory on disk, one SQLite file. This header is the store as such: opening it,
 * its one transaction, and the few calls with which the store-*.c files speak SQL. Who wants a
 * device, a claim, a certificate or a job reads the header of that noun.
 *
 * An error inside a transaction spoils it: nothing more is written, and store_commit() rolls back and
 * returns that error, so that a caller may carry on to the end of what it does without half of it ever
 * being kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct sqlite3_stmt;
struct store;

/* Opens `folder`/gangway.db, and makes it if there is none. Returns 1 if it was of an older version and was
 * brought up to this one. On failure `error` says what to do. */
int store_open(const char *folder, struct store **ret, char *error, size_t error_size);
struct store *store_close(struct store *store);

/* Begins the transaction, or does nothing if it has begun. */
int store_begin(struct store *store);

/* Ends it; after an error in it, or of the disk, everything since store_begin() is undone. Returns 1 if
 * there was something to write. */
int store_commit(struct store *store);

/* With the next commit, leaves no older copy of anything in the write-ahead log. */
void store_wipe_log(struct store *store);

bool store_in_transaction(const struct store *store);

/* What is going on must not be kept, for a reason that is not the store's own. */
void store_spoil(struct store *store, int error);

/*
 * Runs a statement that returns no rows. `types` has a letter an argument: t text, i int64_t, b struct
 * gw_blob. Returns the number of rows changed, or -errno: -EEXIST (a row with that key is there),
 * -ENOSPC, -EROFS, -EIO, -ENOMEM.
 */
int store_exec(struct store *store, const char *sql, const char *types, ...);

/* Runs statements that take no arguments and return no rows. */
int store_run_script(struct store *store, const char *sql);

/*
 * Begins a statement that returns rows, with arguments as above; store_next() then returns 1 for each
 * row, 0 at the end, -errno. At 0 and at an error the statement is put back by itself; who stops earlier
 * calls store_done(). `sql` must be a string that lives as long as the store: it names the statement.
 */
int store_select(struct store *store, struct sqlite3_stmt **ret, const char *sql, const char *types,
		 ...);
int store_next(struct store *store, struct sqlite3_stmt *statement);
void store_done(struct sqlite3_stmt *statement);

/* Columns of the present row. Text is cut to the array's size; a blob is good until the next row. */
void store_column_text(struct sqlite3_stmt *statement, int column, char *text, size_t size);
int64_t store_column_int(struct sqlite3_stmt *statement, int column);
struct gw_blob store_column_blob(struct sqlite3_stmt *statement, int column);

/* Copies a blob into an array; -EUCLEAN if it is longer than that. */
int store_column_bytes(struct sqlite3_stmt *statement, int column, uint8_t *to, size_t size,
		       size_t *ret_len);

/* The ids in the first column of the rows that follow, up to max; ends the statement. Returns their
 * number. */
int store_collect_ids(struct store *store, struct sqlite3_stmt *statement,
		      char (*ids)[GW_ID_MAX + 1], size_t max);

/* The single number that a statement returns; `otherwise` if it returns no row. */
int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types,
		     ...);

/* Small facts by name, such as the store's own id. -ENOENT: not there; -ENOSPC: longer than size. */
int store_meta_get(struct store *store, const char *key, uint8_t *value, size_t size,
		   size_t *ret_len);
int store_meta_set(struct store *store, const char *key, struct gw_blob value);
int64_t store_meta_number(struct store *store, const char *key, int64_t otherwise);
int store_meta_set_number(struct store *store, const char *key, int64_t value);
