/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block-wise transfer in a conversation, of requests and of answers. */
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

/* --- block-wise --- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_all_sizes),
		cmocka_unit_test(a_long_answer_without_being_asked),
		cmocka_unit_test(blocks_fit_the_channel),
		cmocka_unit_test(smaller_blocks_are_asked_for),
		cmocka_unit_test(two_transfers_at_once),
		cmocka_unit_test(blocks_out_of_order),
		cmocka_unit_test(the_rest_of_nothing),
		cmocka_unit_test(bodies_that_are_too_large),
	};

	return cmocka_run_group_tests(tests, bench_make_material, bench_remove_material);
}
