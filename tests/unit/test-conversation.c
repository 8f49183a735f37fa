/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole conversations between a peer and an agent that are both played here: what each request gets,
 * by whom it may be made, and when the answer goes out.
 */
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/exchange.h"

#define QUEUE_MAX 64
#define SECOND    1000000u
#define PATIENCE  (10u * SECOND)
#define MOMENT    500000u

#define REQUEST_TAG 292

#define CORE   ".well-known/core"
#define CRTS   ".well-known/est/crts"
#define ATT    ".well-known/est/att"
#define SEN    ".well-known/est/sen"
#define SREN   ".well-known/est/sren"
#define ES     ".well-known/brski/es"
#define CONFIG ".well-known/gangway/config"

static struct gw_blob csr, certificate, issuer;

/* --- the two ends --- */

struct bench {
	struct conversation *c;
	struct conversation_facts facts;
	uint64_t now_us;

	uint8_t sent[QUEUE_MAX][GW_COAP_MESSAGE_MAX];
	size_t sent_len[QUEUE_MAX], n_sent, n_seen;

	uint8_t asked[QUEUE_MAX][GW_CSR_MAX + 256];
	size_t asked_len[QUEUE_MAX], n_asked, n_heard;

	uint16_t next_id;
};

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

static const struct conversation_ops ops = { .send = on_send, .ask = on_ask };

static struct bench *bench_new(const struct conversation_peer *peer)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->facts = (struct conversation_facts){ .anchors = &issuer,
						.n_anchors = 1,
						.cloud_online = true };
	assert_int_equal(conversation_new(&ops, b, &b->facts, peer, &b->c), 0);
	return b;
}

static struct bench *bench_psk(void)
{
	return bench_new(&(struct conversation_peer){ .device = "ACME-1" });
}

static struct bench *bench_certificate(void)
{
	return bench_new(&(struct conversation_peer){ .device = "ACME-1", .by_certificate = true });
}

/* Nothing was said that the test did not look at. */
static void bench_free(struct bench *b)
{
	assert_int_equal(b->n_seen, b->n_sent);
	assert_int_equal(b->n_heard, b->n_asked);
	assert_null(conversation_free(b->c));
	free(b);
}

/* Passes time, with a tick whenever one is due. */
static void wait_until(struct bench *b, uint64_t now_us)
{
	while (conversation_due(b->c) <= now_us) {
		assert_true(conversation_due(b->c) >= b->now_us);
		b->now_us = conversation_due(b->c);
		conversation_tick(b->c, b->now_us);
	}
	b->now_us = now_us;
}

/* A request being put together. */
struct asking {
	struct gw_coap msg;
	uint8_t scratch[8][4];
	size_t n_scratch;
};

static struct asking asking_for(struct bench *b, uint8_t method, const char *path)
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

static void with(struct asking *a, uint16_t number, uint32_t value)
{
	assert_int_equal(gw_coap_add_uint(&a->msg, number, value, a->scratch[a->n_scratch++]), 0);
}

static void with_block(struct asking *a, uint16_t number, uint32_t block, bool more, uint16_t size)
{
	with(a, number,
	     gw_coap_block_value(
		     &(struct gw_coap_block){ .number = block, .more = more, .size = size }));
}

static void say(struct bench *b, const struct gw_coap *msg)
{
	uint8_t buf[8192];
	size_t len;

	assert_int_equal(gw_coap_encode(msg, buf, sizeof(buf), &len), 0);
	conversation_receive(b->c, (struct gw_blob){ buf, len }, b->now_us);
}

static struct gw_coap hear(struct bench *b)
{
	struct gw_coap msg;

	assert_true(b->n_seen < b->n_sent);
	assert_int_equal(gw_coap_decode(b->sent[b->n_seen], b->sent_len[b->n_seen], &msg), 0);
	b->n_seen++;
	return msg;
}

static void assert_nothing_said(struct bench *b)
{
	assert_int_equal(b->n_seen, b->n_sent);
	assert_int_equal(b->n_heard, b->n_asked);
}

/* A response to a request, in an acknowledgement. */
static struct gw_coap hear_code(struct bench *b, uint8_t code)
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

static uint32_t option(const struct gw_coap *msg, uint16_t number)
{
	uint32_t value = UINT32_MAX;

	assert_int_equal(gw_coap_find_uint(msg, number, &value), 0);
	return value;
}

static void assert_text(const struct gw_coap *msg, const char *text)
{
	if (msg->payload.len != strlen(text) || memcmp(msg->payload.data, text, strlen(text)) != 0)
		fail_msg("'%.*s', not '%s'", (int)msg->payload.len, (const char *)msg->payload.data,
			 text);
	assert_null(gw_coap_find(msg, GW_COAP_CONTENT_FORMAT));
}

/* What the agent was asked. */
static struct gw_msg heard(struct bench *b, enum gw_msg_type type)
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

static uint32_t heard_enroll(struct bench *b)
{
	struct gw_msg msg = heard(b, GW_MSG_ENROLL);

	assert_int_equal(msg.enroll.session, 0);
	assert_true(gw_blob_equal(msg.enroll.csr, csr));
	return msg.enroll.request;
}

static void answer(struct bench *b, const struct gw_msg *msg)
{
	conversation_answer(b->c, msg, b->now_us);
}

static void answer_issued(struct bench *b, uint32_t request)
{
	answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
				    .enrolled = { .request = request,
						  .outcome = GW_OUTCOME_DONE,
						  .certificate = certificate,
						  .chain = issuer } });
}

/* --- material --- */

static int make_material(void **state)
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

static int remove_material(void **state)
{
	free((void *)(uintptr_t)csr.data);
	free((void *)(uintptr_t)certificate.data);
	free((void *)(uintptr_t)issuer.data);
	openssl_done();
	return 0;
}

static struct asking asking_sen(struct bench *b)
{
	struct asking a = asking_for(b, GW_COAP_POST, SEN);

	a.msg.payload = csr;
	return a;
}

/* The certificates in a certs-only message must be these two. */
static void assert_pkcs7(struct gw_blob body)
{
	assert_true(body.len > certificate.len + issuer.len);
	assert_memory_equal(body.data + body.len - 2 - issuer.len, issuer.data, issuer.len);
	assert_memory_equal(body.data + body.len - 2 - issuer.len - certificate.len,
			    certificate.data, certificate.len);
}

