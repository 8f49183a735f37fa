/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unconfigured: a gateway on which gangway was installed and nobody has said yet which gateway it is. The agent
 * is up and on the bus, says what it waits for, and begins its work when it is told to read the configuration again.
 */
#pragma once

struct agent;
struct settings_report;
struct unconfigured;

/* The report names nothing but settings that are missing. */
int unconfigured_new(struct agent *agent, const struct settings_report *report,
		     struct unconfigured **ret);
struct unconfigured *unconfigured_free(struct unconfigured *unconfigured);

/* What is missing and what to do, a sentence. */
const char *unconfigured_text(const struct unconfigured *unconfigured);

/*
 * Reads the configuration again. If it is good, or good now, the agent is at work when this returns; if it then cannot
 * begin, it ends. If not, the report says what is wrong.
 */
int unconfigured_reload(struct agent *agent, const char *who, struct settings_report *report);
