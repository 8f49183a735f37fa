/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket: a token bucket, which lets things happen at a steady rate with short bursts. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t rate;     /* tokens a second */
	uint32_t burst;    /* tokens that can be saved up */
	uint64_t level_us; /* tokens at hand, as the time it took to earn them */
	uint64_t last_us;
};

/* Starts full. */
void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us);

/* Whole tokens at hand. */
uint32_t bucket_level(struct bucket *b, uint64_t now_us);

/* Takes a token; false if there is none. */
bool bucket_take(struct bucket *b, uint64_t now_us);
