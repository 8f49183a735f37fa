/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sessions: who is at a door now. The agent's own record: what the registrar says later of a session
 * is held against what is written here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct agent;
struct sessions;

#define SESSIONS_MAX 8192 /* a fuse: the registrar has limits of its own */

struct session {
	struct session *next;
	uint64_t id;
	uint64_t since_us; /* monotonic */
	char device[GW_ID_MAX + 1];
	char claim[GW_ID_MAX + 1]; /* whose secret was given; empty with a certificate */
	char transport[GW_NAME_MAX + 1];
	char address[GW_ADDRESS_MAX + 1];
	bool secret_given; /* and PEER or FAILED is still owed */
	bool served;       /* the verdict was to allow it */
	bool waits;        /* .. but later: nobody can judge its certificate's dates yet */
	bool for_notice;   /* it was to tell it that it left, and nothing else; not served */
	bool by_certificate;
	uint8_t serial[GW_SERIAL_MAX]; /* of that certificate, by our own record */
	size_t serial_len;
	char job[GW_ID_MAX + 1]; /* the enrolment it waits for, empty: none */
	uint32_t request;        /* the question that waits */
};

int sessions_new(struct agent *agent, struct sessions **ret);
struct sessions *sessions_free(struct sessions *sessions);

/* -EEXIST: that number is in use; -EMFILE: too many. */
int session_add(struct sessions *sessions, uint64_t id, struct session **ret);

/* NULL: there is none. */
struct session *session_find(struct sessions *sessions, uint64_t id);

/* As above, but NULL too if it is not one that is served. */
struct session *session_find_served(struct sessions *sessions, uint64_t id);

/* One that is let in for the notice only. */
struct session *session_find_for_notice(struct sessions *sessions, uint64_t id);

/* Those who wait for a job, one after the other: NULL begins and ends. */
struct session *session_next_waiting(struct sessions *sessions, const char *job,
				     const struct session *after);

/* Forgets a session. */
void session_drop(struct sessions *sessions, struct session *session);

/* Tells the registrar to end every session of a device, and forgets them. */
void sessions_end_device(struct sessions *sessions, const char *device, const char *reason);

/* The same of all but one. */
void sessions_end_others(struct sessions *sessions, const char *device, uint64_t but,
			 const char *reason);

/* Those that wait may come again: ends them. */
void sessions_end_waiting(struct sessions *sessions, const char *reason);

/* The same of those who are in by a certificate, or wait with one; not of who is in for the notice. */
void sessions_end_certificates(struct sessions *sessions, const char *reason);

/* The same of everybody. */
void sessions_end_all(struct sessions *sessions, const char *reason);

/* The registrar is gone: all sessions are void. */
void sessions_drop_all(struct sessions *sessions);

/* Forgets those that were given a secret before `before_us` and never ended; returns how many. */
unsigned sessions_drop_overdue(struct sessions *sessions, uint64_t before_us);

/* Since when the oldest that owes an end has had its secret (monotonic, microseconds); 0 = none does. */
uint64_t sessions_oldest_owing(const struct sessions *sessions);
