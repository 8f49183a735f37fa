/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * est: what a device asks its gateway: EST over CoAP (RFC 9148; over a secret it is gangway's own
 * profile of it), the enrolment status of BRSKI (RFC 8995 5.9.4), and gangway's settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct exchanges;

/* What became of a request; the gateway's own words, if it said any, are in the exchanges' failure. */
enum est_verdict {
	EST_DONE,
	EST_WAIT,    /* come again later */
	EST_REFUSED, /* never */
	EST_DECOMMISSIONED, /* the owner has let the device go: it shall wipe itself, and say so by est_wiped() */
	_EST_VERDICT_MAX,
};

struct est_answer {
	enum est_verdict verdict;
	uint32_t wait_s; /* WAIT */
	uint8_t *body;   /* DONE; the caller frees */
	size_t len;
};

/* crts: the trust anchors, DER, one behind the other. */
int est_anchors(struct exchanges *x, struct est_answer *ret);

/* sen, or sren: the certificate for a signing request, among others, DER, one behind the other. */
int est_enroll(struct exchanges *x, bool renew, struct gw_blob request, struct est_answer *ret);

/* The device's settings, JSON. */
int est_settings(struct exchanges *x, struct est_answer *ret);

/* es: whether the enrolment worked, and why not. */
int est_report(struct exchanges *x, bool ok, const char *reason, struct est_answer *ret);

/* The device has wiped its key, its certificate and its settings. */
int est_wiped(struct exchanges *x, struct est_answer *ret);

void est_answer_done(struct est_answer *answer);
