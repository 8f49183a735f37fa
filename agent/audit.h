/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: the record of every decision: who, what, when, on whose authority. Records are chained by a
 * keyed hash, and the head of the chain is kept sealed, so that a changed, inserted, reordered or
 * dropped record shows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_TEXT_MAX 256

struct store;
struct vault;

/* What is recorded; members left out are empty. Texts must be printable. */
struct audit_record {
	uint64_t n;     /* set by audit_add() */
	uint64_t time;  /* seconds since the epoch; set by audit_add() */
	char event[64]; /* "claimed", "secret-given", "onboarded", ... */
	char device[65];
	char who[65];    /* "uid 1000", "cloud", "device", "gangway" */
	char reason[65]; /* a code of lib/reason.h */
	char detail[AUDIT_TEXT_MAX + 1];
	uint8_t mac[32];
};

/* Adds a record to the transaction that is open. */
int audit_add(struct store *store, struct vault *vault, const struct audit_record *record);

/* The first record numbered `from` or above. -ENOENT: there is none. */
int audit_get(struct store *store, uint64_t from, struct audit_record *ret);

/* Walks the chain. ret_first_bad is 0, or the number of the first record that does not fit; ret_why
 * says what is wrong. */
int audit_verify(struct store *store, struct vault *vault, uint64_t *ret_first_bad,
		 const char **ret_why);
