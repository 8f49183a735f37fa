/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts in microseconds instead of fractions of tokens: a token is 1000000 / rate of them. */
#include "plugins/registrar/bucket.h"

#include "lib/util.h"

#define SECOND_US 1000000ull

static uint64_t full_us(const struct bucket *b)
{
	return SECOND_US * b->burst / b->rate;
}

void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us)
{
	*b = (struct bucket){ .rate = rate, .burst = burst, .last_us = now_us };
	b->level_us = full_us(b);
}

static uint64_t price_us(const struct bucket *b)
{
	return SECOND_US / b->rate;
}

uint32_t bucket_level(struct bucket *b, uint64_t now_us)
{
	if (now_us > b->last_us) {
		b->level_us = GW_MIN(b->level_us + (now_us - b->last_us), full_us(b));
		b->last_us = now_us;
	}
	return (uint32_t)(b->level_us / price_us(b));
}

bool bucket_take(struct bucket *b, uint64_t now_us)
{
	if (bucket_level(b, now_us) == 0)
		return false;

	b->level_us -= price_us(b);
	return true;
}
