/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ties the parts together: exchange.c hands up requests, request.c reads them, resource.c says who
 * answers, transfer.c and response.c join and cut. What the agent has to answer waits in a few slots:
 * a request is answered when the agent's word comes, or after ten seconds with "later" (5.03), or
 * after half a second if it takes a cloud that is away; then the slot is free, and an answer that still comes is
 * dropped: the device will ask again, and the agent remembers.
 */
#include "plugins/registrar/conversation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bucket.h"
#include "lib/coap.h"
#include "lib/crypto.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/exchange.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/request.h"
#include "plugins/registrar/resource.h"
#include "plugins/registrar/response.h"
#include "plugins/registrar/transfer.h"

#define WAITING_MAX 4 /* requests of one peer that wait for the agent */

/* How long a peer is kept waiting for the agent; and for what takes the cloud, while that is away: the
 * agent may still know the answer by itself, and then it is quick. */
#define PATIENCE_US       10000000u
#define PATIENCE_ALONE_US EXCHANGE_ACK_DELAY_US

/* What one peer may have the agent (and wolfSSL, with a signing request) do. */
#define QUESTIONS_PER_SECOND 4
#define QUESTIONS_BURST      16

#define RETRY_ALONE_S 30 /* while the cloud is away */
#define RETRY_BUSY_S  2  /* too many requests at once */

/* While the agent has to learn something first: what time it is, or from the cloud whose the peer is. That may come at
 * once or take hours, so the first tries are soon. */
#define RETRY_WAIT_S     1
#define RETRY_WAIT_MAX_S 30

#define BLOCK_SIZE_MIN 16
#define BLOCK_SIZE_MAX 1024
#define OVERHEAD_MAX   64 /* bytes of a response beside its payload */

/* A request being answered. */
struct turn {
	struct exchange *exchange;
	const struct resource *resource; /* NULL: there is none */
	int format;                      /* of the answer */
	struct frame frame;
	uint64_t response_key;
};

/* One that the agent has to answer. */
struct waiting {
	uint32_t number; /* of the request on the link; 0: free */
	uint64_t due_us;
	struct turn turn;
};

struct conversation {
	const struct conversation_ops *ops;
	void *userdata;
	const struct conversation_facts *facts;
	struct conversation_peer peer;
	char device[GW_ID_MAX + 1];
	uint8_t binding[CONVERSATION_BINDING_MAX];
	uint16_t block_size;

	struct exchanges exchanges;
	struct transfers requests, responses;
	struct gw_bucket questions;
	struct waiting waiting[WAITING_MAX];
	uint32_t last_number;
	uint32_t wait_s; /* of a peer that is served nothing yet: when to try next */

	/* When the agent's answer was given, or if that takes blocks, until when they may be asked for; 0: there
	 * was none so far. */
	uint64_t answered_us;
};

/* --- responses --- */

static int send_reply(struct conversation *c, const struct turn *turn, const struct reply *reply,
		      uint64_t now_us)
{
	struct response_space space;
	struct gw_coap response;
	int r;

	r = response_build(reply, &turn->frame, &space, &response);
	if (r < 0)
		return r;
	return exchange_answer(&c->exchanges, turn->exchange, &response, now_us);
}

/* Ends the exchange in any case: if not with the reply, then with an error, or at least a reset. */
static void respond(struct conversation *c, const struct turn *turn, const struct reply *reply,
		    uint64_t now_us)
{
	struct reply error;
	int r = send_reply(c, turn, reply, now_us);

	if (r == 0)
		return;

	reply_code(&error, r == -ERANGE ? GW_COAP_BAD_REQUEST : GW_COAP_INTERNAL);
	if (send_reply(c, turn, &error, now_us) < 0)
		exchange_reset(&c->exchanges, turn->exchange);
}

/* A signing request that is too large never gets as far as the others that are refused: tell of it. */
static void refuse_size(struct conversation *c, const struct turn *turn, uint64_t now_us,
			struct reply *reply)
{
	const char *reason = gw_reason_code(GW_REASON_TOO_LARGE);
	const struct gw_msg msg = { .type = GW_MSG_REJECTED, .rejected.reason = reason };

	if (turn->resource->answer != GW_MSG_ENROLLED) {
		reply_code(reply, GW_COAP_TOO_LARGE);
		return;
	}
	reply_reason(reply, GW_COAP_TOO_LARGE, reason);
	if (gw_bucket_take(&c->questions, 1, now_us))
		c->ops->ask(c->userdata, &msg);
}

