/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hex: bytes as lower-case hexadecimal digits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* text must have room for 2 * len + 1. */
void gw_hex_encode(const uint8_t *data, size_t len, char *text);

/* Takes both cases. -EINVAL for anything else or an odd count, -ENOSPC if size is short. */
int gw_hex_decode(const char *text, uint8_t *data, size_t size, size_t *ret_len);