/* --- memory --- */

/* Allocations of ours and of wolfSSL's until one fails; SIZE_MAX: none does. */
static size_t until_failure = SIZE_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

/* What is allocated and not yet freed. */
static size_t live;

static void *count(void *p)
{
	live += p ? malloc_usable_size(p) : 0;
	return p;
}

static bool fails(void)
{
	return until_failure != SIZE_MAX && until_failure-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *new = fails() ? NULL : __real_realloc(p, size);

	live -= new ? old : 0;
	return count(new);
}

void __wrap_free(void *p)
{
	live -= p ? malloc_usable_size(p) : 0;
	__real_free(p);
}

/* --- who may what --- */

static void every_resource_method_and_peer(void **state)
{
	static const struct {
		const char *path;
		uint8_t method;
		bool by_psk;
		bool asks;
	} cases[] = {
		{ CORE, GW_COAP_GET, true, false },   { CRTS, GW_COAP_GET, true, false },
		{ ATT, GW_COAP_GET, true, false },    { SEN, GW_COAP_POST, true, true },
		{ SREN, GW_COAP_POST, false, true },  { ES, GW_COAP_POST, true, true },
		{ CONFIG, GW_COAP_GET, false, true },
	};
	static const char report[] = "{\"version\":1,\"status\":true}";

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		for (uint8_t method = 1; method < 32; method++) {
			for (int by_certificate = 0; by_certificate < 2; by_certificate++) {
				struct bench *b =
					by_certificate ? bench_certificate() : bench_psk();
				struct asking a = asking_for(b, method, cases[i].path);
				bool may = by_certificate || cases[i].by_psk;

				if (method == GW_COAP_POST)
					a.msg.payload =
						gw_streq(cases[i].path, ES)
							? (struct gw_blob){ (const uint8_t *)report,
									    strlen(report) }
							: csr;
				say(b, &a.msg);
				if (method != cases[i].method) {
					hear_code(b, GW_COAP_NOT_ALLOWED);
				} else if (!may) {
					hear_code(b, GW_COAP_FORBIDDEN);
				} else if (cases[i].asks) {
					assert_int_equal(b->n_asked, 1);
					b->n_heard++;
				} else {
					hear_code(b, GW_COAP_CONTENT);
				}
				bench_free(b);
			}
		}
	}
}

static void unknown_paths(void **state)
{
	static const char *const paths[] = { "", "a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h/i",
					     ".well-known/est/skg" };
	struct bench *b = bench_psk();

	for (size_t i = 0; i < GW_ELEMENTS(paths); i++) {
		struct asking a = asking_for(b, GW_COAP_GET, paths[i]);

		say(b, &a.msg);
		hear_code(b, GW_COAP_NOT_FOUND);
	}

	/* RFC 7252 5.8: what method it is comes first */
	for (uint8_t method = GW_COAP_POST + 1; method < 32; method++) {
		struct asking a = asking_for(b, method, "nowhere");

		say(b, &a.msg);
		hear_code(b, GW_COAP_NOT_ALLOWED);
	}
	bench_free(b);
}

/* --- content formats --- */

static void formats_of_requests(void **state)
{
	static const struct {
		const char *path;
		int format;
		bool good;
	} cases[] = {
		{ SEN, -1, true },
		{ SEN, 286, true },
		{ SEN, 0, false },
		{ SEN, 281, false },
		{ SEN, 50, false },
		{ ES, -1, true },
		{ ES, 50, true },
		{ ES, 60, false },
		{ ES, 0, false },
		{ SREN, 286, true },
		{ SREN, 65535, false },
		{ SEN, 65536, true }, /* three bytes are no content format, so it is not told */
	};
	static const char report[] = "{\"version\":1,\"status\":false}";

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_certificate();
		struct asking a = asking_for(b, GW_COAP_POST, cases[i].path);

		a.msg.payload = csr;
		if (gw_streq(cases[i].path, ES))
			a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
		if (cases[i].format >= 0)
			with(&a, GW_COAP_CONTENT_FORMAT, (uint32_t)cases[i].format);
		say(b, &a.msg);
		if (cases[i].good)
			assert_int_equal(++b->n_heard, b->n_asked);
		else
			hear_code(b, GW_COAP_BAD_FORMAT);
		bench_free(b);
	}
}

static void formats_of_answers(void **state)
{
	static const struct {
		const char *path;
		int accept, format; /* -1: refused */
	} cases[] = {
		{ CORE, 40, 40 },  { CORE, 0, -1 },   { CRTS, 281, 281 }, { CRTS, 287, 287 },
		{ CRTS, 286, -1 }, { ATT, 285, 285 }, { ATT, 281, -1 },   { CORE, -1, 40 },
		{ CRTS, -1, 281 }, { ATT, -1, 285 },
	};
	struct bench *b = bench_psk();

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct asking a = asking_for(b, GW_COAP_GET, cases[i].path);
		struct gw_coap msg;

		if (cases[i].accept >= 0)
			with(&a, GW_COAP_ACCEPT, (uint32_t)cases[i].accept);
		say(b, &a.msg);
		if (cases[i].format < 0) {
			hear_code(b, GW_COAP_NOT_ACCEPTABLE);
			continue;
		}
		msg = hear_code(b, GW_COAP_CONTENT);
		assert_int_equal(option(&msg, GW_COAP_CONTENT_FORMAT), cases[i].format);
		if (cases[i].format == 287)
			assert_true(gw_blob_equal(msg.payload, issuer));
	}
	bench_free(b);
}

static void two_anchors_are_no_single_certificate(void **state)
{
	struct gw_blob anchors[] = { certificate, issuer };
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);
	struct gw_coap msg;

	b->facts.anchors = anchors;
	b->facts.n_anchors = 2;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_CONTENT);
	assert_pkcs7(msg.payload);

	a = asking_for(b, GW_COAP_GET, CRTS);
	with(&a, GW_COAP_ACCEPT, 287);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_NOT_ACCEPTABLE);
	assert_text(&msg, "more than one certificate: ask for 281");
	bench_free(b);
}

static void without_anchors_later(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);
	struct gw_coap msg;

	b->facts.n_anchors = 0;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 10);
	bench_free(b);
}

/* --- enrolment --- */

