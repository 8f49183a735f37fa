/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sealed: memory files with all their seals, in which what is too large for a message goes from one program to
 * another: nobody can change it, or take it away, while it is being read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gw_blob;

/* A new one; returns its descriptor. `name` shows in /proc. */
int gw_sealed_make(const char *name, struct gw_blob contents);

/* Whether it is one, and not larger than that. -EBADF: no memory file, or not open for reading; -EPERM: somebody can
 * still change it; -EFBIG. The descriptor may be hostile: nothing is asked of a file before it is known to be memory. */
int gw_sealed_check(int fd, size_t max, size_t *ret_len);

/* All of it, to be freed; a zero byte follows. Errors as above. */
int gw_sealed_read(int fd, size_t max, uint8_t **ret, size_t *ret_len);
