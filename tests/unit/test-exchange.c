/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CoAP's message layer against a peer that repeats, resets, acknowledges and is silent, with the time
 * of each datagram (RFC 7252 4.2 to 4.8).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/util.h"
#include "plugins/registrar/exchange.h"

#define SENT_MAX 64
#define SECOND   1000000u

struct bench {
	struct exchanges x;
	uint8_t sent[SENT_MAX][GW_COAP_MESSAGE_MAX];
	size_t sent_len[SENT_MAX];
	size_t n_sent, n_seen;
};

static void on_send(void *userdata, struct gw_blob datagram)
{
	struct bench *b = userdata;

	assert_true(b->n_sent < SENT_MAX);
	memcpy(b->sent[b->n_sent], datagram.data, datagram.len);
	b->sent_len[b->n_sent++] = datagram.len;
}

static void bench_init(struct bench *b)
{
	b->n_sent = b->n_seen = 0;
	exchanges_init(&b->x, on_send, b, /* seed= */ 42);
}

static void bench_done(struct bench *b)
{
	assert_int_equal(b->n_sent, b->n_seen);
	exchanges_done(&b->x);
}

/* Feeds a message with one byte of payload if it has a code; the request that came of it, or NULL. */
static struct exchange *feed(struct bench *b, enum gw_coap_type type, uint8_t code, uint16_t id,
			     uint64_t now_us)
{
	static const uint8_t payload[] = { 'x' };
	struct gw_coap msg = { .type = type, .code = code, .id = id }, request;
	uint8_t buf[64];
	struct exchange *exchange = NULL;
	size_t len;

	if (code != GW_COAP_EMPTY) {
		msg.token_len = 3;
		memcpy(msg.token, "abc", 3);
		msg.payload = (struct gw_blob)GW_BLOB_ARRAY(payload);
	}
	assert_int_equal(gw_coap_encode(&msg, buf, sizeof(buf), &len), 0);
	if (!exchanges_receive(&b->x, (struct gw_blob){ buf, len }, now_us, &request, &exchange))
		return NULL;

	assert_int_equal(request.code, code);
	assert_int_equal(request.payload.len, 1);
	assert_non_null(exchange);
	return exchange;
}

static struct exchange *ask(struct bench *b, uint16_t id, uint64_t now_us)
{
	return feed(b, GW_COAP_CON, GW_COAP_GET, id, now_us);
}

static void answer(struct bench *b, struct exchange *exchange, uint64_t now_us)
{
	static const uint8_t payload[] = { 'y' };
	struct gw_coap response = { .code = GW_COAP_CONTENT, .payload = GW_BLOB_ARRAY(payload) };

	assert_int_equal(exchange_answer(&b->x, exchange, &response, now_us), 0);
}

/* The next datagram that was sent. */
static struct gw_coap next_sent(struct bench *b)
{
	struct gw_coap msg;

	assert_true(b->n_seen < b->n_sent);
	assert_int_equal(gw_coap_decode(b->sent[b->n_seen], b->sent_len[b->n_seen], &msg), 0);
	b->n_seen++;
	return msg;
}

static void assert_empty(struct bench *b, enum gw_coap_type type, uint16_t id)
{
	struct gw_coap msg = next_sent(b);

	assert_int_equal(msg.type, type);
	assert_int_equal(msg.code, GW_COAP_EMPTY);
	assert_int_equal(msg.id, id);
}

/* A response; returns its message id. */
static uint16_t assert_response(struct bench *b, enum gw_coap_type type)
{
	struct gw_coap msg = next_sent(b);

	assert_int_equal(msg.type, type);
	assert_int_equal(msg.code, GW_COAP_CONTENT);
	assert_int_equal(msg.token_len, 3);
	assert_memory_equal(msg.token, "abc", 3);
	assert_int_equal(msg.payload.len, 1);
	return msg.id;
}

static void assert_silent(struct bench *b)
{
	assert_int_equal(b->n_sent, b->n_seen);
}

/* --- piggy-backed --- */

