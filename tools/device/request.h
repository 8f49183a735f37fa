/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request: a request and its response, whole, whatever the sizes: bodies that do not fit a datagram
 * go in blocks, both ways (RFC 7959).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct exchanges;

#define REQUEST_BODY_MAX  16384  /* bytes that we send */
#define RESPONSE_BODY_MAX 131072 /* bytes that we take */
#define REQUEST_NO_FORMAT -1

struct request {
	uint8_t code;     /* GW_COAP_GET, GW_COAP_POST */
	const char *path; /* "/.well-known/est/crts" */
	int format;       /* content format of the body, or REQUEST_NO_FORMAT */
	int accept;       /* content format wanted, or REQUEST_NO_FORMAT */
	struct gw_blob body;
};

struct response {
	uint8_t code;
	int format; /* or REQUEST_NO_FORMAT */
	bool has_max_age;
	uint32_t max_age_s;
	uint8_t *body;
	size_t len;
};

/* Errors are those of exchange_run(), and -EBADMSG: the blocks of the response do not fit together. */
int request_run(struct exchanges *x, const struct request *request, struct response *ret);
void response_done(struct response *response);
