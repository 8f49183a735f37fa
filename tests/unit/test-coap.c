/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CoAP codec: every shape of a message goes out and comes back the same, and every way in which a
 * message can be cut or malformed is refused. Messages are decoded from a copy that ends where they
 * end, so that AddressSanitizer sees a read beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/coap.h"
#include "lib/util.h"

/* GET coaps://.../.well-known/est/crts with token, Accept and Block2: what a device sends. */
static const uint8_t request[] = {
	0x42, 0x01, 0x12, 0x34, 0xaa, 0xbb,                                  /* CON GET, token */
	0xbb, '.',  'w',  'e',  'l',  'l',  '-', 'k', 'n', 'o',  'w',  'n',  /* Uri-Path */
	0x03, 'e',  's',  't',  0x04, 'c',  'r', 't', 's', 0x62, 0x01, 0x19, /* .., Accept */
	0x61, 0x06,                                                          /* Block2 0/0/1024 */
};

/* Decodes a heap copy of exactly these bytes; the caller frees *ret_copy, which ret points into. */
static int decode(const void *data, size_t len, struct gw_coap *ret, uint8_t **ret_copy)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	*ret_copy = copy;
	return gw_coap_decode(copy, len, ret);
}

static int decode_result(const void *data, size_t len)
{
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap msg;

	return decode(data, len, &msg, &copy);
}

static struct gw_blob text_blob(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) };
}

static void assert_blob_equal(struct gw_blob a, struct gw_blob b)
{
	assert_int_equal(a.len, b.len);
	if (a.len)
		assert_memory_equal(a.data, b.data, a.len);
}

static void assert_same(const struct gw_coap *a, const struct gw_coap *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->token_len, b->token_len);
	assert_memory_equal(a->token, b->token, a->token_len);
	assert_int_equal(a->n_options, b->n_options);
	for (size_t i = 0; i < a->n_options; i++) {
		assert_int_equal(a->options[i].number, b->options[i].number);
		assert_blob_equal(a->options[i].value, b->options[i].value);
	}
	assert_blob_equal(a->payload, b->payload);
}

/* Encodes, decodes and compares; then tries every size of buffer that is too small. */
static void assert_round_trip(const struct gw_coap *msg)
{
	_cleanup_free_ uint8_t *copy = NULL, *buf = malloc(1 << 18);
	struct gw_coap back;
	size_t len, other;

	assert_non_null(buf);
	assert_int_equal(gw_coap_encode(msg, buf, 1 << 18, &len), 0);
	assert_int_equal(decode(buf, len, &back, &copy), 0);
	assert_same(msg, &back);

	if (len > 4096)
		return;
	for (size_t size = 0; size < len; size++)
		assert_int_equal(gw_coap_encode(msg, buf, size, &other), -EMSGSIZE);
	assert_int_equal(gw_coap_encode(msg, buf, len, &other), 0);
	assert_int_equal(other, len);
}

static void test_decode_request(void **state)
{
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap_block block;
	struct gw_coap msg;
	uint32_t accept;

	assert_int_equal(decode(request, sizeof(request), &msg, &copy), 0);
	assert_int_equal(msg.type, GW_COAP_CON);
	assert_int_equal(msg.code, GW_COAP_GET);
	assert_int_equal(msg.id, 0x1234);
	assert_int_equal(msg.token_len, 2);
	assert_memory_equal(msg.token, "\xaa\xbb", 2);
	assert_int_equal(msg.n_options, 5);
	assert_int_equal(msg.options[0].number, GW_COAP_URI_PATH);
	assert_blob_equal(msg.options[0].value, text_blob(".well-known"));
	assert_blob_equal(msg.options[2].value, text_blob("crts"));
	assert_int_equal(gw_coap_find_uint(&msg, GW_COAP_ACCEPT, &accept), 0);
	assert_int_equal(accept, GW_COAP_FORMAT_PKCS7_CERTS);
	assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK2, &block), 0);
	assert_int_equal(block.size, 1024);
	assert_int_equal(msg.payload.len, 0);
}

/* A cut message is either refused or, where an option ends, a shorter message; never more. */
static void test_decode_truncated(void **state)
{
	static const size_t ends[] = { 6, 18, 22, 27, 30, 32 };
	size_t next = 0;

	assert_int_equal(ends[GW_ELEMENTS(ends) - 1], sizeof(request));
	for (size_t len = 0; len <= sizeof(request); len++) {
		int expected = len < 4 ? -EPROTO : -EBADMSG;

		if (len == ends[next]) {
			expected = 0;
			next++;
		}
		assert_int_equal(decode_result(request, len), expected);
	}
}

