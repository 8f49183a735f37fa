/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: rows of text in aligned columns, for people. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 8

struct table;

/* headings: n_columns of them, or NULL for a table without a first line. They are not copied. */
int table_new(const char *const *headings, size_t n_columns, struct table **ret);
struct table *table_free(struct table *table);

/* Copies the cells. A NULL or empty one is shown as `-`, what cannot be printed as `?`. */
int table_add(struct table *table, const char *const *cells);

void table_print(const struct table *table, FILE *out);
