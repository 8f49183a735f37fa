/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings-report: what is wrong with a configuration, a line each, as many as a person will read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_PROBLEMS_MAX 32
#define SETTINGS_PROBLEM_MAX  512

struct settings_report {
	char problems[SETTINGS_PROBLEMS_MAX][SETTINGS_PROBLEM_MAX];
	size_t n;      /* that are kept .. */
	size_t n_more; /* .. and further ones */

	char missing
		[SETTINGS_PROBLEM_MAX]; /* "[section] key", with commas: what must be set and is not */
	size_t n_missing;               /* of the problems are such */
};

/* Adds a line; bytes that are no printable ASCII come out as '?'. */
void settings_report_add(struct settings_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A setting that must be there, and is in none of the files, the chief of which is `file`. */
void settings_report_add_missing(struct settings_report *report, const char *file,
				 const char *section, const char *name);

/* Whether nothing is wrong but that: nobody has configured it yet. */
bool settings_report_is_missing_only(const struct settings_report *report);

/* All lines, one below the other, and how many more there were. Cut at size, by whole lines. */
void settings_report_text(const struct settings_report *report, char *text, size_t size);
