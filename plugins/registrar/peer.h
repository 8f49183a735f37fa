/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer: one device at the other end of a path, from its admission to its end: handshake, the agent's
 * word on it, conversation. Datagrams, the agent's messages and time in; datagrams and messages out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/reason.h"
#include "lib/wire.h"

struct WOLFSSL_CTX;
struct gw_bucket;
struct channel;
struct conversation_facts;
struct front_known;
struct front_result;
struct path;
struct peer;
struct ration;

enum peer_state {
	PEER_HELLO,   /* the handshake is under way, and no key is needed yet */
	PEER_ASKING,  /* the agent is asked for the key; datagrams wait */
	PEER_KEYED,   /* the key is there; the handshake goes on */
	PEER_WAITING, /* the handshake is complete; the agent judges, requests wait */
	PEER_SERVED,
	PEER_OVER, /* to be freed */
	_PEER_STATE_MAX,
};

/* What all peers share; owned by the caller, and outlives them. */
struct peer_shared {
	void (*tell)(void *userdata, const struct gw_msg *msg); /* the agent */
	void *userdata;

	const struct conversation_facts *facts;
	const uint8_t *dummy_key;     /* see keying.h */
	struct ration *secrets;       /* of which each question to the agent for one takes one */
	struct gw_bucket *complaints; /* a token for each log line about what came to nothing */
	uint64_t handshake_timeout_us, idle_timeout_us;
	bool dates_matter; /* the clock can be trusted */
};

/* A peer that the front admits by a ClientHello, which it has to be given next. */
int peer_new(const struct peer_shared *shared, struct channel *channel, const struct path *path,
	     uint64_t session, struct WOLFSSL_CTX *context, const struct front_result *admission,
	     uint64_t now_us, struct peer **ret);
struct peer *peer_free(struct peer *p);

enum peer_state peer_state(const struct peer *p);
const struct channel *peer_channel(const struct peer *p);
const struct path *peer_path(const struct peer *p);
uint64_t peer_session(const struct peer *p);

/* Somebody waits for something with it: the verdict on who has proved itself, or an answer. */
bool peer_is_busy(const struct peer *p);

/* What the front has to know of it. */
void peer_describe(const struct peer *p, struct front_known *ret);

/* A datagram came from it, whole records only. */
void peer_receive(struct peer *p, struct gw_blob datagram, uint64_t now_us);

/* A message of the agent's about its session. */
void peer_take(struct peer *p, const struct gw_msg *msg, uint64_t now_us);

/* When to tick next (monotonic, microseconds), and doing what is due. */
uint64_t peer_due(const struct peer *p);
void peer_tick(struct peer *p, uint64_t now_us);

/* Repeats nothing for a while: a hello under its path was challenged, and if its device is beginning anew, a
 * flight that was meant for the one before must not come between its two hellos. */
void peer_hold_back(struct peer *p, uint64_t now_us);

/* Ends it for a reason of ours, which the agent is told. */
void peer_end(struct peer *p, enum gw_reason reason);

/* Ends it by the agent's word, or since there is no agent: nobody but the peer is told. */
void peer_stop(struct peer *p);
