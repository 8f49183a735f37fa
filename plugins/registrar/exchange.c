/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each request gets a slot of a small ring, which goes through the states of exchange.h. A request
 * that comes again finds its slot by message id and is told the same again, so that nothing above
 * this file ever sees it twice. A slot is used anew once its exchange is over, the oldest first; while
 * all are under way, new requests are dropped as if the network had lost them.
 */
#include "plugins/registrar/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define HEADER_LEN 4 /* all of an empty message */

/* xorshift32: what it yields must differ between peers and times, no more; DTLS keeps strangers out. */
static uint32_t next_random(struct exchanges *x)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 17;
	x->random ^= x->random << 5;
	return x->random;
}

void exchanges_init(struct exchanges *x, exchange_send_t send, void *userdata, uint32_t seed)
{
	*x = (struct exchanges){ .send = send, .userdata = userdata, .random = seed ? seed : 1 };
	x->next_id = (uint16_t)next_random(x);
}

static void exchange_clear(struct exchange *e)
{
	free(e->datagram);
	*e = (struct exchange){ .state = EXCHANGE_FREE, .due_us = UINT64_MAX };
}

void exchanges_done(struct exchanges *x)
{
	for (size_t i = 0; i < EXCHANGE_MAX; i++)
		exchange_clear(&x->all[i]);
}

/* --- sending --- */

static void send_empty(struct exchanges *x, enum gw_coap_type type, uint16_t id)
{
	const struct gw_coap msg = { .type = type, .code = GW_COAP_EMPTY, .id = id };
	uint8_t buf[HEADER_LEN];
	size_t len;
	int r;

	r = gw_coap_encode(&msg, buf, sizeof(buf), &len);
	assert(r == 0);
	x->send(x->userdata, (struct gw_blob){ buf, len });
}

static void send_again(struct exchanges *x, const struct exchange *e)
{
	x->send(x->userdata, (struct gw_blob){ e->datagram, e->len });
}

/* What a request that came again is told: the same as the first time. */
static void repeat(struct exchanges *x, const struct exchange *e)
{
	if (e->type != GW_COAP_CON)
		return;

	switch (e->state) {
	case EXCHANGE_OVER:
		if (e->datagram)
			send_again(x, e);
		else
			send_empty(x, GW_COAP_ACK, e->id);
		break;
	case EXCHANGE_PROMISED:
	case EXCHANGE_ANSWERING: send_empty(x, GW_COAP_ACK, e->id); break;
	case EXCHANGE_ASKED: /* its answer comes soon enough */
	case EXCHANGE_FREE:
	case _EXCHANGE_STATE_MAX: break;
	}
}

static void finish(struct exchange *e)
{
	e->state = EXCHANGE_OVER;
	e->due_us = UINT64_MAX;
}

/* A response of its own that is no more to be sent; what is left to repeat is the acknowledgement. */
static void finish_separate(struct exchange *e)
{
	free(TAKE_PTR(e->datagram));
	finish(e);
}

/* Encodes what is to be said; the exchange keeps it. */
static int prepare(struct exchange *e, const struct gw_coap *msg)
{
	uint8_t buf[GW_COAP_MESSAGE_MAX];
	size_t len;
	int r;

	r = gw_coap_encode(msg, buf, sizeof(buf), &len);
	if (r < 0)
		return r;

	e->datagram = gw_blob_dup((struct gw_blob){ buf, len });
	if (!e->datagram)
		return -ENOMEM;
	e->len = len;
	return 0;
}

static void expect_acknowledgement(struct exchanges *x, struct exchange *e, uint64_t now_us)
{
	uint32_t extra_us = next_random(x) % (EXCHANGE_ACK_TIMEOUT_US / 2 + 1);

	e->state = EXCHANGE_ANSWERING;
	e->n_sent = 1;
	e->timeout_us = EXCHANGE_ACK_TIMEOUT_US + extra_us;
	e->due_us = now_us + e->timeout_us;
}

int exchange_answer(struct exchanges *x, struct exchange *e, struct gw_coap *response,
		    uint64_t now_us)
{
	bool piggybacked = e->type == GW_COAP_CON && e->state == EXCHANGE_ASKED;
	int r;

	assert(e->state == EXCHANGE_ASKED || e->state == EXCHANGE_PROMISED);

	response->type = piggybacked ? GW_COAP_ACK : e->type;
	response->id = piggybacked ? e->id : x->next_id;
	response->token_len = e->token_len;
	memcpy(response->token, e->token, e->token_len);
	r = prepare(e, response);
	if (r < 0)
		return r;

	send_again(x, e);
	if (piggybacked) {
		finish(e);
		return 0;
	}

	e->response_id = x->next_id++;
	if (e->type == GW_COAP_CON)
		expect_acknowledgement(x, e, now_us);
	else
		finish_separate(e);
	return 0;
}

void exchange_reset(struct exchanges *x, struct exchange *e)
{
	const struct gw_coap msg = { .type = GW_COAP_RST, .code = GW_COAP_EMPTY, .id = e->id };

	(void)prepare(e, &msg);
	finish(e);
	send_empty(x, GW_COAP_RST, e->id);
}

/* --- receiving --- */

