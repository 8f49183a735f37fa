/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device has one request under way at a time, so this is a straight line: send, listen, send again.
 * What is heard meanwhile and is not the answer is dealt with on the spot: a response to an earlier
 * request whose acknowledgement was lost is acknowledged again, a ping is answered, the rest is reset.
 */
#include "tools/device/exchange.h"

#include <errno.h>
#include <string.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "tools/device/dtls.h"
#include "tools/device/failure.h"

/*
 * RFC 7252 4.8, but for the number of repetitions, 2 in place of 4: over a session that the gateway
 * has lost nothing is ever answered, and another handshake costs less than that wait.
 */
#define ACK_TIMEOUT_US 2000000u /* at least; up to half as much is added at random */
#define MAX_RETRANSMIT 2

/* After an empty acknowledgement: the gateway answers within 10 s or says that it will take longer. */
#define SEPARATE_TIMEOUT_US 30000000u

#define TOKEN_LEN 4

/* The request whose response is waited for. */
struct wait {
	const struct gw_coap *request;
	uint64_t until_us;
	bool is_acknowledged;
};

enum heard {
	HEARD_NOTHING, /* that is about this request */
	HEARD_ACKNOWLEDGEMENT,
	HEARD_RESPONSE,
	HEARD_RESET,
	_HEARD_MAX,
};

int exchanges_init(struct exchanges *x, struct dtls *dtls, struct failure *failure,
		   uint64_t until_us)
{
	struct {
		uint16_t id;
		uint32_t token;
	} start;
	int r = gw_random((uint8_t *)&start, sizeof(start));

	if (r < 0)
		return failure_set(failure, r, "the machine has no random numbers");

	*x = (struct exchanges){ .dtls = dtls,
				 .failure = failure,
				 .until_us = until_us,
				 .next_id = start.id,
				 .next_token = start.token };
	return 0;
}

static int send_empty(struct exchanges *x, enum gw_coap_type type, uint16_t id)
{
	const struct gw_coap msg = { .type = type, .code = GW_COAP_EMPTY, .id = id };
	uint8_t buf[16];
	size_t len;
	int r = gw_coap_encode(&msg, buf, sizeof(buf), &len);

	if (r < 0)
		return r;
	return dtls_send(x->dtls, (struct gw_blob){ buf, len }, x->failure);
}

static bool was_seen(const struct exchanges *x, uint16_t id)
{
	for (size_t i = 0; i < GW_MIN(x->n_seen, (size_t)EXCHANGE_SEEN_MAX); i++)
		if (x->seen[i] == id)
			return true;
	return false;
}

static bool is_response_to(const struct gw_coap *msg, const struct gw_coap *request)
{
	return msg->code >= GW_COAP_CODE(2, 0) && msg->token_len == request->token_len &&
	       memcmp(msg->token, request->token, msg->token_len) == 0;
}

/* What a message says about our request, and what to send back: a type of empty message, or -1. */
static enum heard judge(struct exchanges *x, const struct gw_coap *request,
			const struct gw_coap *msg, int *ret_reply)
{
	enum heard answer = is_response_to(msg, request) ? HEARD_RESPONSE : HEARD_NOTHING;

	*ret_reply = -1;
	switch (msg->type) {
	case GW_COAP_CON:
		if (answer == HEARD_RESPONSE)
			x->seen[x->n_seen++ % EXCHANGE_SEEN_MAX] = msg->id;
		*ret_reply = was_seen(x, msg->id) ? GW_COAP_ACK : GW_COAP_RST;
		return answer;
	case GW_COAP_NON: return answer;
	case GW_COAP_ACK:
		if (msg->id != request->id)
			return HEARD_NOTHING;
		return msg->code == GW_COAP_EMPTY ? HEARD_ACKNOWLEDGEMENT : answer;
	case GW_COAP_RST: return msg->id == request->id ? HEARD_RESET : HEARD_NOTHING;
	}
	return HEARD_NOTHING;
}

/* Takes one datagram in; what cannot be read is reset if it asks to be confirmed. */
static int hear(struct exchanges *x, const struct gw_coap *request, size_t len, struct gw_coap *msg,
		enum heard *ret)
{
	int reply = -1, r = gw_coap_decode(x->datagram, len, msg);

	*ret = HEARD_NOTHING;
	if (r == -EPROTO)
		return 0;
	if (r == 0)
		*ret = judge(x, request, msg, &reply);
	else if (msg->type == GW_COAP_CON)
		reply = GW_COAP_RST;

	return reply < 0 ? 0 : send_empty(x, (enum gw_coap_type)reply, msg->id);
}

/* Listens until the response is there; an acknowledgement on the way moves the end of patience. */
static int listen_for(struct exchanges *x, struct wait *wait, struct gw_coap *ret)
{
	for (;;) {
		enum heard heard;
		size_t len;
		int r;

		r = dtls_receive(x->dtls, x->datagram, sizeof(x->datagram),
				 GW_MIN(wait->until_us, x->until_us), x->failure, &len);
		if (r < 0)
			return r;

		r = hear(x, wait->request, len, ret, &heard);
		if (r < 0)
			return r;

		switch (heard) {
		case HEARD_RESPONSE: return 0;
		case HEARD_RESET:
			return failure_set(x->failure, -ECONNRESET,
					   "the gateway does not take our request");
		case HEARD_ACKNOWLEDGEMENT:
			if (!wait->is_acknowledged)
				wait->until_us = gw_now_monotonic_us() + SEPARATE_TIMEOUT_US;
			wait->is_acknowledged = true;
			break;
		case HEARD_NOTHING:
		case _HEARD_MAX: break;
		}
	}
}

static uint64_t first_timeout_us(struct exchanges *x)
{
	uint32_t random = x->next_token * 2654435761u; /* spreads what began as a random number */

	return ACK_TIMEOUT_US + random % (ACK_TIMEOUT_US / 2);
}

static void number_request(struct exchanges *x, struct gw_coap *request)
{
	uint32_t token = x->next_token++;

	request->type = GW_COAP_CON;
	request->id = x->next_id++;
	request->token_len = TOKEN_LEN;
	memcpy(request->token, &token, TOKEN_LEN);
}

/* Sends the datagram until something is heard of it. */
static int send_and_listen(struct exchanges *x, struct wait *wait, struct gw_blob datagram,
			   struct gw_coap *ret)
{
	uint64_t timeout_us = first_timeout_us(x);
	int r;

	for (unsigned n_sent = 0;; n_sent++, timeout_us *= 2) {
		r = dtls_send(x->dtls, datagram, x->failure);
		if (r < 0)
			return r;

		wait->until_us = gw_now_monotonic_us() + timeout_us;
		r = listen_for(x, wait, ret);
		if (r != -ETIMEDOUT || wait->is_acknowledged || n_sent == MAX_RETRANSMIT ||
		    gw_now_monotonic_us() >= x->until_us)
			return r;
	}
}

int exchange_run(struct exchanges *x, struct gw_coap *request, struct gw_coap *ret_response)
{
	struct wait wait = { .request = request };
	uint8_t buf[GW_COAP_MESSAGE_MAX];
	size_t len;
	int r;

	number_request(x, request);
	r = gw_coap_encode(request, buf, sizeof(buf), &len);
	if (r < 0)
		return failure_set(x->failure, r, "a request does not fit a datagram");

	r = send_and_listen(x, &wait, (struct gw_blob){ buf, len }, ret_response);
	if (r == -ETIMEDOUT)
		return failure_set(x->failure, r,
				   wait.is_acknowledged
					   ? "the gateway has our request but does not answer it"
					   : "the gateway no longer answers");
	return r;
}