static void a_certificate_at_once(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_msg question;
	struct gw_coap msg;

	say(b, &a.msg);
	question = heard(b, GW_MSG_ENROLL);
	assert_int_equal(question.enroll.renew, 0);
	assert_int_equal(question.enroll.key.len, GW_HASH_LEN);
	wait_until(b, MOMENT - 1);
	answer_issued(b, question.enroll.request);
	msg = hear_code(b, GW_COAP_CHANGED);
	assert_int_equal(option(&msg, GW_COAP_CONTENT_FORMAT), 281);
	assert_pkcs7(msg.payload);
	assert_true(conversation_is_idle(b->c));
	bench_free(b);
}

static void a_single_certificate(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg;

	with(&a, GW_COAP_ACCEPT, 287);
	say(b, &a.msg);
	answer_issued(b, heard_enroll(b));
	msg = hear_code(b, GW_COAP_CHANGED);
	assert_int_equal(option(&msg, GW_COAP_CONTENT_FORMAT), 287);
	assert_true(gw_blob_equal(msg.payload, certificate));
	bench_free(b);
}

static void a_renewal(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_POST, SREN);
	struct gw_msg question;

	a.msg.payload = csr;
	say(b, &a.msg);
	question = heard(b, GW_MSG_ENROLL);
	assert_int_equal(question.enroll.renew, 1);
	answer_issued(b, question.enroll.request);
	hear_code(b, GW_COAP_CHANGED);
	bench_free(b);
}

static void a_separate_response(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg, ack = { .type = GW_COAP_ACK };
	uint32_t request;

	say(b, &a.msg);
	request = heard_enroll(b);
	wait_until(b, MOMENT - 1);
	assert_nothing_said(b);
	wait_until(b, MOMENT);
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_ACK);
	assert_int_equal(msg.code, GW_COAP_EMPTY);
	assert_int_equal(msg.id, a.msg.id);

	wait_until(b, 7 * SECOND);
	answer_issued(b, request);
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_CON);
	assert_int_equal(msg.code, GW_COAP_CHANGED);
	assert_memory_equal(msg.token, "tk", 2);
	assert_pkcs7(msg.payload);
	assert_false(conversation_is_idle(b->c));

	/* lost: it comes again until it is acknowledged */
	wait_until(b, 11 * SECOND);
	assert_int_equal(hear(b).id, msg.id);
	assert_true(conversation_settled_us(b->c) == UINT64_MAX);
	ack.id = msg.id;
	say(b, &ack);
	assert_true(conversation_is_idle(b->c));
	assert_true(conversation_settled_us(b->c) <= b->now_us);
	assert_true(conversation_due(b->c) == UINT64_MAX);
	wait_until(b, 300 * SECOND);
	bench_free(b);
}

/* Anchors are what a device begins with; a certificate is what it came for. */
static void settled_once_it_has_what_it_came_for(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);

	say(b, &a.msg);
	hear_code(b, GW_COAP_CONTENT);
	assert_true(conversation_settled_us(b->c) == UINT64_MAX);

	wait_until(b, 20 * SECOND);
	a = asking_sen(b);
	say(b, &a.msg);
	assert_true(conversation_settled_us(b->c) == UINT64_MAX);
	answer_issued(b, heard_enroll(b));
	hear_code(b, GW_COAP_CHANGED);
	assert_true(conversation_settled_us(b->c) == 20 * SECOND + EXCHANGE_WAIT_US);
	bench_free(b);
}

/* It acknowledges nothing: it may have missed the answer, and asks again when that took too long. */
static void settled_later_where_nothing_is_acknowledged(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);

	wait_until(b, SECOND);
	a.msg.type = GW_COAP_NON;
	say(b, &a.msg);
	answer_issued(b, heard_enroll(b));
	assert_int_equal(hear(b).type, GW_COAP_NON);
	assert_true(conversation_settled_us(b->c) == b->now_us + EXCHANGE_WAIT_US);
	bench_free(b);
}

/* It has acknowledged the first block: the others are still to be asked for. */
static void settled_when_blocks_are_over(void **state)
{
	struct gw_coap msg, ack = { .type = GW_COAP_ACK };
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	uint32_t request;

	with_block(&a, GW_COAP_BLOCK2, 0, false, 64);
	say(b, &a.msg);
	request = heard_enroll(b);
	wait_until(b, MOMENT);
	hear(b);
	answer_issued(b, request);
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_CON);
	ack.id = msg.id;
	say(b, &ack);
	assert_true(conversation_settled_us(b->c) == MOMENT + EXCHANGE_WAIT_US);
	bench_free(b);
}

/* It never acknowledges: the answer is said five times in all, then nothing is left of it; asked again, the
 * agent gives the same. */
static void a_peer_that_never_acknowledges(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	uint64_t said_us[6], first_us;
	struct gw_coap msg;
	uint32_t request;
	uint16_t id = 0;

	say(b, &a.msg);
	request = heard_enroll(b);
	wait_until(b, SECOND);
	hear(b); /* the empty acknowledgement */
	answer_issued(b, request);
	for (size_t i = 0; i < 5; i++) {
		said_us[i] = b->now_us;
		msg = hear(b);
		assert_int_equal(msg.type, GW_COAP_CON);
		assert_int_equal(msg.code, GW_COAP_CHANGED);
		id = i == 0 ? msg.id : id;
		assert_int_equal(msg.id, id);
		assert_nothing_said(b);
		wait_until(b, conversation_due(b->c));
	}
	said_us[5] = b->now_us;
	assert_nothing_said(b);
	assert_true(conversation_is_idle(b->c));
	assert_true(conversation_due(b->c) == UINT64_MAX);

	first_us = said_us[1] - said_us[0];
	assert_in_range(first_us, 2 * SECOND, 3 * SECOND);
	for (size_t i = 1; i < 5; i++)
		assert_true(said_us[i + 1] - said_us[i] == first_us << i);

	a = asking_sen(b);
	say(b, &a.msg);
	answer_issued(b, heard_enroll(b));
	msg = hear_code(b, GW_COAP_CHANGED);
	assert_pkcs7(msg.payload);
	bench_free(b);
}

static void after_ten_seconds_later(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg, ack = { .type = GW_COAP_ACK };
	uint32_t request;

	say(b, &a.msg);
	request = heard_enroll(b);
	wait_until(b, PATIENCE - 1);
	hear(b); /* the empty acknowledgement */
	assert_nothing_said(b);
	wait_until(b, PATIENCE);
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_CON);
	assert_int_equal(msg.code, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 10);
	ack.id = msg.id;
	say(b, &ack);

	/* the answer has nobody waiting for it now */
	answer_issued(b, request);
	assert_nothing_said(b);
	bench_free(b);
}