static bool is_expired(const struct exchange *e, uint64_t now_us)
{
	uint64_t lifetime =
		e->type == GW_COAP_CON ? EXCHANGE_LIFETIME_US : EXCHANGE_LIFETIME_NON_US;

	return e->state == EXCHANGE_OVER && now_us - e->came_us >= lifetime;
}

static struct exchange *find_request(struct exchanges *x, uint16_t id, uint64_t now_us)
{
	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		struct exchange *e = &x->all[i];

		if (e->state == EXCHANGE_FREE || e->id != id)
			continue;
		if (!is_expired(e, now_us))
			return e;
		exchange_clear(e);
	}
	return NULL;
}

static struct exchange *find_room(struct exchanges *x)
{
	struct exchange *oldest = NULL;

	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		struct exchange *e = &x->all[i];

		if (e->state == EXCHANGE_FREE)
			return e;
		if (e->state == EXCHANGE_OVER && (!oldest || e->came_us < oldest->came_us))
			oldest = e;
	}
	return oldest;
}

static bool receive_request(struct exchanges *x, const struct gw_coap *msg, uint64_t now_us,
			    struct exchange **ret)
{
	struct exchange *e = find_request(x, msg->id, now_us);

	if (e) {
		repeat(x, e);
		return false;
	}

	e = find_room(x);
	if (!e)
		return false;

	exchange_clear(e);
	e->state = EXCHANGE_ASKED;
	e->type = msg->type;
	e->id = msg->id;
	e->token_len = msg->token_len;
	memcpy(e->token, msg->token, msg->token_len);
	e->came_us = now_us;
	if (e->type == GW_COAP_CON)
		e->due_us = now_us + EXCHANGE_ACK_DELAY_US;

	*ret = e;
	return true;
}

/* The peer acknowledged or reset a message of ours: either way it has it. */
static void receive_end(struct exchanges *x, const struct gw_coap *msg)
{
	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		struct exchange *e = &x->all[i];

		if (e->state == EXCHANGE_ANSWERING && e->response_id == msg->id)
			finish_separate(e);
	}
}

bool exchanges_receive(struct exchanges *x, struct gw_blob datagram, uint64_t now_us,
		       struct gw_coap *ret_request, struct exchange **ret_exchange)
{
	struct gw_coap *msg = ret_request;
	bool is_request, is_empty;
	int r;

	r = gw_coap_decode(datagram.data, datagram.len, msg);
	if (r == -EPROTO) /* another version, or not even a header */
		return false;

	is_empty = r == 0 && msg->code == GW_COAP_EMPTY;
	is_request = r == 0 && !is_empty && msg->code >> 5 == 0;
	switch (msg->type) {
	case GW_COAP_CON:
		if (is_request)
			return receive_request(x, msg, now_us, ret_exchange);
		send_empty(x, GW_COAP_RST, msg->id);
		return false;
	case GW_COAP_NON: return is_request && receive_request(x, msg, now_us, ret_exchange);
	case GW_COAP_ACK: /* may carry a response, never a request */
		if (r == 0 && !is_request)
			receive_end(x, msg);
		return false;
	case GW_COAP_RST: /* carries nothing */
		if (is_empty)
			receive_end(x, msg);
		return false;
	}
	return false;
}

/* --- time --- */

static void retransmit(struct exchanges *x, struct exchange *e, uint64_t now_us)
{
	if (e->n_sent > EXCHANGE_MAX_RETRANSMIT) {
		finish_separate(e);
		return;
	}

	e->n_sent++;
	e->timeout_us *= 2;
	e->due_us = now_us + e->timeout_us;
	send_again(x, e);
}

void exchanges_tick(struct exchanges *x, uint64_t now_us)
{
	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		struct exchange *e = &x->all[i];

		if (e->state == EXCHANGE_FREE || e->due_us > now_us)
			continue;
		if (e->state == EXCHANGE_ANSWERING) {
			retransmit(x, e, now_us);
			continue;
		}
		e->state = EXCHANGE_PROMISED;
		e->due_us = UINT64_MAX;
		send_empty(x, GW_COAP_ACK, e->id);
	}
}

uint64_t exchanges_due(const struct exchanges *x)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < EXCHANGE_MAX; i++)
		if (x->all[i].state != EXCHANGE_FREE)
			due = GW_MIN(due, x->all[i].due_us);
	return due;
}

bool exchanges_are_idle(const struct exchanges *x)
{
	for (size_t i = 0; i < EXCHANGE_MAX; i++)
		if (x->all[i].state != EXCHANGE_FREE && x->all[i].state != EXCHANGE_OVER)
			return false;
	return true;
}

uint64_t exchanges_settled_us(const struct exchanges *x)
{
	uint64_t settled_us = 0;

	for (size_t i = 0; i < EXCHANGE_MAX; i++) {
		const struct exchange *e = &x->all[i];

		if (e->state != EXCHANGE_FREE && e->state != EXCHANGE_OVER)
			return UINT64_MAX;
		if (e->state == EXCHANGE_OVER && (e->datagram || e->type == GW_COAP_NON))
			settled_us = GW_MAX(settled_us, e->came_us + EXCHANGE_WAIT_US);
	}
	return settled_us;
}
