/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts are cut where they do not fit: none of ours is as long as that, and what plugins say is bounded. */
#include "agent/sheet.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"

/* What a plugin has to say may lack its full stop. */
static void end_sentence(char *text, size_t size)
{
	size_t len = strlen(text);

	if (len > 0 && len + 1 < size && !strchr(".!?", text[len - 1]))
		(void)gw_copy(text + len, size - len, ".");
}

struct doctor_finding *sheet_find(struct sheet *sheet, const char *check,
				  enum doctor_verdict verdict, const char *format, ...)
{
	struct doctor_finding *finding = &sheet->findings[sheet->n++];
	va_list args;

	(void)gw_copy(finding->check, sizeof(finding->check), check);
	finding->verdict = verdict;
	*finding->advice = 0;
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	end_sentence(finding->text, sizeof(finding->text));
	return finding;
}

void sheet_advise(struct doctor_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(finding->advice, sizeof(finding->advice), format, args);
	va_end(args);
}