static void pending_is_later_at_once(void **state)
{
	static const uint32_t told[] = { 77, 0 }, expected[] = { 77, 10 };
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(told); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_sen(b);

		say(b, &a.msg);
		answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
					    .enrolled = { .request = heard_enroll(b),
							  .outcome = GW_OUTCOME_PENDING,
							  .retry_after_s = told[i] } });
		msg = hear_code(b, GW_COAP_UNAVAILABLE);
		assert_int_equal(option(&msg, GW_COAP_MAX_AGE), expected[i]);
		assert_int_equal(msg.payload.len, 0);
		bench_free(b);
	}
}

/* With the cloud away the agent may still know the answer; but nobody waits for long. */
static void with_the_cloud_away(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg;

	b->facts.cloud_online = false;
	say(b, &a.msg);
	answer_issued(b, heard_enroll(b));
	hear_code(b, GW_COAP_CHANGED);

	a = asking_sen(b);
	say(b, &a.msg);
	heard_enroll(b);
	wait_until(b, b->now_us + MOMENT - 1);
	assert_nothing_said(b);
	wait_until(b, b->now_us + 1);
	msg = hear_code(b, GW_COAP_UNAVAILABLE); /* no empty acknowledgement before it */
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 30);
	bench_free(b);
}

/* What the agent knows by itself does not depend on the cloud. */
static void settings_without_the_cloud(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_coap msg;

	b->facts.cloud_online = false;
	say(b, &a.msg);
	heard(b, GW_MSG_SETTINGS_QUERY);
	wait_until(b, PATIENCE - 1);
	hear(b); /* the empty acknowledgement */
	assert_nothing_said(b);
	wait_until(b, PATIENCE);
	msg = hear(b);
	assert_int_equal(msg.code, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 10);
	bench_free(b);
}

static void a_refusal_has_its_reason(void **state)
{
	static const struct {
		const char *reason, *text;
	} cases[] = {
		{ "too-many-keys", "too-many-keys: The device has tried three keys on one claim; "
				   "claim it again to go on." },
		{ "made-up-by-the-cloud", "made-up-by-the-cloud" },
	};
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_sen(b);

		say(b, &a.msg);
		answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
					    .enrolled = { .request = heard_enroll(b),
							  .outcome = GW_OUTCOME_REFUSED,
							  .reason = cases[i].reason } });
		msg = hear_code(b, GW_COAP_FORBIDDEN);
		assert_text(&msg, cases[i].text);
		bench_free(b);
	}
}

static void bad_requests_are_refused_and_told(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg;

	a.msg.payload.len--;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_BAD_REQUEST);
	assert_text(&msg, "bad-csr: The device's signing request is malformed.");
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "bad-csr");
	assert_true(conversation_is_idle(b->c));

	/* the text is cut to the blocks that the peer wants */
	a = asking_sen(b);
	a.msg.payload.len--;
	with_block(&a, GW_COAP_BLOCK2, 0, false, 16);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_BAD_REQUEST);
	assert_text(&msg, "bad-csr: The dev");
	heard(b, GW_MSG_REJECTED);
	bench_free(b);

	b = bench_new(&(struct conversation_peer){ .device = "ACME-2" });
	a = asking_sen(b);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_BAD_REQUEST);
	assert_text(&msg, "wrong-name: The signing request is in another device's name.");
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "wrong-name");
	bench_free(b);
}

static void a_non_is_answered_by_a_non(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	struct gw_coap msg;

	a.msg.type = GW_COAP_NON;
	say(b, &a.msg);
	wait_until(b, 5 * SECOND);
	answer_issued(b, heard_enroll(b));
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_NON);
	assert_int_equal(msg.code, GW_COAP_CHANGED);
	assert_true(conversation_is_idle(b->c));

	a = asking_sen(b);
	a.msg.type = GW_COAP_NON;
	say(b, &a.msg);
	heard_enroll(b);
	wait_until(b, 5 * SECOND + PATIENCE);
	msg = hear(b);
	assert_int_equal(msg.type, GW_COAP_NON);
	assert_int_equal(msg.code, GW_COAP_UNAVAILABLE);
	bench_free(b);
}

static void a_repeated_request_is_one_question(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	uint32_t request;

	say(b, &a.msg);
	request = heard_enroll(b);
	say(b, &a.msg);
	assert_nothing_said(b);
	answer_issued(b, request);
	hear_code(b, GW_COAP_CHANGED);
	say(b, &a.msg);
	hear_code(b, GW_COAP_CHANGED);
	bench_free(b);
}

static void only_the_right_answer_counts(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_sen(b);
	uint32_t request;

	say(b, &a.msg);
	request = heard_enroll(b);
	answer_issued(b, request + 1);
	answer_issued(b, 0);
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED, .reported.request = request });
	answer(b, &(struct gw_msg){ .type = GW_MSG_SETTINGS, .settings.request = request });
	answer(b, &(struct gw_msg){ .type = GW_MSG_VERDICT });
	assert_nothing_said(b);
	answer_issued(b, request);
	hear_code(b, GW_COAP_CHANGED);
	answer_issued(b, request); /* twice */
	assert_nothing_said(b);
	bench_free(b);
}

/* --- block-wise --- */

/* Sends a CSR in blocks; the last response is left to the caller. */
static void send_blocks(struct bench *b, uint16_t size, struct gw_blob body)
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

/* Fetches the rest of a response of which the first block has come; returns the whole. */
static size_t fetch_blocks(struct bench *b, uint8_t method, const char *path, struct gw_coap msg,
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

static void blocks_of_all_sizes(void **state)
{
	uint8_t whole[4096];

	for (uint16_t size = 16; size <= 1024; size *= 2) {
		struct bench *b = bench_psk();
		struct gw_coap_block block;
		struct gw_coap msg;
		size_t len;

		send_blocks(b, size, csr);
		answer_issued(b, heard_enroll(b));
		msg = hear_code(b, GW_COAP_CHANGED);
		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK1, &block), 0);
		assert_int_equal(block.number, (csr.len - 1) / size);
		assert_int_equal(block.size, size);
		assert_false(block.more);
		len = fetch_blocks(b, GW_COAP_POST, SEN, msg, whole);
		assert_pkcs7((struct gw_blob){ whole, len });
		assert_int_equal(b->n_asked, 1);
		bench_free(b);
	}
}

