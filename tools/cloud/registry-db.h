/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry-db: what only the files registry*.c know of the registry. */
#pragma once

struct sqlite3;
struct sqlite3_stmt;

struct registry {
	struct sqlite3 *db;
};

/* Calls each() with the first column of every row. */
int registry_each_name(struct sqlite3_stmt *statement, int (*each)(const char *name, void *),
		       void *userdata);
