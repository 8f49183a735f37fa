/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire, walked through message by message and field by field. The table below says once more,
 * in a notation of its own, what each message holds; bytes are built from it without the encoder,
 * read, and written again. A message that changes changes here too: it is the protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "lib/wire.h"

#define FIELDS_MAX 16

/*
 * Fields, separated by spaces: 2 4 8 numbers of that many bytes, b yes or no, eN an enum of N values,
 * tN text of at most N bytes, lN the same in lines, xN blob of at most N bytes, xN-M blob of N to M
 * bytes or none.
 */
static const struct spec {
	unsigned type;
	const char *name;
	const char *fields;
} specs[] = {
	{ 0x01, "hello", "2 2 t32 t256 t256" },
	{ 0x02, "welcome", "2 t64 l4096" },
	{ 0x03, "health", "b t256" },
	{ 0x10, "channel", "4 e2 2 4 t32 t80" },
	{ 0x11, "channel_gone", "4" },
	{ 0x12, "offer", "b" },
	{ 0x13, "neighbour", "b t80 t80 t32 t256" },
	{ 0x20, "secret_query", "8 4 t64 t80" },
	{ 0x21, "secret", "8 x14-64" },
	{ 0x22, "peer", "8 4 e2 t64 t80 t80 x20 x32-32 x32-32 x32-32" },
	{ 0x23, "verdict", "8 e3 t64 t64" },
	{ 0x24, "failed", "8 t64" },
	{ 0x25, "session_end", "8 t64" },
	{ 0x30, "enroll", "8 4 b x32-32 x4096" },
	{ 0x31, "enrolled", "8 4 e3 4 t64 x8192 x24576" },
	{ 0x32, "settings_query", "8 4" },
	{ 0x33, "settings", "8 4 e3 t64 t64 t64 t256 8" },
	{ 0x34, "report", "8 4 b t256" },
	{ 0x35, "reported", "8 4 e3 t64" },
	{ 0x36, "check", "t64 t64 t64 x32-32 x8192 x24576" },
	{ 0x37, "checked", "t64 b t64 x20 x32-32 8 8 x32-32" },
	{ 0x38, "server_csr", "x32-32 x4096" },
	{ 0x39, "server_cert", "x32-32 x8192 x24576" },
	{ 0x3a, "anchors", "e2" },
	{ 0x3b, "rejected", "8 t64" },
	{ 0x3c, "clock", "8 b" },
	{ 0x40, "cloud_state", "e5 t256" },
	{ 0x41, "request", "t64 e11 t64 t64 t64 t64 t32 t64 x20 x32-32 x4096 x4096" },
	{ 0x42, "request_end", "t64" },
	{ 0x43, "answer", "t64 e3 4 8 t64 t256 x8192 x24576 8 x32-32 t64 t64" },
	{ 0x44, "command", "t64 8 8 e9 t64 t64 t64 8 b b x192 t64 l16640 l10496" },
	{ 0x45, "command_answer", "t64 8 e3 t64" },
	{ 0x46, "cloud_retry", "4" },
	{ 0x47, "credential", "b t256 8 8 8 e5 8 8 t256" },
	{ 0x4c, "event", "8 8 t64 t64 t64 t64 t256 x32-32" },
	{ 0x4d, "events", "t64 8 2 x32-32 t64" },
	{ 0x52, "request_sent", "t64" },
	{ 0x54, "wiped", "8 4" },
	{ 0x55, "crl", "t64" },
	{ 0x56, "crl_checked", "t64 b t256 x32-32 x20 8 8" },
	{ 0x57, "issuers", "x32-2048" },
};

struct field {
	char kind;  /* n number, t text, l lines, x blob */
	size_t len; /* bytes of a number, most bytes of the others */
	size_t min; /* least bytes of a blob */
	uint64_t max;
};

static size_t read_spec(const struct spec *spec, struct field *fields)
{
	size_t n = 0;

	for (const char *c = spec->fields; *c; n++) {
		char *end;
		char kind = *c;
		size_t number = strtoul(*c >= 'a' ? c + 1 : c, &end, 10);

		assert_true(n < FIELDS_MAX);
		if (kind == 'b' || kind == 'e')
			fields[n] = (struct field){ 'n', 1, 0, kind == 'b' ? 1 : number - 1 };
		else if (*end == '-')
			fields[n] = (struct field){ kind, strtoul(end + 1, &end, 10), number, 0 };
		else if (kind >= 'a')
			fields[n] = (struct field){ kind, number, 0, 0 };
		else
			fields[n] = (struct field){ 'n', number, 0, UINT64_MAX };
		c = end + (*end == ' ');
	}
	return n;
}

