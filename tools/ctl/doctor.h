/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: findings about the gateway, whoever made them: the agent (D-Bus), the service manager, or what
 * can be seen from here without either. Each is a check, a verdict, one sentence why, one what to do.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl;

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARNING,
	DOCTOR_WRONG,
	_DOCTOR_VERDICT_MAX,
};

struct doctor {
	json_t *findings; /* check, verdict, text, advice: as --json prints them */
	bool agent_answers;
	bool agent_is_there; /* somebody owns the name */
};

/* Adds a finding; advice may be "". Texts are made printable. */
void doctor_find(struct doctor *doctor, const char *check, enum doctor_verdict verdict,
		 const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

unsigned doctor_count(const struct doctor *doctor, enum doctor_verdict verdict);

/* The first finding of that verdict, or NULL. */
const json_t *doctor_first(const struct doctor *doctor, enum doctor_verdict verdict);

/* The bus, the agent's name on it, polkit; and if the agent answers, what it says of itself. */
void doctor_look_at_bus(struct doctor *doctor, struct ctl *ctl);

/* What the agent says of itself, by a bus that is open. */
void doctor_ask_agent(struct doctor *doctor, struct ctl *ctl);

/* The files of the configuration; `config` names them, NULL: the usual ones. */
void doctor_look_at_config(struct doctor *doctor, struct ctl *ctl, const char *config);

void doctor_look_at_units(struct doctor *doctor, struct ctl *ctl);

/* In place of the agent: what can be seen of disk and credentials without it. */
void doctor_look_from_outside(struct doctor *doctor);

/* The folder of credentials; `own`.0 or .1 is written once the gateway has a certificate that it got by itself. */
void doctor_look_at_credentials(struct doctor *doctor, const char *folder, const char *own);

/* Nobody may start the agent. */
bool doctor_agent_is_masked(struct ctl *ctl);

/* What a unit's state means; pure. Texts as systemd gives them. */
struct doctor_unit {
	const char *name, *load, *active, *sub, *result, *file;
	unsigned n_restarts;
	uint64_t since_s; /* in that state; 0: not known */
};

void doctor_judge_unit(struct doctor *doctor, const struct doctor_unit *unit);
