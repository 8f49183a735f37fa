/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent gets bytes, never a file: to read that it might have to wait for a disk, a network or a program of whoever
 * owns it. So it is read here, where only its owner waits.
 */
#include "tools/ctl/file.h"

#include <fcntl.h>

#include "lib/util.h"

int file_read(const char *path, size_t max, uint8_t **ret, size_t *ret_len)
{
	if (gw_streq(path, "-"))
		return gw_read_fd(STDIN_FILENO, max, ret, ret_len);
	return gw_read_file(AT_FDCWD, path, max, ret, ret_len);
}
