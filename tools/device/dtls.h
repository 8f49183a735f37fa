/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dtls: one DTLS 1.2 session with the gateway, by the label's secret or by certificates. A call blocks
 * until it is done or its time is over; there is nothing else for a device to do meanwhile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct dtls;
struct failure;
struct uri;

/* What the two sides prove each other: with a secret, or with the rest. */
struct dtls_proof {
	const char *identity;
	struct gw_blob secret; /* empty: certificates */
	struct gw_blob
		anchors; /* the gateway's must chain to one of these; DER, one behind the other */
	struct gw_blob chain; /* ours, then its issuers; DER, one behind the other */
	struct gw_blob key;   /* ours, DER */
};

/*
 * Connects. The text of `failure` says what happened:
 *   -ETIMEDOUT     nobody answers; with a secret this is also how a wrong one looks
 *   -ECONNREFUSED  nobody listens there, or no way leads there
 *   -ECONNRESET    the gateway ended it and said why
 *   -EPROTO        what came made no sense: garbled on the way, or nobody's DTLS
 *   -EPERM         the gateway is not who it must be
 */
int dtls_connect(const struct uri *gateway, const struct dtls_proof *proof, uint64_t until_us,
		 struct failure *failure, struct dtls **ret);

/* Says goodbye and forgets the session. */
struct dtls *dtls_free(struct dtls *dtls);

/* "ECDHE-PSK-CHACHA20-POLY1305" */
const char *dtls_suite(const struct dtls *dtls);

int dtls_send(struct dtls *dtls, struct gw_blob datagram, struct failure *failure);

/* Waits for a datagram until then (monotonic): -ETIMEDOUT; -ECONNRESET: the gateway ended the session. */
int dtls_receive(struct dtls *dtls, uint8_t *buf, size_t size, uint64_t until_us,
		 struct failure *failure, size_t *ret_len);
