/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange: the message layer of CoAP (RFC 7252 section 4) towards one peer, as a server: which
 * datagrams are new requests, how often an answer is sent, and when it has arrived. No I/O, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"
#include "lib/coap.h"

#define EXCHANGE_MAX 16 /* remembered towards one peer: under way, or over but perhaps repeated */

/* RFC 7252 4.8 and 5.2.2. */
#define EXCHANGE_ACK_DELAY_US    500000u  /* from here on an answer is a separate response */
#define EXCHANGE_ACK_TIMEOUT_US  2000000u /* at least; half as much is added at random */
#define EXCHANGE_MAX_RETRANSMIT  4
#define EXCHANGE_LIFETIME_US     247000000u
#define EXCHANGE_LIFETIME_NON_US 145000000u
#define EXCHANGE_WAIT_US         93000000u /* MAX_TRANSMIT_WAIT: nobody waits longer for an answer */

enum exchange_state {
	EXCHANGE_FREE,
	EXCHANGE_ASKED,     /* a request came, nothing was sent */
	EXCHANGE_PROMISED,  /* its empty acknowledgement was sent */
	EXCHANGE_ANSWERING, /* a confirmable response is under way */
	EXCHANGE_OVER,      /* kept in case the request comes again */
	_EXCHANGE_STATE_MAX,
};

/* One request of the peer and our answer to it. */
struct exchange {
	enum exchange_state state;
	enum gw_coap_type type;
	uint16_t id;
	uint8_t token[GW_COAP_TOKEN_MAX];
	size_t token_len;
	uint64_t came_us;

	uint64_t due_us; /* to acknowledge or to send again; UINT64_MAX: nothing */
	uint64_t timeout_us;
	unsigned n_sent;
	uint16_t response_id;

	uint8_t *datagram; /* what was said last, to be said again */
	size_t len;
};

typedef void (*exchange_send_t)(void *userdata, struct gw_blob datagram);

struct exchanges {
	struct exchange all[EXCHANGE_MAX];
	exchange_send_t send;
	void *userdata;
	uint32_t random; /* state of a small generator: message ids, retransmission */
	uint16_t next_id;
};

void exchanges_init(struct exchanges *x, exchange_send_t send, void *userdata, uint32_t seed);
void exchanges_done(struct exchanges *x);

/*
 * Takes a datagram. True: it is a request never seen before, to be answered, now or later, by
 * exchange_answer() with *ret_exchange; *ret_request points into the datagram.
 */
bool exchanges_receive(struct exchanges *x, struct gw_blob datagram, uint64_t now_us,
		       struct gw_coap *ret_request, struct exchange **ret_exchange);

/* Answers: code, options and payload are the caller's, the rest is filled in here. Once a request. */
int exchange_answer(struct exchanges *x, struct exchange *exchange, struct gw_coap *response,
		    uint64_t now_us);

/* Rejects a request instead of answering it (RFC 7252 4.2, 4.3). */
void exchange_reset(struct exchanges *x, struct exchange *exchange);

void exchanges_tick(struct exchanges *x, uint64_t now_us);
uint64_t exchanges_due(const struct exchanges *x);

/* No request is unanswered and no response unacknowledged. */
bool exchanges_are_idle(const struct exchanges *x);

/*
 * From when on nobody can miss anything that was said: what the peer has acknowledged it has; what
 * it could not acknowledge, being an acknowledgement itself or an answer to a NON, it may ask for
 * again. UINT64_MAX: not while some are under way.
 */
uint64_t exchanges_settled_us(const struct exchanges *x);
