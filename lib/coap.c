/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CoAP message is a header of four bytes, a token, options as differences to the number before,
 * and behind a 0xff the payload (RFC 7252 section 3). Reading trusts nothing: each length is held
 * against what is left of the datagram before it is used, and what section 4.2 wants rejected
 * (reserved code classes, an Empty message that is not empty) is rejected here, once for all callers.
 */
#include "lib/coap.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/util.h"

#define HEADER_LEN     4
#define VERSION        1
#define PAYLOAD_MARKER 0xff

/* A nibble of an option's first byte says the value itself, or how many bytes hold the rest of it. */
#define NIBBLE_8BIT     13
#define NIBBLE_16BIT    14
#define NIBBLE_RESERVED 15
#define BASE_8BIT       13u
#define BASE_16BIT      269u
#define EXTENDED_MAX    (BASE_16BIT + UINT16_MAX)

#define BLOCK_SIZE_SHIFT    4 /* size exponent 0 means 2^4 bytes */
#define BLOCK_SIZE_RESERVED 7
#define BLOCK_LEN_MAX       3

struct reader {
	const uint8_t *data;
	size_t left;
};

struct writer {
	uint8_t *data;
	size_t size, len;
};

static int reader_take(struct reader *r, size_t len, const uint8_t **ret)
{
	if (len > r->left)
		return -EBADMSG;

	*ret = r->data;
	r->data += len;
	r->left -= len;
	return 0;
}

/* Reads what belongs to a nibble: itself, or itself continued in one or two bytes. */
static int read_extended(struct reader *r, unsigned nibble, uint32_t *ret)
{
	const uint8_t *more;

	switch (nibble) {
	case NIBBLE_8BIT:
		if (reader_take(r, 1, &more) < 0)
			return -EBADMSG;
		*ret = BASE_8BIT + more[0];
		return 0;
	case NIBBLE_16BIT:
		if (reader_take(r, 2, &more) < 0)
			return -EBADMSG;
		*ret = BASE_16BIT + ((uint32_t)more[0] << 8 | more[1]);
		return 0;
	case NIBBLE_RESERVED: return -EBADMSG;
	default: *ret = nibble; return 0;
	}
}

static int read_option(struct reader *r, uint32_t previous, struct gw_coap_option *ret)
{
	const uint8_t *first, *value;
	uint32_t delta, len;

	if (reader_take(r, 1, &first) < 0 || read_extended(r, *first >> 4, &delta) < 0 ||
	    read_extended(r, *first & 15, &len) < 0 || reader_take(r, len, &value) < 0)
		return -EBADMSG;
	if (previous + delta > UINT16_MAX)
		return -EBADMSG;

	ret->number = (uint16_t)(previous + delta);
	ret->value = (struct gw_blob){ value, len };
	return 0;
}

static int read_options(struct reader *r, struct gw_coap *msg)
{
	uint16_t previous = 0;

	while (r->left && *r->data != PAYLOAD_MARKER) {
		struct gw_coap_option option;

		if (read_option(r, previous, &option) < 0)
			return -EBADMSG;
		if (msg->n_options == GW_COAP_OPTIONS_MAX)
			return -E2BIG;

		previous = option.number;
		msg->options[msg->n_options++] = option;
	}
	return 0;
}

static int read_payload(struct reader *r, struct gw_coap *msg)
{
	if (r->left == 0)
		return 0;
	if (r->left == 1) /* a marker and nothing behind it */
		return -EBADMSG;

	msg->payload = (struct gw_blob){ r->data + 1, r->left - 1 };
	return 0;
}

static bool code_is_reserved(uint8_t code)
{
	unsigned class = code >> 5;

	return class == 1 || class == 6 || class == 7;
}

int gw_coap_decode(const uint8_t *buf, size_t len, struct gw_coap *ret)
{
	struct reader reader = { buf, len };
	const uint8_t *header, *token;
	size_t token_len;
	int r;

	*ret = (struct gw_coap){ 0 };
	if (reader_take(&reader, HEADER_LEN, &header) < 0 || header[0] >> 6 != VERSION)
		return -EPROTO;

	ret->type = header[0] >> 4 & 3;
	ret->code = header[1];
	ret->id = (uint16_t)(header[2] << 8 | header[3]);

	token_len = header[0] & 15;
	if (token_len > GW_COAP_TOKEN_MAX || reader_take(&reader, token_len, &token) < 0)
		return -EBADMSG;
	memcpy(ret->token, token, token_len);
	ret->token_len = token_len;

	if (code_is_reserved(ret->code) || (ret->code == GW_COAP_EMPTY && len != HEADER_LEN))
		return -EBADMSG;

	r = read_options(&reader, ret);
	if (r < 0)
		return r;
	return read_payload(&reader, ret);
}

static int writer_put(struct writer *w, const void *data, size_t len)
{
	if (len > w->size - w->len)
		return -EMSGSIZE;

	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
	return 0;
}

static unsigned nibble_for(uint32_t value)
{
	return value < BASE_8BIT ? value : value < BASE_16BIT ? NIBBLE_8BIT : NIBBLE_16BIT;
}