/* A message under construction, and where each of its fields begins. */
struct bytes {
	uint8_t data[2 * GW_WIRE_MAX];
	size_t len;
	size_t at[FIELDS_MAX];
};

static void add_number(struct bytes *b, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++)
		b->data[b->len++] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static void add_string(struct bytes *b, char kind, uint8_t fill, size_t len)
{
	add_number(b, len, 2);
	memset(b->data + b->len, fill, len);
	b->len += len;
	if (kind != 'x')
		add_number(b, 0, 1);
}

/* All fields as large as they may be, or all empty; field `extra` is one more than it may be. */
static struct bytes *build(const struct spec *spec, bool large, size_t extra)
{
	static struct bytes b;
	struct field fields[FIELDS_MAX];
	size_t n = read_spec(spec, fields);

	b.len = 0;
	add_number(&b, spec->type, 2);
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];

		b.at[i] = b.len;
		if (f->kind == 'n')
			add_number(&b, i == extra ? f->max + 1 : large ? f->max : 0, f->len);
		else
			add_string(&b, f->kind, (uint8_t)('A' + i),
				   i == extra ? f->len + 1
				   : large    ? f->len
					      : 0);
	}
	return &b;
}

#define NO_EXTRA SIZE_MAX

/* All fields empty but one blob or text of this length. */
static struct bytes *build_with(const struct spec *spec, size_t field, size_t len)
{
	static struct bytes b;
	struct field fields[FIELDS_MAX];
	size_t n = read_spec(spec, fields);

	b.len = 0;
	add_number(&b, spec->type, 2);
	for (size_t i = 0; i < n; i++)
		if (fields[i].kind == 'n')
			add_number(&b, 0, fields[i].len);
		else
			add_string(&b, fields[i].kind, 'x', i == field ? len : 0);
	return &b;
}

/* From a heap block of just this size, so that a sanitizer sees the first byte read behind it. */
static int decode(const uint8_t *data, size_t len, struct gw_msg *ret,
		  struct gw_wire_error *ret_error)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	return gw_wire_decode(copy, len, ret, ret_error);
}

static void assert_refused(const uint8_t *data, size_t len)
{
	struct gw_wire_error error = { 0 };
	struct gw_msg msg;

	memset(&msg, 0xee, sizeof(msg));
	assert_int_equal(decode(data, len, &msg, &error), -EBADMSG);
	assert_non_null(error.message);
	assert_non_null(error.field);
	assert_non_null(error.why);
	assert_int_equal(((uint8_t *)&msg)[0], 0xee);
}

static void assert_round_trip(const struct spec *spec, const struct bytes *b)
{
	static uint8_t again[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct gw_msg msg;
	size_t len = 0;

	assert_int_equal(decode(b->data, b->len, &msg, &error), 0);
	assert_int_equal(msg.type, spec->type);
	assert_int_equal(gw_wire_encode(&msg, again, sizeof(again), &len), 0);
	assert_int_equal(len, b->len);
	assert_memory_equal(again, b->data, len);

	/* A buffer of just this size will do, one byte less will not. */
	assert_int_equal(gw_wire_encode(&msg, again, len, &len), 0);
	assert_int_equal(gw_wire_encode(&msg, again, len - 1, &len), -EMSGSIZE);
}

static void test_every_message_is_here(void **state)
{
#define X(number, NAME, name) number,
	static const unsigned types[] = { GW_WIRE_MESSAGES(X) };
#undef X

	assert_int_equal(GW_ELEMENTS(types), GW_ELEMENTS(specs));
	for (size_t i = 0; i < GW_ELEMENTS(types); i++) {
		assert_int_equal(types[i], specs[i].type);
		assert_string_equal(gw_wire_name(types[i]), specs[i].name);
	}
}

static void test_round_trip(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		assert_round_trip(&specs[i], build(&specs[i], /* large= */ false, NO_EXTRA));
		assert_round_trip(&specs[i], build(&specs[i], /* large= */ true, NO_EXTRA));
	}
}

static void test_largest_fits_the_wire(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++)
		assert_true(build(&specs[i], /* large= */ true, NO_EXTRA)->len <= GW_WIRE_MAX);
}

