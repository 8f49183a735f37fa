/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of reason.h, looked up by number and by code, and the one rule that makes D-Bus names.
 * The way back from a name knows no table, so that an older gangwayctl prints a newer agent's
 * codes.
 */
#include "lib/reason.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ERROR_PREFIX "org.gangway1.Error."

static const struct {
	const char *code, *text;
} reasons[] = {
#define X(NAME, code, text) [GW_REASON_##NAME] = { code, text },
	GW_REASONS(X)
#undef X
};

const char *gw_reason_code(enum gw_reason reason)
{
	return reasons[reason].code;
}

const char *gw_reason_text(enum gw_reason reason)
{
	return reasons[reason].text;
}

int gw_reason_from_code(const char *code, enum gw_reason *ret)
{
	for (int i = 0; i < _GW_REASON_MAX; i++) {
		if (strcmp(reasons[i].code, code) == 0) {
			*ret = (enum gw_reason)i;
			return 0;
		}
	}
	return -ENOENT;
}

void gw_reason_error_name(const char *code, char *name, size_t size)
{
	bool start_of_word = true;
	size_t len = sizeof(ERROR_PREFIX) - 1;

	assert(size > len);
	memcpy(name, ERROR_PREFIX, len);
	for (; *code && len + 1 < size; code++) {
		bool lower = *code >= 'a' && *code <= 'z';
		bool other = (*code >= 'A' && *code <= 'Z') || (*code >= '0' && *code <= '9');

		if (lower || other)
			name[len++] = (char)(lower && start_of_word ? *code - 'a' + 'A' : *code);
		start_of_word = !lower && !other;
	}
	name[len] = 0;
}

int gw_reason_code_of_error(const char *name, char *code, size_t size)
{
	const char *camel;
	size_t len = 0;

	if (strncmp(name, ERROR_PREFIX, sizeof(ERROR_PREFIX) - 1) != 0)
		return -ENOENT;
	camel = name + sizeof(ERROR_PREFIX) - 1;
	if (!*camel)
		return -ENOENT;

	for (const char *c = camel; *c; c++) {
		bool upper = *c >= 'A' && *c <= 'Z';

		if (len + 2 >= size)
			return -ENOSPC;
		if (upper && c != camel)
			code[len++] = '-';
		code[len++] = (char)(upper ? *c - 'A' + 'a' : *c);
	}
	code[len] = 0;
	return 0;
}
