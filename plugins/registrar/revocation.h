/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revocation: whether a revocation list is what one of the device anchors signed, and what it says. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct gw_crl;

/* NULL in *ret_why: it is, and *ret is what it says; else what is wrong with it. Dates and number are for the agent to
 * judge. -ENOMEM: nothing is known. */
int revocation_verify(struct gw_blob der, const struct gw_blob *anchors, size_t n_anchors,
		      struct gw_crl *ret, const char **ret_why);

/* CRL_CHECKED, its descriptor, and what it points to. */
struct revocation_answer {
	struct gw_msg msg;
	int places;
	char text[GW_TEXT_MAX + 1];
	uint8_t issuer[GW_HASH_LEN], number[GW_SERIAL_MAX];
};

/* Answers CRL. -ENOMEM and the like: nothing is known. */
int revocation_answer(const struct gw_msg_crl *question, int fd, const struct gw_blob *anchors,
		      size_t n_anchors, struct revocation_answer *ret);
void revocation_answer_done(struct revocation_answer *answer);
