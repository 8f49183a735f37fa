/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A body that does not fit, or of which a block was asked for, goes out as one block with an ETag, so
 * that the peer sees when the body has changed between two of them (RFC 7959 2.4). Texts that come
 * with an error are cut to the block size and not continued.
 */
#include "plugins/registrar/response.h"

#include <errno.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "plugins/registrar/reply.h"
#include "plugins/registrar/request.h"
#include "plugins/registrar/transfer.h"

#define ETAG_LEN      8
#define CLASS_SUCCESS 2

void frame_init(struct frame *frame, const struct request *request, uint16_t block_size,
		size_t body_max)
{
	*frame = (struct frame){
		.has_block1 = request->has_block1,
		.has_block2 = request->has_block2,
		.block1 = request->block1,
		.block2 = request->block2,
		.block_size = block_size,
		.body_max = body_max,
	};
}

/* The wanted block, in blocks that suit both sides; the place in the body stays the same. */
static struct gw_coap_block choose_block(const struct frame *frame)
{
	struct gw_coap_block block = { .size = frame->block_size };

	if (frame->has_block2)
		block = frame->block2;
	while (block.size > frame->block_size) {
		block.size /= 2;
		block.number *= 2;
	}
	return block;
}

bool frame_cuts(const struct frame *frame, const struct reply *reply)
{
	return reply->code >> 5 == CLASS_SUCCESS && reply->len > choose_block(frame).size;
}

/* What is said of the block that came: whether it was noted, and in the beginning how large we want them,
 * if smaller (RFC 7959 2.3). The place of a later one is told in its own size. */
static struct gw_coap_block confirm_block(const struct frame *frame, uint8_t code)
{
	struct gw_coap_block block = frame->block1;

	block.more = code == GW_COAP_CONTINUE;
	if (block.more && block.number == 0)
		block.size = GW_MIN(block.size, frame->block_size);
	return block;
}

static int add_uint(struct gw_coap *msg, uint16_t number, uint32_t value, uint8_t space[4], int r)
{
	return r < 0 ? r : gw_coap_add_uint(msg, number, value, space);
}

static int add_part(struct gw_coap *msg, const struct frame *frame, struct gw_blob body,
		    struct response_space *space)
{
	struct gw_coap_block block = choose_block(frame);
	int r;

	/* 2^20 blocks is all there can be; no body of ours is that long. */
	r = transfer_slice(body, &block, &msg->payload);
	if (r < 0 || (!frame->has_block2 && !block.more))
		return r;

	r = gw_sha256(body, space->etag);
	if (r < 0)
		return r;
	r = gw_coap_add(msg, GW_COAP_ETAG, (struct gw_blob){ space->etag, ETAG_LEN });
	return add_uint(msg, GW_COAP_BLOCK2, gw_coap_block_value(&block), space->block2, r);
}

int response_build(const struct reply *reply, const struct frame *frame,
		   struct response_space *space, struct gw_coap *ret)
{
	struct gw_blob body = { reply->body, reply->len };
	const struct gw_coap_block block1 = confirm_block(frame, reply->code);
	struct gw_coap msg = { .code = reply->code };
	int r = 0;

	if (reply->code >> 5 != CLASS_SUCCESS)
		msg.payload =
			(struct gw_blob){ body.data, GW_MIN(body.len, choose_block(frame).size) };
	else if (body.len > 0)
		r = add_part(&msg, frame, body, space);

	if (reply->format != REPLY_NO_FORMAT)
		r = add_uint(&msg, GW_COAP_CONTENT_FORMAT, (uint32_t)reply->format, space->format,
			     r);
	if (reply->max_age_s)
		r = add_uint(&msg, GW_COAP_MAX_AGE, reply->max_age_s, space->max_age, r);
	if (reply->code == GW_COAP_TOO_LARGE)
		r = add_uint(&msg, GW_COAP_SIZE1, (uint32_t)frame->body_max, space->size1, r);
	if (frame->has_block1)
		r = add_uint(&msg, GW_COAP_BLOCK1, gw_coap_block_value(&block1), space->block1, r);
	if (r < 0)
		return r;

	*ret = msg;
	return 0;
}