static void a_quick_answer_rides_along(void **state)
{
	struct bench b;

	bench_init(&b);
	answer(&b, ask(&b, 7, 0), EXCHANGE_ACK_DELAY_US - 1);
	assert_int_equal(assert_response(&b, GW_COAP_ACK), 7);
	assert_true(exchanges_are_idle(&b.x));
	assert_true(exchanges_settled_us(&b.x) == EXCHANGE_WAIT_US); /* it may be asked for again */
	assert_true(exchanges_due(&b.x) == UINT64_MAX);
	bench_done(&b);
}

static void a_repeated_request_gets_the_same(void **state)
{
	struct bench b;

	bench_init(&b);
	answer(&b, ask(&b, 7, 0), 0);
	assert_response(&b, GW_COAP_ACK);
	for (int i = 1; i <= 5; i++) {
		assert_null(ask(&b, 7, i * SECOND));
		assert_int_equal(b.sent_len[0], b.sent_len[i]);
		assert_memory_equal(b.sent[0], b.sent[i], b.sent_len[0]);
		next_sent(&b);
	}
	bench_done(&b);
}

static void a_repeat_before_the_answer_is_ignored(void **state)
{
	struct exchange *exchange;
	struct bench b;

	bench_init(&b);
	exchange = ask(&b, 7, 0);
	assert_null(ask(&b, 7, 1000));
	assert_silent(&b);
	answer(&b, exchange, 2000);
	assert_int_equal(assert_response(&b, GW_COAP_ACK), 7);
	bench_done(&b);
}

static void an_old_id_is_a_new_request(void **state)
{
	struct bench b;

	bench_init(&b);
	answer(&b, ask(&b, 7, 0), 0);
	assert_null(ask(&b, 7, EXCHANGE_LIFETIME_US - 1));
	next_sent(&b);
	next_sent(&b);
	answer(&b, ask(&b, 7, EXCHANGE_LIFETIME_US), EXCHANGE_LIFETIME_US);
	assert_response(&b, GW_COAP_ACK);
	bench_done(&b);
}

/* --- separate --- */

static void a_slow_answer_is_promised(void **state)
{
	struct exchange *exchange;
	struct bench b;
	uint16_t id;

	bench_init(&b);
	exchange = ask(&b, 7, 1000);
	assert_true(exchanges_due(&b.x) == 1000 + EXCHANGE_ACK_DELAY_US);
	exchanges_tick(&b.x, 1000 + EXCHANGE_ACK_DELAY_US - 1);
	assert_silent(&b);
	exchanges_tick(&b.x, 1000 + EXCHANGE_ACK_DELAY_US);
	assert_empty(&b, GW_COAP_ACK, 7);
	assert_true(exchanges_due(&b.x) == UINT64_MAX);
	assert_false(exchanges_are_idle(&b.x));

	/* repeats hear the promise again, before and after the response */
	assert_null(ask(&b, 7, 2 * SECOND));
	assert_empty(&b, GW_COAP_ACK, 7);
	answer(&b, exchange, 3 * SECOND);
	id = assert_response(&b, GW_COAP_CON);
	assert_null(ask(&b, 7, 3 * SECOND));
	assert_empty(&b, GW_COAP_ACK, 7);
	assert_false(exchanges_are_idle(&b.x));
	assert_true(exchanges_settled_us(&b.x) == UINT64_MAX);

	feed(&b, GW_COAP_ACK, GW_COAP_EMPTY, id, 3 * SECOND);
	assert_true(exchanges_are_idle(&b.x));
	assert_true(exchanges_settled_us(&b.x) == 0); /* the peer has it */
	assert_true(exchanges_due(&b.x) == UINT64_MAX);
	assert_null(ask(&b, 7, 4 * SECOND));
	assert_empty(&b, GW_COAP_ACK, 7);
	bench_done(&b);
}

/* Promises and answers at `now_us`; the id of the response. */
static uint16_t answer_late(struct bench *b, uint16_t id, uint64_t now_us)
{
	struct exchange *exchange = ask(b, id, 0);

	exchanges_tick(&b->x, EXCHANGE_ACK_DELAY_US);
	assert_empty(b, GW_COAP_ACK, id);
	answer(b, exchange, now_us);
	return assert_response(b, GW_COAP_CON);
}

