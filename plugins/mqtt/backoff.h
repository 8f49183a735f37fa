/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backoff: how long to wait before the next attempt at the broker. Pure. */
#pragma once

#include <stdint.h>

struct backoff {
	uint64_t spread_us;
	uint64_t longest_us; /* the next pause is no longer */
};

/* `spread_us`: over which the first attempts of a fleet are to be spread; may be 0. */
void backoff_init(struct backoff *b, uint64_t spread_us);

/* The next pause; `dice` is any 32 bits. */
uint64_t backoff_next(struct backoff *b, uint32_t dice);

/* From a pause to twice that: two who saw each other at the same moment come back at different ones. */
uint64_t backoff_apart(uint64_t pause_us, uint32_t dice);

/* A connection stood: the next pauses are like the first again. */
void backoff_reset(struct backoff *b);
