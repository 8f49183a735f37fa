/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies in blocks of all sizes, there and back, in order, out of order, again, and several at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "plugins/registrar/transfer.h"

#define BODY_MAX 4096

static uint8_t body[BODY_MAX + 1024];

static int fill(void **state)
{
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7 + i / 251);
	return 0;
}

/* Sends block `number` of a body of `len` bytes in a message with this id; returns the code. A whole body
 * is checked, freed. */
static uint8_t send_message(struct transfers *t, uint16_t message, uint64_t key, size_t len,
			    uint32_t number, uint16_t size)
{
	struct gw_coap_block block = { .number = number, .size = size };
	size_t offset = (size_t)number * size, part = GW_MIN((size_t)size, len - offset);
	const struct transfer_part sent = {
		.key = key, .message = message, .block = &block, .payload = { body + offset, part }
	};
	uint8_t *whole = NULL, code = 0xff;
	size_t whole_len = 0;

	block.more = offset + part < len;
	assert_int_equal(transfer_collect(t, &sent, BODY_MAX, &code, &whole, &whole_len), 0);
	if (code == GW_COAP_EMPTY) {
		assert_int_equal(whole_len, len);
		assert_memory_equal(whole, body, len);
		free(whole);
	} else {
		assert_null(whole);
	}
	return code;
}

/* The same, in a message that was never there before. */
static uint8_t send_block(struct transfers *t, uint64_t key, size_t len, uint32_t number,
			  uint16_t size)
{
	static uint16_t message = 1000;

	return send_message(t, message++, key, len, number, size);
}

static void all_sizes_and_lengths(void **state)
{
	static const size_t lengths[] = { 1,  15,   16,   17,   31,   32,   63,
					  64, 1023, 1024, 1025, 4000, 4095, BODY_MAX };
	struct transfers t = { 0 };

	for (uint16_t size = 16; size <= 1024; size *= 2) {
		for (size_t i = 0; i < GW_ELEMENTS(lengths); i++) {
			uint32_t n = (uint32_t)((lengths[i] + size - 1) / size);

			for (uint32_t b = 0; b < n; b++)
				assert_int_equal(send_block(&t, 1, lengths[i], b, size),
						 b + 1 < n ? GW_COAP_CONTINUE : GW_COAP_EMPTY);
		}
	}
	transfers_done(&t);
}

static void an_empty_body(void **state)
{
	const struct gw_coap_block block = { .size = 16 };
	const struct transfer_part part = { .key = 1, .block = &block };
	struct transfers t = { 0 };
	uint8_t *whole, code;
	size_t len;

	assert_int_equal(transfer_collect(&t, &part, BODY_MAX, &code, &whole, &len), 0);
	assert_int_equal(code, GW_COAP_EMPTY);
	assert_int_equal(len, 0);
	free(whole);
	transfers_done(&t);
}

/* RFC 7959 2.3: the peer may go on with smaller blocks. */
static void sizes_change_on_the_way(void **state)
{
	struct transfers t = { 0 };

	assert_int_equal(send_block(&t, 1, 300, 0, 128), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 300, 4, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 300, 10, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 300, 11, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 300, 3, 64), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 300, 4, 64), GW_COAP_EMPTY);
	transfers_done(&t);
}

static void gaps_are_told_and_end_nothing(void **state)
{
	struct transfers t = { 0 };

	assert_int_equal(send_block(&t, 1, 100, 1, 16), GW_COAP_INCOMPLETE);
	assert_int_equal(send_block(&t, 1, 100, 0, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 2, 16), GW_COAP_INCOMPLETE);
	assert_int_equal(send_block(&t, 1, 100, 6, 16), GW_COAP_INCOMPLETE);
	assert_int_equal(send_block(&t, 2, 100, 1, 16), GW_COAP_INCOMPLETE);
	for (uint32_t b = 1; b < 6; b++)
		assert_int_equal(send_block(&t, 1, 100, b, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 6, 16), GW_COAP_EMPTY);
	assert_int_equal(send_block(&t, 1, 100, 6, 16), GW_COAP_INCOMPLETE); /* it is over */
	transfers_done(&t);
}

static void blocks_may_come_again(void **state)
{
	struct transfers t = { 0 };

	assert_int_equal(send_block(&t, 1, 100, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 1, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 1, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 2, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 100, 1, 32), GW_COAP_CONTINUE);

	body[40] ^= 1; /* but not with another content */
	assert_int_equal(send_block(&t, 1, 100, 1, 32), GW_COAP_INCOMPLETE);
	body[40] ^= 1;
	assert_int_equal(send_block(&t, 1, 100, 3, 32), GW_COAP_EMPTY);
	transfers_done(&t);
}

