/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request: a CoAP request as far as any resource cares for it, its options checked. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"
#include "lib/coap.h"

#define REQUEST_SEGMENTS_MAX 8

struct request {
	uint8_t method;
	struct gw_blob path[REQUEST_SEGMENTS_MAX];
	size_t n_path;
	struct gw_blob query; /* the first one */
	int accept;           /* content format, -1: any */
	int format;           /* of the payload, -1: not told */
	uint32_t size1;       /* what the whole body is said to have, 0: not told */
	bool has_block1, has_block2;
	struct gw_coap_block block1, block2;
	struct gw_blob payload;
};

/* *ret_code: GW_COAP_EMPTY, or the error to answer with and what is wrong. */
void request_read(const struct gw_coap *msg, struct request *ret, uint8_t *ret_code,
		  const char **ret_why);
