/* SPDX-License-Identifier: GPL-2.0-or-later */
/* patience: whether, and when, to try again what did not work. Pure. */
#pragma once

#include <stdint.h>

struct patience {
	uint64_t until_us; /* monotonic: it ends then */
	uint64_t pause_us; /* before the next try */
	unsigned n_ended;  /* sessions in a row that the gateway ended */
};

enum patience_verdict {
	PATIENCE_STOP,     /* the result stands: it worked, or it never will */
	PATIENCE_AGAIN,    /* after the pause */
	PATIENCE_TIME_OUT, /* the pause would last too long */
	_PATIENCE_VERDICT_MAX,
};

void patience_init(struct patience *patience, uint64_t until_us);

/*
 * What to do after an attempt that returned `result`; wait_s is what the gateway asked for (-EAGAIN), and
 * `random` spreads the devices that it asked, or that found it silent, at the same time.
 */
enum patience_verdict patience_judge(struct patience *patience, int result, uint32_t wait_s,
				     uint32_t random, uint64_t now_us, uint64_t *ret_pause_us);
