/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both words age. The system's holds for a clock that nobody has set since: who steps it, us not knowing,
 * makes the word void by itself. The cloud's is carried on by a clock that nobody can set, so a machine whose
 * clock jumps goes on by the cloud's time.
 *
 * Times come from the network, the system's as a rule unauthenticated: where system and cloud are each sure of
 * another one nothing is judged until they agree. A cloud that contradicts itself is believed again once it
 * says the same twice; for good, by the floor, when it has kept to that for a while. So clocks that are set by
 * years and back again, the cloud's too, leave nothing behind.
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
#define FLOOR_STEP_S 3600          /* the floor need not cost a write at every answer */
#define STEADY_US    3600000000ull /* so long after a jump nothing is for good */

#define SECOND_US 1000000

/* --- judging --- */

static bool agree(uint64_t a_s, uint64_t b_s)
{
	return a_s <= b_s + TOLERANCE_S && b_s <= a_s + TOLERANCE_S;
}

static enum clock_verdict judge_alone(const struct clock_facts *facts)
{
	if (facts->machine_s < facts->floor_s)
		return CLOCK_BELOW_FLOOR;
	return facts->system == CLOCK_SYSTEM_YES ? CLOCK_TRUSTED_BY_SYSTEM : CLOCK_NOT_SYNCHRONISED;
}

/* A system that is sure of what cannot be is no witness. */
static enum clock_verdict judge_by_cloud(const struct clock_facts *facts)
{
	bool is_sure = judge_alone(facts) == CLOCK_TRUSTED_BY_SYSTEM;

	if (agree(facts->machine_s, facts->cloud_s))
		return is_sure ? CLOCK_TRUSTED_BY_SYSTEM : CLOCK_TRUSTED_BY_CLOUD;
	return is_sure ? CLOCK_DISPUTED : CLOCK_TRUSTED_ALONE;
}

enum clock_verdict clock_judge(const struct clock_facts *facts)
{
	enum clock_verdict alone = judge_alone(facts);

	if (!facts->trusts_cloud)
		return alone;
	if (facts->cloud == CLOCK_CLOUD_TOLD)
		return judge_by_cloud(facts);
	if (alone == CLOCK_TRUSTED_BY_SYSTEM)
		return alone;

	switch (facts->cloud) {
	case CLOCK_CLOUD_FELL: return CLOCK_CLOUD_EARLY; /* where the machine agrees, too */
	case CLOCK_CLOUD_JUMPED: return CLOCK_CLOUD_UNSTEADY;
	case CLOCK_CLOUD_NONE:
	case CLOCK_CLOUD_TOLD:
	case _CLOCK_CLOUD_MAX: break;
	}
	return alone == CLOCK_BELOW_FLOOR ? alone : CLOCK_CLOUD_SILENT;
}

static const struct {
	bool trusts;
	const char *code, *text;
} verdicts[_CLOCK_VERDICT_MAX] = {
	[CLOCK_TRUSTED_BY_SYSTEM] = { true, "system", "" },
	[CLOCK_TRUSTED_BY_CLOUD] = { true, "cloud", "" },
	[CLOCK_TRUSTED_ALONE] = { true, "cloud-alone",
				  "this machine's clock is wrong, and the cloud's time is gone "
				  "by" },
	[CLOCK_BELOW_FLOOR] = { false, "below-floor",
				"it shows a time that has long passed; that ends when it is set, "
				"or the cloud tells its time" },
	[CLOCK_NOT_SYNCHRONISED] = { false, "not-synchronised",
				     "the system does not say that it is synchronised, and "
				     "[clock] trust takes nobody else's word; the system is asked "
				     "again every minute" },
	[CLOCK_CLOUD_SILENT] = { false, "cloud-silent",
				 "the system does not say that it is synchronised, and the cloud "
				 "has not told its time yet; both are asked again every minute" },
	[CLOCK_CLOUD_EARLY] = { false, "cloud-below-floor",
				"the cloud tells a time before one that it has told already; it is "
				"asked again every minute" },
	[CLOCK_CLOUD_UNSTEADY] = { false, "cloud-unsteady",
				   "the cloud told two times that do not fit each other; it is "
				   "asked again every minute, and believed when it says the same "
				   "twice" },
	[CLOCK_DISPUTED] = { false, "disputed",
			     "the system says that it is synchronised, and the cloud's time is "
			     "another; both are asked again every minute" },
};

bool clock_verdict_trusts(enum clock_verdict verdict)
{
	return verdicts[verdict].trusts;
}

const char *clock_verdict_code(enum clock_verdict verdict)
{
	return verdicts[verdict].code;
}

const char *clock_verdict_text(enum clock_verdict verdict)
{
	return verdicts[verdict].text;
}

/* --- what the system says --- */

static int64_t ahead_us(void)
{
	return (int64_t)(gw_now_realtime_us() - gw_now_boottime_us());
}

void clock_take_system(struct clock_trust *clock, enum clock_system word)
{
	clock->system = word;
	clock->system_ahead_us = ahead_us();
}

static enum clock_system system_word(const struct clock_trust *clock)
{
	int64_t step_us = ahead_us() - clock->system_ahead_us;