/* Writes what the nibble for this value leaves over. */
static int write_extended(struct writer *w, uint32_t value)
{
	uint8_t more[2];

	if (value < BASE_8BIT)
		return 0;
	if (value < BASE_16BIT) {
		more[0] = (uint8_t)(value - BASE_8BIT);
		return writer_put(w, more, 1);
	}
	more[0] = (uint8_t)((value - BASE_16BIT) >> 8);
	more[1] = (uint8_t)(value - BASE_16BIT);
	return writer_put(w, more, 2);
}

static int write_option(struct writer *w, uint16_t previous, const struct gw_coap_option *option)
{
	uint32_t delta, len;
	uint8_t first;

	assert(option->number >= previous);
	if (option->value.len > EXTENDED_MAX)
		return -EMSGSIZE;

	delta = option->number - previous;
	len = (uint32_t)option->value.len;
	first = (uint8_t)(nibble_for(delta) << 4 | nibble_for(len));
	if (writer_put(w, &first, 1) < 0 || write_extended(w, delta) < 0 ||
	    write_extended(w, len) < 0 || writer_put(w, option->value.data, len) < 0)
		return -EMSGSIZE;
	return 0;
}

int gw_coap_encode(const struct gw_coap *msg, uint8_t *buf, size_t size, size_t *ret_len)
{
	static const uint8_t marker = PAYLOAD_MARKER;
	struct writer w = { buf, size, 0 };
	uint8_t header[HEADER_LEN];
	uint16_t previous = 0;

	assert(msg->token_len <= GW_COAP_TOKEN_MAX);
	assert(msg->n_options <= GW_COAP_OPTIONS_MAX);

	header[0] = (uint8_t)(VERSION << 6 | msg->type << 4 | msg->token_len);
	header[1] = msg->code;
	header[2] = (uint8_t)(msg->id >> 8);
	header[3] = (uint8_t)msg->id;
	if (writer_put(&w, header, sizeof(header)) < 0 ||
	    writer_put(&w, msg->token, msg->token_len) < 0)
		return -EMSGSIZE;

	for (size_t i = 0; i < msg->n_options; i++) {
		if (write_option(&w, previous, &msg->options[i]) < 0)
			return -EMSGSIZE;
		previous = msg->options[i].number;
	}

	if (msg->payload.len && (writer_put(&w, &marker, 1) < 0 ||
				 writer_put(&w, msg->payload.data, msg->payload.len) < 0))
		return -EMSGSIZE;

	*ret_len = w.len;
	return 0;
}

int gw_coap_add(struct gw_coap *msg, uint16_t number, struct gw_blob value)
{
	size_t at = msg->n_options;

	if (msg->n_options == GW_COAP_OPTIONS_MAX)
		return -E2BIG;

	for (; at > 0 && msg->options[at - 1].number > number; at--)
		msg->options[at] = msg->options[at - 1];
	msg->options[at] = (struct gw_coap_option){ number, value };
	msg->n_options++;
	return 0;
}

int gw_coap_add_uint(struct gw_coap *msg, uint16_t number, uint32_t value, uint8_t scratch[4])
{
	size_t len = 0;

	for (int shift = 24; shift >= 0; shift -= 8)
		if (len || value >> shift)
			scratch[len++] = (uint8_t)(value >> shift);
	return gw_coap_add(msg, number, (struct gw_blob){ scratch, len });
}

const struct gw_coap_option *gw_coap_find(const struct gw_coap *msg, uint16_t number)
{
	for (size_t i = 0; i < msg->n_options; i++)
		if (msg->options[i].number == number)
			return &msg->options[i];
	return NULL;
}

int gw_coap_find_uint(const struct gw_coap *msg, uint16_t number, uint32_t *ret)
{
	const struct gw_coap_option *option = gw_coap_find(msg, number);
	uint32_t value = 0;

	if (!option)
		return -ENOENT;
	if (option->value.len > sizeof(value))
		return -EBADMSG;

	for (size_t i = 0; i < option->value.len; i++)
		value = value << 8 | option->value.data[i];
	*ret = value;
	return 0;
}

int gw_coap_find_block(const struct gw_coap *msg, uint16_t number, struct gw_coap_block *ret)
{
	const struct gw_coap_option *option = gw_coap_find(msg, number);
	uint32_t value;

	if (!option)
		return -ENOENT;
	if (option->value.len > BLOCK_LEN_MAX || gw_coap_find_uint(msg, number, &value) < 0 ||
	    (value & 7) == BLOCK_SIZE_RESERVED)
		return -EBADMSG;

	ret->number = value >> 4;
	ret->more = value >> 3 & 1;
	ret->size = (uint16_t)(1u << ((value & 7) + BLOCK_SIZE_SHIFT));
	return 0;
}

uint32_t gw_coap_block_value(const struct gw_coap_block *block)
{
	uint32_t exponent = (uint32_t)__builtin_ctz(block->size) - BLOCK_SIZE_SHIFT;

	assert(block->size >> BLOCK_SIZE_SHIFT && !(block->size & (block->size - 1)));
	assert(exponent < BLOCK_SIZE_RESERVED);
	assert(block->number < 1u << 20);
	return block->number << 4 | (uint32_t)block->more << 3 | exponent;
}
