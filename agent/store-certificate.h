/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store-certificate: the certificates that were issued to devices. A device has at most one live one
 * and one candidate; the others are revoked, and stay on record so that they are known when they
 * knock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct sqlite3_stmt;
struct store;

enum certificate_state {
	CERTIFICATE_CANDIDATE,
	CERTIFICATE_LIVE,
	CERTIFICATE_REVOKED,
	CERTIFICATE_LEFT, /* of a device that was decommissioned: its fingerprint, and nothing else of it */
	_CERTIFICATE_STATE_MAX,
};

/* Whether a person lets an expired certificate be renewed ([devices] expired = grace). */
enum certificate_approval {
	APPROVAL_NONE, /* nobody was asked */
	APPROVAL_ASKED,
	APPROVAL_GIVEN,
	APPROVAL_DENIED,
	_CERTIFICATE_APPROVAL_MAX,
};

struct certificate_record {
	uint8_t serial[GW_SERIAL_MAX];
	size_t serial_len;
	uint8_t fingerprint[GW_HASH_LEN];
	uint8_t key[GW_HASH_LEN];
	uint8_t issuer[GW_HASH_LEN]; /* the hash of its name .. */
	size_t issuer_len;           /* .. or nothing: not known */
	char device[GW_ID_MAX + 1];
	char claim[GW_ID_MAX + 1];      /* under which its device came aboard */
	char generation[GW_ID_MAX + 1]; /* in which it was asked for: the claim, or see renewal.h */
	char job[GW_ID_MAX + 1];        /* the request that brought it */
	enum certificate_state state;
	uint64_t not_before, not_after; /* seconds since the epoch, as all times here */
	uint64_t issued;                /* 0: nobody knew the time then */

	/* Of its own renewal. */
	uint64_t round;         /* how many came to nothing */
	uint64_t renew_asked;   /* when somebody wanted it early, 0 = nobody did */
	uint64_t renew_refused; /* when the cloud said no, 0 = never */
	enum certificate_approval approval;
};

int store_certificate_add(struct store *store, const struct certificate_record *record,
			  struct gw_blob certificate, struct gw_blob chain);

/* -ENOENT each: there is none. */
int store_certificate_by_fingerprint(struct store *store, struct gw_blob fingerprint,
				     struct certificate_record *ret);
int store_certificate_by_serial(struct store *store, struct gw_blob serial,
				struct certificate_record *ret);

/* The device that holds the certificate, if it is live or a candidate; an issuer that is not known on one of both sides
 * is the same. -ENOENT: none. */
int store_certificate_holder(struct store *store, struct gw_blob issuer, struct gw_blob serial,
			     char device[GW_ID_MAX + 1]);

int store_certificate_of(struct store *store, const char *device, enum certificate_state state,
			 struct certificate_record *ret);

/* The candidate for that generation and key, with its bytes (up to the arrays' sizes, GW_CERT_MAX and
 * GW_CHAIN_MAX). -ENOENT: there is none. */
int store_certificate_for_key(struct store *store, const char *generation, struct gw_blob key,
			      uint8_t *certificate, size_t *ret_certificate_len, uint8_t *chain,
			      size_t *ret_chain_len);

/* Whether one with that serial number or fingerprint is on record. */
bool store_certificate_is_known(struct store *store, struct gw_blob serial,
				struct gw_blob fingerprint);

/* Whether a certificate of that request is on record. */
bool store_certificate_has_job(struct store *store, const char *job);

int store_certificate_set_state(struct store *store, const struct certificate_record *record,
				enum certificate_state state);

/* Writes what the record says of its own renewal. */
int store_certificate_set_renewal(struct store *store, const struct certificate_record *record);

/* Forgets that a certificate was revoked: it is to be on record anew. */
int store_certificate_remove(struct store *store, struct gw_blob serial);

/* Forgets the device's revoked certificates that ended by `until`: they open no door anywhere. */
int store_certificate_forget(struct store *store, const char *device, uint64_t until);

/*
 * Begins a walk along the live ones of devices that are not suspended, in the order of their ends; what of them says
 * when they are to be renewed (device, dates, renew_asked, approval), and no more. As store_select(): the next one is
 * there while store_certificate_ahead() returns 1; store_done() is for whoever stops before the end.
 */
int store_certificates_ahead(struct store *store, struct sqlite3_stmt **ret_row);
int store_certificate_ahead(struct store *store, struct sqlite3_stmt *row,
			    struct certificate_record *ret);

/* Candidates issued by `until`, and those that have ended by `now`: up to max device ids. Returns their number. */
int store_certificate_unproved(struct store *store, uint64_t until, uint64_t now,
			       char (*devices)[GW_ID_MAX + 1], size_t max);

/* Time is trusted: candidates that were issued while it was not count as issued now. */
int store_certificate_anchor(struct store *store, uint64_t now);

/* When the oldest candidate was issued, 0 = there is none. */
uint64_t store_certificate_oldest_candidate(struct store *store);

/* When the first of the candidates ends, 0 = there is none. */
uint64_t store_certificate_first_end(struct store *store);

/* --- of devices that left --- */

/* Of a device's certificates: wipes all but the fingerprints of those that it may come with; `issued` is since when it
 * has left, 0 where that is not known. Returns how many. */
int store_certificate_leave(struct store *store, const char *device, uint64_t since);

int store_certificate_forget_left(struct store *store, const char *device);

/* Those that have no date get this one; returns how many. */
int store_certificate_date_left(struct store *store, uint64_t now);

/* Since when the first has left. -ENOENT: none has. */
int store_certificate_first_left(struct store *store, uint64_t *ret);

/* The devices that left until then, up to max; returns how many. */
int store_certificate_left_before(struct store *store, uint64_t until,
				  char (*devices)[GW_ID_MAX + 1], size_t max);