	if (clock->system == CLOCK_SYSTEM_MUTE)
		return access(SYSTEM_SAYS_SYNCHRONISED, F_OK) == 0 ? CLOCK_SYSTEM_YES
								   : CLOCK_SYSTEM_MUTE;
	if (step_us > TOLERANCE_S * SECOND_US || step_us < -TOLERANCE_S * SECOND_US)
		return CLOCK_SYSTEM_STALE;
	return clock->system;
}

/* --- what the cloud says --- */

/* What its clock shows now, if it has told. */
static uint64_t cloud_now_s(const struct clock_trust *clock)
{
	return clock->cloud_s + (gw_now_boottime_us() - clock->cloud_taken_us) / SECOND_US;
}

static bool has_jumped_lately(const struct clock_trust *clock)
{
	return clock->cloud_jumped_us && gw_now_boottime_us() - clock->cloud_jumped_us < STEADY_US;
}

/* A word that the system, which has one of its own, does not contradict. */
static bool may_lift_floor(const struct clock_trust *clock, uint64_t cloud_s)
{
	return clock->cloud == CLOCK_CLOUD_TOLD && clock->trusts_cloud &&
	       !has_jumped_lately(clock) && cloud_s >= clock->floor_s + FLOOR_STEP_S &&
	       clock_verdict(clock) != CLOCK_DISPUTED;
}

bool clock_take_cloud(struct clock_trust *clock, uint64_t cloud_s)
{
	bool fits = clock->cloud == CLOCK_CLOUD_NONE || agree(cloud_s, cloud_now_s(clock));

	if (cloud_s > BUILT_S + LIFE_S)
		return false; /* no clock says so */
	clock->cloud = cloud_s < clock->floor_s ? CLOCK_CLOUD_FELL
		       : fits                   ? CLOCK_CLOUD_TOLD
						: CLOCK_CLOUD_JUMPED;
	clock->cloud_s = cloud_s;
	clock->cloud_taken_us = gw_now_boottime_us();
	if (!fits)
		clock->cloud_jumped_us = clock->cloud_taken_us;
	if (!may_lift_floor(clock, cloud_s))
		return false;
	clock->floor_s = cloud_s - TOLERANCE_S;
	return true;
}

/* --- the floor --- */

void clock_init(struct clock_trust *clock, struct store *store, bool trusts_cloud)
{
	uint64_t stored = (uint64_t)store_meta_number(store, FLOOR_META, 0);

	*clock = (struct clock_trust){
		.trusts_cloud = trusts_cloud,
		.floor_s = GW_MAX(stored, (uint64_t)BUILT_S),
	};
}

int clock_store_floor(const struct clock_trust *clock, struct store *store)
{
	return store_meta_set_number(store, FLOOR_META, (int64_t)clock->floor_s);
}

int clock_forget_floor(struct store *store)
{
	return store_meta_set_number(store, FLOOR_META, 0);
}

/* No floor that a clock keeps is that low. */
bool clock_floor_was_forgotten(struct store *store)
{
	return store_meta_number(store, FLOOR_META, /* otherwise= */ 1) == 0;
}

/* --- what time it is --- */

void clock_get_facts(const struct clock_trust *clock, struct clock_facts *ret)
{
	*ret = (struct clock_facts){
		.trusts_cloud = clock->trusts_cloud,
		.floor_s = clock->floor_s,
		.machine_s = gw_now_realtime_us() / SECOND_US,
		.system = system_word(clock),
		.cloud = clock->cloud,
		.cloud_s = clock->cloud == CLOCK_CLOUD_TOLD ? cloud_now_s(clock) : 0,
	};
}

enum clock_verdict clock_verdict(const struct clock_trust *clock)
{
	struct clock_facts facts;

	clock_get_facts(clock, &facts);
	return clock_judge(&facts);
}

bool clock_is_trusted(const struct clock_trust *clock)
{
	return clock_verdict_trusts(clock_verdict(clock));
}

static uint64_t best_time_s(const struct clock_facts *facts)
{
	switch (clock_judge(facts)) {
	case CLOCK_TRUSTED_BY_SYSTEM:
	case CLOCK_TRUSTED_BY_CLOUD: return facts->machine_s;
	case CLOCK_TRUSTED_ALONE:
	case CLOCK_DISPUTED: return facts->cloud_s;
	case CLOCK_BELOW_FLOOR:
	case CLOCK_NOT_SYNCHRONISED:
	case CLOCK_CLOUD_SILENT:
	case CLOCK_CLOUD_EARLY:
	case CLOCK_CLOUD_UNSTEADY:
	case _CLOCK_VERDICT_MAX: break;
	}
	return GW_MAX(facts->machine_s, facts->floor_s);
}

uint64_t clock_now_s(const struct clock_trust *clock)
{
	struct clock_facts facts;

	clock_get_facts(clock, &facts);
	return best_time_s(&facts);
}

uint64_t clock_stamp_s(const struct clock_trust *clock)
{
	struct clock_facts facts;

	clock_get_facts(clock, &facts);
	return clock_verdict_trusts(clock_judge(&facts)) ? best_time_s(&facts) : 0;
}

uint64_t clock_bound_s(const struct clock_trust *clock)
{
	uint64_t known_s = clock_stamp_s(clock);

	return known_s ? known_s : clock->floor_s;
}
