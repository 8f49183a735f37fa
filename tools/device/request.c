/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upload, then download, block by block. The gateway may ask for smaller blocks than ours, in both
 * directions; offsets count, not block numbers. A response that changes while it is fetched (another
 * ETag) is fetched again from its beginning.
 */
#include "tools/device/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"

#define BLOCK_SIZE \
	1024 /* with DTLS around it still within 1280 bytes, which any IPv6 link carries */
#define ETAG_MAX     8
#define RESTARTS_MAX 3

/* What the integer options of one message point to. */
struct numbers {
	uint8_t format[4], accept[4], block1[4], block2[4], size1[4];
};

static int add_path(struct gw_coap *msg, const char *path)
{
	int r = 0;

	while (r >= 0 && *path == '/') {
		size_t len = strcspn(path + 1, "/");

		r = gw_coap_add(msg, GW_COAP_URI_PATH,
				(struct gw_blob){ (const uint8_t *)path + 1, len });
		path += 1 + len;
	}
	return r;
}

/* What all messages for the same resource have in common. */
static int start_message(struct gw_coap *msg, const struct request *request,
			 struct numbers *numbers)
{
	int r;

	*msg = (struct gw_coap){ .code = request->code };
	r = add_path(msg, request->path);
	if (r >= 0 && request->accept != REQUEST_NO_FORMAT)
		r = gw_coap_add_uint(msg, GW_COAP_ACCEPT, (uint32_t)request->accept,
				     numbers->accept);
	return r;
}

/* --- upload --- */

static int start_upload(struct gw_coap *msg, const struct request *request, struct numbers *numbers)
{
	int r = start_message(msg, request, numbers);

	if (r >= 0 && request->format != REQUEST_NO_FORMAT)
		r = gw_coap_add_uint(msg, GW_COAP_CONTENT_FORMAT, (uint32_t)request->format,
				     numbers->format);
	return r;
}

static int send_block(struct exchanges *x, const struct request *request,
		      const struct gw_coap_block *block, struct gw_blob part,
		      struct gw_coap *ret_response)
{
	struct numbers numbers;
	struct gw_coap msg;
	int r;

	r = start_upload(&msg, request, &numbers);
	if (r >= 0)
		r = gw_coap_add_uint(&msg, GW_COAP_BLOCK1, gw_coap_block_value(block),
				     numbers.block1);
	if (r >= 0 && block->number == 0)
		r = gw_coap_add_uint(&msg, GW_COAP_SIZE1, (uint32_t)request->body.len,
				     numbers.size1);
	if (r < 0)
		return r;

	msg.payload = part;
	return exchange_run(x, &msg, ret_response);
}

static int upload_in_blocks(struct exchanges *x, const struct request *request,
			    struct gw_coap *ret_response)
{
	struct gw_blob rest = request->body;
	size_t size = BLOCK_SIZE, offset = 0;

	for (;;) {
		size_t len = GW_MIN(rest.len - offset, size);
		struct gw_coap_block echo, block = { .number = (uint32_t)(offset / size),
						     .more = offset + len < rest.len,
						     .size = (uint16_t)size };
		int r = send_block(x, request, &block, (struct gw_blob){ rest.data + offset, len },
				   ret_response);

		if (r < 0)
			return r;
		if (!block.more || ret_response->code != GW_COAP_CONTINUE)
			return 0;

		r = gw_coap_find_block(ret_response, GW_COAP_BLOCK1, &echo);
		if (r < 0 || echo.number != block.number)
			return failure_set(x->failure, -EBADMSG,
					   "the gateway confirms a block that was not sent");
		offset += len;
		size = GW_MIN(size, (size_t)echo.size);
	}
}

static int upload(struct exchanges *x, const struct request *request, struct gw_coap *ret_response)
{
	struct numbers numbers;
	struct gw_coap msg;
	int r;

	if (request->body.len > BLOCK_SIZE)
		return upload_in_blocks(x, request, ret_response);

	r = start_upload(&msg, request, &numbers);
	if (r < 0)
		return r;
	msg.payload = request->body;
	return exchange_run(x, &msg, ret_response);
}

/* --- download --- */

/* A response on its way, and what tells that its blocks are of one piece. */
struct download {
	struct response response;
	uint8_t etag[ETAG_MAX];
	size_t etag_len;
	uint16_t block_size;
	bool more;
};

