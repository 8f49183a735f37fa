/* SPDX-License-Identifier: GPL-2.0-or-later */
/* labels: labels with a secret, from a file or from standard input. */
#pragma once

#include <stddef.h>

struct failure;
struct gw_label;

/*
 * Reads as many labels, one a line, white space and empty lines ignored; "-" is standard input. -EINVAL with a
 * sentence: it cannot be read, a label is no good or names a public key, or there are too few. Wipe all n labels
 * in any case.
 */
int labels_read(const char *path, size_t n, struct gw_label *ret, struct failure *failure);