static void test_decode_keeps_header_of_malformed(void **state)
{
	static const uint8_t bad_option[] = { 0x41, 0x02, 0xbe, 0xef, 0x77, 0xf0 };
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap msg;

	assert_int_equal(decode(bad_option, sizeof(bad_option), &msg, &copy), -EBADMSG);
	assert_int_equal(msg.type, GW_COAP_CON);
	assert_int_equal(msg.code, GW_COAP_POST);
	assert_int_equal(msg.id, 0xbeef);
	assert_int_equal(msg.token_len, 1);
	assert_int_equal(msg.token[0], 0x77);
}

static void test_decode_versions(void **state)
{
	for (unsigned version = 0; version < 4; version++) {
		uint8_t ping[] = { (uint8_t)(version << 6), 0, 0, 1 };

		assert_int_equal(decode_result(ping, sizeof(ping)), version == 1 ? 0 : -EPROTO);
	}
}

static void test_decode_token_lengths(void **state)
{
	for (unsigned token_len = 0; token_len < 16; token_len++) {
		uint8_t msg[4 + 15] = { (uint8_t)(0x40 | token_len), GW_COAP_GET };

		assert_int_equal(decode_result(msg, 4 + token_len),
				 token_len <= GW_COAP_TOKEN_MAX ? 0 : -EBADMSG);
		if (token_len)
			assert_int_equal(decode_result(msg, 4 + token_len - 1), -EBADMSG);
	}
}

static void test_decode_codes(void **state)
{
	for (unsigned code = 0; code < 256; code++) {
		uint8_t header[] = { 0x40, (uint8_t)code, 0, 1 };
		bool reserved = code >> 5 == 1 || code >> 5 == 6 || code >> 5 == 7;

		assert_int_equal(decode_result(header, sizeof(header)), reserved ? -EBADMSG : 0);
	}
}

static void test_decode_empty_must_be_empty(void **state)
{
	static const uint8_t with_token[] = { 0x41, 0, 0, 1, 9 };
	static const uint8_t with_option[] = { 0x40, 0, 0, 1, 0x60 };
	static const uint8_t with_payload[] = { 0x40, 0, 0, 1, 0xff, 1 };

	assert_int_equal(decode_result(with_token, sizeof(with_token)), -EBADMSG);
	assert_int_equal(decode_result(with_option, sizeof(with_option)), -EBADMSG);
	assert_int_equal(decode_result(with_payload, sizeof(with_payload)), -EBADMSG);
}

static void test_decode_payload_marker(void **state)
{
	static const uint8_t bare[] = { 0x40, 1, 0, 1, 0xff };
	static const uint8_t one[] = { 0x40, 1, 0, 1, 0xff, 0xff };
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap msg;

	assert_int_equal(decode_result(bare, sizeof(bare)), -EBADMSG);
	assert_int_equal(decode(one, sizeof(one), &msg, &copy), 0);
	assert_blob_equal(msg.payload, text_blob("\xff"));
}

/* Nibble 15 is reserved in both places, whatever stands in the other one and behind it. */
static void test_decode_reserved_nibbles(void **state)
{
	for (unsigned nibble = 0; nibble < 15; nibble++) {
		uint8_t delta[4 + 1 + 8] = { 0x40, 1, 0, 1, (uint8_t)(0xf0 | nibble) };
		uint8_t len[4 + 1 + 8] = { 0x40, 1, 0, 1, (uint8_t)(nibble << 4 | 0x0f) };

		assert_int_equal(decode_result(delta, sizeof(delta)), -EBADMSG);
		assert_int_equal(decode_result(len, sizeof(len)), -EBADMSG);
	}
}

