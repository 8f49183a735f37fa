/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer-stage: a peer, with all that is around it played, and what it does with that. One at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"
#include "plugins/registrar/leaf.h"
#include "plugins/registrar/peer.h"
#include "plugins/registrar/session.h"

#define START_US     1000000ull
#define HANDSHAKE_US 60000000ull
#define IDLE_US      200000000ull

struct ration;

struct stage {
	struct peer *peer;
	struct peer_shared shared;
	struct ration *secrets;

	struct {
		const struct session_ops *ops;
		void *userdata;
		enum session_state next; /* that the next datagram leads to */
		struct leaf leaf;
		unsigned n_fed, n_retransmitted, n_closed;
		uint8_t fed[32]; /* first bytes of what was fed */
		bool alive;
	} session;

	struct {
		unsigned n_received, n_answered;
		uint64_t due_us, settled_us;
		bool alive, busy;
	} conversation;

	/* What the agent was told: the last eight, and the last one's reason. */
	struct gw_msg told[8];
	char told_reason[GW_REASON_MAX + 1];
	unsigned n_told;
};

extern struct stage stage;

enum event {
	HELLO,    /* a repetition of the ClientHello */
	EXCHANGE, /* the key exchange, with the identity */
	CHANGE,
	FINISHED, /* or whatever else is encrypted and no data */
	DATA,
	ALERT, /* in clear */
	SECRET,
	NO_SECRET,
	ALLOW,
	DENY,
	SESSION_END,
	ANSWER,
	REPEAT, /* it is time to retransmit */
	DEADLINE,
	IDLE,
	EVICT,
	STOP,
	_EVENT_MAX,
};

/* A new peer that came with a ClientHello of this kind, or one with a secret taken to a state; and its end. */
void stage_begin(enum gw_proof proof);
void stage_reach(enum peer_state state);
void stage_end(void);

void stage_happen(enum event event);
