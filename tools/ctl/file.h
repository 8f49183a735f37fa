/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: what a file holds that is handed to the agent, or standard input as `-`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All of it, to be freed; a zero byte follows. -EFBIG: more than max bytes. */
int file_read(const char *path, size_t max, uint8_t **ret, size_t *ret_len);