static void a_long_answer_without_being_asked(void **state)
{
	struct gw_blob many[6];
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, CRTS);
	struct gw_coap_block block;
	struct gw_coap msg;
	uint8_t whole[8192];
	size_t len;

	for (size_t i = 0; i < 6; i++)
		many[i] = i == 4 ? certificate : issuer;
	b->facts.anchors = many;
	b->facts.n_anchors = 6;
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_CONTENT);
	assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK2, &block), 0);
	assert_int_equal(block.size, 1024);
	len = fetch_blocks(b, GW_COAP_GET, CRTS, msg, whole);
	assert_true(len > 6 * issuer.len);
	assert_pkcs7((struct gw_blob){ whole, len });

	/* no such block */
	b->n_seen = b->n_sent = 0;
	a = asking_for(b, GW_COAP_GET, CRTS);
	with_block(&a, GW_COAP_BLOCK2, 100, false, 1024);
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);
	bench_free(b);
}

/* A small radio: blocks no larger than its frames hold, whatever is asked for. */
static void blocks_fit_the_channel(void **state)
{
	static const struct {
		uint16_t datagram_max, block_size;
	} cases[] = { { 1152, 1024 }, { 1087, 512 }, { 200, 128 }, { 127, 32 }, { 20, 16 } };
	uint8_t whole[4096];

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_new(&(struct conversation_peer){
			.device = "ACME-1", .datagram_max = cases[i].datagram_max });
		struct asking a = asking_for(b, GW_COAP_GET, CRTS);
		struct gw_coap_block block;
		struct gw_coap msg;
		size_t len;

		with_block(&a, GW_COAP_BLOCK2, 0, false, 1024);
		say(b, &a.msg);
		msg = hear_code(b, GW_COAP_CONTENT);
		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK2, &block), 0);
		assert_int_equal(block.size, cases[i].block_size);
		if (cases[i].datagram_max >= 100)
			assert_true(b->sent_len[0] <= cases[i].datagram_max);
		len = fetch_blocks(b, GW_COAP_GET, CRTS, msg, whole);
		assert_true(len > issuer.len);

		/* the second block of 256, in our blocks: the place is the same */
		b->n_seen = b->n_sent = 0;
		a = asking_for(b, GW_COAP_GET, CRTS);
		with_block(&a, GW_COAP_BLOCK2, 1, false, 256);
		say(b, &a.msg);
		msg = hear_code(b, GW_COAP_CONTENT);
		assert_memory_equal(msg.payload.data, whole + 256, 16);
		bench_free(b);
	}
}

/* Nor does it want larger ones: it says so with the first, which it takes as it is (RFC 7959 2.3). */
static void smaller_blocks_are_asked_for(void **state)
{
	struct bench *b =
		bench_new(&(struct conversation_peer){ .device = "ACME-1", .datagram_max = 100 });
	struct gw_coap_block block;
	struct gw_coap msg;
	size_t offset = 0, size = 128;

	for (;;) {
		struct asking a = asking_for(b, GW_COAP_POST, SEN);
		size_t len = GW_MIN(csr.len - offset, size);
		bool more = offset + len < csr.len;

		with_block(&a, GW_COAP_BLOCK1, (uint32_t)(offset / size), more, (uint16_t)size);
		a.msg.payload = (struct gw_blob){ csr.data + offset, len };
		say(b, &a.msg);
		if (!more)
			break;
		msg = hear_code(b, GW_COAP_CONTINUE);
		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK1, &block), 0);
		assert_int_equal(block.number, offset / size);
		assert_true(block.more);
		assert_int_equal(block.size, 32);
		offset += len;
		size = block.size;
	}
	assert_true(offset >= 128 + 32);
	heard_enroll(b);
	bench_free(b);
}

static void two_transfers_at_once(void **state)
{
	struct bench *b = bench_certificate();
	const char *const paths[] = { SEN, SREN };
	struct asking a;

	for (uint32_t n = 0; n * 64 < csr.len; n++) {
		for (int i = 0; i < 2; i++) {
			size_t left = csr.len - n * 64;

			a = asking_for(b, GW_COAP_POST, paths[i]);
			with_block(&a, GW_COAP_BLOCK1, n, left > 64, 64);
			a.msg.payload =
				(struct gw_blob){ csr.data + n * 64, GW_MIN(left, (size_t)64) };
			say(b, &a.msg);
			if (left > 64)
				hear_code(b, GW_COAP_CONTINUE);
		}
	}
	assert_int_equal(heard(b, GW_MSG_ENROLL).enroll.renew, 0);
	assert_int_equal(heard(b, GW_MSG_ENROLL).enroll.renew, 1);
	bench_free(b);
}

static void blocks_out_of_order(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_POST, SEN);
	struct gw_coap msg;

	with_block(&a, GW_COAP_BLOCK1, 2, true, 64);
	a.msg.payload = (struct gw_blob){ csr.data, 64 };
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_INCOMPLETE);
	assert_int_equal(option(&msg, GW_COAP_BLOCK1) >> 4, 2);
	bench_free(b);
}

static void the_rest_of_nothing(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_POST, SEN);

	with_block(&a, GW_COAP_BLOCK2, 1, false, 64);
	say(b, &a.msg);
	hear_code(b, GW_COAP_INCOMPLETE);
	bench_free(b);
}