static void an_unacknowledged_response_is_repeated(void **state)
{
	uint64_t now_us = SECOND, due_us, wait_us = 0;
	uint16_t id;
	struct bench b;

	bench_init(&b);
	id = answer_late(&b, 7, now_us);
	for (int i = 0; i <= EXCHANGE_MAX_RETRANSMIT; i++) {
		due_us = exchanges_due(&b.x);
		if (i == 0)
			assert_in_range(due_us - now_us, EXCHANGE_ACK_TIMEOUT_US,
					EXCHANGE_ACK_TIMEOUT_US * 3 / 2);
		else
			assert_true(due_us - now_us == 2 * wait_us);
		wait_us = due_us - now_us;

		exchanges_tick(&b.x, due_us - 1);
		assert_silent(&b);
		exchanges_tick(&b.x, due_us);
		now_us = due_us;
		if (i < EXCHANGE_MAX_RETRANSMIT)
			assert_int_equal(assert_response(&b, GW_COAP_CON), id);
	}
	assert_silent(&b);
	assert_true(exchanges_are_idle(&b.x));
	assert_true(exchanges_due(&b.x) == UINT64_MAX);
	bench_done(&b);
}

static void an_acknowledgement_ends_repeating(void **state)
{
	struct bench b;
	uint16_t id;

	for (int n = 0; n <= EXCHANGE_MAX_RETRANSMIT; n++) {
		bench_init(&b);
		id = answer_late(&b, 7, SECOND);
		for (int i = 0; i < n; i++) {
			exchanges_tick(&b.x, exchanges_due(&b.x));
			assert_response(&b, GW_COAP_CON);
		}
		feed(&b, n % 2 ? GW_COAP_RST : GW_COAP_ACK, GW_COAP_EMPTY, id, SECOND);
		assert_true(exchanges_are_idle(&b.x));
		assert_true(exchanges_due(&b.x) == UINT64_MAX);
		bench_done(&b);
	}
}

static void only_its_own_acknowledgement_counts(void **state)
{
	struct bench b;
	uint16_t id;

	bench_init(&b);
	id = answer_late(&b, 7, SECOND);
	feed(&b, GW_COAP_ACK, GW_COAP_EMPTY, (uint16_t)(id + 1), SECOND);
	feed(&b, GW_COAP_RST, GW_COAP_EMPTY, 7, SECOND);
	feed(&b, GW_COAP_RST, GW_COAP_CONTENT, id, SECOND); /* a reset carries nothing */
	feed(&b, GW_COAP_RST, GW_COAP_GET, id, SECOND);
	feed(&b, GW_COAP_ACK, GW_COAP_GET, id, SECOND); /* and an acknowledgement no request */
	assert_false(exchanges_are_idle(&b.x));
	feed(&b, GW_COAP_ACK, GW_COAP_EMPTY, id, SECOND);
	assert_true(exchanges_are_idle(&b.x));
	bench_done(&b);
}

static void timeouts_differ(void **state)
{
	uint64_t first = 0, due;
	bool differs = false;
	struct bench b;

	bench_init(&b);
	for (uint16_t i = 0; i < 8; i++) {
		uint16_t id = answer_late(&b, i, SECOND);

		due = exchanges_due(&b.x);
		assert_in_range(due - SECOND, EXCHANGE_ACK_TIMEOUT_US,
				EXCHANGE_ACK_TIMEOUT_US * 3 / 2);
		if (i == 0)
			first = due;
		differs |= due != first;
		feed(&b, GW_COAP_ACK, GW_COAP_EMPTY, id, SECOND);
	}
	assert_true(differs);
	bench_done(&b);
}

/* --- non-confirmable --- */

static void a_non_gets_a_non(void **state)
{
	struct exchange *exchange;
	struct bench b;
	uint16_t id;

	bench_init(&b);
	exchange = feed(&b, GW_COAP_NON, GW_COAP_GET, 7, 0);
	assert_non_null(exchange);
	exchanges_tick(&b.x, 5 * SECOND);
	assert_silent(&b);
	assert_null(feed(&b, GW_COAP_NON, GW_COAP_GET, 7, 6 * SECOND));
	answer(&b, exchange, 9 * SECOND);
	id = assert_response(&b, GW_COAP_NON);
	assert_true(exchanges_are_idle(&b.x));

	/* never repeated, and the same request is not served twice */
	exchanges_tick(&b.x, 60 * SECOND);
	assert_null(feed(&b, GW_COAP_NON, GW_COAP_GET, 7, EXCHANGE_LIFETIME_NON_US - 1));
	assert_silent(&b);
	exchange = feed(&b, GW_COAP_NON, GW_COAP_GET, 7, EXCHANGE_LIFETIME_NON_US);
	assert_non_null(exchange);
	answer(&b, exchange, EXCHANGE_LIFETIME_NON_US);
	assert_int_not_equal(assert_response(&b, GW_COAP_NON), id);
	bench_done(&b);
}

