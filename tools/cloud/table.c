/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What verbs print: columns as wide as their widest cell, the last as it comes. */
#include "tools/cloud/table.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/json-text.h"
#include "lib/util.h"

void table_row(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		int len = (int)strlen(cells[i]);

		if (table->measure)
			table->widths[i] = GW_MAX(table->widths[i], len);
		else if (i + 1 < table->n_columns)
			(void)printf("%-*s  ", table->widths[i], cells[i]);
		else
			(void)printf("%s\n", cells[i]);
	}
}

int table_object(json_t *object, void *userdata)
{
	bool *first = userdata;
	char *text = object ? gw_json_text(object) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;

	(void)printf("%s%s", *first ? "[" : ",\n ", text);
	*first = false;
	free(text);
	return 0;
}
