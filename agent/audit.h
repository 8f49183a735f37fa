/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: the record of every decision: who, what, when, on whose authority. Records are numbered and chained
 * by a keyed hash, and the two ends of the chain are kept sealed: the head, and the checkpoint, which is where
 * the records begin that are still here. So a changed, inserted, reordered or dropped record shows
 * (audit-verify), while old ones may go (audit-retention) and all can be told to the cloud (audit-export).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_TEXT_MAX 256
#define AUDIT_MAC_LEN  32

struct sqlite3_stmt;
struct store;
struct vault;

/* What is recorded; members left out are empty. Texts must be printable. */
struct audit_record {
	uint64_t n;     /* set by audit_add() */
	uint64_t time;  /* seconds since the epoch, the best that is known */
	char event[64]; /* "claimed", "secret-given", "onboarded", ... */
	char device[65];
	char who[65];    /* "uid 1000", "cloud", "device", "gangway" */
	char reason[65]; /* a code of lib/reason.h */
	char detail[AUDIT_TEXT_MAX + 1];
	uint8_t mac[AUDIT_MAC_LEN];
};

/* A place in the chain: behind record n. 0 is before the first. */
struct audit_point {
	uint64_t n;
	uint8_t mac[AUDIT_MAC_LEN];
};

/* All records up to `at` are gone. */
struct audit_checkpoint {
	struct audit_point at;
	uint64_t time; /* when the last of them went */
};

/* What the cloud has of the record, as far as we know. */
struct audit_acknowledged {
	struct audit_point at; /* it has all up to here */

	/* It does not have what comes before the next batch, and never will: says that batch ("" = it has). */
	char broken[16];

	/* It had a record that is not here: an old copy of the store was put back. 0 = no such thing. */
	uint64_t lost_from; /* the first number from which the two differ .. */
	uint64_t lost_to;   /* .. up to the one that the cloud had then */
	uint64_t noticed;   /* the record that says so */
	uint64_t since;     /* seconds since the epoch */
};

/* Makes the first record of a store that has none, so that there is a head from then on. */
int audit_begin(struct store *store, struct vault *vault, uint64_t now_s);

/* Adds a record to the transaction that is open. */
int audit_add(struct store *store, struct vault *vault, const struct audit_record *record);

/* The first record numbered `from` or above. -ENOENT: there is none. */
int audit_get(struct store *store, uint64_t from, struct audit_record *ret);

/* Those numbered `from` or above, one after the other: audit_next() returns 1, and 0 behind the last. Who stops
 * earlier calls store_done(); nobody else reads records meanwhile. */
int audit_select(struct store *store, uint64_t from, struct sqlite3_stmt **ret);
int audit_next(struct store *store, struct sqlite3_stmt *row, struct audit_record *ret);

/* Whether the record is the one behind that place: in number, and by its MAC. */
bool audit_follows(const struct audit_point *before, const struct audit_record *record);
bool audit_fits(struct vault *vault, const struct audit_point *before,
		const struct audit_record *record);

/* The sealed facts. -EBADMSG: changed by somebody without the key. A store without records has no head
 * (-ENOENT); without the others, the chain is whole, and the cloud has heard of none: zeros. */
int audit_head(struct store *store, struct vault *vault, struct audit_point *ret);
int audit_checkpoint(struct store *store, struct vault *vault, struct audit_checkpoint *ret);
int audit_acknowledged(struct store *store, struct vault *vault, struct audit_acknowledged *ret);
int audit_set_acknowledged(struct store *store, struct vault *vault,
			   const struct audit_acknowledged *acknowledged);

/* The place behind record n, which is here or the last that went. -ENOENT: neither. */
int audit_point_at(struct store *store, struct vault *vault, uint64_t n, struct audit_point *ret);

/* Drops all records up to n, which must be here, and moves the checkpoint there. */
int audit_drop(struct store *store, struct vault *vault, uint64_t n, uint64_t now_s);