/* --- what is no request --- */

static void a_ping_is_reset(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_null(feed(&b, GW_COAP_CON, GW_COAP_EMPTY, 7, 0));
	assert_empty(&b, GW_COAP_RST, 7);
	bench_done(&b);
}

static void responses_are_not_for_us(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_null(feed(&b, GW_COAP_CON, GW_COAP_CONTENT, 7, 0));
	assert_empty(&b, GW_COAP_RST, 7);
	assert_null(feed(&b, GW_COAP_NON, GW_COAP_CONTENT, 8, 0));
	assert_null(feed(&b, GW_COAP_ACK, GW_COAP_CONTENT, 9, 0));
	assert_null(feed(&b, GW_COAP_NON, GW_COAP_EMPTY, 10, 0));
	assert_null(feed(&b, GW_COAP_ACK, GW_COAP_GET, 11, 0));
	assert_silent(&b);
	bench_done(&b);
}

static void garbage_is_reset_or_ignored(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
		bool reset;
	} cases[] = {
		{ { 0 }, 0, false },
		{ { 0x40, 0x01, 0x00 }, 3, false },             /* no header */
		{ { 0x00, 0x01, 0x00, 0x07 }, 4, false },       /* version 0 */
		{ { 0x80, 0x01, 0x00, 0x07 }, 4, false },       /* version 2 */
		{ { 0x49, 0x01, 0x00, 0x07 }, 4, true },        /* token of 9 */
		{ { 0x42, 0x01, 0x00, 0x07, 0x01 }, 5, true },  /* half a token */
		{ { 0x40, 0x01, 0x00, 0x07, 0xff }, 5, true },  /* marker, no payload */
		{ { 0x40, 0x01, 0x00, 0x07, 0xf0 }, 5, true },  /* reserved delta */
		{ { 0x40, 0x00, 0x00, 0x07, 0x01 }, 5, true },  /* empty, but is not */
		{ { 0x40, 0x20, 0x00, 0x07 }, 4, true },        /* reserved class 1 */
		{ { 0x40, 0xc0, 0x00, 0x07 }, 4, true },        /* reserved class 6 */
		{ { 0x50, 0x01, 0x00, 0x07, 0xff }, 5, false }, /* the same, NON */
		{ { 0x60, 0x01, 0x00, 0x07, 0xff }, 5, false }, /* ACK */
		{ { 0x70, 0x00, 0x00, 0x07, 0xff }, 5, false }, /* RST */
	};
	struct exchange *exchange;
	struct gw_coap request;
	struct bench b;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		bench_init(&b);
		assert_false(exchanges_receive(&b.x,
					       (struct gw_blob){ cases[i].bytes, cases[i].len }, 0,
					       &request, &exchange));
		if (cases[i].reset)
			assert_empty(&b, GW_COAP_RST, 7);
		assert_true(exchanges_are_idle(&b.x));
		bench_done(&b);
	}
}

static void too_many_options_are_reset(void **state)
{
	uint8_t bytes[4 + GW_COAP_OPTIONS_MAX + 1] = { 0x40, 0x01, 0x00, 0x07 };
	struct exchange *exchange;
	struct gw_coap request;
	struct bench b;

	bench_init(&b);
	assert_false(exchanges_receive(&b.x, (struct gw_blob)GW_BLOB_ARRAY(bytes), 0, &request,
				       &exchange));
	assert_empty(&b, GW_COAP_RST, 7);
	bench_done(&b);
}

