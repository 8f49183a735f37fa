/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Agreement with the cloud is judged anew at every question, from the monotonic time that has passed
 * since the cloud spoke: when somebody steps the clock, trust goes by itself.
 */
#include "agent/clock.h"

#include <unistd.h>

#include "agent/store.h"
#include "lib/util.h"

#define SYSTEM_SAYS_SYNCHRONISED "/run/systemd/timesync/synchronized"
#define FLOOR_META               "clock-floor"

#define BUILT_S      1793000000u            /* this was written then: no later clock reads less */
#define LIFE_S       (100ull * 365 * 86400) /* nor does one read more, as long as this is run */
#define TOLERANCE_S  300
#define FLOOR_STEP_S 3600 /* the floor need not cost a write at every answer */

void clock_init(struct clock_trust *clock, struct store *store, bool trusts_cloud)
{
	uint64_t stored = (uint64_t)store_meta_number(store, FLOOR_META, 0);

	*clock = (struct clock_trust){
		.trusts_cloud = trusts_cloud,
		.floor_s = GW_MAX(stored, (uint64_t)BUILT_S),
	};
}

bool clock_take_cloud(struct clock_trust *clock, uint64_t cloud_s)
{
	if (cloud_s < clock->floor_s || cloud_s > BUILT_S + LIFE_S)
		return false;

	clock->cloud_s = cloud_s;
	clock->cloud_taken_us = gw_now_monotonic_us();
	if (cloud_s < clock->floor_s + FLOOR_STEP_S)
		return false;
	clock->floor_s = cloud_s;
	return true;
}

int clock_store_floor(const struct clock_trust *clock, struct store *store)
{
	return store_meta_set_number(store, FLOOR_META, (int64_t)clock->floor_s);
}

uint64_t clock_now_s(void)
{
	return gw_now_realtime_us() / 1000000;
}

static bool cloud_agrees(const struct clock_trust *clock)
{
	uint64_t since_s = (gw_now_monotonic_us() - clock->cloud_taken_us) / 1000000;
	uint64_t expected = clock->cloud_s + since_s, now = clock_now_s();

	return now + TOLERANCE_S >= expected && now <= expected + TOLERANCE_S;
}

enum clock_verdict clock_judge(const struct clock_trust *clock)
{
	if (clock_now_s() < clock->floor_s)
		return CLOCK_BELOW_FLOOR;
	if (access(SYSTEM_SAYS_SYNCHRONISED, F_OK) == 0)
		return CLOCK_TRUSTED_BY_SYSTEM;
	if (!clock->trusts_cloud)
		return CLOCK_NOT_SYNCHRONISED;
	if (!clock->cloud_s)
		return CLOCK_CLOUD_SILENT;
	return cloud_agrees(clock) ? CLOCK_TRUSTED_BY_CLOUD : CLOCK_CLOUD_DISAGREES;
}

const char *clock_verdict_text(enum clock_verdict verdict)
{
	switch (verdict) {
	case CLOCK_TRUSTED_BY_SYSTEM:
	case CLOCK_TRUSTED_BY_CLOUD:
	case _CLOCK_VERDICT_MAX: break;
	case CLOCK_BELOW_FLOOR: return "it shows a time that has long passed";
	case CLOCK_NOT_SYNCHRONISED:
		return "the system does not say that it is synchronised, and [clock] trust takes "
		       "nobody else's word";
	case CLOCK_CLOUD_SILENT:
		return "the system does not say that it is synchronised, and the cloud has not "
		       "told its time yet";
	case CLOCK_CLOUD_DISAGREES:
		return "the system does not say that it is synchronised, and the cloud's time is "
		       "another";
	}
	return "";
}

bool clock_is_trusted(const struct clock_trust *clock)
{
	switch (clock_judge(clock)) {
	case CLOCK_TRUSTED_BY_SYSTEM:
	case CLOCK_TRUSTED_BY_CLOUD: return true;
	case CLOCK_BELOW_FLOOR:
	case CLOCK_NOT_SYNCHRONISED:
	case CLOCK_CLOUD_SILENT:
	case CLOCK_CLOUD_DISAGREES:
	case _CLOCK_VERDICT_MAX: break;
	}
	return false;
}
