/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base32: bytes in groups of five bits (RFC 4648 section 6) with Crockford's alphabet, no padding. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Characters for n bytes, without the zero byte at the end. */
#define GW_BASE32_LEN(n) (((n)*8 + 4) / 5)

/* text must have room for GW_BASE32_LEN(len) + 1. */
void gw_base32_encode(const uint8_t *data, size_t len, char *text);

/* Upper case, canonical (no alias digits, pad bits zero): -EINVAL else, -ENOSPC if size is short. */
int gw_base32_decode(const char *text, size_t text_len, uint8_t *data, size_t size,
		     size_t *ret_len);
