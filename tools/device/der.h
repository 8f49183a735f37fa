/* SPDX-License-Identifier: GPL-2.0-or-later */
/* der: one element after the other out of DER bytes (X.690). Pure; all blobs point into the input. */
#pragma once

#include <stdint.h>

#include "lib/blob.h"

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
};

#define DER_CONTEXT(n) (0xa0 | (n)) /* constructed, context-specific */

struct der {
	uint8_t tag;
	struct gw_blob value;
	struct gw_blob whole; /* with tag and length */
};

/* Takes the next element off *rest. -ENODATA: there is none, -EBADMSG: it is malformed. */
int der_next(struct gw_blob *rest, struct der *ret);

/* The same, but an element with another tag, or none, is -EBADMSG. */
int der_expect(struct gw_blob *rest, uint8_t tag, struct der *ret);

/* Takes the next element only if it has that tag: -ENOENT if not, or if there is none. */
int der_optional(struct gw_blob *rest, uint8_t tag, struct der *ret);
