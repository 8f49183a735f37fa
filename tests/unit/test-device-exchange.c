/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The message layer against a gateway that is played here: a test says what comes back to which of our
 * datagrams and when. Time is a number that moves when nothing is left to receive before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "tools/device/dtls.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"

#define SECOND_US 1000000u

#define QUEUE_MAX 16

struct datagram {
	uint8_t bytes[256];
	size_t len;
	uint64_t at_us;
};

static struct {
	uint64_t now_us;
	struct datagram sent[QUEUE_MAX];
	size_t n_sent;
	struct datagram coming[QUEUE_MAX];
	size_t n_coming, n_came;
	void (*on_sent)(const struct gw_coap *msg);
	int receive_error; /* when nothing is left to come */
} gateway;

static struct failure failure;

/* --- what the message layer stands on, replaced --- */

uint64_t __wrap_gw_now_monotonic_us(void);
int gw_random(uint8_t *buf, size_t len);

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return gateway.now_us;
}

int gw_random(uint8_t *buf, size_t len)
{
	memset(buf, 0xfe, len);
	return 0;
}

int dtls_send(struct dtls *dtls, struct gw_blob datagram, struct failure *why)
{
	struct datagram *sent = &gateway.sent[gateway.n_sent++];
	struct gw_coap msg;

	assert_true(gateway.n_sent <= QUEUE_MAX);
	assert_true(datagram.len <= sizeof(sent->bytes));
	memcpy(sent->bytes, datagram.data, datagram.len);
	sent->len = datagram.len;
	sent->at_us = gateway.now_us;

	assert_int_equal(gw_coap_decode(sent->bytes, sent->len, &msg), 0);
	if (gateway.on_sent)
		gateway.on_sent(&msg);
	return 0;
}

int dtls_receive(struct dtls *dtls, uint8_t *buf, size_t size, uint64_t until_us,
		 struct failure *why, size_t *ret_len)
{
	const struct datagram *d = &gateway.coming[gateway.n_came];

	if (gateway.n_came < gateway.n_coming && d->at_us <= until_us) {
		gateway.now_us = GW_MAX(gateway.now_us, d->at_us);
		memcpy(buf, d->bytes, d->len);
		*ret_len = d->len;
		gateway.n_came++;
		return 0;
	}
	if (gateway.receive_error)
		return gateway.receive_error;

	assert_true(until_us < UINT64_MAX);
	gateway.now_us = GW_MAX(gateway.now_us, until_us);
	return -ETIMEDOUT;
}

/* --- playing the gateway --- */

static void come_bytes(const void *bytes, size_t len, uint64_t delay_us)
{
	struct datagram *d = &gateway.coming[gateway.n_coming++];

	assert_true(gateway.n_coming <= QUEUE_MAX);
	memcpy(d->bytes, bytes, len);
	d->len = len;
	d->at_us = gateway.now_us + delay_us;
}

static void come(const struct gw_coap *msg, uint64_t delay_us)
{
	uint8_t buf[256];
	size_t len;

	assert_int_equal(gw_coap_encode(msg, buf, sizeof(buf), &len), 0);
	come_bytes(buf, len, delay_us);
}

/* A response to the request, without its payload. */
static struct gw_coap response_to(const struct gw_coap *request, enum gw_coap_type type,
				  uint16_t id)
{
	struct gw_coap msg = {
		.type = type, .code = GW_COAP_CONTENT, .id = id, .token_len = request->token_len
	};

	memcpy(msg.token, request->token, request->token_len);
	return msg;
}

static void come_empty(enum gw_coap_type type, uint16_t id)
{
	come(&(struct gw_coap){ .type = type, .code = GW_COAP_EMPTY, .id = id }, 0);
}

static struct exchanges start(void (*on_sent)(const struct gw_coap *msg))
{
	struct exchanges x;

	memset(&gateway, 0, sizeof(gateway));
	gateway.now_us = 1000 * SECOND_US;
	gateway.on_sent = on_sent;
	(void)failure_set(&failure, 0, "%s", "");
	assert_int_equal(exchanges_init(&x, /* dtls= */ NULL, &failure,
					gateway.now_us + 1000 * SECOND_US),
			 0);
	return x;
}

