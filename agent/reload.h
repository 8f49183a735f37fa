/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload: the configuration is read again while the agent runs. */
#pragma once

#include <stddef.h>

struct agent;
struct settings_key;
struct settings_report;

#define RELOAD_KEPT_MAX 16

struct reload {
	const struct settings_key
		*kept[RELOAD_KEPT_MAX]; /* changed, but only a new start takes it over */
	size_t n_kept;
};

/* What is wrong with a configuration, for the log. */
void reload_tell_faults(const struct settings_report *report);

/*
 * All or nothing: if the files are good, what can change while the agent runs holds when this returns. If not,
 * nothing has changed and the report says what is wrong. `who` is for the record.
 */
int reload(struct agent *agent, const char *who, struct reload *ret,
	   struct settings_report *report);