static void the_first_block_starts_over(void **state)
{
	struct transfers t = { 0 };

	for (uint32_t b = 0; b < 5; b++)
		assert_int_equal(send_block(&t, 1, 1000, b, 64), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 40, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 40, 1, 32), GW_COAP_EMPTY);
	transfers_done(&t);
}

/* Unless it is the message that began it, come again when the message layer has forgotten it. */
static void a_stale_first_block_changes_nothing(void **state)
{
	struct transfers t = { 0 };

	assert_int_equal(send_message(&t, 7, 1, 100, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 8, 1, 100, 1, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 7, 1, 100, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 7, 2, 100, 0, 32), GW_COAP_CONTINUE); /* another body */
	assert_int_equal(send_message(&t, 9, 1, 100, 2, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 10, 1, 100, 3, 32), GW_COAP_EMPTY);

	assert_int_equal(send_message(&t, 7, 1, 100, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 8, 1, 100, 1, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 11, 1, 100, 0, 32), GW_COAP_CONTINUE);
	assert_int_equal(send_message(&t, 12, 1, 100, 2, 32),
			 GW_COAP_INCOMPLETE); /* it began anew */
	transfers_done(&t);
}

static void several_at_once(void **state)
{
	struct transfers t = { 0 };

	for (uint32_t b = 0; b < 10; b++)
		for (uint64_t key = 1; key <= TRANSFER_MAX; key++)
			assert_int_equal(send_block(&t, key, 10 * 16, b, 16),
					 b < 9 ? GW_COAP_CONTINUE : GW_COAP_EMPTY);
	transfers_done(&t);
}

static void the_one_untouched_longest_gives_way(void **state)
{
	struct transfers t = { 0 };

	for (uint64_t key = 1; key <= TRANSFER_MAX; key++)
		assert_int_equal(send_block(&t, key, 64, 0, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 1, 64, 1, 16), GW_COAP_CONTINUE);

	assert_int_equal(send_block(&t, 100, 64, 0, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 2, 64, 1, 16), GW_COAP_INCOMPLETE);
	assert_int_equal(send_block(&t, 1, 64, 2, 16), GW_COAP_CONTINUE);
	assert_int_equal(send_block(&t, 100, 64, 1, 16), GW_COAP_CONTINUE);
	transfers_done(&t);
}

static uint8_t collect(struct transfers *t, uint32_t number, bool more, uint16_t size, size_t len)
{
	static uint16_t message = 1000;
	const struct gw_coap_block block = { .number = number, .more = more, .size = size };
	const struct transfer_part part = {
		.key = 1, .message = message++, .block = &block, .payload = { body, len }
	};
	uint8_t *whole = NULL, code;
	size_t whole_len;

	assert_int_equal(transfer_collect(t, &part, BODY_MAX, &code, &whole, &whole_len), 0);
	free(whole);
	return code;
}

static void blocks_have_their_size(void **state)
{
	struct transfers t = { 0 };

	assert_int_equal(collect(&t, 0, true, 64, 63), GW_COAP_BAD_REQUEST);
	assert_int_equal(collect(&t, 0, true, 64, 65), GW_COAP_BAD_REQUEST);
	assert_int_equal(collect(&t, 0, false, 64, 65), GW_COAP_BAD_REQUEST);
	assert_int_equal(collect(&t, 0, true, 64, 0), GW_COAP_BAD_REQUEST);
	assert_int_equal(collect(&t, 0, false, 64, 64), GW_COAP_EMPTY);
	transfers_done(&t);
}

static void bodies_are_bounded(void **state)
{
	struct transfers t = { 0 };

	for (uint32_t b = 0; b < 4; b++)
		assert_int_equal(collect(&t, b, true, 1024, 1024), GW_COAP_CONTINUE);
	assert_int_equal(collect(&t, 4, false, 1024, 1), GW_COAP_TOO_LARGE);
	assert_int_equal(collect(&t, 4, true, 1024, 1024), GW_COAP_TOO_LARGE);
	assert_int_equal(collect(&t, (1 << 20) - 1, true, 1024, 1024), GW_COAP_TOO_LARGE);
	assert_int_equal(collect(&t, 4, false, 1024, 0),
			 GW_COAP_EMPTY); /* just as much as may be */
	transfers_done(&t);
}

/* --- responses --- */

static void slices_make_the_whole(void **state)
{
	static const size_t lengths[] = { 1, 16, 17, 1000, 1024, 1025, 4096 };
	uint8_t whole[BODY_MAX];

	for (uint16_t size = 16; size <= 1024; size *= 2) {
		for (size_t i = 0; i < GW_ELEMENTS(lengths); i++) {
			struct gw_coap_block block = { .size = size, .more = true };
			struct gw_blob part;
			size_t len = 0;

			for (; block.more; block.number++) {
				assert_int_equal(
					transfer_slice((struct gw_blob){ body, lengths[i] }, &block,
						       &part),
					0);
				assert_true(part.len == size || !block.more);
				memcpy(whole + len, part.data, part.len);
				len += part.len;
			}
			assert_int_equal(len, lengths[i]);
			assert_memory_equal(whole, body, len);
			assert_int_equal(transfer_slice((struct gw_blob){ body, lengths[i] },
							&block, &part),
					 -ERANGE);
		}
	}
}

