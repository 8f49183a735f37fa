/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * front: what to do with a datagram, before anything is remembered of who sent it. Bytes in, verdict
 * out: the front keeps nothing but the secret that it makes cookies with.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct cookies;

#define FRONT_REPLY_LEN   60 /* bytes of a HelloVerifyRequest */
#define FRONT_REFUSAL_LEN 15 /* bytes of an alert */

enum front_verdict {
	FRONT_DROP,
	FRONT_REPLY, /* send `reply`: prove that you are where you say */
	FRONT_PASS,  /* to the peer that is known under this path */
	FRONT_ADMIT, /* a new peer begins with this datagram; one known under this path is gone */
	_FRONT_VERDICT_MAX,
};

struct front_result {
	uint8_t reply[FRONT_REPLY_LEN]; /* FRONT_REPLY */

	/* FRONT_ADMIT; they point into the datagram, but for the secret, which is the front's */
	enum gw_proof proof;   /* that the peer means to give, and so the context that it gets */
	bool shares_group;     /* it has one of our groups: ECDHE can be */
	const uint8_t *random; /* CLIENT_RANDOM_LEN bytes */
	uint64_t record_sequence;
	uint16_t message_sequence;
	const uint8_t *cookie_secret; /* COOKIE_SECRET_LEN bytes */
};

/* The peer under a path: the ClientHello that it began with, and how far it has come. */
struct front_known {
	const uint8_t *random; /* CLIENT_RANDOM_LEN bytes */
	enum gw_proof proof;
	uint16_t message_sequence;
	bool is_complete; /* its handshake */
};

/* Judges a datagram that came from `address` (struct sockaddr_in or _in6). `known`: NULL if there is no
 * peer under this path. */
enum front_verdict front_judge(const struct cookies *cookies, struct gw_blob address,
			       const struct front_known *known, struct gw_blob datagram,
			       struct front_result *ret);

/* What a client is told that is admitted and cannot be served: there is nothing in common. */
void front_refuse(const struct front_result *admission, uint8_t ret[FRONT_REFUSAL_LEN]);
