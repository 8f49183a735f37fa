/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-crl: the revocation lists on record, the newest of each issuer, and the serial numbers on them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct store;

struct crl_record {
	int64_t id; /* 0: not on record yet */
	uint8_t issuer[GW_HASH_LEN];
	char name[GW_ID_MAX + 1];      /* of the issuer, for people; may be empty */
	uint8_t number[GW_SERIAL_MAX]; /* as gw_msg_crl_checked.number */
	size_t number_len;
	uint8_t hash[GW_HASH_LEN];         /* of the list, whole */
	uint64_t this_update, next_update; /* seconds since the epoch, as all times here */
	uint64_t received;                 /* 0: nobody knew the time then */
	uint64_t n_entries;
	bool is_stale; /* as was told last */
};

/* -ENOENT each: there is none. */
int store_crl_get(struct store *store, struct gw_blob issuer, struct crl_record *ret);
int store_crl_next(struct store *store, int64_t after, struct crl_record *ret);

/* Adds the record, or writes it anew; gives a new one its id. */
int store_crl_put(struct store *store, struct crl_record *record);

/* With its serial numbers. */
int store_crl_remove(struct store *store, int64_t id);

int store_crl_set_stale(struct store *store, int64_t id, bool is_stale);

/*
 * Has just these serial numbers on the list; the same may come twice. They are put into another order: the first *ret_n
 * are those that were not on it before.
 */
int store_crl_set_serials(struct store *store, int64_t id, struct gw_blob *serials, size_t n,
			  size_t *ret_n);

/* What is on record of a certificate; an empty issuer: that is not known. */
struct crl_word {
	bool is_listed;
	uint64_t next_update; /* of the issuer's list, the earliest of several; 0: there is none */
};

int store_crl_look_up(struct store *store, struct gw_blob issuer, struct gw_blob serial,
		      struct crl_word *ret);
