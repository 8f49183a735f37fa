/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer that says anything, and an agent that answers when the input has it so. Whatever happens, what
 * is sent is CoAP and fits a datagram, what is asked fits the link, and time only moves forward.
 *
 * The input is a list of steps, each two bytes: below 0x0800 the length of a datagram that follows;
 * else the high byte says what the agent or the clock does. The first byte picks the kind of peer.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/conversation.h"

#define DATAGRAM_MAX 0x0800u

enum step {
	STEP_TICK = 0xf0, /* to the next due time */
	STEP_ISSUED,      /* the agent's answer to its last question */
	STEP_PENDING,
	STEP_REFUSED,
	STEP_CLOUD, /* comes or goes */
};

struct world {
	struct conversation *c;
	struct conversation_facts facts;
	uint64_t now_us;
	struct gw_msg question; /* the last one: type and number only */
};

static uint8_t certificate[1500] = { 0x30, 0x82, 0x05, 0xd8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same input does the same every time. */
int __wrap_gw_random(uint8_t *buf, size_t len);
int __wrap_gw_random(uint8_t *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

static void on_send(void *userdata, struct gw_blob datagram)
{
	struct gw_coap msg;

	if (datagram.len > GW_COAP_MESSAGE_MAX ||
	    gw_coap_decode(datagram.data, datagram.len, &msg) < 0)
		abort();
}

static void on_ask(void *userdata, const struct gw_msg *msg)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct world *w = userdata;
	size_t len;

	if (gw_wire_encode(msg, buf, sizeof(buf), &len) < 0)
		abort();
	if (msg->type != GW_MSG_REJECTED)
		w->question = *msg;
}

static void answer(struct world *w, enum gw_outcome outcome)
{
	const struct gw_blob cert = GW_BLOB_ARRAY(certificate);
	struct gw_msg msg = { 0 };

	if (w->question.type == GW_MSG_ENROLL)
		msg = (struct gw_msg){ .type = GW_MSG_ENROLLED,
				       .enrolled = { .request = w->question.enroll.request,
						     .outcome = outcome,
						     .reason = "too-many-keys",
						     .certificate = cert,
						     .chain = cert } };
	else if (w->question.type == GW_MSG_SETTINGS_QUERY)
		msg = (struct gw_msg){ .type = GW_MSG_SETTINGS,
				       .settings = { .request = w->question.settings_query.request,
						     .outcome = outcome,
						     .reason = "suspended",
						     .device = "ACME-1",
						     .tenant = "default",
						     .cloud = "mqtts://cloud.example",
						     .renew_at = 1790000000 } };
	else if (w->question.type == GW_MSG_REPORT)
		msg = (struct gw_msg){ .type = GW_MSG_REPORTED,
				       .reported = { .request = w->question.report.request,
						     .outcome = outcome,
						     .reason = "not-possible" } };
	else
		return;
	conversation_answer(w->c, &msg, w->now_us);
}

static void tick(struct world *w)
{
	uint64_t due_us = conversation_due(w->c);

	if (due_us == UINT64_MAX)
		return;
	if (due_us < w->now_us)
		abort();
	w->now_us = due_us;
	conversation_tick(w->c, w->now_us);
	if (conversation_due(w->c) <= w->now_us)
		abort();
}

static void take_step(struct world *w, uint8_t step)
{
	switch ((enum step)step) {
	case STEP_TICK: tick(w); break;
	case STEP_ISSUED: answer(w, GW_OUTCOME_DONE); break;
	case STEP_PENDING: answer(w, GW_OUTCOME_PENDING); break;
	case STEP_REFUSED: answer(w, GW_OUTCOME_REFUSED); break;
	case STEP_CLOUD: w->facts.cloud_online = !w->facts.cloud_online; break;
	}
}

/* A datagram on the heap, so that a sanitizer sees the first byte too many. */
static void say(struct world *w, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (len > 0)
		memcpy(copy, data, len);
	conversation_receive(w->c, (struct gw_blob){ copy, len }, w->now_us);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conversation_ops ops = { .send = on_send, .ask = on_ask };
	struct gw_blob anchors[] = { GW_BLOB_ARRAY(certificate), GW_BLOB_ARRAY(certificate) };
	struct world w = { .facts = { .anchors = anchors, .n_anchors = 2, .cloud_online = true } };
	struct conversation_peer peer = { .device = "ACME-1" };
	const uint8_t *end = data + size;

	if (size == 0)
		return 0;
	peer.by_certificate = data[0] & 1;
	peer.datagram_max = data[0] & 2 ? 200 : 0;
	w.facts.n_anchors = data[0] >> 6 & 1 ? 1 : 2;
	if (conversation_new(&ops, &w, &w.facts, &peer, &w.c) < 0)
		abort();

	for (data++; end - data >= 2;) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		if (len >= DATAGRAM_MAX) {
			take_step(&w, (uint8_t)(len >> 8));
			continue;
		}
		len = GW_MIN(len, (size_t)(end - data));
		say(&w, data, len);
		data += len;
	}
	conversation_free(w.c);
	return 0;
}
