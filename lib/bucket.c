/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts in microseconds instead of fractions of tokens: a token is 1000000 / rate of them. */
#include "lib/bucket.h"

#include "lib/util.h"

#define SECOND_US 1000000ull

static uint64_t price_us(const struct gw_bucket *b, uint32_t n)
{
	return SECOND_US / b->rate * n;
}

void gw_bucket_init(struct gw_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us)
{
	*b = (struct gw_bucket){ .rate = rate, .burst = burst, .last_us = now_us };
	b->level_us = price_us(b, burst);
}

uint32_t gw_bucket_level(struct gw_bucket *b, uint64_t now_us)
{
	if (now_us > b->last_us) {
		b->level_us = GW_MIN(b->level_us + (now_us - b->last_us), price_us(b, b->burst));
		b->last_us = now_us;
	}
	return (uint32_t)(b->level_us / price_us(b, 1));
}

uint64_t gw_bucket_ready_us(const struct gw_bucket *b, uint32_t n)
{
	uint64_t price = price_us(b, n);

	return b->last_us + (price > b->level_us ? price - b->level_us : 0);
}

bool gw_bucket_take(struct gw_bucket *b, uint32_t n, uint64_t now_us)
{
	if (gw_bucket_level(b, now_us) < n)
		return false;

	b->level_us -= price_us(b, n);
	return true;
}
