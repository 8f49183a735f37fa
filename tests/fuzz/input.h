/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * input: an input taken apart from its beginning on, where what is not there counts as zero and as empty, so
 * that every input says something; and what has to hold whatever it says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/blob.h"

static inline void require(bool fact)
{
	if (!fact)
		abort();
}

static inline uint8_t take_byte(struct gw_blob *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->data++;
}

/* Two bytes, the higher one first. */
static inline uint16_t take_u16(struct gw_blob *in)
{
	uint8_t high = take_byte(in);

	return (uint16_t)(high << 8 | take_byte(in));
}

static inline struct gw_blob take_bytes(struct gw_blob *in, size_t len)
{
	struct gw_blob bytes = { in->data, len < in->len ? len : in->len };

	in->data += bytes.len;
	in->len -= bytes.len;
	return bytes;
}

/* Bytes behind their length, which is of two bytes. */
static inline struct gw_blob take_long(struct gw_blob *in)
{
	return take_bytes(in, take_u16(in));
}
