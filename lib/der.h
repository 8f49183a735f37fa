/* SPDX-License-Identifier: GPL-2.0-or-later */
/* der: DER (X.690) one element at a time, both ways. Pure; lengths must be minimal and definite. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define GW_DER_HEADER_MAX 5 /* a tag, and a length of up to three bytes behind its own length */

enum {
	GW_DER_BOOLEAN = 0x01,
	GW_DER_INTEGER = 0x02,
	GW_DER_BIT_STRING = 0x03,
	GW_DER_OCTET_STRING = 0x04,
	GW_DER_OID = 0x06,
	GW_DER_UTC_TIME = 0x17,
	GW_DER_GENERALIZED_TIME = 0x18,
	GW_DER_SEQUENCE = 0x30,
	GW_DER_SET = 0x31,
};

#define GW_DER_CONTEXT(n) (0xa0 | (n)) /* constructed, context-specific */

struct gw_der {
	uint8_t tag;
	struct gw_blob value; /* what is inside */
	struct gw_blob whole; /* with tag and length */
};

/* Takes the first element off `rest`. -ENODATA: there is none, -EBADMSG: it is malformed. */
int gw_der_next(struct gw_blob *rest, struct gw_der *ret);

/* The same, and it must have this tag: -EBADMSG if it has not, and if there is none. */
int gw_der_expect(struct gw_blob *rest, uint8_t tag, struct gw_der *ret);

/* The same, but it may have another tag or not be there: -ENOENT, and nothing is taken. */
int gw_der_optional(struct gw_blob *rest, uint8_t tag, struct gw_der *ret);

/* Opens the element that all of `der` is: -EBADMSG also for bytes behind it. */
int gw_der_open(struct gw_blob der, uint8_t tag, struct gw_blob *ret_value);

/* Writes tag and length of an element with `len` bytes inside; returns how many bytes that took. */
size_t gw_der_write_header(uint8_t tag, size_t len, uint8_t buf[GW_DER_HEADER_MAX]);
