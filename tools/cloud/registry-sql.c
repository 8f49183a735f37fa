/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thin skin over SQLite's statements: the values of a query stand behind its text, in the order
 * of its question marks, and what goes wrong is an errno value. Bound texts and bytes are copied,
 * so that no statement outlives what it was made from.
 */
#include "tools/cloud/registry-sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/util.h"

void sql_finishp(struct sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

/* SQLite opens for reading alone what it may not write to; and looks for the files that it could not make beside it. */
static int why_not_writable(struct sqlite3 *db, int otherwise)
{
	const char *path = sqlite3_db_filename(db, "main");

	return path && access(path, W_OK) < 0 ? -errno : otherwise;
}

/* What the system said below SQLite, which knows it of these errors alone. */
static int why_not_done(struct sqlite3 *db, int otherwise)
{
	int error = sqlite3_system_errno(db);

	if (error == 0 || error == ENOENT)
		return why_not_writable(db, otherwise);
	return -error;
}

static int error_of(struct sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return why_not_writable(db, -EROFS);
	case SQLITE_PERM: return -EACCES;
	case SQLITE_CANTOPEN: return why_not_done(db, -EACCES);
	case SQLITE_IOERR: return why_not_done(db, -EIO);
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EBADMSG;
	default: /* SQLite's own codes, of which there may be more tomorrow */ return -EIO;
	}
}

int sql_errno(struct sqlite3 *db)
{
	return error_of(db, sqlite3_extended_errcode(db));
}

static int bind_next(struct sqlite3_stmt *statement, int number, char type, va_list *args)
{
	const void *bytes;
	size_t len;

	switch (type) {
	case 's':
		return sqlite3_bind_text(statement, number, va_arg(*args, const char *), -1,
					 SQLITE_TRANSIENT);
	case 'i': return sqlite3_bind_int64(statement, number, va_arg(*args, int64_t));
	case 'b':
		bytes = va_arg(*args, const void *);
		len = va_arg(*args, size_t);
		return len ? sqlite3_bind_blob64(statement, number, bytes, len, SQLITE_TRANSIENT)
			   : sqlite3_bind_null(statement, number);
	}
	return SQLITE_MISUSE;
}

static int prepare(struct sqlite3 *db, struct sqlite3_stmt **ret, const char *text,
		   const char *types, va_list *args)
{
	_cleanup_(sql_finishp) struct sqlite3_stmt *statement = NULL;
	int code;

	code = sqlite3_prepare_v2(db, text, -1, &statement, /* tail= */ NULL);
	if (code != SQLITE_OK)
		return error_of(db, code);

	for (int i = 0; types[i]; i++) {
		code = bind_next(statement, i + 1, types[i], args);
		if (code != SQLITE_OK)
			return error_of(db, code);
	}

	*ret = TAKE_PTR(statement);
	return 0;
}

int sql_prepare(struct sqlite3 *db, struct sqlite3_stmt **ret, const char *text, const char *types,
		...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = prepare(db, ret, text, types, &args);
	va_end(args);
	return r;
}

int sql_step(struct sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : error_of(sqlite3_db_handle(statement), code);
}

/* Rows that a PRAGMA gives are of no interest. */
static int run(struct sqlite3 *db, const char *text, const char *types, va_list *args)
{
	_cleanup_(sql_finishp) struct sqlite3_stmt *statement = NULL;
	int r;

	r = prepare(db, &statement, text, types, args);
	if (r < 0)
		return r;

	do
		r = sql_step(statement);
	while (r > 0);
	return r;
}

int sql_run(struct sqlite3 *db, const char *text, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = run(db, text, types, &args);
	va_end(args);
	return r;
}

int sql_change(struct sqlite3 *db, const char *text, const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = run(db, text, types, &args);
	va_end(args);
	if (r < 0)
		return r;

	return sqlite3_changes(db) > 0 ? 0 : -ENOENT;
}

int sql_number(struct sqlite3 *db, int64_t *ret, const char *text, const char *types, ...)
{
	_cleanup_(sql_finishp) struct sqlite3_stmt *statement = NULL;
	va_list args;
	int r;

	va_start(args, types);
	r = prepare(db, &statement, text, types, &args);
	va_end(args);
	if (r < 0)
		return r;

	r = sql_step(statement);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;

	*ret = sqlite3_column_int64(statement, 0);
	return 0;
}

void sql_text(struct sqlite3_stmt *statement, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(statement, column);

	(void)gw_copy(text, size, value ? (const char *)value : "");
}
