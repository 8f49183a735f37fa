/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally: how many came aboard and how long it took them, why others did not, and what it cost us. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TALLY_REASONS_MAX 8
#define TALLY_REASON_MAX  384 /* bytes of a sentence; more are cut off */

/* Below this share of its time, in percent, in which our one thread had nothing to do, we are the limit. */
#define TALLY_IDLE_MIN 10

struct tally_reason {
	int error; /* negative errno */
	size_t n;
	char first[TALLY_REASON_MAX]; /* what the first of them said */
};

struct tally {
	size_t n, n_aboard; /* so far */
	size_t n_again;     /* attempts that had to be made again */
	uint64_t *took_us;  /* of those aboard */
	size_t room;
	struct tally_reason reasons[TALLY_REASONS_MAX]; /* the last one takes what finds no place */
	size_t n_reasons;
};

/* What all of it took, of this program and by the clock. */
struct tally_cost {
	uint64_t wall_us, idle_us, user_us, system_us;
	size_t n_in_flight;
};

/* For at most `room` devices. */
int tally_init(struct tally *tally, size_t room);
void tally_done(struct tally *tally);

void tally_aboard(struct tally *tally, uint64_t took_us);
void tally_failed(struct tally *tally, int error, const char *why);

/* The least time that so many percent of those aboard did not exceed; 0 when nobody is. */
uint64_t tally_percentile_us(const struct tally *tally, unsigned percent);

/* The share of the time, in percent, in which there was nothing for us to do. */
unsigned tally_idle_percent(const struct tally_cost *cost);

/* For people, or as one line of JSON; sorts the times. */
void tally_print(struct tally *tally, const struct tally_cost *cost, bool json, FILE *to);