/* Extended deltas and lengths whose own bytes, or whose value, are not all there. */
static void test_decode_extended_cut(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
	} cases[] = {
		{ { 0x40, 1, 0, 1, 0xd0 }, 5 },       { { 0x40, 1, 0, 1, 0xe0 }, 5 },
		{ { 0x40, 1, 0, 1, 0xe0, 0 }, 6 },    { { 0x40, 1, 0, 1, 0x0d }, 5 },
		{ { 0x40, 1, 0, 1, 0x0e }, 5 },       { { 0x40, 1, 0, 1, 0x0e, 0 }, 6 },
		{ { 0x40, 1, 0, 1, 0x0d, 0, 1 }, 7 }, { { 0x40, 1, 0, 1, 0x0e, 0, 0 }, 7 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_int_equal(decode_result(cases[i].bytes, cases[i].len), -EBADMSG);
}

static void test_decode_option_number_overflow(void **state)
{
	static const uint8_t at_limit[] = { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf2 };
	static const uint8_t above[] = { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf3 };
	static const uint8_t in_two[] = { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf2, 0x10 };
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap msg;

	assert_int_equal(decode(at_limit, sizeof(at_limit), &msg, &copy), 0);
	assert_int_equal(msg.options[0].number, UINT16_MAX);
	assert_int_equal(decode_result(above, sizeof(above)), -EBADMSG);
	assert_int_equal(decode_result(in_two, sizeof(in_two)), -EBADMSG);
}

static void test_decode_too_many_options(void **state)
{
	uint8_t buf[4 + GW_COAP_OPTIONS_MAX + 1] = { 0x40, 1, 0, 7 };
	_cleanup_free_ uint8_t *copy = NULL;
	struct gw_coap msg;

	memset(buf + 4, 0x10, GW_COAP_OPTIONS_MAX + 1);
	assert_int_equal(decode(buf, sizeof(buf) - 1, &msg, &copy), 0);
	assert_int_equal(msg.n_options, GW_COAP_OPTIONS_MAX);
	assert_int_equal(msg.options[GW_COAP_OPTIONS_MAX - 1].number, GW_COAP_OPTIONS_MAX);
	assert_int_equal(decode_result(buf, sizeof(buf)), -E2BIG);
}

static void test_round_trip_header(void **state)
{
	static const uint16_t ids[] = { 0, 1, 0xff, 0x100, 0xffff };

	for (unsigned type = GW_COAP_CON; type <= GW_COAP_RST; type++)
		for (size_t i = 0; i < GW_ELEMENTS(ids); i++)
			for (size_t token_len = 0; token_len <= GW_COAP_TOKEN_MAX; token_len++) {
				struct gw_coap msg = { .type = type,
						       .code = GW_COAP_CONTENT,
						       .id = ids[i],
						       .token = "\xff"
								"2345678",
						       .token_len = token_len };

				assert_round_trip(&msg);
			}
}

/* Both sides of each bend in the encoding of deltas and lengths, in all pairs, twice in a row. */
static void test_round_trip_option_shapes(void **state)
{
	static const uint16_t deltas[] = { 0, 1, 12, 13, 14, 268, 269, 270, 524, 525, 30000 };
	static const size_t lens[] = { 0, 1, 12, 13, 14, 268, 269, 270, 524, 525, 65804 };
	_cleanup_free_ uint8_t *value = malloc(65804);

	assert_non_null(value);
	for (size_t i = 0; i < 65804; i++)
		value[i] = (uint8_t)(i * 7);

	for (size_t i = 0; i < GW_ELEMENTS(deltas); i++)
		for (size_t j = 0; j < GW_ELEMENTS(lens); j++) {
			struct gw_coap msg = { .code = GW_COAP_POST, .payload = { value, 3 } };
			struct gw_blob blob = { value, lens[j] };

			assert_int_equal(gw_coap_add(&msg, deltas[i], blob), 0);
			assert_int_equal(gw_coap_add(&msg, 2 * deltas[i], blob), 0);
			assert_round_trip(&msg);
		}
}

/* Option lengths in bytes on the wire, so that round trips cannot agree on a wrong form. */
static void test_encode_bytes(void **state)
{
	static const uint8_t expected[] = {
		0x60, 0x45, 0xab, 0xcd,        /* ACK 2.05 */
		0xc1, 1,                       /* number 12 */
		0xd0, 0,                       /* 25 */
		0xe0, 0,    0,                 /* 294 */
		0x0d, 0,    1,    2,    3, 4,  /* 294 again, 13 bytes */
		5,    6,    7,    8,    9, 10, /* .. */
		11,   12,   13,                /* .. */
		0xff, 'x',
	};
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	struct gw_coap msg = { .type = GW_COAP_ACK,
			       .code = GW_COAP_CONTENT,
			       .id = 0xabcd,
			       .payload = { (const uint8_t *)"x", 1 } };
	uint8_t buf[64];
	size_t len;

	assert_int_equal(gw_coap_add(&msg, 12, (struct gw_blob){ bytes, 1 }), 0);
	assert_int_equal(gw_coap_add(&msg, 25, (struct gw_blob){ 0 }), 0);
	assert_int_equal(gw_coap_add(&msg, 294, (struct gw_blob){ 0 }), 0);
	assert_int_equal(gw_coap_add(&msg, 294, GW_BLOB_ARRAY(bytes)), 0);
	assert_int_equal(gw_coap_encode(&msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(buf, expected, len);
}

static void test_encode_option_too_long(void **state)
{
	_cleanup_free_ uint8_t *value = calloc(1, 65805), *buf = malloc(1 << 17);
	struct gw_coap msg = { .code = GW_COAP_POST };
	size_t len;

	assert_non_null(value);
	assert_non_null(buf);
	assert_int_equal(gw_coap_add(&msg, 1, (struct gw_blob){ value, 65805 }), 0);
	assert_int_equal(gw_coap_encode(&msg, buf, 1 << 17, &len), -EMSGSIZE);
}

static void test_add_keeps_order(void **state)
{
	static const uint16_t numbers[] = { 11, 3, 60, 11, 12, 11, 3 };
	static const uint8_t tags[] = { 0, 1, 2, 3, 4, 5, 6 };
	static const uint8_t expected[] = { 1, 6, 0, 3, 5, 4, 2 }; /* equal ones as they came */
	struct gw_coap msg = { .code = GW_COAP_GET };

	for (size_t i = 0; i < GW_ELEMENTS(numbers); i++)
		assert_int_equal(gw_coap_add(&msg, numbers[i], (struct gw_blob){ &tags[i], 1 }), 0);
	for (size_t i = 0; i < GW_ELEMENTS(numbers); i++)
		assert_int_equal(msg.options[i].value.data[0], expected[i]);
	assert_round_trip(&msg);
}

static void test_add_limit(void **state)
{
	struct gw_coap msg = { .code = GW_COAP_GET };
	uint8_t scratch[4];

	for (size_t i = 0; i < GW_COAP_OPTIONS_MAX; i++)
		assert_int_equal(gw_coap_add(&msg, (uint16_t)i, (struct gw_blob){ 0 }), 0);
	assert_null(gw_coap_find(&msg, GW_COAP_OPTIONS_MAX));
	assert_int_equal(gw_coap_add(&msg, 0, (struct gw_blob){ 0 }), -E2BIG);
	assert_int_equal(gw_coap_add_uint(&msg, 0, 1, scratch), -E2BIG);
	assert_int_equal(msg.n_options, GW_COAP_OPTIONS_MAX);
}

static void test_uint(void **state)
{
	static const struct {
		uint32_t value;
		size_t len;
	} cases[] = { { 0, 0 },      { 1, 1 },          { 0xff, 1 },       { 0x100, 2 },
		      { 0xffff, 2 }, { 0x10000, 3 },    { 0xffffff, 3 },   { 0x1000000, 4 },
		      { 281, 2 },    { UINT32_MAX, 4 }, { 0x12345678, 4 }, { 0x10001, 3 } };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_coap msg = { .code = GW_COAP_GET };
		uint8_t scratch[4];
		uint32_t value;

		assert_int_equal(gw_coap_add_uint(&msg, 14, cases[i].value, scratch), 0);
		assert_int_equal(msg.options[0].value.len, cases[i].len);
		assert_int_equal(gw_coap_find_uint(&msg, 14, &value), 0);
		assert_int_equal(value, cases[i].value);
		assert_int_equal(gw_coap_find_uint(&msg, 15, &value), -ENOENT);
	}
}

/* Leading zeros are a sender's sloppiness that a receiver must bear; five bytes are too many. */
static void test_uint_foreign_shapes(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 1, 2, 0 };
	struct gw_coap msg = { .code = GW_COAP_GET };
	uint32_t value;

	assert_int_equal(gw_coap_add(&msg, 14, (struct gw_blob){ bytes, 4 }), 0);
	assert_int_equal(gw_coap_add(&msg, 60, (struct gw_blob){ bytes, 5 }), 0);
	assert_int_equal(gw_coap_find_uint(&msg, 14, &value), 0);
	assert_int_equal(value, 0x102);
	assert_int_equal(gw_coap_find_uint(&msg, 60, &value), -EBADMSG);
}

static void test_find_first(void **state)
{
	static const uint8_t tags[] = { 1, 2 };
	struct gw_coap msg = { .code = GW_COAP_GET };

	assert_null(gw_coap_find(&msg, 11));
	assert_int_equal(gw_coap_add(&msg, 11, (struct gw_blob){ &tags[0], 1 }), 0);
	assert_int_equal(gw_coap_add(&msg, 11, (struct gw_blob){ &tags[1], 1 }), 0);
	assert_int_equal(gw_coap_find(&msg, 11)->value.data[0], 1);
	assert_null(gw_coap_find(&msg, 12));
}

static void test_block_round_trip(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 15, 16, 0xfff, 0x1000, 0xfffff };

	for (uint16_t size = 16; size <= 1024; size = (uint16_t)(size * 2))
		for (size_t i = 0; i < GW_ELEMENTS(numbers); i++)
			for (unsigned more = 0; more < 2; more++) {
				struct gw_coap_block in = { numbers[i], more, size }, out;
				struct gw_coap msg = { .code = GW_COAP_GET };
				uint8_t scratch[4];

				assert_int_equal(gw_coap_add_uint(&msg, GW_COAP_BLOCK1,
								  gw_coap_block_value(&in),
								  scratch),
						 0);
				assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK1, &out), 0);
				assert_int_equal(out.number, in.number);
				assert_int_equal(out.more, in.more);
				assert_int_equal(out.size, in.size);
			}
}

