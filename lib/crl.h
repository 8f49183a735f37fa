/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crl: certificate revocation lists (RFC 5280 5), as far as a gateway needs them: whole lists of one issuer's own
 * certificates, with a number and an end. Pure; all blobs point into the DER that was parsed. The signature is for
 * those who ask to verify.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct gw_crl {
	struct gw_blob body;      /* what is signed .. */
	struct gw_blob algorithm; /* .. the AlgorithmIdentifier of how .. */
	struct gw_blob signature; /* .. and the signature */
	struct gw_blob issuer;    /* the Name's contents */
	struct gw_blob number;    /* big-endian, without leading zeros; one zero byte for 0 */
	uint64_t this_update, next_update; /* seconds since the epoch, 0 for before it */
	size_t n_revoked;
	struct gw_blob revoked; /* for gw_crl_next() */
};

/* -EFBIG: larger than GW_CRL_MAX, or more than GW_CRL_ENTRIES_MAX certificates; -EOPNOTSUPP: it is about more, or less, than all of its issuer's own certificates;
 * -EBADMSG: not exactly one well-formed list with a number and an end. */
int gw_crl_parse(struct gw_blob der, struct gw_crl *ret);

/* Takes the next serial number off `revoked`, in the form of gw_x509.serial. False: there are no more. */
bool gw_crl_next(struct gw_blob *revoked, struct gw_blob *ret_serial);

/* As memcmp(): which number is the later one. */
int gw_crl_compare_numbers(struct gw_blob a, struct gw_blob b);
