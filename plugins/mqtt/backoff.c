/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A broker that goes away leaves all gateways of a fleet in the same moment, and each tries again by the same rule. So
 * a pause is anything between nothing and its longest: who waits at least so long comes in a crowd. The first is as
 * long as the operator says that a fleet needs; each further one is twice that, up to a minute, for as long as a broker
 * was away who comes back is spread over the pauses that are under way.
 */
#include "plugins/mqtt/backoff.h"

#include "lib/util.h"

#define LONGEST_FIRST_US 500000ull
#define LONGEST_LAST_US  60000000ull

void backoff_init(struct backoff *b, uint64_t spread_us)
{
	b->spread_us = spread_us;
	backoff_reset(b);
}

uint64_t backoff_next(struct backoff *b, uint32_t dice)
{
	uint64_t pause_us = (b->longest_us * (dice % 65536)) >> 16;

	if (b->longest_us < LONGEST_LAST_US)
		b->longest_us = GW_MIN(b->longest_us * 2, LONGEST_LAST_US);
	return pause_us;
}

uint64_t backoff_apart(uint64_t pause_us, uint32_t dice)
{
	return pause_us + ((pause_us * (dice % 65536)) >> 16);
}

void backoff_reset(struct backoff *b)
{
	b->longest_us = GW_MAX(b->spread_us, LONGEST_FIRST_US);
}