static void test_block_shapes(void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t len;
		int result;
		struct gw_coap_block block;
	} cases[] = {
		{ { 0 }, 0, 0, { 0, false, 16 } },
		{ { 0x06 }, 1, 0, { 0, false, 1024 } },
		{ { 0x0e }, 1, 0, { 0, true, 1024 } },
		{ { 0x07 }, 1, -EBADMSG, { 0 } },
		{ { 0x0f }, 1, -EBADMSG, { 0 } },
		{ { 0x17 }, 1, -EBADMSG, { 0 } },
		{ { 0x01, 0x0a }, 2, 0, { 16, true, 64 } },
		{ { 0xff, 0xff, 0xfe }, 3, 0, { 0xfffff, true, 1024 } },
		{ { 0xff, 0xff, 0xff }, 3, -EBADMSG, { 0 } },
		{ { 0, 0, 0x10 }, 3, 0, { 1, false, 16 } },
		{ { 0, 0, 0, 0x10 }, 4, -EBADMSG, { 0 } },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_coap msg = { .code = GW_COAP_GET };
		struct gw_coap_block block;

		assert_int_equal(gw_coap_add(&msg, GW_COAP_BLOCK2,
					     (struct gw_blob){ cases[i].bytes, cases[i].len }),
				 0);
		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK1, &block), -ENOENT);
		assert_int_equal(gw_coap_find_block(&msg, GW_COAP_BLOCK2, &block), cases[i].result);
		if (cases[i].result < 0)
			continue;
		assert_int_equal(block.number, cases[i].block.number);
		assert_int_equal(block.more, cases[i].block.more);
		assert_int_equal(block.size, cases[i].block.size);
	}
}

