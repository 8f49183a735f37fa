/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of findings, and what may stand in it. */
#include "tools/ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/values.h"

#define TEXT_MAX 1024

static const char *const verdict_names[_DOCTOR_VERDICT_MAX] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_WRONG] = "wrong",
};

/* Texts of brokers, files and other programs must not move the cursor. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void doctor_find(struct doctor *doctor, const char *check, enum doctor_verdict verdict,
		 const char *advice, const char *format, ...)
{
	char text[TEXT_MAX];
	json_t *finding;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean(text);

	finding = json_pack("{s:s, s:s, s:s, s:s}", "check", check, "verdict",
			    verdict_names[verdict], "text", text, "advice", advice);
	if (finding)
		(void)json_array_append_new(doctor->findings, finding);
}

unsigned doctor_count(const struct doctor *doctor, enum doctor_verdict verdict)
{
	const json_t *finding;
	unsigned n = 0;
	size_t i;

	json_array_foreach(doctor->findings, i, finding) n +=
		gw_streq(values_text(finding, "verdict"), verdict_names[verdict]);
	return n;
}

const json_t *doctor_first(const struct doctor *doctor, enum doctor_verdict verdict)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(doctor->findings, i,
			   finding) if (gw_streq(values_text(finding, "verdict"),
						 verdict_names[verdict])) return finding;
	return NULL;
}
