/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slots: the gateway's own credentials on disk. There are two slots; at most one is live, the other
 * may hold a candidate: first a key, then its certificate as well. Every step below is whole on disk
 * or not there at all when it returns, or when we die in it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

/* Durable steps, see lib/step.h. */
#define SLOTS_STEP_KEY         "mqtt.slot-key"
#define SLOTS_STEP_CERTIFICATE "mqtt.slot-certificate"
#define SLOTS_STEP_SWITCH      "mqtt.slot-switch"
#define SLOTS_STEP_RETIRE      "mqtt.slot-retire"
#define SLOTS_STEP_DROP        "mqtt.slot-drop"
#define SLOTS_STEP_FORGET      "mqtt.slot-forget"

#define SLOTS_N    2
#define SLOTS_NONE (-1)

enum slots_fill {
	SLOTS_EMPTY,
	SLOTS_KEY,   /* a key that waits for its certificate */
	SLOTS_WHOLE, /* a key and a certificate */
	_SLOTS_FILL_MAX,
};

struct slots {
	int dir_fd;  /* the caller's */
	int live;    /* SLOTS_NONE: neither */
	int retired; /* still to be wiped, SLOTS_NONE: neither */
	enum slots_fill fill[SLOTS_N];
};

/* What a slot holds, PEM; slots_pair_done() wipes it. */
struct slots_pair {
	uint8_t *data;
	size_t len;
	struct gw_blob key, certificate; /* in there */
};

/* Finishes what was begun before a death. Fails where not even files can be made; the folder stays the caller's. */
int slots_open(int dir_fd, struct slots *ret);

/* As cell_check(), of all that a step writes. */
int slots_check(const struct slots *slots);

/* The slot that a candidate is in, or goes to. */
int slots_candidate(const struct slots *slots);

/* "a", "b" */
const char *slots_name(int slot);

/* -ENOENT: it is empty. */
int slots_read(const struct slots *slots, int slot, struct slots_pair *ret);
void slots_pair_done(struct slots_pair *pair);

/* PEM. A new key empties the slot first; a certificate needs a key. */
int slots_store_key(struct slots *slots, struct gw_blob key);
int slots_store_certificate(struct slots *slots, struct gw_blob certificate);

/* The candidate becomes the live one; what was live is wiped. */
int slots_switch(struct slots *slots);

/* The candidate is no good; what is live stays. */
int slots_drop(struct slots *slots);

/* Both are empty, as when the gateway was new. */
int slots_forget(struct slots *slots);
