/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cells are cleaned when they come in: addresses and vendors were once said by strangers on a
 * network, and no such text moves a cursor here. The last column is not padded, so that no line has
 * a tail of blanks.
 */
#include "tools/ctl/table.h"

#include <assert.h>

#include "lib/util.h"

#define GAP 2

struct table {
	const char *const *headings;
	size_t n_columns, n_rows;
	char **cells; /* n_rows * n_columns */
};

int table_new(const char *const *headings, size_t n_columns, struct table **ret)
{
	struct table *table = calloc(1, sizeof(*table));

	assert(n_columns >= 1 && n_columns <= TABLE_COLUMNS_MAX);
	if (!table)
		return -ENOMEM;

	table->headings = headings;
	table->n_columns = n_columns;
	*ret = table;
	return 0;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;

	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}

static char *clean_copy(const char *text)
{
	char *copy = strdup(text && *text ? text : "-");

	for (char *c = copy; c && *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

int table_add(struct table *table, const char *const *cells)
{
	size_t n = table->n_rows * table->n_columns;
	char **grown = reallocarray(table->cells, n + table->n_columns, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	table->cells = grown;

	for (size_t i = 0; i < table->n_columns; i++) {
		grown[n + i] = clean_copy(cells[i]);
		if (!grown[n + i]) {
			while (i--)
				free(grown[n + i]);
			return -ENOMEM;
		}
	}
	table->n_rows++;
	return 0;
}

static void print_row(const struct table *table, const char *const *row, const size_t *widths,
		      FILE *out)
{
	size_t last = table->n_columns - 1;

	for (size_t i = 0; i < last; i++)
		(void)fprintf(out, "%-*s", (int)(widths[i] + GAP), row[i]);
	(void)fprintf(out, "%s\n", row[last]);
}

void table_print(const struct table *table, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	size_t n = table->n_columns;

	for (size_t i = 0; table->headings && i < n; i++)
		widths[i] = strlen(table->headings[i]);
	for (size_t i = 0; i < table->n_rows * n; i++)
		widths[i % n] = GW_MAX(widths[i % n], strlen(table->cells[i]));

	if (table->headings)
		print_row(table, table->headings, widths, out);
	for (size_t row = 0; row < table->n_rows; row++)
		print_row(table, (const char *const *)table->cells + row * n, widths, out);
}
