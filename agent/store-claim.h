/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-claim: the record of a claim. A device has at most one that is open. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct store;

enum claim_state {
	CLAIM_OPEN,
	CLAIM_BURNED, /* its device is aboard */
	CLAIM_CLOSED, /* withdrawn, expired, replaced, refused */
	_CLAIM_STATE_MAX,
};

struct claim_record {
	char id[GW_ID_MAX + 1]; /* unique over all gateways */
	char device[GW_ID_MAX + 1];
	char tenant[GW_ID_MAX + 1];
	enum claim_state state;
	char claimed_by[GW_ID_MAX + 1];
	uint64_t created;
	uint64_t expires;              /* seconds since the epoch, 0 = never .. */
	uint64_t lifetime_s;           /* .. or so long after time is trusted, 0 = not so */
	uint8_t secret[GW_SEALED_MAX]; /* sealed by the vault; empty once it is not open */
	size_t secret_len;
};

/* -ENOENT: the device has no open claim. */
int store_claim_open_of(struct store *store, const char *device, struct claim_record *ret);
int store_claim_get(struct store *store, const char *id, struct claim_record *ret);

/* -EEXIST: a claim with that id is on record. */
int store_claim_add(struct store *store, const struct claim_record *claim);

/* Ends a claim and overwrites its secret. */
int store_claim_end(struct store *store, const char *id, enum claim_state state);

/* Of a device that left: nothing stays of its claims but their ids, which are used once. */
int store_claim_wipe(struct store *store, const char *device);

/* The secret was given to the registrar. */
int store_claim_count_secret(struct store *store, const char *id, uint64_t when);

/* Time is trusted: those that were to last for a while begin to. */
int store_claim_anchor(struct store *store, uint64_t now);

/* Open claims that end by `now`: up to max device ids. Returns their number. */
int store_claim_expired(struct store *store, uint64_t now, char (*devices)[GW_ID_MAX + 1],
			size_t max);

/* When the next open claim ends, 0 = none does. */
uint64_t store_claim_next_end(struct store *store);
