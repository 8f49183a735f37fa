/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-job: what the cloud has to be asked or told, until it has answered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct store;

enum job_state {
	JOB_WAITING,  /* for the cloud's answer */
	JOB_CHECKING, /* the answer is here; the registrar is asked whether it is right */
	_JOB_STATE_MAX,
};

/* How far ahead a job is ever put off. One that is due later was put off by a clock that was wrong. */
#define JOB_PUT_OFF_MAX_S 86400ull

struct job_record {
	char id[GW_ID_MAX + 1];
	enum gw_request_kind kind;
	enum job_state state;
	char device[GW_ID_MAX + 1];
	char tenant[GW_ID_MAX + 1];
	char claim[GW_ID_MAX + 1]; /* of a renewal, its generation (renewal.h) */
	char of[GW_ID_MAX + 1];
	char method[GW_NAME_MAX + 1];
	char reason[GW_REASON_MAX + 1];
	uint8_t serial[GW_SERIAL_MAX];
	size_t serial_len;
	uint8_t key[GW_HASH_LEN];
	size_t key_len;
	uint8_t csr[GW_CSR_MAX];
	size_t csr_len;
	uint64_t created; /* microseconds since the epoch, different for each job, rising */
	uint64_t
		due; /* seconds: not to be sent before, the cloud asked for patience; 0 = at once */
	unsigned attempts;
	char why[GW_REASON_MAX + 1]; /* it was put off last; empty: never */
};

/* The answer that a job in JOB_CHECKING holds. */
struct job_answer {
	uint8_t certificate[GW_CERT_MAX];
	size_t certificate_len;
	uint8_t chain[GW_CHAIN_MAX];
	size_t chain_len;
};

/* -EEXIST: the job is on record. */
int store_job_add(struct store *store, const struct job_record *job);

/* -ENOENT each: there is none. */
int store_job_get(struct store *store, const char *id, struct job_record *ret);

/* The one that is to bring it a certificate. */
int store_job_signing_of(struct store *store, const char *device, struct job_record *ret);

/* The one that asks whether it is at home here; and what the cloud says of that. */
int store_job_adopting(struct store *store, const char *device, struct job_record *ret);
int store_job_set_home(struct store *store, const char *id, const char *tenant, const char *claim);

int store_job_answer(struct store *store, const char *id, struct job_answer *ret);

int store_job_set_answer(struct store *store, const char *id, struct gw_blob certificate,
			 struct gw_blob chain);
/* Waiting again: the answer that it held is forgotten. */
int store_job_set_waiting(struct store *store, const char *id, uint64_t due, const char *why);
int store_job_put_off(struct store *store, const char *id, uint64_t due, const char *why);
int store_job_count_attempt(struct store *store, const char *id);
int store_job_drop(struct store *store, const char *id);

/* In the order they were made: the first job behind `created` that waits, is not put off and has none of
 * its device before it; and a job whose time to be sent again has come. -ENOENT: there is none. */
int store_job_after(struct store *store, uint64_t created, struct job_record *ret);
int store_job_due(struct store *store, uint64_t now_s, struct job_record *ret);

/* As above, but of any state. */
int store_job_next(struct store *store, uint64_t created, struct job_record *ret);

/* A job whose answer is still to be checked, behind `created`. */
int store_job_checking(struct store *store, uint64_t created, struct job_record *ret);

/* Whether the cloud is still to be told that an enrolment is void. */
bool store_job_voids(struct store *store, const char *enrolment);

/* `created` of the same device's next job, 0 = there is none. */
uint64_t store_job_next_of(struct store *store, const struct job_record *job);

/* `created` of the newest job, or the oldest; 0 = there is none. */
uint64_t store_job_newest(struct store *store);
uint64_t store_job_oldest(struct store *store);

uint64_t store_job_count(struct store *store);
bool store_job_has_kind(struct store *store, enum gw_request_kind kind);
bool store_job_has_of(struct store *store, const char *device, enum gw_request_kind kind);
uint64_t store_job_count_until(struct store *store, uint64_t created);
uint64_t store_job_count_put_off(struct store *store);

/* The earliest time for which a job was put off; 0 = none was. */
uint64_t store_job_next_due(struct store *store);

const char *job_kind_name(enum gw_request_kind kind);
const char *job_state_name(enum job_state state);
