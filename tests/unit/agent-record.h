/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent-record: the audit record of the agent in agent-world.h, and the cloud that it goes to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/audit-export.h"
#include "agent/audit.h"
#include "lib/reason.h"
#include "lib/wire.h"

/* A batch as the cloud link was given it. */
struct batch {
	char id[GW_ID_MAX + 1], broken[GW_REASON_MAX + 1];
	uint64_t first, last;
	uint8_t before[AUDIT_MAC_LEN], mac[AUDIT_MAC_LEN];
};

/* Makes the world, with a cloud that has all but the last 200 records. */
int record_set_up(void **state);

/* So many more records, and how the record stands. */
void record_add(unsigned n);
uint64_t record_head(void);
uint64_t record_first(void);
void record_drop(uint64_t n);

/* Verified in slices, it is wrong from there on (0: it is whole), and this is in the sentence that says why. */
void record_expect_walk(size_t slice, uint64_t first_bad, const char *says);

/* The next batch, if there is one; what would go by itself a little later; and that there is none. */
bool record_hear(struct batch *ret);
struct batch record_send(void);
void record_sends_nothing(void);

/* It has no records, but asks where the cloud stands. */
bool record_is_question(const struct batch *batch);

/* The cloud's answer, its usual one, and that to all that there is. */
void record_say(enum gw_outcome outcome, const char *id, enum gw_reason reason, uint64_t n,
		const uint8_t *mac);
void record_say_done(const struct batch *batch);
void record_export(void);

struct audit_export_facts record_facts(void);
