/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blob: bytes that somebody else owns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct gw_blob {
	const uint8_t *data;
	size_t len;
};

#define GW_BLOB_ARRAY(array) ((struct gw_blob){ (array), sizeof(array) })

static inline bool gw_blob_equal(struct gw_blob a, struct gw_blob b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* A copy on the heap, or NULL. Free with free(). */
static inline uint8_t *gw_blob_dup(struct gw_blob blob)
{
	uint8_t *copy = (uint8_t *)malloc(blob.len ? blob.len : 1);

	if (copy && blob.len)
		memcpy(copy, blob.data, blob.len);
	return copy;
}
