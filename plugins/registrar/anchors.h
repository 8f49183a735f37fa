/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anchors: a list of trust anchors, as it comes from the agent in a sealed memfd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob;

#define ANCHORS_MAX 64

struct anchors {
	uint8_t *data;
	struct gw_blob *certs; /* DER, pointing into data */
	size_t n;
};

/* Reads a list in place of the one in `anchors`, which stays on any error. -EBADF, -EPERM: it is no memory file, or
 * somebody can still change it; -EFBIG, -E2BIG: too large; -EBADMSG: not certificates one after the other. */
int anchors_read(struct anchors *anchors, int fd);

void anchors_done(struct anchors *anchors);

/* The same ones in the same order. */
bool anchors_equal(const struct anchors *a, const struct anchors *b);

bool anchors_have(const struct anchors *anchors, struct gw_blob cert);
