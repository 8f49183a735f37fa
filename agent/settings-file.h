/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings-file: the bytes of one file of the configuration, cut into sections, keys and values. What they
 * mean is not known here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct settings_report;

/* A file that was read. */
struct settings_blob {
	const char *path; /* as people are told */
	const char *data;
	size_t len;
	bool is_vendor; /* of the vendor's defaults */
};

struct settings_line {
	const char *section, *name, *value;
	unsigned number;
};

/*
 * Calls `take` for each key in its order. What is no line of a configuration is reported and left out. `take`
 * ends it by an error, which is returned, as is -ENOMEM.
 */
int settings_file_parse(const struct settings_blob *blob, struct settings_report *report,
			int (*take)(void *userdata, const struct settings_line *line),
			void *userdata);
