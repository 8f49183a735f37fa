/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bench of test-conversation*: two ends, and the material that they speak of. */
#include "conversation-bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/conversation.h"

struct gw_blob csr, certificate, issuer;

/* --- the two ends --- */

static void on_send(void *userdata, struct gw_blob datagram)
{
	struct bench *b = userdata;

	assert_true(b->n_sent < QUEUE_MAX);
	memcpy(b->sent[b->n_sent], datagram.data, datagram.len);
	b->sent_len[b->n_sent++] = datagram.len;
}

static void on_ask(void *userdata, const struct gw_msg *msg)
{
	struct bench *b = userdata;

	assert_true(b->n_asked < QUEUE_MAX);
	assert_int_equal(gw_wire_encode(msg, b->asked[b->n_asked], sizeof(b->asked[0]),
					&b->asked_len[b->n_asked]),
			 0);
	b->n_asked++;
}

const struct conversation_ops bench_ops = { .send = on_send, .ask = on_ask };

struct bench *bench_new(const struct conversation_peer *peer)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->facts = (struct conversation_facts){ .anchors = &issuer,
						.n_anchors = 1,
						.cloud_online = true };
	assert_int_equal(conversation_new(&bench_ops, b, &b->facts, peer, &b->c), 0);
	return b;
}

struct bench *bench_psk(void)
{
	return bench_new(&(struct conversation_peer){ .device = "ACME-1" });
}

struct bench *bench_certificate(void)
{
	return bench_new(&(struct conversation_peer){ .device = "ACME-1", .by_certificate = true });
}

void bench_free(struct bench *b)
{
	assert_int_equal(b->n_seen, b->n_sent);
	assert_int_equal(b->n_heard, b->n_asked);
	assert_null(conversation_free(b->c));
	free(b);
}

void wait_until(struct bench *b, uint64_t now_us)
{
	while (conversation_due(b->c) <= now_us) {
		assert_true(conversation_due(b->c) >= b->now_us);
		b->now_us = conversation_due(b->c);
		conversation_tick(b->c, b->now_us);
	}
	b->now_us = now_us;
}

struct asking asking_for(struct bench *b, uint8_t method, const char *path)
{
	struct asking a = { .msg = { .type = GW_COAP_CON, .code = method, .id = b->next_id++ } };

	a.msg.token_len = 2;
	memcpy(a.msg.token, "tk", 2);
	for (const char *end; path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, '/');
		assert_int_equal(gw_coap_add(&a.msg, GW_COAP_URI_PATH,
					     (struct gw_blob){ (const uint8_t *)path,
							       (size_t)(end - path) }),
				 0);
	}
	return a;
}

void with(struct asking *a, uint16_t number, uint32_t value)
{
	assert_int_equal(gw_coap_add_uint(&a->msg, number, value, a->scratch[a->n_scratch++]), 0);
}

void with_block(struct asking *a, uint16_t number, uint32_t block, bool more, uint16_t size)
{
	with(a, number,
	     gw_coap_block_value(
		     &(struct gw_coap_block){ .number = block, .more = more, .size = size }));
}

void say(struct bench *b, const struct gw_coap *msg)
{
	uint8_t buf[8192];
	size_t len;

	assert_int_equal(gw_coap_encode(msg, buf, sizeof(buf), &len), 0);
	conversation_receive(b->c, (struct gw_blob){ buf, len }, b->now_us);
}

struct gw_coap hear(struct bench *b)
{
	struct gw_coap msg;

	assert_true(b->n_seen < b->n_sent);
	assert_int_equal(gw_coap_decode(b->sent[b->n_seen], b->sent_len[b->n_seen], &msg), 0);
	b->n_seen++;
	return msg;
}

void assert_nothing_said(struct bench *b)
{
	assert_int_equal(b->n_seen, b->n_sent);
	assert_int_equal(b->n_heard, b->n_asked);
}

struct gw_coap hear_code(struct bench *b, uint8_t code)
{
	struct gw_coap msg = hear(b);

	if (msg.code != code)
		fail_msg("%d.%02d, not %d.%02d", msg.code >> 5, msg.code & 31, code >> 5,
			 code & 31);
	assert_int_equal(msg.type, GW_COAP_ACK);
	assert_int_equal(msg.token_len, 2);
	assert_memory_equal(msg.token, "tk", 2);
	return msg;
}

uint32_t option(const struct gw_coap *msg, uint16_t number)
{
	uint32_t value = UINT32_MAX;

	assert_int_equal(gw_coap_find_uint(msg, number, &value), 0);
	return value;
}