static int run(struct exchanges *x, struct gw_coap *ret)
{
	struct gw_coap request = { .code = GW_COAP_GET };

	return exchange_run(x, &request, ret);
}

static struct gw_coap sent_message(size_t i)
{
	struct gw_coap msg;

	assert_true(i < gateway.n_sent);
	assert_int_equal(gw_coap_decode(gateway.sent[i].bytes, gateway.sent[i].len, &msg), 0);
	return msg;
}

static void assert_sent_empty(size_t i, enum gw_coap_type type, uint16_t id)
{
	struct gw_coap msg = sent_message(i);

	assert_int_equal(msg.type, type);
	assert_int_equal(msg.code, GW_COAP_EMPTY);
	assert_int_equal(msg.id, id);
}

/* --- the tests --- */

static void answer_at_once(const struct gw_coap *msg)
{
	struct gw_coap response = response_to(msg, GW_COAP_ACK, msg->id);

	if (msg->type != GW_COAP_CON)
		return;
	response.payload = (struct gw_blob){ (const uint8_t *)"hello", 5 };
	come(&response, 1000);
}

static void test_piggybacked(void **state)
{
	struct exchanges x = start(answer_at_once);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(response.code, GW_COAP_CONTENT);
	assert_int_equal(response.payload.len, 5);
	assert_memory_equal(response.payload.data, "hello", 5);
	assert_int_equal(gateway.n_sent, 1);
	assert_int_equal(sent_message(0).type, GW_COAP_CON);
}

static void test_ids_and_tokens_change(void **state)
{
	struct exchanges x = start(answer_at_once);
	struct gw_coap response, first, second, third;

	for (size_t i = 0; i < 3; i++) /* over the end of the message ids, which began at 0xfefe */
		assert_int_equal(run(&x, &response), 0);
	first = sent_message(0);
	second = sent_message(1);
	third = sent_message(2);
	assert_int_equal(first.id, 0xfefe);
	assert_int_equal(second.id, 0xfeff);
	assert_int_equal(third.id, 0xff00);
	assert_memory_not_equal(first.token, second.token, 4);
	assert_memory_not_equal(second.token, third.token, 4);
}

static void answer_third(const struct gw_coap *msg)
{
	if (gateway.n_sent == 3)
		answer_at_once(msg);
}

/* The same bytes again, later each time. */
static void test_retransmission(void **state)
{
	struct exchanges x = start(answer_third);
	struct gw_coap response;
	uint64_t first_us, second_us;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(gateway.n_sent, 3);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(gateway.sent[i].len, gateway.sent[0].len);
		assert_memory_equal(gateway.sent[i].bytes, gateway.sent[0].bytes,
				    gateway.sent[0].len);
	}
	first_us = gateway.sent[1].at_us - gateway.sent[0].at_us;
	second_us = gateway.sent[2].at_us - gateway.sent[1].at_us;
	assert_in_range(first_us, 2 * SECOND_US, 3 * SECOND_US);
	assert_int_equal(second_us, 2 * first_us);
}

static void test_silence(void **state)
{
	struct exchanges x = start(/* on_sent= */ NULL);
	struct gw_coap response;
	uint64_t start_us = gateway.now_us;

	assert_int_equal(run(&x, &response), -ETIMEDOUT);
	assert_int_equal(gateway.n_sent, 3);
	assert_in_range(gateway.now_us - start_us, 14 * SECOND_US, 21 * SECOND_US);
	assert_non_null(strstr(failure.text, "no longer answers"));
}

static void test_deadline(void **state)
{
	struct exchanges x = start(/* on_sent= */ NULL);
	struct gw_coap response;

	x.until_us = gateway.now_us + SECOND_US;
	assert_int_equal(run(&x, &response), -ETIMEDOUT);
	assert_int_equal(gateway.now_us, x.until_us);
	assert_int_equal(gateway.n_sent, 1);
}

