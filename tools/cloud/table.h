/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: rows for people, and a list of flat objects for programs, on standard output. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct json_t;

#define TABLE_COLUMNS_MAX 8

/* Gone through twice: once to see how wide it is, once to print it. */
struct table {
	size_t n_columns;
	int widths[TABLE_COLUMNS_MAX];
	bool measure;
};

void table_row(struct table *table, const char *const *cells);

/* Prints an object of the list, takes it over; -ENOMEM if it is NULL. userdata: bool, true for the first. */
int table_object(struct json_t *object, void *userdata);