void assert_text(const struct gw_coap *msg, const char *text)
{
	if (msg->payload.len != strlen(text) || memcmp(msg->payload.data, text, strlen(text)) != 0)
		fail_msg("'%.*s', not '%s'", (int)msg->payload.len, (const char *)msg->payload.data,
			 text);
	assert_null(gw_coap_find(msg, GW_COAP_CONTENT_FORMAT));
}

struct gw_msg heard(struct bench *b, enum gw_msg_type type)
{
	struct gw_wire_error error;
	struct gw_msg msg;

	assert_true(b->n_heard < b->n_asked);
	assert_int_equal(
		gw_wire_decode(b->asked[b->n_heard], b->asked_len[b->n_heard], &msg, &error), 0);
	b->n_heard++;
	assert_int_equal(msg.type, type);
	return msg;
}

uint32_t heard_enroll(struct bench *b)
{
	struct gw_msg msg = heard(b, GW_MSG_ENROLL);

	assert_int_equal(msg.enroll.session, 0);
	assert_true(gw_blob_equal(msg.enroll.csr, csr));
	return msg.enroll.request;
}

void answer(struct bench *b, const struct gw_msg *msg)
{
	conversation_answer(b->c, msg, b->now_us);
}

void answer_issued(struct bench *b, uint32_t request)
{
	answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
				    .enrolled = { .request = request,
						  .outcome = GW_OUTCOME_DONE,
						  .certificate = certificate,
						  .chain = issuer } });
}

/* --- material --- */

int bench_make_material(void **state)
{
	openssl_init();
	openssl_run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key"
		    " -subj /CN=ACME-1 -outform DER -out csr");
	openssl_run("req -x509 -key key -subj /CN=ACME-1 -outform DER -out certificate");
	openssl_run("req -x509 -key key -subj '/CN=Test CA' -outform DER -out issuer");
	csr = openssl_read("csr");
	certificate = openssl_read("certificate");
	issuer = openssl_read("issuer");
	return 0;
}

int bench_remove_material(void **state)
{
	free((void *)(uintptr_t)csr.data);
	free((void *)(uintptr_t)certificate.data);
	free((void *)(uintptr_t)issuer.data);
	openssl_done();
	return 0;
}

struct asking asking_sen(struct bench *b)
{
	struct asking a = asking_for(b, GW_COAP_POST, SEN);

	a.msg.payload = csr;
	return a;
}

void assert_pkcs7(struct gw_blob body)
{
	assert_true(body.len > certificate.len + issuer.len);
	assert_memory_equal(body.data + body.len - 2 - issuer.len, issuer.data, issuer.len);
	assert_memory_equal(body.data + body.len - 2 - issuer.len - certificate.len,
			    certificate.data, certificate.len);
}

/* --- block-wise --- */

void send_blocks(struct bench *b, uint16_t size, struct gw_blob body)
{
	struct gw_coap msg;
	struct asking a;

	for (uint32_t n = 0; n * size < body.len; n++) {
		size_t left = body.len - n * size;

		a = asking_for(b, GW_COAP_POST, SEN);
		with(&a, GW_COAP_CONTENT_FORMAT, 286);
		with_block(&a, GW_COAP_BLOCK1, n, left > size, size);
		with_block(&a, GW_COAP_BLOCK2, 0, false, size);
		a.msg.payload =
			(struct gw_blob){ body.data + n * size, GW_MIN(left, (size_t)size) };
		say(b, &a.msg);
		if (left <= size)
			return;
		msg = hear_code(b, GW_COAP_CONTINUE);
		assert_int_equal(option(&msg, GW_COAP_BLOCK1), option(&a.msg, GW_COAP_BLOCK1));
		b->n_seen = b->n_sent = 0;
	}
}

size_t fetch_blocks(struct bench *b, uint8_t method, const char *path, struct gw_coap msg,
		    uint8_t *whole)
{
	struct gw_coap_block block;
	uint8_t etag[8];
	size_t len = 0;

	assert_int_equal(gw_coap_find(&msg, GW_COAP_ETAG)->value.len, sizeof(etag));
	memcpy(etag, gw_coap_find(&msg, GW_COAP_ETAG)->value.data, sizeof(etag));
	for (;;) {
		struct asking a = asking_for(b, method, path);

		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK2, &block), 0);
		assert_memory_equal(gw_coap_find(&msg, GW_COAP_ETAG)->value.data, etag,
				    sizeof(etag));
		assert_int_equal((size_t)block.number * block.size, len);
		memcpy(whole + len, msg.payload.data, msg.payload.len);
		len += msg.payload.len;
		if (!block.more)
			return len;

		b->n_seen = b->n_sent = 0;
		with_block(&a, GW_COAP_BLOCK2, block.number + 1, false, block.size);
		say(b, &a.msg);
		msg = hear(b);
	}
}
