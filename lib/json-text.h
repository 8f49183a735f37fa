/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json-text: JSON as text, whole or not at all. When libjansson runs out of memory inside json_dumps() it may
 * leave out a name and report success (2.14), so the text is measured first and written without allocating.
 */
#pragma once

#include <jansson.h>
#include <stdlib.h>

/* NULL: no memory. To be freed. */
static inline char *gw_json_text(const json_t *json)
{
	size_t size = json_dumpb(json, /* buffer= */ NULL, /* size= */ 0, JSON_COMPACT);
	char *text = size ? malloc(size + 1) : NULL;

	if (!text)
		return NULL;
	if (json_dumpb(json, text, size, JSON_COMPACT) != size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}