static void test_critical(void **state)
{
	assert_true(gw_coap_is_critical(GW_COAP_URI_PATH));
	assert_true(gw_coap_is_critical(GW_COAP_BLOCK1));
	assert_false(gw_coap_is_critical(GW_COAP_MAX_AGE));
	assert_false(gw_coap_is_critical(GW_COAP_SIZE1));
}

/* Every single changed bit of a message either is refused or comes back from a second round. */
static void test_bit_flips(void **state)
{
	for (size_t bit = 0; bit < sizeof(request) * 8; bit++) {
		_cleanup_free_ uint8_t *copy = NULL;
		uint8_t damaged[sizeof(request)];
		struct gw_coap msg;
		int r;

		memcpy(damaged, request, sizeof(request));
		damaged[bit / 8] ^= (uint8_t)(1u << bit % 8);
		r = decode(damaged, sizeof(damaged), &msg, &copy);
		if (r < 0)
			assert_true(r == -EBADMSG || r == -EPROTO);
		else
			assert_round_trip(&msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_request),
		cmocka_unit_test(test_decode_truncated),
		cmocka_unit_test(test_decode_keeps_header_of_malformed),
		cmocka_unit_test(test_decode_versions),
		cmocka_unit_test(test_decode_token_lengths),
		cmocka_unit_test(test_decode_codes),
		cmocka_unit_test(test_decode_empty_must_be_empty),
		cmocka_unit_test(test_decode_payload_marker),
		cmocka_unit_test(test_decode_reserved_nibbles),
		cmocka_unit_test(test_decode_extended_cut),
		cmocka_unit_test(test_decode_option_number_overflow),
		cmocka_unit_test(test_decode_too_many_options),
		cmocka_unit_test(test_round_trip_header),
		cmocka_unit_test(test_round_trip_option_shapes),
		cmocka_unit_test(test_encode_bytes),
		cmocka_unit_test(test_encode_option_too_long),
		cmocka_unit_test(test_add_keeps_order),
		cmocka_unit_test(test_add_limit),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_uint_foreign_shapes),
		cmocka_unit_test(test_find_first),
		cmocka_unit_test(test_block_round_trip),
		cmocka_unit_test(test_block_shapes),
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_bit_flips),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
