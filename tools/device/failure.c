/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sentence that ends up on the last line of the program's output. Whoever finds the failure
 * writes it; whoever knows more puts words in front; main() prints it.
 */
#include "tools/device/failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"

int failure_set(struct failure *failure, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return error;
}

int failure_prefix(struct failure *failure, int error, const char *format, ...)
{
	char behind[FAILURE_MAX];
	va_list args;
	size_t len;

	(void)gw_copy(behind, sizeof(behind), failure->text);
	va_start(args, format);
	(void)vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);

	len = strlen(failure->text);
	(void)gw_copy(failure->text + len, sizeof(failure->text) - len, behind);
	return error;
}

void failure_quote(struct gw_blob bytes, char *text, size_t size)
{
	size_t len = GW_MIN(bytes.len, size - 1);

	for (size_t i = 0; i < len; i++)
		text[i] = bytes.data[i] < 0x20 || bytes.data[i] > 0x7e ? '?' : (char)bytes.data[i];
	text[len] = 0;
}