/* To who was decommissioned, whatever it asks for; once in a while the agent hears that it was told. */
static void respond_notice(struct conversation *c, const struct turn *turn, uint64_t now_us)
{
	const char *reason = gw_reason_code(GW_REASON_DECOMMISSIONED);
	const struct gw_msg msg = { .type = GW_MSG_REJECTED, .rejected.reason = reason };
	_cleanup_(reply_done) struct reply reply = { .format = REPLY_NO_FORMAT };

	if (gw_bucket_take(&c->questions, 1, now_us))
		c->ops->ask(c->userdata, &msg);
	reply_reason(&reply, GW_COAP_FORBIDDEN, reason);
	c->answered_us = now_us;
	respond(c, turn, &reply, now_us);
}

static void respond_code(struct conversation *c, const struct turn *turn, uint8_t code,
			 const char *why, uint64_t now_us)
{
	_cleanup_(reply_done) struct reply reply = { .format = REPLY_NO_FORMAT };

	if (code == GW_COAP_TOO_LARGE)
		refuse_size(c, turn, now_us, &reply);
	else if (*why)
		reply_text(&reply, code, why);
	else
		reply_code(&reply, code);
	respond(c, turn, &reply, now_us);
}

/* --- the agent --- */

static uint32_t *question_number(struct gw_msg *msg)
{
	if (msg->type == GW_MSG_ENROLL)
		return &msg->enroll.request;
	if (msg->type == GW_MSG_SETTINGS_QUERY)
		return &msg->settings_query.request;
	if (msg->type == GW_MSG_WIPED)
		return &msg->wiped.request;
	assert(msg->type == GW_MSG_REPORT);
	return &msg->report.request;
}

static uint32_t answer_number(const struct gw_msg *msg)
{
	if (msg->type == GW_MSG_ENROLLED)
		return msg->enrolled.request;
	if (msg->type == GW_MSG_SETTINGS)
		return msg->settings.request;
	return msg->type == GW_MSG_REPORTED ? msg->reported.request : 0;
}

/* Whether the answer is to come from where nobody is. */
static bool is_alone(const struct conversation *c, const struct resource *resource)
{
	return resource->needs_cloud && !c->facts->cloud_online;
}

/* Asks the agent. False: too many of this peer's requests wait for it already. */
static bool ask(struct conversation *c, const struct turn *turn, struct gw_msg *msg,
		uint64_t now_us)
{
	uint64_t patience_us = is_alone(c, turn->resource) ? PATIENCE_ALONE_US : PATIENCE_US;

	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct waiting *waiting = &c->waiting[i];

		if (waiting->number)
			continue;

		if (++c->last_number == 0)
			c->last_number = 1;
		*waiting = (struct waiting){ .number = c->last_number,
					     .due_us = now_us + patience_us,
					     .turn = *turn };
		*question_number(msg) = waiting->number;
		c->ops->ask(c->userdata, msg);
		return true;
	}
	return false;
}

/* Has the rest of a response that will be asked for in blocks at hand. */
static int keep(struct conversation *c, const struct turn *turn, const struct reply *reply)
{
	if (!frame_cuts(&turn->frame, reply))
		return 0;
	return transfer_keep(&c->responses, turn->response_key, reply->code, reply->format,
			     (struct gw_blob){ reply->body, reply->len });
}

/* Turns the agent's word, or its silence (NULL), into the response. */
static void stop_waiting(struct conversation *c, struct waiting *waiting,
			 const struct gw_msg *answer, uint64_t now_us)
{
	struct turn turn = waiting->turn;
	struct resource_call call = { .facts = c->facts, .peer = &c->peer, .format = turn.format };
	_cleanup_(reply_done) struct reply reply = { .format = REPLY_NO_FORMAT };

	waiting->number = 0;
	if (!answer) {
		reply_later(&reply,
			    is_alone(c, turn.resource) ? RETRY_ALONE_S : RESOURCE_RETRY_AFTER_S);
	} else if (turn.resource->finish(&call, answer, &reply) < 0 || keep(c, &turn, &reply) < 0) {
		reply_done(&reply);
		reply_code(&reply, GW_COAP_INTERNAL);
	}
	if (reply.code >> 5 == 2)
		c->answered_us = now_us + (frame_cuts(&turn.frame, &reply) ? EXCHANGE_WAIT_US : 0);
	respond(c, &turn, &reply, now_us);
}

void conversation_answer(struct conversation *c, const struct gw_msg *msg, uint64_t now_us)
{
	uint32_t number = answer_number(msg);

	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct waiting *waiting = &c->waiting[i];

		if (waiting->number && waiting->number == number &&
		    waiting->turn.resource->answer == msg->type) {
			stop_waiting(c, waiting, msg, now_us);
			return;
		}
	}
}

/* --- requests --- */

