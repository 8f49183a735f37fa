/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket: a token bucket, which lets things happen at a steady rate with bursts. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gw_bucket {
	uint32_t rate;     /* tokens a second */
	uint32_t burst;    /* tokens that can be saved up */
	uint64_t level_us; /* tokens at hand, as the time it took to earn them */
	uint64_t last_us;
};

/* Starts full. */
void gw_bucket_init(struct gw_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us);

/* Whole tokens at hand. */
uint32_t gw_bucket_level(struct gw_bucket *b, uint64_t now_us);

/* When there will be so many, if none is taken before; n <= burst. */
uint64_t gw_bucket_ready_us(const struct gw_bucket *b, uint32_t n);

/* Takes so many tokens, or none and returns false if there are fewer. */
bool gw_bucket_take(struct gw_bucket *b, uint32_t n, uint64_t now_us);