static void answer_separately(const struct gw_coap *msg)
{
	struct gw_coap response = response_to(msg, GW_COAP_CON, 0x7777);

	if (msg->type != GW_COAP_CON)
		return;
	come_empty(GW_COAP_ACK, msg->id);
	come(&response, 9 * SECOND_US);
}

static void test_separate(void **state)
{
	struct exchanges x = start(answer_separately);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(response.id, 0x7777);
	assert_int_equal(gateway.n_sent, 2);
	assert_sent_empty(1, GW_COAP_ACK, 0x7777);
}

static void answer_before_acknowledgement(const struct gw_coap *msg)
{
	struct gw_coap response = response_to(msg, GW_COAP_CON, 0x7777);

	if (msg->type != GW_COAP_CON)
		return;
	come(&response, 0);
	come_empty(GW_COAP_ACK, msg->id);
}

/* The empty acknowledgement comes late or never: the response stands for it (RFC 7252 4.2). */
static void test_separate_without_acknowledgement(void **state)
{
	struct exchanges x = start(answer_before_acknowledgement);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_sent_empty(1, GW_COAP_ACK, 0x7777);
	assert_int_equal(run(&x, &response), 0);
}

/* Our acknowledgement was lost, so the response comes again while the next request is under way. */
static void repeat_last_response(const struct gw_coap *msg)
{
	struct gw_coap again = { .type = GW_COAP_CON, .code = GW_COAP_CONTENT, .id = 0x7777 };

	if (msg->type != GW_COAP_CON)
		return;
	come(&again, 0);
	answer_at_once(msg);
}

static void test_repeated_separate(void **state)
{
	struct exchanges x = start(answer_separately);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	gateway.on_sent = repeat_last_response;
	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(gateway.n_sent, 4);
	assert_sent_empty(3, GW_COAP_ACK, 0x7777);
}

/* Ids of old responses are not remembered for ever. */
static void test_seen_is_a_ring(void **state)
{
	struct exchanges x = start(answer_separately);
	struct gw_coap response;

	for (uint16_t i = 0; i < EXCHANGE_SEEN_MAX; i++)
		x.seen[x.n_seen++] = i;
	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(x.seen[0], 0x7777);
	assert_int_equal(x.seen[1], 1);
}

static void acknowledge(const struct gw_coap *msg)
{
	if (msg->type == GW_COAP_CON) {
		come_empty(GW_COAP_ACK, msg->id);
		come_empty(GW_COAP_ACK, msg->id);
	}
}

/* Acknowledged requests are not repeated, and not waited for without end. */
static void test_acknowledged_but_unanswered(void **state)
{
	struct exchanges x = start(acknowledge);
	uint64_t start_us = gateway.now_us;
	struct gw_coap response;

	assert_int_equal(run(&x, &response), -ETIMEDOUT);
	assert_int_equal(gateway.n_sent, 1);
	assert_int_equal(gateway.now_us - start_us, 30 * SECOND_US);
	assert_non_null(strstr(failure.text, "has our request"));
}

static void answer_unconfirmed(const struct gw_coap *msg)
{
	struct gw_coap response = response_to(msg, GW_COAP_NON, 0x7777);

	come(&response, 0);
}

static void test_non_confirmable(void **state)
{
	struct exchanges x = start(answer_unconfirmed);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(gateway.n_sent, 1);
}

static void reset(const struct gw_coap *msg)
{
	come_empty(GW_COAP_RST, (uint16_t)(msg->id + 1));
	come_empty(GW_COAP_RST, msg->id);
}

static void test_reset(void **state)
{
	struct exchanges x = start(reset);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), -ECONNRESET);
	assert_int_equal(gateway.n_came, 2);
	assert_int_equal(gateway.n_sent, 1);
}

