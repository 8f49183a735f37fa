/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cell: something small that is kept on disk under a name, in two files, NAME.0 and NAME.1, which are written by
 * turns and in place. So nothing is made, renamed or removed once both are there, and the folder
 * can be closed to us: what we can ever fill of the disk is so many files of the size that we may write.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define CELL_MAX 131072 /* bytes of contents */

/* Makes the files that are missing. */
int cell_make(int dir_fd, const char *name);

/* The newest contents, on the heap; a zero byte follows them. -ENOENT: there are none. */
int cell_read(int dir_fd, const char *name, uint8_t **ret, size_t *ret_len);

/* When it returns, or when we die in it, there are the new contents or the ones before, whole and on disk. */
int cell_write(int dir_fd, const char *name, struct gw_blob contents);

/* There are no contents any more, and no byte of any that ever were. Done again it costs no write. */
int cell_wipe(int dir_fd, const char *name);
