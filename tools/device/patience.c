/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway restarts, a cloud is away, and a device has nobody to ask but itself: what may pass is
 * tried again until the time is over, ever more slowly. Silence and a closed port may pass, and what was
 * garbled on the way (-EPROTO): the plain part of a handshake has nothing but UDP's checksum to protect
 * it. So may a session that the gateway ended, but a gateway that ends three in a row means it.
 */
#include "tools/device/patience.h"

#include <errno.h>

#include "lib/util.h"

#define SECOND_US 1000000u

#define PAUSE_US     SECOND_US /* doubled from try to try */
#define PAUSE_MAX_US (8 * SECOND_US)
#define ENDED_MAX    3

void patience_init(struct patience *patience, uint64_t until_us)
{
	*patience = (struct patience){ .until_us = until_us, .pause_us = PAUSE_US };
}

static uint64_t next_pause(struct patience *p, uint32_t random)
{
	uint64_t pause_us = p->pause_us;

	p->pause_us = GW_MIN(pause_us * 2, (uint64_t)PAUSE_MAX_US);
	return pause_us + random % (pause_us / 2);
}

enum patience_verdict patience_judge(struct patience *patience, int result, uint32_t wait_s,
				     uint32_t random, uint64_t now_us, uint64_t *ret_pause_us)
{
	uint64_t pause_us;

	patience->n_ended = result == -ECONNRESET ? patience->n_ended + 1 : 0;
	switch (result) {
	case -EAGAIN:
		patience->pause_us = PAUSE_US;
		pause_us = wait_s * (uint64_t)SECOND_US + random % SECOND_US;
		break;
	case -ECONNRESET:
		if (patience->n_ended == ENDED_MAX)
			return PATIENCE_STOP;
		pause_us = next_pause(patience, random);
		break;
	case -EPROTO:
	case -ETIMEDOUT:
	case -ECONNREFUSED: pause_us = next_pause(patience, random); break;
	default: return PATIENCE_STOP;
	}

	if (now_us + pause_us >= patience->until_us)
		return PATIENCE_TIME_OUT;
	*ret_pause_us = pause_us;
	return PATIENCE_AGAIN;
}