static struct gw_blob find_etag(const struct gw_coap *msg)
{
	const struct gw_coap_option *option = gw_coap_find(msg, GW_COAP_ETAG);

	if (!option || option->value.len > ETAG_MAX)
		return (struct gw_blob){ 0 };
	return option->value;
}

static int download_append(struct download *d, struct gw_blob part)
{
	struct response *response = &d->response;
	uint8_t *longer;

	if (part.len > RESPONSE_BODY_MAX - response->len)
		return -EFBIG;
	longer = realloc(response->body, response->len + part.len + 1);
	if (!longer)
		return -ENOMEM;

	response->body = longer;
	if (part.len)
		memcpy(longer + response->len, part.data, part.len);
	response->len += part.len;
	longer[response->len] = 0;
	return 0;
}

/* Where this message's part begins, and whether more follows; a whole response is a part, too. */
static int read_place(const struct gw_coap *msg, struct download *d, size_t *ret_offset)
{
	struct gw_coap_block block;
	int r = gw_coap_find_block(msg, GW_COAP_BLOCK2, &block);

	*ret_offset = 0;
	d->more = false;
	if (r == -ENOENT)
		return 0;
	if (r < 0 || (block.more && msg->payload.len != block.size))
		return -EBADMSG;

	*ret_offset = (size_t)block.number * block.size;
	d->block_size = block.size;
	d->more = block.more;
	return 0;
}

static int download_begin(struct download *d, const struct gw_coap *msg)
{
	struct gw_blob etag = find_etag(msg);
	uint32_t format, max_age_s;
	size_t offset;

	d->response = (struct response){ .code = msg->code, .format = REQUEST_NO_FORMAT };
	if (gw_coap_find_uint(msg, GW_COAP_CONTENT_FORMAT, &format) == 0 && format <= UINT16_MAX)
		d->response.format = (int)format;
	if (gw_coap_find_uint(msg, GW_COAP_MAX_AGE, &max_age_s) == 0) {
		d->response.has_max_age = true;
		d->response.max_age_s = max_age_s;
	}
	if (etag.len)
		memcpy(d->etag, etag.data, etag.len);
	d->etag_len = etag.len;

	if (read_place(msg, d, &offset) < 0 || offset != 0)
		return -EBADMSG;
	return download_append(d, msg->payload);
}

/* -EAGAIN: it is not the same response any more. */
static int download_continue(struct download *d, const struct gw_coap *msg)
{
	struct gw_blob etag = { d->etag, d->etag_len };
	size_t offset;
	int r;

	if (msg->code != d->response.code || !gw_blob_equal(find_etag(msg), etag))
		return -EAGAIN;
	r = read_place(msg, d, &offset);
	if (r < 0)
		return r;
	return offset == d->response.len ? download_append(d, msg->payload) : -EBADMSG;
}

static int fetch_next(struct exchanges *x, const struct request *request, struct download *d)
{
	const struct gw_coap_block block = { .number = (uint32_t)(d->response.len / d->block_size),
					     .size = d->block_size };
	struct gw_coap msg, answer;
	struct numbers numbers;
	int r;

	r = start_message(&msg, request, &numbers);
	if (r >= 0)
		r = gw_coap_add_uint(&msg, GW_COAP_BLOCK2, gw_coap_block_value(&block),
				     numbers.block2);
	if (r < 0)
		return r;

	r = exchange_run(x, &msg, &answer);
	if (r < 0)
		return r;
	return download_continue(d, &answer);
}

static int download(struct exchanges *x, const struct request *request, const struct gw_coap *first,
		    struct response *ret)
{
	struct download d = { 0 };
	int r = download_begin(&d, first);

	while (r >= 0 && d.more)
		r = fetch_next(x, request, &d);
	if (r < 0) {
		response_done(&d.response);
		return r;
	}

	*ret = d.response;
	return 0;
}

int request_run(struct exchanges *x, const struct request *request, struct response *ret)
{
	struct gw_coap first;
	int r = -EAGAIN;

	for (unsigned n = 0; n < RESTARTS_MAX && r == -EAGAIN; n++) {
		r = upload(x, request, &first);
		if (r < 0)
			return r;
		r = download(x, request, &first, ret);
	}

	if (r == -EAGAIN || r == -EBADMSG || r == -EFBIG)
		return failure_set(x->failure, -EBADMSG,
				   "the gateway's answer does not fit together");
	return r;
}

void response_done(struct response *response)
{
	free(response->body);
	*response = (struct response){ 0 };
}