/* What is about something else must not pass for the answer, whatever it resembles. */
static void answer_beside_the_point(const struct gw_coap *msg)
{
	struct gw_coap other = response_to(msg, GW_COAP_ACK, (uint16_t)(msg->id + 1));

	if (msg->type != GW_COAP_CON)
		return;
	come(&other, 0); /* another id */
	other = response_to(msg, GW_COAP_ACK, msg->id);
	other.token[0] ^= 1;
	come(&other, 0);
	other = response_to(msg, GW_COAP_ACK, msg->id);
	other.token_len--;
	come(&other, 0);
	other = response_to(msg, GW_COAP_NON, 1);
	other.token[3] ^= 1;
	come(&other, 0);
	other = response_to(msg, GW_COAP_NON, 2);
	other.code = GW_COAP_POST; /* a request, though with our token */
	come(&other, 0);
	come_empty(GW_COAP_ACK, (uint16_t)(msg->id - 1));
	answer_at_once(msg);
}

static void test_beside_the_point(void **state)
{
	struct exchanges x = start(answer_beside_the_point);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(response.payload.len, 5);
	assert_int_equal(gateway.n_came, 7);
	assert_int_equal(gateway.n_sent, 1);
}

/* Confirmable messages that nobody waits for: a ping, a request, a response to who knows what. */
static void ask_back(const struct gw_coap *msg)
{
	if (gateway.n_sent > 1)
		return;
	come_empty(GW_COAP_CON, 0x1001);
	come(&(struct gw_coap){ .type = GW_COAP_CON, .code = GW_COAP_GET, .id = 0x1002 }, 0);
	come(&(struct gw_coap){ .type = GW_COAP_CON, .code = GW_COAP_CONTENT, .id = 0x1003 }, 0);
	answer_at_once(msg);
}

static void test_reset_what_is_not_expected(void **state)
{
	struct exchanges x = start(ask_back);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(gateway.n_sent, 4);
	for (uint16_t i = 1; i < 4; i++)
		assert_sent_empty(i, GW_COAP_RST, (uint16_t)(0x1000 + i));
}

static void answer_garbage(const struct gw_coap *msg)
{
	static const uint8_t con[] = { 0x40, 0x45, 0x12, 0x34, 0xff };
	static const uint8_t non[] = { 0x50, 0x45, 0x12, 0x35, 0xff };
	static const uint8_t no_coap[] = { 0x80, 0x45, 0x12, 0x36 };

	if (gateway.n_sent > 1)
		return;
	come_bytes(con, sizeof(con), 0);
	come_bytes(non, sizeof(non), 0);
	come_bytes(no_coap, sizeof(no_coap), 0);
	come_bytes("", 0, 0);
	answer_at_once(msg);
}

static void test_garbage(void **state)
{
	struct exchanges x = start(answer_garbage);
	struct gw_coap response;

	assert_int_equal(run(&x, &response), 0);
	assert_int_equal(gateway.n_sent, 2);
	assert_sent_empty(1, GW_COAP_RST, 0x1234);
}

static void test_session_ends(void **state)
{
	struct exchanges x = start(/* on_sent= */ NULL);
	struct gw_coap response;

	gateway.receive_error = -ECONNRESET;
	assert_int_equal(run(&x, &response), -ECONNRESET);
	assert_int_equal(gateway.n_sent, 1);
}

static void test_too_large(void **state)
{
	static const uint8_t payload[GW_COAP_MESSAGE_MAX];
	struct gw_coap request = { .code = GW_COAP_POST, .payload = GW_BLOB_ARRAY(payload) };
	struct exchanges x = start(/* on_sent= */ NULL);
	struct gw_coap response;

	assert_int_equal(exchange_run(&x, &request, &response), -EMSGSIZE);
	assert_int_equal(gateway.n_sent, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_piggybacked),
		cmocka_unit_test(test_ids_and_tokens_change),
		cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_separate),
		cmocka_unit_test(test_separate_without_acknowledgement),
		cmocka_unit_test(test_repeated_separate),
		cmocka_unit_test(test_seen_is_a_ring),
		cmocka_unit_test(test_acknowledged_but_unanswered),
		cmocka_unit_test(test_non_confirmable),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_beside_the_point),
		cmocka_unit_test(test_reset_what_is_not_expected),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_session_ends),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
