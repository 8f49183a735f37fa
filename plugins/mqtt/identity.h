/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity: what the gateway shows the broker next, and what it does about its own certificate. Pure:
 * what there is x what happened -> what to do. The promise that it keeps: nothing that happens to a
 * candidate takes away what works.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What an attempt to connect shows. */
enum identity_pass {
	IDENTITY_NONE,
	IDENTITY_LIVE,      /* our own, proved */
	IDENTITY_GIVEN,     /* a certificate that somebody put here as a file */
	IDENTITY_CANDIDATE, /* our own, to be proved */
	IDENTITY_CLAIM,     /* good for nothing but to ask for one of our own */
	_IDENTITY_PASS_MAX,
};

enum identity_candidate {
	IDENTITY_NO_CANDIDATE,
	IDENTITY_KEY,         /* a key that waits for its certificate */
	IDENTITY_CERTIFICATE, /* to be proved */
	_IDENTITY_CANDIDATE_MAX,
};

enum identity_event {
	IDENTITY_UP,          /* connected */
	IDENTITY_REFUSED,     /* the broker would not have us, in so many words */
	IDENTITY_UNREACHABLE, /* never came up, for another reason */
	IDENTITY_LOST,        /* was up */
	IDENTITY_DUE,         /* the time to renew has come */
	IDENTITY_ISSUED,      /* the candidate's certificate is on disk */
	IDENTITY_PROVED,      /* the cloud knows that we have used it */
	IDENTITY_DENIED,      /* the cloud will not issue it, or not have it proved */
	IDENTITY_PUT_OFF,     /* the cloud says: later; or its answer was no use */
	IDENTITY_RESTED,      /* the rest is over */
	_IDENTITY_EVENT_MAX,
};

enum identity_action {
	IDENTITY_GO_ON,     /* nothing, or what was being done */
	IDENTITY_ASK,       /* for a certificate, with a new key if there is none */
	IDENTITY_PROVE,     /* tell the cloud that the candidate has connected */
	IDENTITY_RECONNECT, /* with what identity_choose() says now */
	IDENTITY_PROMOTE,   /* the candidate is the live one now */
	IDENTITY_REST,      /* leave the candidate alone for a while; connect with something else */
	IDENTITY_DROP,      /* the candidate, and rest */
	_IDENTITY_ACTION_MAX,
};

struct identity {
	bool has_live, has_given, has_claim; /* has_claim: and somewhere to keep what it brings */
	bool can_keep;                       /* a candidate */
	enum identity_candidate candidate;

	enum identity_pass pass; /* of the connection that is up, or was tried last */
	bool is_up, is_due, is_resting;
	unsigned n_refused;           /* of what is no candidate, in a row */
	unsigned n_candidate_refused; /* in a row */
};

/* What to connect with. */
enum identity_pass identity_choose(const struct identity *identity);

/* It happened; `pass` counts for UP and what ends or prevents a connection. */
enum identity_action identity_take(struct identity *identity, enum identity_event event);

/*
 * When a certificate is to be renewed: after `percent` of its life, and up to a third of the rest later: where in it
 * is told by `seed`, so that a fleet that was made in one hour does not come in one hour.
 */
uint64_t identity_renew_at(uint64_t not_before, uint64_t not_after, unsigned percent,
			   uint32_t seed);
