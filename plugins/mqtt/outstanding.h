/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outstanding: requests that the cloud has not answered yet, when each is to be published again,
 * and since when the cloud has been silent about them. Pure: the caller has the clock, the dice and
 * the broker. Times are microseconds of one clock that never jumps.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTSTANDING_NEVER UINT64_MAX

struct outstanding;

struct outstanding_request {
	unsigned topic; /* the caller's own */
	char *job;
	char *body;
	uint64_t number;  /* in the order in which they came */
	uint64_t due_us;  /* when to publish it (again) */
	uint64_t wait_us; /* the next pause between two repetitions */
	bool is_urgent;
	bool has_gone; /* to the broker, once at least since it was added */
};

/* first_us <= max_us: the first and the longest pause between two repetitions. */
int outstanding_new(uint64_t first_us, uint64_t max_us, struct outstanding **ret);
struct outstanding *outstanding_free(struct outstanding *o);

/* Adds a request, due now; takes body, also on failure. Known already: starts over with the new
 * body. -ENOBUFS: GW_REQUESTS_MAX are there. */
int outstanding_add(struct outstanding *o, unsigned topic, const char *job, char *body,
		    uint64_t now_us);

/* From now on it goes before all others that are due. */
void outstanding_hurry(struct outstanding *o, const char *job);

/* False if there was none of that name. */
bool outstanding_remove(struct outstanding *o, const char *job);

size_t outstanding_count(const struct outstanding *o);

/* A new connection: all are due now, and nobody has been silent yet. */
void outstanding_restart(struct outstanding *o, uint64_t now_us);

/* The urgent request, else the one that has been due for longest, of several the one that came first, or NULL. */
struct outstanding_request *outstanding_due(struct outstanding *o, uint64_t now_us);

/* It went to the broker. `dice` is any 32 bits: repetitions of many gateways must not march in
 * step. */
void outstanding_published(struct outstanding *o, struct outstanding_request *request,
			   uint64_t now_us, uint32_t dice);

/* The cloud said something, whatever it was. */
void outstanding_heard(struct outstanding *o);

/* When the next request is due. */
uint64_t outstanding_next(const struct outstanding *o);

/* Since when the cloud has owed us a word: the first publication after the last one heard. What it
 * left unanswered before is no sign of silence: a message may have been lost. */
uint64_t outstanding_silent_since(const struct outstanding *o);