/* Fields travel in the order of the struct: what points into the bytes points ever further. */
static void test_order_of_the_struct(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		struct bytes *b = build(&specs[i], /* large= */ true, NO_EXTRA);
		const uint8_t *words[sizeof(struct gw_msg) / sizeof(uint8_t *)];
		const uint8_t *last = b->data;
		struct gw_wire_error error;
		struct gw_msg msg;

		assert_int_equal(gw_wire_decode(b->data, b->len, &msg, &error), 0);
		memcpy(words, &msg, sizeof(words));
		for (size_t w = 0; w < GW_ELEMENTS(words); w++) {
			if (words[w] < b->data || words[w] >= b->data + b->len)
				continue;
			assert_true(words[w] > last);
			last = words[w];
		}
	}
}

static void test_every_truncation_is_refused(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++)
		for (int large = 0; large <= 1; large++) {
			const struct bytes *b = build(&specs[i], large, NO_EXTRA);
			/* Inside long blobs every byte is like the next: step over most of them. */
			size_t step = b->len > 2048 ? 97 : 1;

			for (size_t len = 0; len < b->len; len += step)
				assert_refused(b->data, len);
			for (size_t back = 1; back <= GW_MIN(b->len, (size_t)64); back++)
				assert_refused(b->data, b->len - back);
		}
}

static void test_left_over_bytes_are_refused(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++)
		for (int large = 0; large <= 1; large++) {
			struct bytes *b = build(&specs[i], large, NO_EXTRA);

			b->data[b->len] = 0;
			assert_refused(b->data, b->len + 1);
		}
}

/* One above the limit, of each field that has one below what its bytes can say. */
static void test_every_limit(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		struct field fields[FIELDS_MAX];
		size_t n = read_spec(&specs[i], fields);

		for (size_t f = 0; f < n; f++) {
			const struct bytes *b;

			if (fields[f].kind == 'n' && fields[f].max == UINT64_MAX)
				continue;
			b = build(&specs[i], /* large= */ false, f);
			assert_refused(b->data, b->len);
		}
	}
}

/* Numbers of one byte: every value. */
static void test_every_enum_value(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		struct field fields[FIELDS_MAX];
		size_t n = read_spec(&specs[i], fields);

		for (size_t f = 0; f < n; f++) {
			struct bytes *b = build(&specs[i], /* large= */ false, NO_EXTRA);

			if (fields[f].kind != 'n' || fields[f].len != 1)
				continue;
			for (unsigned value = 0; value <= UINT8_MAX; value++) {
				b->data[b->at[f]] = (uint8_t)value;
				if (value <= fields[f].max)
					assert_round_trip(&specs[i], b);
				else
					assert_refused(b->data, b->len);
			}
		}
	}
}

/* A blob that is there at all is not shorter than it must be, to the byte. */
static void test_every_least_length(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		struct field fields[FIELDS_MAX];
		size_t n = read_spec(&specs[i], fields);

		for (size_t f = 0; f < n; f++)
			for (size_t len = 1; fields[f].min && len <= fields[f].len; len++) {
				const struct bytes *b = build_with(&specs[i], f, len);

				if (len < fields[f].min)
					assert_refused(b->data, b->len);
				else
					assert_round_trip(&specs[i], b);
			}
	}
}

/* Texts: every byte, at the beginning, and in place of the zero behind it. */
static void test_every_byte_of_a_text(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		struct field fields[FIELDS_MAX];
		size_t n = read_spec(&specs[i], fields);

		for (size_t f = 0; f < n; f++) {
			struct bytes *b = build(&specs[i], /* large= */ true, NO_EXTRA);

			if (fields[f].kind != 't' && fields[f].kind != 'l')
				continue;
			for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
				b->data[b->at[f] + 2] = (uint8_t)byte;
				if ((byte >= 0x20 && byte <= 0x7e) ||
				    (byte == '\n' && fields[f].kind == 'l'))
					assert_round_trip(&specs[i], b);
				else
					assert_refused(b->data, b->len);
			}
			b->data[b->at[f] + 2] = 'A';
			for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
				b->data[b->at[f] + 2 + fields[f].len] = (uint8_t)byte;
				assert_refused(b->data, b->len);
			}
		}
	}
}

static void test_unknown_types(void **state)
{
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		uint8_t data[64] = { (uint8_t)(type >> 8), (uint8_t)type };
		struct gw_msg msg = { .type = (enum gw_msg_type)type };
		bool known = false;
		size_t len;

		for (size_t i = 0; i < GW_ELEMENTS(specs); i++)
			known |= specs[i].type == type;
		if (known)
			continue;
		assert_refused(data, 2);
		assert_refused(data, sizeof(data));
		assert_int_equal(gw_wire_encode(&msg, data, sizeof(data), &len), -EINVAL);
		assert_string_equal(gw_wire_name((enum gw_msg_type)type), "?");
	}
}

