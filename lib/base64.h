/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base64: RFC 4648 section 4, with padding. Our own because it is needed beside wolfSSL in some
 * programs and beside OpenSSL in others, which never meet.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Characters for n bytes, without the zero byte at the end. */
#define GW_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* text must have room for GW_BASE64_LEN(len) + 1. */
void gw_base64_encode(const uint8_t *data, size_t len, char *text);

/* Canonical input in one line: -EINVAL else, -ENOSPC if size is short. */
int gw_base64_decode(const char *text, size_t text_len, uint8_t *data, size_t size,
		     size_t *ret_len);
