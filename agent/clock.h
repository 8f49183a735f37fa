/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock: what time it is, and whether that can be trusted. Until it can, nothing is judged expired.
 *
 * Three know of the time: the machine's clock, which may be anything; the system, which says whether it
 * keeps that clock synchronised; and, where the configuration lets it, the cloud in answers that are
 * authenticated and fresh. Below a floor, which only the cloud's time raises, no time is true.
 *
 * clock_judge() is pure; all else here gathers facts for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct store;

enum clock_verdict {
	CLOCK_TRUSTED_BY_SYSTEM, /* it says that it is synchronised */
	CLOCK_TRUSTED_BY_CLOUD,  /* which agrees with the machine's clock */
	CLOCK_TRUSTED_ALONE,     /* the cloud's time, the machine's is another */
	CLOCK_BELOW_FLOOR,       /* it shows a time that has been */
	CLOCK_NOT_SYNCHRONISED,  /* and the cloud may not vouch for it */
	CLOCK_CLOUD_SILENT,      /* the cloud may, and has not told its time yet */
	CLOCK_CLOUD_EARLY,       /* it tells a time that has been */
	CLOCK_CLOUD_UNSTEADY,    /* it told two times that do not fit each other */
	CLOCK_DISPUTED,          /* system and cloud are each sure of another time */
	_CLOCK_VERDICT_MAX,
};

/* The system's word on the machine's clock as it goes now. */
enum clock_system {
	CLOCK_SYSTEM_MUTE, /* nobody to ask, or not asked yet: the flag of timesyncd stands for it */
	CLOCK_SYSTEM_NO,
	CLOCK_SYSTEM_YES,
	CLOCK_SYSTEM_STALE, /* the clock was set since it was asked */
	_CLOCK_SYSTEM_MAX,
};

/* What the cloud's word is worth. */
enum clock_cloud {
	CLOCK_CLOUD_NONE,
	CLOCK_CLOUD_TOLD,
	CLOCK_CLOUD_FELL, /* below the floor */
	CLOCK_CLOUD_JUMPED,
	_CLOCK_CLOUD_MAX,
};

struct clock_facts {
	bool trusts_cloud;
	uint64_t floor_s;
	uint64_t machine_s;
	enum clock_system system;
	enum clock_cloud cloud;
	uint64_t cloud_s; /* what its clock shows now, if it has told */
};

/* Whose state is this module's own; times by the clock that no one sets (CLOCK_BOOTTIME). */
struct clock_trust {
	bool trusts_cloud;
	uint64_t floor_s;

	enum clock_system system;
	int64_t system_ahead_us; /* the machine's clock, of the one that no one sets, when it spoke */

	enum clock_cloud cloud;
	uint64_t cloud_s;         /* what it told .. */
	uint64_t cloud_taken_us;  /* .. and when */
	uint64_t cloud_jumped_us; /* when it contradicted itself last, 0: never */
};

enum clock_verdict clock_judge(const struct clock_facts *facts);

bool clock_verdict_trusts(enum clock_verdict verdict);

/* A code that stays, and a part of a sentence: what is wrong, and what happens next; "" for nothing. */
const char *clock_verdict_code(enum clock_verdict verdict);
const char *clock_verdict_text(enum clock_verdict verdict);

void clock_init(struct clock_trust *clock, struct store *store, bool trusts_cloud);

/* The system was asked, just now. */
void clock_take_system(struct clock_trust *clock, enum clock_system word);

/* The cloud told its time, just now. Returns whether the floor rose and should be stored. */
bool clock_take_cloud(struct clock_trust *clock, uint64_t cloud_s);

int clock_store_floor(const struct clock_trust *clock, struct store *store);

/* For a person who knows better: the floor is what it was at first. No agent may run on that store. */
int clock_forget_floor(struct store *store);

/* Whether that was done since the floor was stored last. */
bool clock_floor_was_forgotten(struct store *store);

void clock_get_facts(const struct clock_trust *clock, struct clock_facts *ret);
enum clock_verdict clock_verdict(const struct clock_trust *clock);
bool clock_is_trusted(const struct clock_trust *clock);

/* Seconds since the epoch, the best we know, trusted or not. */
uint64_t clock_now_s(const struct clock_trust *clock);

/* The same where it is trusted; else the latest that no true time lies before. */
uint64_t clock_bound_s(const struct clock_trust *clock);

/* The same to reckon from later: 0 = not known, to be put right once time is trusted. */
uint64_t clock_stamp_s(const struct clock_trust *clock);