static void responses_are_kept(void **state)
{
	const struct transfer *kept;
	struct transfers t = { 0 };

	assert_null(transfer_find(&t, 1));
	assert_int_equal(transfer_keep(&t, 1, GW_COAP_CHANGED, 281, (struct gw_blob){ body, 100 }),
			 0);
	kept = transfer_find(&t, 1);
	assert_non_null(kept);
	assert_int_equal(kept->code, GW_COAP_CHANGED);
	assert_int_equal(kept->format, 281);
	assert_int_equal(kept->len, 100);
	assert_memory_equal(kept->data, body, 100);

	/* the next one with its key takes its place, others stand beside it */
	assert_int_equal(transfer_keep(&t, 1, GW_COAP_CONTENT, 50, (struct gw_blob){ body, 50 }),
			 0);
	assert_int_equal(transfer_find(&t, 1)->len, 50);
	for (uint64_t key = 2; key <= TRANSFER_MAX; key++)
		assert_int_equal(transfer_keep(&t, key, 0, 0, (struct gw_blob){ body, key }), 0);
	assert_int_equal(transfer_find(&t, 1)->len, 50);
	assert_int_equal(transfer_keep(&t, 100, 0, 0, (struct gw_blob){ body, 1 }), 0);
	assert_null(transfer_find(&t, 2));
	assert_non_null(transfer_find(&t, 1));
	transfers_done(&t);
}

/* --- keys --- */

static void add(struct gw_coap *msg, uint16_t number, const char *value)
{
	assert_int_equal(gw_coap_add(msg, number,
				     (struct gw_blob){ (const uint8_t *)value, strlen(value) }),
			 0);
}

static void keys_tell_requests_apart(void **state)
{
	struct gw_coap a = { .code = GW_COAP_POST }, b;

	add(&a, GW_COAP_URI_PATH, "est");
	add(&a, GW_COAP_URI_PATH, "sen");
	add(&a, GW_COAP_CONTENT_FORMAT, "\1\x1e");

	/* what differs from block to block does not count, */
	b = a;
	b.id = 9;
	b.token_len = 1;
	add(&b, GW_COAP_BLOCK1, "x");
	add(&b, GW_COAP_BLOCK2, "y");
	add(&b, GW_COAP_SIZE1, "z");
	assert_true(transfer_request_key(&a) == transfer_request_key(&b));
	assert_true(transfer_response_key(&a) == transfer_response_key(&b));

	/* the method, the path and how it is cut, the query, what is wanted: all that does */
	b = a;
	b.code = GW_COAP_GET;
	assert_true(transfer_request_key(&a) != transfer_request_key(&b));
	b = a;
	add(&b, GW_COAP_URI_PATH, "x");
	assert_true(transfer_response_key(&a) != transfer_response_key(&b));
	b = (struct gw_coap){ .code = GW_COAP_POST };
	add(&b, GW_COAP_URI_PATH, "ests");
	add(&b, GW_COAP_URI_PATH, "en");
	add(&b, GW_COAP_CONTENT_FORMAT, "\1\x1e");
	assert_true(transfer_request_key(&a) != transfer_request_key(&b));
	b = a;
	add(&b, GW_COAP_URI_QUERY, "x");
	assert_true(transfer_response_key(&a) != transfer_response_key(&b));
	b = a;
	add(&b, GW_COAP_ACCEPT, "x");
	assert_true(transfer_response_key(&a) != transfer_response_key(&b));

	/* what describes the request's body counts on the way in only */
	b = a;
	add(&b, 292, "tag");
	assert_true(transfer_request_key(&a) != transfer_request_key(&b));
	assert_true(transfer_response_key(&a) == transfer_response_key(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes_and_lengths),
		cmocka_unit_test(an_empty_body),
		cmocka_unit_test(sizes_change_on_the_way),
		cmocka_unit_test(gaps_are_told_and_end_nothing),
		cmocka_unit_test(blocks_may_come_again),
		cmocka_unit_test(the_first_block_starts_over),
		cmocka_unit_test(a_stale_first_block_changes_nothing),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(the_one_untouched_longest_gives_way),
		cmocka_unit_test(blocks_have_their_size),
		cmocka_unit_test(bodies_are_bounded),
		cmocka_unit_test(slices_make_the_whole),
		cmocka_unit_test(responses_are_kept),
		cmocka_unit_test(keys_tell_requests_apart),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
