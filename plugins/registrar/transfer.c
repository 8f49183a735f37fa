/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both directions share one kind of pool: a few bodies, the one untouched longest gives way to a new
 * one. A request's blocks must come in order; the first one starts over at any time, one that was
 * seen already is taken again if it says the same, a gap is told (4.08) and ends nothing. Offsets
 * count, not block numbers, so a peer may change the size of its blocks on the way.
 */
#include "plugins/registrar/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u

#define REQUEST_TAG 292 /* RFC 9175 3.2: tells apart bodies of otherwise equal requests */

static void transfer_clear(struct transfer *transfer)
{
	free(transfer->data);
	*transfer = (struct transfer){ 0 };
}

void transfers_done(struct transfers *t)
{
	for (size_t i = 0; i < TRANSFER_MAX; i++)
		transfer_clear(&t->all[i]);
}

/* --- keys --- */

/* FNV-1a: a peer that makes two of its own transfers collide confuses nobody but itself. */
static uint64_t hash(uint64_t state, const void *data, size_t len)
{
	for (const uint8_t *p = data, *end = p + len; p < end; p++)
		state = (state ^ *p) * FNV_PRIME;
	return state;
}

static bool belongs_to_response(uint16_t number)
{
	return number == GW_COAP_URI_PATH || number == GW_COAP_URI_QUERY ||
	       number == GW_COAP_ACCEPT;
}

static uint64_t request_key(const struct gw_coap *request, bool with_body)
{
	uint64_t key = hash(FNV_OFFSET, &request->code, 1);

	for (size_t i = 0; i < request->n_options; i++) {
		const struct gw_coap_option *o = &request->options[i];

		if (!belongs_to_response(o->number) &&
		    !(with_body &&
		      (o->number == GW_COAP_CONTENT_FORMAT || o->number == REQUEST_TAG)))
			continue;
		key = hash(key, &o->number, sizeof(o->number));
		key = hash(key, &o->value.len, sizeof(o->value.len));
		key = hash(key, o->value.data, o->value.len);
	}
	return key;
}

uint64_t transfer_request_key(const struct gw_coap *request)
{
	return request_key(request, /* with_body= */ true);
}

/* Asking for further blocks of a response, clients leave out what described the request's body. */
uint64_t transfer_response_key(const struct gw_coap *request)
{
	return request_key(request, /* with_body= */ false);
}

/* --- the pool --- */

static struct transfer *find(struct transfers *t, uint64_t key)
{
	for (size_t i = 0; i < TRANSFER_MAX; i++) {
		if (t->all[i].used && t->all[i].key == key) {
			t->all[i].used = ++t->count;
			return &t->all[i];
		}
	}
	return NULL;
}

/* A cleared one with this key, in the place of its predecessor or of the one used longest ago. */
static struct transfer *start(struct transfers *t, uint64_t key)
{
	struct transfer *transfer = find(t, key);

	if (!transfer) {
		transfer = &t->all[0];
		for (size_t i = 1; i < TRANSFER_MAX; i++)
			if (t->all[i].used < transfer->used)
				transfer = &t->all[i];
	}

	transfer_clear(transfer);
	transfer->key = key;
	transfer->used = ++t->count;
	return transfer;
}

/* --- requests --- */

static size_t offset_of(const struct transfer_part *part)
{
	return (size_t)part->block->number * part->block->size;
}

/* What is wrong with a block taken by itself, or GW_COAP_EMPTY. */
static uint8_t judge_block(const struct transfer_part *part, size_t max)
{
	size_t len = part->payload.len, size = part->block->size;

	if (part->block->more ? len != size : len > size)
		return GW_COAP_BAD_REQUEST;
	return offset_of(part) + len > max ? GW_COAP_TOO_LARGE : GW_COAP_EMPTY;
}

/* The body that a block belongs to, or NULL. The first one begins it, unless it is the very message that
 * did: on its way for so long that exchange.c has forgotten it. */
static struct transfer *find_body(struct transfers *t, const struct transfer_part *part)
{
	struct transfer *transfer = find(t, part->key);

	if (part->block->number > 0 || (transfer && transfer->first == part->message))
		return transfer;

	transfer = start(t, part->key);
	transfer->first = part->message;
	return transfer;
}

/* Where a block goes in what is there of its body; GW_COAP_EMPTY: at its end. */
static uint8_t judge_place(const struct transfer *transfer, size_t offset, struct gw_blob payload)
{
	if (offset == transfer->len)
		return GW_COAP_EMPTY;
	if (offset + payload.len <= transfer->len &&
	    gw_blob_equal((struct gw_blob){ transfer->data + offset, payload.len }, payload))
		return GW_COAP_CONTINUE;
	return GW_COAP_INCOMPLETE;
}

static int append(struct transfer *transfer, struct gw_blob payload)
{
	uint8_t *data = realloc(transfer->data, transfer->len + payload.len + 1);

	if (!data)
		return -ENOMEM;

	if (payload.len > 0)
		memcpy(data + transfer->len, payload.data, payload.len);
	transfer->data = data;
	transfer->len += payload.len;
	return 0;
}

int transfer_collect(struct transfers *t, const struct transfer_part *part, size_t max,
		     uint8_t *ret_code, uint8_t **ret_body, size_t *ret_len)
{
	struct transfer *transfer;
	int r;

	*ret_code = judge_block(part, max);
	if (*ret_code != GW_COAP_EMPTY)
		return 0;

	transfer = find_body(t, part);
	if (!transfer) {
		*ret_code = GW_COAP_INCOMPLETE;
		return 0;
	}

	*ret_code = judge_place(transfer, offset_of(part), part->payload);
	if (*ret_code != GW_COAP_EMPTY)
		return 0;

	r = append(transfer, part->payload);
	if (r < 0)
		return r;
	if (part->block->more) {
		*ret_code = GW_COAP_CONTINUE;
		return 0;
	}

	*ret_body = TAKE_PTR(transfer->data);
	*ret_len = transfer->len;
	transfer_clear(transfer);
	return 0;
}

/* --- responses --- */

int transfer_keep(struct transfers *t, uint64_t key, uint8_t code, int format, struct gw_blob body)
{
	struct transfer *transfer;
	uint8_t *copy = gw_blob_dup(body);

	if (!copy)
		return -ENOMEM;

	transfer = start(t, key);
	transfer->data = copy;
	transfer->len = body.len;
	transfer->code = code;
	transfer->format = format;
	return 0;
}

const struct transfer *transfer_find(struct transfers *t, uint64_t key)
{
	return find(t, key);
}

int transfer_slice(struct gw_blob body, struct gw_coap_block *block, struct gw_blob *ret_part)
{
	size_t offset = (size_t)block->number * block->size;
	size_t len;

	if (offset > body.len || (offset == body.len && offset > 0))
		return -ERANGE;

	len = GW_MIN((size_t)block->size, body.len - offset);
	block->more = offset + len < body.len;
	*ret_part = (struct gw_blob){ body.data + offset, len };
	return 0;
}
