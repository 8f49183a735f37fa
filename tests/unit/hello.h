/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello: puts a ClientHello together, byte by byte, for the tests of what reads one. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/blob.h"

struct hello {
	uint8_t data[1024];
	size_t len;
};

/* Where the parts of a plain hello stand. */
enum {
	HELLO_RECORD_VERSION = 1,
	HELLO_RECORD_EPOCH = 3,
	HELLO_RECORD_SEQUENCE = 5,
	HELLO_RECORD_LEN = 11,
	HELLO_TYPE = 13,
	HELLO_LEN = 14,
	HELLO_SEQUENCE = 17,
	HELLO_OFFSET = 19,
	HELLO_FRAGMENT_LEN = 22,
	HELLO_VERSION = 25,
	HELLO_RANDOM = 27,
	HELLO_SESSION_ID = 59,
};

static inline struct gw_blob hello_blob(const struct hello *h)
{
	return (struct gw_blob){ h->data, h->len };
}

static inline void hello_put(struct hello *h, const void *data, size_t len)
{
	memcpy(h->data + h->len, data, len);
	h->len += len;
}

static inline void hello_number(struct hello *h, size_t at, size_t width, uint64_t value)
{
	for (size_t i = width; i-- > 0; value >>= 8)
		h->data[at + i] = (uint8_t)value;
}

static inline void hello_vector(struct hello *h, size_t width, struct gw_blob value)
{
	hello_number(h, h->len, width, value.len);
	h->len += width;
	if (value.len)
		hello_put(h, value.data, value.len);
}

/* Makes all lengths fit what is there. */
static inline void hello_fit(struct hello *h)
{
	hello_number(h, HELLO_RECORD_LEN, 2, h->len - 13);
	hello_number(h, HELLO_LEN, 3, h->len - 25);
	hello_number(h, HELLO_FRAGMENT_LEN, 3, h->len - 25);
}

/* A hello with this random (one byte, repeated), cookie, suites and extensions (NULL data: none). */
static inline void hello_make(struct hello *h, uint8_t random, struct gw_blob cookie,
			      struct gw_blob suites, struct gw_blob extensions)
{
	static const uint8_t no_compression[1];

	*h = (struct hello){ .data = { 22, 0xfe, 0xff }, .len = 25 };
	h->data[HELLO_TYPE] = 1;
	hello_put(h, "\xfe\xfd", 2);
	memset(h->data + h->len, random, 32);
	h->len += 32;
	hello_vector(h, 1, (struct gw_blob){ 0 });
	hello_vector(h, 1, cookie);
	hello_vector(h, 2, suites);
	hello_vector(h, 1, GW_BLOB_ARRAY(no_compression));
	if (extensions.data)
		hello_vector(h, 2, extensions);
	hello_fit(h);
}
