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

#define CELL_MAX  131072 /* bytes of contents */
#define CELL_ROOM 8192 /* bytes of a file that are taken beforehand, more than most contents are */

/* Makes the files that are missing. */
int cell_make(int dir_fd, const char *name);

/* The newest contents, on the heap; a zero byte follows them. -ENOENT: there are none. */
int cell_read(int dir_fd, const char *name, uint8_t **ret, size_t *ret_len);

/* When it returns, or when we die in it, there are the new contents or the ones before, whole and on disk. */
int cell_write(int dir_fd, const char *name, struct gw_blob contents);

/*
 * Whether a write would do: -errno of what is in its way now (the disk is full, or read-only, ..). Tries it on the file
 * that the next write goes to, so far as nothing of what counts is touched, and takes room for that write, so that a disk
 * that is full then is no matter.
 */
int cell_check(int dir_fd, const char *name);

/* There are no contents any more, and no byte of any that ever were. Done again it costs no write. */
int cell_wipe(int dir_fd, const char *name);