static void a_reset_is_repeated_too(void **state)
{
	struct bench b;

	bench_init(&b);
	exchange_reset(&b.x, ask(&b, 7, 0));
	assert_empty(&b, GW_COAP_RST, 7);
	assert_null(ask(&b, 7, SECOND));
	assert_empty(&b, GW_COAP_RST, 7);
	assert_true(exchanges_are_idle(&b.x));
	bench_done(&b);
}

/* --- limits --- */

static void the_oldest_gives_way(void **state)
{
	struct bench b;

	bench_init(&b);
	for (uint16_t i = 0; i <= EXCHANGE_MAX; i++) {
		answer(&b, ask(&b, i, i), i);
		assert_response(&b, GW_COAP_ACK);
	}
	assert_null(ask(&b, 1, SECOND)); /* still known */
	assert_response(&b, GW_COAP_ACK);
	assert_non_null(ask(&b, 0, SECOND)); /* forgotten: served again */
	bench_done(&b);
}

static void what_is_under_way_stays(void **state)
{
	struct exchange *first = NULL, *exchange;
	struct bench b;

	bench_init(&b);
	for (uint16_t i = 0; i < EXCHANGE_MAX; i++) {
		exchange = ask(&b, i, i);
		assert_non_null(exchange);
		if (i == 0)
			first = exchange;
	}
	assert_null(ask(&b, 100, SECOND)); /* as if it had been lost */
	assert_silent(&b);
	answer(&b, first, 2);
	assert_response(&b, GW_COAP_ACK);
	assert_ptr_equal(ask(&b, 100, 2 * SECOND), first);
	bench_done(&b);
}

static void an_answer_that_does_not_fit(void **state)
{
	static const uint8_t large[GW_COAP_MESSAGE_MAX];
	struct gw_coap response = { .code = GW_COAP_CONTENT, .payload = GW_BLOB_ARRAY(large) };
	struct exchange *exchange;
	struct bench b;

	bench_init(&b);
	exchange = ask(&b, 7, 0);
	assert_int_equal(exchange_answer(&b.x, exchange, &response, 0), -EMSGSIZE);
	assert_silent(&b);
	answer(&b, exchange, 0); /* a smaller one still does */
	assert_response(&b, GW_COAP_ACK);
	bench_done(&b);
}

static void tokens_of_all_lengths(void **state)
{
	struct bench b;

	bench_init(&b);
	for (uint8_t len = 0; len <= GW_COAP_TOKEN_MAX; len++) {
		struct gw_coap msg = { .code = GW_COAP_GET, .id = len, .token_len = len }, request;
		struct gw_coap response = { .code = GW_COAP_CONTENT };
		struct exchange *exchange;
		uint8_t buf[64];
		size_t n;

		memset(msg.token, 0xa0 + len, len);
		assert_int_equal(gw_coap_encode(&msg, buf, sizeof(buf), &n), 0);
		assert_true(exchanges_receive(&b.x, (struct gw_blob){ buf, n }, 0, &request,
					      &exchange));
		assert_int_equal(exchange_answer(&b.x, exchange, &response, 0), 0);
		response = next_sent(&b);
		assert_int_equal(response.token_len, len);
		assert_memory_equal(response.token, msg.token, len);
	}
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_answer_rides_along),
		cmocka_unit_test(a_repeated_request_gets_the_same),
		cmocka_unit_test(a_repeat_before_the_answer_is_ignored),
		cmocka_unit_test(an_old_id_is_a_new_request),
		cmocka_unit_test(a_slow_answer_is_promised),
		cmocka_unit_test(an_unacknowledged_response_is_repeated),
		cmocka_unit_test(an_acknowledgement_ends_repeating),
		cmocka_unit_test(only_its_own_acknowledgement_counts),
		cmocka_unit_test(timeouts_differ),
		cmocka_unit_test(a_non_gets_a_non),
		cmocka_unit_test(a_ping_is_reset),
		cmocka_unit_test(responses_are_not_for_us),
		cmocka_unit_test(garbage_is_reset_or_ignored),
		cmocka_unit_test(too_many_options_are_reset),
		cmocka_unit_test(a_reset_is_repeated_too),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(what_is_under_way_stays),
		cmocka_unit_test(an_answer_that_does_not_fit),
		cmocka_unit_test(tokens_of_all_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
