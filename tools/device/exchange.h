/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange: one CoAP request and its response over a session (RFC 7252 section 4, as a client): sent again
 * until it is acknowledged, its response acknowledged in turn, and what belongs to earlier ones kept
 * out of the way.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/coap.h"

struct dtls;
struct failure;

#define EXCHANGE_SEEN_MAX 8 /* separate responses that are known again if they come twice */

struct exchanges {
	struct dtls *dtls;       /* borrowed, as is the next */
	struct failure *failure; /* gets a sentence with each error */
	uint64_t until_us;       /* all waiting ends then */
	uint16_t next_id;
	uint32_t next_token;
	uint16_t seen[EXCHANGE_SEEN_MAX];
	size_t n_seen;
	uint8_t datagram[GW_COAP_MESSAGE_MAX]; /* what came last; a response points into it */
};

int exchanges_init(struct exchanges *x, struct dtls *dtls, struct failure *failure,
		   uint64_t until_us);

/*
 * Sends the request (type, id and token are filled in here) and waits for its response, which is good
 * until the next call. -ETIMEDOUT: no answer, -ECONNRESET: the gateway ended the session or rejected the
 * request, -EMSGSIZE.
 */
int exchange_run(struct exchanges *x, struct gw_coap *request, struct gw_coap *ret_response);
