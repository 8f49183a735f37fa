/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock: whether the time can be trusted. Until it can, nothing is judged expired. Trusted is what
 * the system calls synchronised, or, where the configuration allows it, what agrees with an
 * authenticated answer of the cloud that is not older than what we have seen before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct store;

enum clock_verdict {
	CLOCK_TRUSTED_BY_SYSTEM, /* it says that it is synchronised */
	CLOCK_TRUSTED_BY_CLOUD,
	CLOCK_BELOW_FLOOR,      /* it shows a time that has been */
	CLOCK_NOT_SYNCHRONISED, /* and the cloud may not vouch for it */
	CLOCK_CLOUD_SILENT,     /* the cloud may, and has not told its time yet */
	CLOCK_CLOUD_DISAGREES,
	_CLOCK_VERDICT_MAX,
};

struct clock_trust {
	bool trusts_cloud;
	uint64_t floor_s;        /* no true time lies below it */
	uint64_t cloud_s;        /* the cloud's clock, 0 = not told yet .. */
	uint64_t cloud_taken_us; /* .. and our monotonic clock then */
};

void clock_init(struct clock_trust *clock, struct store *store, bool trusts_cloud);

/* The cloud told its time. Returns whether the floor rose and should be stored. */
bool clock_take_cloud(struct clock_trust *clock, uint64_t cloud_s);

int clock_store_floor(const struct clock_trust *clock, struct store *store);

enum clock_verdict clock_judge(const struct clock_trust *clock);

/* What keeps it from being trusted; "" for the verdicts that trust it. */
const char *clock_verdict_text(enum clock_verdict verdict);

bool clock_is_trusted(const struct clock_trust *clock);

/* Seconds since the epoch, trusted or not. */
uint64_t clock_now_s(void);