static void test_error_names_the_place(void **state)
{
	const struct bytes *b = build(&specs[0], /* large= */ false, /* extra= */ 2);
	struct gw_wire_error error;
	struct gw_msg msg;

	assert_int_equal(decode(b->data, b->len, &msg, &error), -EBADMSG);
	assert_string_equal(error.message, "hello");
	assert_string_equal(error.field, "name");
	assert_string_equal(error.why, "is too long");
}

/* The bytes as doc and header promise them, written out once by hand. */
static void test_bytes_of_a_channel(void **state)
{
	static const uint8_t expected[] = {
		0x00, 0x10, 1, 2, 3, 4, 0,   0x05, 0xdc, 0,   0, 0x25,
		0x80, 0,    0, 0, 0, 4, 'e', 't',  'h',  '0', 0,
	};
	struct gw_msg msg = { .type = GW_MSG_CHANNEL,
			      .channel = { .channel = 0x01020304,
					   .kind = GW_CHANNEL_DATAGRAM,
					   .mtu = 1500,
					   .bit_rate = 9600,
					   .transport = NULL,
					   .label = "eth0" } };
	struct gw_wire_error error;
	struct gw_msg read;
	uint8_t buf[64];
	size_t len;

	assert_int_equal(gw_wire_encode(&msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(buf, expected, len);

	assert_int_equal(decode(buf, len, &read, &error), 0);
	assert_int_equal(read.channel.channel, 0x01020304);
	assert_int_equal(read.channel.mtu, 1500);
	assert_int_equal(read.channel.bit_rate, 9600);
	assert_string_equal(read.channel.transport, "");
	assert_string_equal(read.channel.label, "eth0");
}

/* What would be refused at the other end is not sent: it would cost us the link. */
static void assert_not_sent(const struct gw_msg *msg)
{
	uint8_t buf[512];
	size_t len = 7;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), -EMSGSIZE);
	assert_int_equal(len, 7);
}

static void assert_sent(const struct gw_msg *msg)
{
	uint8_t buf[512];
	size_t len;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
}

static void test_encode_refuses_what_decode_does(void **state)
{
	static const char text[GW_REASON_MAX + 2] = { [0 ... GW_REASON_MAX] = 'x' };
	static const uint8_t bytes[GW_SECRET_MAX + 1];
	struct gw_msg failed = { .type = GW_MSG_FAILED, .failed.reason = text };
	struct gw_msg offer = { .type = GW_MSG_OFFER, .offer.again = 2 };
	struct gw_msg secret = { .type = GW_MSG_SECRET, .secret.secret = GW_BLOB_ARRAY(bytes) };
	struct gw_msg csr = { .type = GW_MSG_SERVER_CSR, .server_csr.key = { bytes, 31 } };

	assert_not_sent(&failed);
	failed.failed.reason = text + 1;
	assert_sent(&failed);
	failed.failed.reason = "two\nlines";
	assert_not_sent(&failed);
	failed.failed.reason = "\xc3\xa4";
	assert_not_sent(&failed);

	assert_not_sent(&offer);
	offer.offer.again = 1;
	assert_sent(&offer);

	assert_not_sent(&secret);
	secret.secret.secret.len = GW_SECRET_MAX;
	assert_sent(&secret);
	secret.secret.secret.len = GW_SECRET_MIN - 1;
	assert_not_sent(&secret);
	secret.secret.secret.len = 0;
	assert_sent(&secret);

	assert_not_sent(&csr);
	csr.server_csr.key.len = GW_HASH_LEN;
	assert_sent(&csr);
}

static void test_which_carry_a_descriptor(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(specs); i++) {
		bool carries =
			gw_streq(specs[i].name, "channel") || gw_streq(specs[i].name, "anchors") ||
			gw_streq(specs[i].name, "crl") || gw_streq(specs[i].name, "crl_checked");

		assert_int_equal(gw_wire_has_fd(specs[i].type), carries);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message_is_here),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest_fits_the_wire),
		cmocka_unit_test(test_order_of_the_struct),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_left_over_bytes_are_refused),
		cmocka_unit_test(test_every_limit),
		cmocka_unit_test(test_every_enum_value),
		cmocka_unit_test(test_every_least_length),
		cmocka_unit_test(test_every_byte_of_a_text),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_error_names_the_place),
		cmocka_unit_test(test_bytes_of_a_channel),
		cmocka_unit_test(test_encode_refuses_what_decode_does),
		cmocka_unit_test(test_which_carry_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
