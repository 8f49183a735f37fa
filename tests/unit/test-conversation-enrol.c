/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enrolment in a conversation: which answer goes out, and when. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "conversation-bench.h"
#include "lib/coap.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "openssl.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/exchange.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, bench_make_material, bench_remove_material);
}
