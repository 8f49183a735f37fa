/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of fixed size: a file full of nonsense must not cost more than one with a slip in it. */
#include "agent/settings-report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void settings_report_add(struct settings_report *report, const char *format, ...)
{
	char *line;
	va_list args;

	if (report->n == SETTINGS_PROBLEMS_MAX) {
		report->n_more++;
		return;
	}

	line = report->problems[report->n++];
	va_start(args, format);
	(void)vsnprintf(line, SETTINGS_PROBLEM_MAX, format, args);
	va_end(args);
	for (; *line; line++)
		if (*line < 0x20 || *line > 0x7e)
			*line = '?';
}

void settings_report_add_missing(struct settings_report *report, const char *file,
				 const char *section, const char *name)
{
	size_t len = strlen(report->missing);

	settings_report_add(report, "%s: [%s] %s must be set; see gangway.conf(5)", file, section,
			    name);
	(void)snprintf(report->missing + len, sizeof(report->missing) - len, "%s[%s] %s",
		       len ? ", " : "", section, name);
	report->n_missing++;
}

bool settings_report_is_missing_only(const struct settings_report *report)
{
	return report->n_missing && report->n_missing == report->n + report->n_more;
}

void settings_report_text(const struct settings_report *report, char *text, size_t size)
{
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; i < report->n && len + strlen(report->problems[i]) + 1 < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? "\n" : "",
					report->problems[i]);
	if (report->n_more && size - len > sizeof("\nand 18446744073709551615 more"))
		(void)snprintf(text + len, size - len, "\nand %zu more", report->n_more);
}