static void bodies_that_are_too_large(void **state)
{
	static const uint8_t zeros[1024];
	struct bench *b = bench_psk();
	struct gw_coap msg;
	struct asking a;

	/* said beforehand */
	a = asking_for(b, GW_COAP_POST, SEN);
	with_block(&a, GW_COAP_BLOCK1, 0, true, 64);
	with(&a, GW_COAP_SIZE1, GW_CSR_MAX + 1);
	a.msg.payload = (struct gw_blob){ zeros, 64 };
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_TOO_LARGE);
	assert_int_equal(option(&msg, GW_COAP_SIZE1), GW_CSR_MAX);
	assert_text(&msg, "too-large: The signing request is larger than accepted.");
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "too-large");

	/* found out on the way */
	for (uint32_t n = 0; n < 4; n++) {
		a = asking_for(b, GW_COAP_POST, SEN);
		with_block(&a, GW_COAP_BLOCK1, n, true, 1024);
		a.msg.payload = (struct gw_blob)GW_BLOB_ARRAY(zeros);
		say(b, &a.msg);
		hear_code(b, GW_COAP_CONTINUE);
	}
	a = asking_for(b, GW_COAP_POST, SEN);
	with_block(&a, GW_COAP_BLOCK1, 4, false, 1024);
	a.msg.payload = (struct gw_blob){ zeros, 1 };
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_TOO_LARGE);
	assert_int_equal(option(&msg, GW_COAP_SIZE1), GW_CSR_MAX);
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "too-large");

	/* a report: not an enrolment, so nothing to tell */
	a = asking_for(b, GW_COAP_POST, ES);
	a.msg.payload = (struct gw_blob){ zeros, 1024 };
	with(&a, GW_COAP_SIZE1, 1025);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_TOO_LARGE);
	assert_int_equal(option(&msg, GW_COAP_SIZE1), 1024);
	bench_free(b);
}

/* --- options --- */

static void critical_options(void **state)
{
	static const struct {
		uint16_t number;
		size_t len;
		bool good;
	} cases[] = {
		{ GW_COAP_IF_MATCH, 4, false },
		{ GW_COAP_URI_HOST, 9, true },
		{ GW_COAP_URI_HOST, 0, false },
		{ GW_COAP_URI_HOST, 256, false },
		{ GW_COAP_ETAG, 4, true },
		{ 5, 0, false }, /* If-None-Match */
		{ GW_COAP_OBSERVE, 0, true },
		{ GW_COAP_URI_PORT, 2, true },
		{ GW_COAP_URI_PORT, 3, false },
		{ 9, 2, false },                     /* OSCORE */
		{ GW_COAP_CONTENT_FORMAT, 3, true }, /* a wrong length, but not critical */
		{ GW_COAP_MAX_AGE, 4, true },
		{ GW_COAP_URI_QUERY, 255, true },
		{ GW_COAP_URI_QUERY, 256, false },
		{ 16, 1, true }, /* Hop-Limit */
		{ GW_COAP_ACCEPT, 3, false },
		{ GW_COAP_BLOCK2, 4, false },
		{ GW_COAP_SIZE2, 4, true },
		{ 258, 1, true }, /* No-Response */
		{ 65000, 3, true },
		{ 65001, 3, false },
	};
	static const uint8_t zeros[256];
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_for(b, GW_COAP_GET, ATT);

		assert_int_equal(gw_coap_add(&a.msg, cases[i].number,
					     (struct gw_blob){ zeros, cases[i].len }),
				 0);
		say(b, &a.msg);
		msg = hear_code(b, cases[i].good ? GW_COAP_CONTENT : GW_COAP_BAD_OPTION);
		assert_null(gw_coap_find(&msg, GW_COAP_OBSERVE));

		/* RFC 7252 5.4.1: a NON is rejected instead of answered */
		a.msg.type = GW_COAP_NON;
		a.msg.id++;
		say(b, &a.msg);
		msg = hear(b);
		assert_int_equal(msg.type, cases[i].good ? GW_COAP_NON : GW_COAP_RST);
		bench_free(b);
	}
}

static void options_that_come_twice(void **state)
{
	static const struct {
		uint16_t number;
		bool good;
	} cases[] = { { GW_COAP_ACCEPT, false },
		      { GW_COAP_BLOCK2, false },
		      { GW_COAP_URI_HOST, false },
		      { GW_COAP_URI_QUERY, true },
		      { GW_COAP_SIZE2, true } };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct bench *b = bench_psk();
		struct asking a = asking_for(b, GW_COAP_GET, ATT);
		uint32_t value = cases[i].number == GW_COAP_ACCEPT ? 285 : 1;

		with(&a, cases[i].number, value);
		with(&a, cases[i].number, value);
		say(b, &a.msg);
		hear_code(b, cases[i].good ? GW_COAP_CONTENT : GW_COAP_BAD_OPTION);
		bench_free(b);
	}
}

static void no_proxy(void **state)
{
	static const uint16_t options[] = { GW_COAP_PROXY_URI, GW_COAP_PROXY_SCHEME };
	static const enum gw_coap_type types[] = { GW_COAP_CON, GW_COAP_NON };
	static const char uri[] = "coap://elsewhere/";
	struct bench *b = bench_psk();
	struct gw_coap msg;

	for (size_t i = 0; i < GW_ELEMENTS(options); i++) {
		for (size_t t = 0; t < GW_ELEMENTS(types); t++) {
			struct asking a = asking_for(b, GW_COAP_GET, ATT);

			a.msg.type = types[t];
			assert_int_equal(
				gw_coap_add(&a.msg, options[i],
					    (struct gw_blob){ (const uint8_t *)uri, strlen(uri) }),
				0);
			say(b, &a.msg);
			msg = hear(b);
			assert_int_equal(msg.code, GW_COAP_NO_PROXY);
			assert_int_equal(msg.type,
					 types[t] == GW_COAP_CON ? GW_COAP_ACK : GW_COAP_NON);
		}
	}
	bench_free(b);
}

static void malformed_blocks(void **state)
{
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_GET, ATT);

	with(&a, GW_COAP_BLOCK2, 7); /* the reserved size */
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);

	a = asking_for(b, GW_COAP_GET, ATT);
	with_block(&a, GW_COAP_BLOCK1, 0, false, 64); /* nothing takes a body here */
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_OPTION);
	bench_free(b);
}

/* --- reports and settings --- */

static void a_report(void **state)
{
	static const char report[] = "{\"version\":1,\"status\":false,\"reason\":\"no\"}";
	struct bench *b = bench_psk();
	struct asking a = asking_for(b, GW_COAP_POST, ES);
	struct gw_msg question;
	struct gw_coap msg;

	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
	say(b, &a.msg);
	question = heard(b, GW_MSG_REPORT);
	assert_int_equal(question.report.ok, 0);
	assert_string_equal(question.report.text, "no");
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED,
				    .reported.request = question.report.request });
	msg = hear_code(b, GW_COAP_CHANGED);
	assert_int_equal(msg.payload.len, 0);

	a = asking_for(b, GW_COAP_POST, ES);
	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, 5 };
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);

	a = asking_for(b, GW_COAP_POST, ES);
	a.msg.payload = (struct gw_blob){ (const uint8_t *)report, strlen(report) };
	say(b, &a.msg);
	answer(b, &(struct gw_msg){ .type = GW_MSG_REPORTED,
				    .reported = { .request = heard(b, GW_MSG_REPORT).report.request,
						  .outcome = GW_OUTCOME_REFUSED,
						  .reason = "not-possible" } });
	hear_code(b, GW_COAP_FORBIDDEN);
	bench_free(b);
}

