/* SPDX-License-Identifier: GPL-2.0-or-later */
/* response: a reply as a CoAP message: its options, and the block of its body that is wanted. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/coap.h"

struct reply;
struct request;

/* How a response is framed and cut: said by its request, except the size of blocks that suits us. */
struct frame {
	bool has_block1, has_block2;
	struct gw_coap_block block1, block2;
	uint16_t block_size; /* no larger blocks than this */
	size_t body_max;     /* what a request's body may have, told with 4.13 */
};

/* Holds what the options of a response point to until it is encoded. */
struct response_space {
	uint8_t format[4], max_age[4], block1[4], block2[4], size1[4], etag[32];
};

void frame_init(struct frame *frame, const struct request *request, uint16_t block_size,
		size_t body_max);

/* Whether one response does not hold the body. */
bool frame_cuts(const struct frame *frame, const struct reply *reply);

/* The response without what exchange.c fills in. -ERANGE: the body has no such block. */
int response_build(const struct reply *reply, const struct frame *frame,
		   struct response_space *space, struct gw_coap *ret);
