/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x509-read: what certificates, signing requests and revocation lists have in common, for x509.c and crl.c alone. Each
 * takes an element off `rest`; -EBADMSG: it is malformed, or not there. */
#pragma once

#include <stdint.h>

#include "lib/blob.h"

/* SEQUENCE { body, signature algorithm, signature }, all of `der`. */
struct gw_x509_signed {
	struct gw_blob body;      /* the contents of what is signed .. */
	struct gw_blob whole;     /* .. and all of it */
	struct gw_blob algorithm; /* AlgorithmIdentifier, whole */
	struct gw_blob signature; /* the bits of the signature */
};

int gw_x509_read_signed(struct gw_blob der, struct gw_x509_signed *ret);

/* A Name's contents, well-formed to their end. */
int gw_x509_read_name(struct gw_blob *rest, struct gw_blob *ret);

/* UTCTime or GeneralizedTime as seconds since the epoch, 0 for before it. */
int gw_x509_read_time(struct gw_blob *rest, uint64_t *ret);

/* A whole number that is not negative, big-endian, without leading zeros; one zero byte for 0. */
int gw_x509_read_number(struct gw_blob *rest, struct gw_blob *ret);