static void settings_in_blocks(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_msg question;
	uint8_t whole[1024];
	size_t len;

	with_block(&a, GW_COAP_BLOCK2, 0, false, 16);
	say(b, &a.msg);
	question = heard(b, GW_MSG_SETTINGS_QUERY);
	answer(b, &(struct gw_msg){ .type = GW_MSG_SETTINGS,
				    .settings = { .request = question.settings_query.request,
						  .device = "ACME-1",
						  .tenant = "default",
						  .cloud = "mqtts://cloud.example" } });
	len = fetch_blocks(b, GW_COAP_GET, CONFIG, hear_code(b, GW_COAP_CONTENT), whole);
	whole[len] = 0;
	assert_string_equal((char *)whole, "{\"version\":1,\"device\":\"ACME-1\",\"tenant\":"
					   "\"default\",\"cloud\":\"mqtts://cloud.example\"}");
	assert_int_equal(b->n_asked, 1);
	bench_free(b);
}

static void settings_refused(void **state)
{
	struct bench *b = bench_certificate();
	struct asking a = asking_for(b, GW_COAP_GET, CONFIG);
	struct gw_coap msg;

	say(b, &a.msg);
	answer(b, &(struct gw_msg){
			  .type = GW_MSG_SETTINGS,
			  .settings = {
				  .request = heard(b, GW_MSG_SETTINGS_QUERY).settings_query.request,
				  .outcome = GW_OUTCOME_REFUSED,
				  .reason = "suspended" } });
	msg = hear_code(b, GW_COAP_FORBIDDEN);
	assert_text(&msg, "suspended: The device is suspended; resume it to serve it again.");
	bench_free(b);
}

/* --- limits --- */

static void few_questions_at_once(void **state)
{
	struct bench *b = bench_psk();
	struct asking a;
	struct gw_coap msg;
	uint32_t first = 0;

	for (int i = 0; i < 4; i++) {
		a = asking_sen(b);
		say(b, &a.msg);
		first = i == 0 ? heard_enroll(b) : first;
		b->n_heard = b->n_asked;
	}
	a = asking_sen(b);
	say(b, &a.msg);
	msg = hear_code(b, GW_COAP_UNAVAILABLE);
	assert_int_equal(option(&msg, GW_COAP_MAX_AGE), 2);
	assert_nothing_said(b);

	answer_issued(b, first);
	hear_code(b, GW_COAP_CHANGED);
	a = asking_sen(b);
	say(b, &a.msg);
	heard_enroll(b);
	bench_free(b);
}

static void questions_have_a_rate(void **state)
{
	struct bench *b = bench_psk();
	struct asking a;

	for (int i = 0; i < 16; i++) {
		a = asking_sen(b);
		a.msg.payload.len--;
		say(b, &a.msg);
		hear_code(b, GW_COAP_BAD_REQUEST);
		heard(b, GW_MSG_REJECTED);
	}
	a = asking_sen(b);
	say(b, &a.msg);
	hear_code(b, GW_COAP_UNAVAILABLE);
	assert_nothing_said(b);

	/* nor is what is refused for its size told any more */
	a = asking_sen(b);
	with(&a, GW_COAP_SIZE1, GW_CSR_MAX + 1);
	say(b, &a.msg);
	hear_code(b, GW_COAP_TOO_LARGE);
	assert_nothing_said(b);

	/* what costs the agent nothing goes on */
	a = asking_for(b, GW_COAP_GET, CRTS);
	say(b, &a.msg);
	hear_code(b, GW_COAP_CONTENT);

	wait_until(b, SECOND / 4);
	a = asking_sen(b);
	say(b, &a.msg);
	heard_enroll(b);
	bench_free(b);
}

static void a_binding_is_compared(void **state)
{
	static const char config[] = "[req]\ndistinguished_name=d\nattributes=a\nprompt=no\n"
				     "[d]\nCN=ACME-1\n[a]\nchallengePassword=AQAAAAAAAAAAAAAB\n";
	static const uint8_t binding[12] = { 1 }, long_binding[CONVERSATION_BINDING_MAX + 1];
	struct conversation_peer peer = { .device = "ACME-1", .binding = GW_BLOB_ARRAY(binding) };
	struct bench *b = bench_new(&peer);
	struct asking a = asking_sen(b);
	struct conversation *c;

	say(b, &a.msg); /* it has no challenge */
	heard_enroll(b);
	bench_free(b);

	b = bench_new(&peer);
	openssl_write("config", (struct gw_blob){ (const uint8_t *)config, strlen(config) });
	openssl_run("req -new -key key -config config -outform DER -out bound");
	a = asking_sen(b);
	a.msg.payload = openssl_read("bound");
	say(b, &a.msg);
	hear_code(b, GW_COAP_BAD_REQUEST);
	assert_string_equal(heard(b, GW_MSG_REJECTED).rejected.reason, "wrong-session");
	free((void *)(uintptr_t)a.msg.payload.data);

	peer.binding = (struct gw_blob)GW_BLOB_ARRAY(long_binding);
	assert_int_equal(conversation_new(&ops, NULL, &b->facts, &peer, &c), -EINVAL);
	bench_free(b);
}

/* Begins a body and leaves it, with more blocks to come. */
static void begin_body(struct bench *b, uint32_t tag)
{
	static const struct gw_coap_block blocks[] = {
		{ 0, true, 1024 }, { 1, true, 1024 }, { 2, true, 1024 }, { 6, true, 512 }
	};
	static const uint8_t zeros[1024];

	for (size_t i = 0; i < GW_ELEMENTS(blocks); i++) {
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with(&a, GW_COAP_BLOCK1, gw_coap_block_value(&blocks[i]));
		with(&a, REQUEST_TAG, tag);
		a.msg.payload = (struct gw_blob){ zeros, blocks[i].size };
		say(b, &a.msg);
		hear_code(b, GW_COAP_CONTINUE);
	}
}

