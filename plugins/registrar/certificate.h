/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate: is a certificate that the cloud sent what was asked for? Signatures and chain by wolfSSL,
 * from nothing but the anchors given; dates are reported, not judged: that takes a clock to trust.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct gw_x509;

struct certificate_wish {
	const char *device, *tenant; /* common name and organisation, NULL: not compared */
	struct gw_blob key;          /* SHA-256 of the SubjectPublicKeyInfo */
	unsigned uses;               /* enum gw_x509_use, or-ed: these and no others */
};

/* *ret_why is NULL, and ret then holds the fields, or it says for people what is wrong. -ENOMEM. */
int certificate_verify(struct gw_blob certificate, struct gw_blob chain,
		       const struct gw_blob *anchors, size_t n_anchors,
		       const struct certificate_wish *wish, struct gw_x509 *ret,
		       const char **ret_why);

struct certificate_hashes {
	uint8_t fingerprint[GW_HASH_LEN], issuer[GW_HASH_LEN];
};

/*
 * Answers the agent's CHECK of a device's certificate: ret is a CHECKED whose blobs point into `check`
 * and `hashes`. *ret_why as above, for the log.
 */
int certificate_check(const struct gw_msg_check *check, const struct gw_blob *anchors,
		      size_t n_anchors, struct certificate_hashes *hashes, struct gw_msg *ret,
		      const char **ret_why);
