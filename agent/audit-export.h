/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit-export: the record on its way to the cloud, in order, from the last acknowledged on, one batch at a
 * time. The record itself is the queue; what the cloud has is noted sealed, beside it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct audit_export;
struct gw_msg_answer;

int audit_export_new(struct agent *agent, struct audit_export **ret);
struct audit_export *audit_export_free(struct audit_export *export);

/* There is something new; it goes when a little more has come together. NULL: nobody exports. */
void audit_export_look(struct audit_export *export);

/* There is a (new) cloud link, or none. */
void audit_export_restart(struct audit_export *export);

/* Whether an answer of that id is one to a batch, and what to do about it. */
bool audit_export_is_batch(const char *id);
int audit_export_take_answer(struct audit_export *export, const struct gw_msg_answer *msg);

/* For people. */
struct audit_export_facts {
	bool is_sealed;       /* the facts below could be opened */
	uint64_t first, head; /* of the records that are here */
	uint64_t acknowledged;
	uint64_t lost_from, lost_to, since; /* an old copy was put back; 0 = no */
	uint64_t common; /* when the last record was made that both have; 0 = it is here no more */
	const char *refusal; /* why the cloud will not take the record; "" */
	uint64_t refused_us; /* since when (monotonic) */
};

void audit_export_get_facts(struct agent *agent, struct audit_export_facts *ret);
