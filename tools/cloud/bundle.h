/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bundle: several certificates in one PEM file. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define BUNDLE_MAX 16

struct bundle {
	struct gw_blob der[BUNDLE_MAX];
	size_t n;
};

/* -EBADMSG: it holds no certificate, or too many. */
int bundle_load(int dir_fd, const char *path, struct bundle *ret);
void bundle_done(struct bundle *bundle);
