/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transfer: bodies that do not fit a datagram (RFC 7959): requests put together from their blocks,
 * responses kept and handed out block by block. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct gw_coap;
struct gw_coap_block;

#define TRANSFER_MAX 4 /* bodies at once, in each direction, towards one peer */

/* A body under way, told from others by what its requests have in common. */
struct transfer {
	uint64_t key;
	uint64_t used; /* by the count of its pool; 0: free */
	uint8_t *data;
	size_t len;
	int format; /* of a response */
	uint8_t code;
	uint16_t first; /* of a request: id of the message that began it */
};

struct transfers {
	struct transfer all[TRANSFER_MAX];
	uint64_t count;
};

/* A block of a request, as it came. */
struct transfer_part {
	uint64_t key;
	uint16_t message; /* its id */
	const struct gw_coap_block *block;
	struct gw_blob payload;
};

void transfers_done(struct transfers *t);

/* What tells a request's blocks from those of another, on the way in and on the way out. */
uint64_t transfer_request_key(const struct gw_coap *request);
uint64_t transfer_response_key(const struct gw_coap *request);

/*
 * Adds a block of a request to its body, which may grow to max bytes. *ret_code: GW_COAP_EMPTY, and
 * then the body is whole and the caller's; GW_COAP_CONTINUE; or the error to answer with. -ENOMEM.
 */
int transfer_collect(struct transfers *t, const struct transfer_part *part, size_t max,
		     uint8_t *ret_code, uint8_t **ret_body, size_t *ret_len);

/* Keeps a response for the requests to come; it replaces the one that has its key. -ENOMEM. */
int transfer_keep(struct transfers *t, uint64_t key, uint8_t code, int format, struct gw_blob body);

/* The response that was kept, or NULL. */
const struct transfer *transfer_find(struct transfers *t, uint64_t key);

/* The part of a body that a block asks for; sets block->more. -ERANGE: it lies behind the end. */
int transfer_slice(struct gw_blob body, struct gw_coap_block *block, struct gw_blob *ret_part);
