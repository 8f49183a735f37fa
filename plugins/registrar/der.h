/* SPDX-License-Identifier: GPL-2.0-or-later */
/* der: DER (X.690) one element at a time, both ways. Pure; lengths must be minimal and definite. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define DER_HEADER_MAX 5 /* a tag, and a length of up to three bytes behind its own length */

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
	DER_CONTEXT_3 = 0xa3,
};

struct der {
	uint8_t tag;
	struct gw_blob value; /* what is inside */
	struct gw_blob whole; /* with tag and length */
};

/* Takes the first element off `rest`. -EBADMSG: there is none that is whole. */
int der_next(struct gw_blob *rest, struct der *ret);

/* The same, and it must have this tag. */
int der_expect(struct gw_blob *rest, uint8_t tag, struct der *ret);

/* Opens the element that all of `der` is: -EBADMSG also for bytes behind it. */
int der_open(struct gw_blob der, uint8_t tag, struct gw_blob *ret_value);

/* Writes tag and length of an element with `len` bytes inside; returns how many bytes that took. */
size_t der_write_header(uint8_t tag, size_t len, uint8_t buf[DER_HEADER_MAX]);