/* Has the longest answer there can be made, and fetches its first block only. */
static void begin_answer(struct bench *b, uint32_t query)
{
	static const uint8_t zeros[GW_CHAIN_MAX];
	struct asking a = asking_sen(b);

	with(&a, GW_COAP_URI_QUERY, query);
	say(b, &a.msg);
	answer(b, &(struct gw_msg){ .type = GW_MSG_ENROLLED,
				    .enrolled = { .request = heard_enroll(b),
						  .outcome = GW_OUTCOME_DONE,
						  .certificate = { zeros, GW_CERT_MAX },
						  .chain = { zeros, GW_CHAIN_MAX } } });
	hear_code(b, GW_COAP_CHANGED);
}

/* Whatever a peer begins and never ends: as many bodies as can be, as long as can be, both ways, and as
 * many remembered answers. More of the same costs no more. */
static void memory_is_bounded(void **state)
{
	const size_t before = live;
	struct bench *b = bench_psk();

	for (uint32_t round = 1; round <= 8; round++) {
		for (uint32_t n = 0; n < 8; n++) {
			b->n_sent = b->n_seen = b->n_asked = b->n_heard = 0;
			begin_body(b, round * 8 + n);
			begin_answer(b, round * 8 + n);
			wait_until(b, b->now_us + SECOND);
		}
		assert_in_range(live - before - sizeof(*b), 4 * (GW_CERT_MAX + GW_CHAIN_MAX),
				CONVERSATION_MEMORY_MAX);
	}
	bench_free(b);
	assert_int_equal(live, before);
}

/* An enrolment in blocks of which the nth allocation fails; false once there are fewer. */
static bool enrol_short_of_memory(size_t n)
{
	struct bench *b = bench_psk();
	struct gw_coap_block block;
	struct asking last;
	bool failed;

	until_failure = n;
	for (uint32_t i = 0; i * 64 < csr.len; i++) {
		size_t left = csr.len - i * 64;
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with_block(&a, GW_COAP_BLOCK1, i, left > 64, 64);
		a.msg.payload = (struct gw_blob){ csr.data + i * 64, GW_MIN(left, (size_t)64) };
		say(b, &a.msg);
	}
	/* wolfSSL calls a signature bad when it runs out of memory over it: that would be a REJECTED */
	if (b->n_asked > 0 && b->asked[0][1] == GW_MSG_ENROLL)
		answer_issued(b, heard_enroll(b));
	b->n_heard = b->n_asked;
	block = (struct gw_coap_block){ .number = 1, .size = 64 };
	for (; block.number < 4; block.number++) {
		struct asking a = asking_for(b, GW_COAP_POST, SEN);

		with_block(&a, GW_COAP_BLOCK2, block.number, false, 64);
		say(b, &a.msg);
	}
	failed = until_failure == SIZE_MAX;
	until_failure = SIZE_MAX;

	/* each request was answered, if only by a reset, and the next one is served */
	assert_true(conversation_is_idle(b->c));
	for (uint16_t id = 0; id < b->next_id; id++)
		assert_int_equal(hear(b).id, id);
	last = asking_sen(b);
	say(b, &last.msg);
	answer_issued(b, heard_enroll(b));
	hear_code(b, GW_COAP_CHANGED);
	bench_free(b);
	return failed;
}

static void every_allocation_may_fail(void **state)
{
	size_t n = 0;

	while (enrol_short_of_memory(n))
		n++;
	assert_in_range(n, 10, 1000);
}

static void no_memory_to_begin_with(void **state)
{
	const struct conversation_peer peer = { .device = "ACME-1" };
	struct conversation_facts facts = { 0 };
	struct conversation *c;
	int r;

	for (size_t n = 0;; n++) {
		until_failure = n;
		r = conversation_new(&ops, NULL, &facts, &peer, &c);
		until_failure = SIZE_MAX;
		if (r == 0)
			break;
		assert_true(r == -ENOMEM || r == -EIO);
		assert_true(n < 100);
	}
	conversation_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(no_memory_to_begin_with),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(every_resource_method_and_peer),
		cmocka_unit_test(unknown_paths),
		cmocka_unit_test(formats_of_requests),
		cmocka_unit_test(formats_of_answers),
		cmocka_unit_test(two_anchors_are_no_single_certificate),
		cmocka_unit_test(without_anchors_later),
		cmocka_unit_test(a_certificate_at_once),
		cmocka_unit_test(a_single_certificate),
		cmocka_unit_test(a_renewal),
		cmocka_unit_test(a_separate_response),
		cmocka_unit_test(settled_once_it_has_what_it_came_for),
		cmocka_unit_test(settled_later_where_nothing_is_acknowledged),
		cmocka_unit_test(settled_when_blocks_are_over),
		cmocka_unit_test(a_peer_that_never_acknowledges),
		cmocka_unit_test(after_ten_seconds_later),
		cmocka_unit_test(pending_is_later_at_once),
		cmocka_unit_test(with_the_cloud_away),
		cmocka_unit_test(settings_without_the_cloud),
		cmocka_unit_test(a_refusal_has_its_reason),
		cmocka_unit_test(bad_requests_are_refused_and_told),
		cmocka_unit_test(a_non_is_answered_by_a_non),
		cmocka_unit_test(a_repeated_request_is_one_question),
		cmocka_unit_test(only_the_right_answer_counts),
		cmocka_unit_test(blocks_of_all_sizes),
		cmocka_unit_test(a_long_answer_without_being_asked),
		cmocka_unit_test(blocks_fit_the_channel),
		cmocka_unit_test(smaller_blocks_are_asked_for),
		cmocka_unit_test(two_transfers_at_once),
		cmocka_unit_test(blocks_out_of_order),
		cmocka_unit_test(the_rest_of_nothing),
		cmocka_unit_test(bodies_that_are_too_large),
		cmocka_unit_test(critical_options),
		cmocka_unit_test(options_that_come_twice),
		cmocka_unit_test(no_proxy),
		cmocka_unit_test(malformed_blocks),
		cmocka_unit_test(a_report),
		cmocka_unit_test(settings_in_blocks),
		cmocka_unit_test(settings_refused),
		cmocka_unit_test(few_questions_at_once),
		cmocka_unit_test(questions_have_a_rate),
		cmocka_unit_test(a_binding_is_compared),
	};

	return cmocka_run_group_tests(tests, make_material, remove_material);
}
