/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of reason.h, looked up by number and by code, and the one rule that makes D-Bus names. */
#include "lib/reason.h"

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