/* Whether a request is served at all: GW_COAP_EMPTY, or the error to answer with. */
static uint8_t judge(const struct conversation *c, const struct request *request,
		     const struct resource *resource, int *ret_format, const char **ret_why)
{
	unsigned peer = c->peer.for_notice       ? RESOURCE_BY_LEAVER
			: c->peer.by_certificate ? RESOURCE_BY_CERTIFICATE
						 : RESOURCE_BY_SECRET;

	*ret_why = "";
	if (request->method != GW_COAP_GET && request->method != GW_COAP_POST)
		return GW_COAP_NOT_ALLOWED; /* wherever: RFC 7252 5.8 */
	if (!resource)
		return GW_COAP_NOT_FOUND;
	if (request->method != resource->method)
		return GW_COAP_NOT_ALLOWED;
	if (!(resource->who & peer)) {
		*ret_why = resource->who == RESOURCE_BY_LEAVER
				   ? "is for who was decommissioned"
				   : "needs a session with a certificate";
		return GW_COAP_FORBIDDEN;
	}
	if (!resource_gives(resource, request->accept, ret_format))
		return GW_COAP_NOT_ACCEPTABLE;
	if (resource->body_max == 0)
		return request->has_block1 ? GW_COAP_BAD_OPTION : GW_COAP_EMPTY;
	if (request->format >= 0 && request->format != resource->takes)
		return GW_COAP_BAD_FORMAT;
	if (request->size1 > resource->body_max || request->payload.len > resource->body_max)
		return GW_COAP_TOO_LARGE;
	return GW_COAP_EMPTY;
}

/* The resource answers by itself or has the agent asked. */
static void run(struct conversation *c, const struct turn *turn, const struct request *request,
		struct gw_blob body, uint64_t now_us)
{
	struct resource_call call = { .facts = c->facts,
				      .peer = &c->peer,
				      .query = request->query,
				      .format = turn->format,
				      .body = body };
	_cleanup_(reply_done) struct reply reply = { .format = REPLY_NO_FORMAT };
	struct gw_msg msg = { 0 };
	int r;

	if (c->peer.waits) {
		reply_later(&reply, c->wait_s);
		c->wait_s = GW_MIN(2 * c->wait_s, RETRY_WAIT_MAX_S);
		respond(c, turn, &reply, now_us);
		return;
	}
	if (turn->resource->finish && !gw_bucket_take(&c->questions, 1, now_us)) {
		reply_later(&reply, RETRY_BUSY_S);
		respond(c, turn, &reply, now_us);
		return;
	}

	r = turn->resource->begin(&call, &reply, &msg);
	if (r > 0) {
		if (ask(c, turn, &msg, now_us))
			return;
		reply_later(&reply, RETRY_BUSY_S);
	} else if (r < 0) {
		reply_code(&reply, GW_COAP_INTERNAL);
	} else if (msg.type == GW_MSG_REJECTED) {
		c->ops->ask(c->userdata, &msg);
	}
	respond(c, turn, &reply, now_us);
}

/* A request with a body in blocks: most of them are only noted. */
static void run_block(struct conversation *c, const struct turn *turn, const struct gw_coap *msg,
		      const struct request *request, uint64_t now_us)
{
	const struct transfer_part part = { .key = transfer_request_key(msg),
					    .message = msg->id,
					    .block = &request->block1,
					    .payload = request->payload };
	_cleanup_free_ uint8_t *body = NULL;
	size_t len = 0;
	uint8_t code;
	int r;

	r = transfer_collect(&c->requests, &part, turn->resource->body_max, &code, &body, &len);
	if (r < 0)
		respond_code(c, turn, GW_COAP_INTERNAL, "", now_us);
	else if (code != GW_COAP_EMPTY)
		respond_code(c, turn, code, "", now_us);
	else
		run(c, turn, request, (struct gw_blob){ body, len }, now_us);
}

/* A further block of a response. One that was not kept is made anew, if that is done by asking again. */
static void run_further(struct conversation *c, const struct turn *turn,
			const struct request *request, uint64_t now_us)
{
	const struct transfer *kept = transfer_find(&c->responses, turn->response_key);
	struct reply reply;

	if (kept) {
		reply_body(&reply, kept->code, kept->format, kept->data, kept->len);
		respond(c, turn, &reply, now_us);
	} else if (turn->resource->body_max == 0) {
		run(c, turn, request, request->payload, now_us);
	} else {
		respond_code(c, turn, GW_COAP_INCOMPLETE, "", now_us);
	}
}

/* Whether it is let in for the notice only, and asks for anything else. */
static bool is_told_off(const struct conversation *c, const struct request *request)
{
	const struct resource *resource;

	if (!c->peer.for_notice)
		return false;
	resource = resource_find(request->path, request->n_path);
	return !resource || resource->method != request->method ||
	       !(resource->who & RESOURCE_BY_LEAVER);
}

