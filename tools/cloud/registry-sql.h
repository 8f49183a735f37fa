/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry-sql: one SQLite statement at a time, its values bound in one go. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;

/*
 * Prepares a statement and binds the arguments in order. A letter of `types` each: s text, or NULL;
 * i int64_t; b bytes (const void * and size_t). Finish it with sql_finishp().
 */
int sql_prepare(struct sqlite3 *db, struct sqlite3_stmt **ret, const char *text, const char *types,
		...);

/* 1: there is a row, 0: there are no more, else -errno. */
int sql_step(struct sqlite3_stmt *statement);

/* Prepares, runs to the end, finishes; for statements that give no rows. */
int sql_run(struct sqlite3 *db, const char *text, const char *types, ...);

/* As sql_run(); -ENOENT if it changed nothing. */
int sql_change(struct sqlite3 *db, const char *text, const char *types, ...);

/* The first column of the first row; -ENOENT if there is none. */
int sql_number(struct sqlite3 *db, int64_t *ret, const char *text, const char *types, ...);

/* A column as text, cut to size; empty for NULL. */
void sql_text(struct sqlite3_stmt *statement, int column, char *text, size_t size);

/* SQLite's last complaint as an errno value. */
int sql_errno(struct sqlite3 *db);

/* For _cleanup_(). */
void sql_finishp(struct sqlite3_stmt **statement);