static void serve(struct conversation *c, struct exchange *exchange, const struct gw_coap *msg,
		  uint64_t now_us)
{
	struct turn turn = { .exchange = exchange, .response_key = transfer_response_key(msg) };
	struct request request;
	const char *why;
	uint8_t code;

	request_read(msg, &request, &code, &why);
	if (code == GW_COAP_EMPTY && is_told_off(c, &request)) {
		frame_init(&turn.frame, &request, c->block_size, /* body_max= */ 0);
		respond_notice(c, &turn, now_us);
		return;
	}
	if (code == GW_COAP_EMPTY) {
		turn.resource = resource_find(request.path, request.n_path);
		code = judge(c, &request, turn.resource, &turn.format, &why);
	}
	frame_init(&turn.frame, &request, c->block_size,
		   turn.resource ? turn.resource->body_max : 0);

	if (code == GW_COAP_BAD_OPTION && msg->type == GW_COAP_NON)
		exchange_reset(&c->exchanges, exchange); /* RFC 7252 5.4.1 */
	else if (code != GW_COAP_EMPTY)
		respond_code(c, &turn, code, why, now_us);
	else if (request.has_block2 && request.block2.number > 0)
		run_further(c, &turn, &request, now_us);
	else if (request.has_block1)
		run_block(c, &turn, msg, &request, now_us);
	else
		run(c, &turn, &request, request.payload, now_us);
}

void conversation_receive(struct conversation *c, struct gw_blob datagram, uint64_t now_us)
{
	struct exchange *exchange;
	struct gw_coap msg;

	if (exchanges_receive(&c->exchanges, datagram, now_us, &msg, &exchange))
		serve(c, exchange, &msg, now_us);
}

/* --- time --- */

void conversation_tick(struct conversation *c, uint64_t now_us)
{
	/* Before the message layer: a response that is due together with its acknowledgement is one. */
	for (size_t i = 0; i < WAITING_MAX; i++)
		if (c->waiting[i].number && c->waiting[i].due_us <= now_us)
			stop_waiting(c, &c->waiting[i], /* answer= */ NULL, now_us);
	exchanges_tick(&c->exchanges, now_us);
}

uint64_t conversation_due(const struct conversation *c)
{
	uint64_t due = exchanges_due(&c->exchanges);

	for (size_t i = 0; i < WAITING_MAX; i++)
		if (c->waiting[i].number)
			due = GW_MIN(due, c->waiting[i].due_us);
	return due;
}

bool conversation_is_idle(const struct conversation *c)
{
	return exchanges_are_idle(&c->exchanges);
}

uint64_t conversation_settled_us(const struct conversation *c)
{
	uint64_t settled_us = exchanges_settled_us(&c->exchanges);

	return c->answered_us ? GW_MAX(settled_us, c->answered_us) : UINT64_MAX;
}

/* --- life --- */

static uint16_t choose_block_size(uint16_t datagram_max)
{
	uint16_t size = BLOCK_SIZE_MAX;

	while (datagram_max && size > BLOCK_SIZE_MIN && size + OVERHEAD_MAX > datagram_max)
		size /= 2;
	return size;
}

struct conversation *conversation_free(struct conversation *c)
{
	if (!c)
		return NULL;

	exchanges_done(&c->exchanges);
	transfers_done(&c->requests);
	transfers_done(&c->responses);
	free(c);
	return NULL;
}

int conversation_new(const struct conversation_ops *ops, void *userdata,
		     const struct conversation_facts *facts, const struct conversation_peer *peer,
		     struct conversation **ret)
{
	struct conversation *c;
	uint32_t seed;
	int r;

	if (peer->binding.len > CONVERSATION_BINDING_MAX)
		return -EINVAL;
	r = gw_random((uint8_t *)&seed, sizeof(seed));
	if (r < 0)
		return r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	c->ops = ops;
	c->userdata = userdata;
	c->facts = facts;
	c->peer = *peer;
	c->peer.device = c->device;
	if (gw_copy(c->device, sizeof(c->device), peer->device) < 0) {
		free(c);
		return -EINVAL;
	}
	if (peer->binding.len > 0)
		memcpy(c->binding, peer->binding.data, peer->binding.len);
	c->peer.binding = (struct gw_blob){ c->binding, peer->binding.len };
	c->block_size = choose_block_size(peer->datagram_max);
	c->wait_s = RETRY_WAIT_S;
	gw_bucket_init(&c->questions, QUESTIONS_PER_SECOND, QUESTIONS_BURST, /* now_us= */ 0);
	exchanges_init(&c->exchanges, ops->send, userdata, seed);

	*ret = c;
	return 0;
}
