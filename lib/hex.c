/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hexadecimal, both ways. */
#include "lib/hex.h"

#include <errno.h>
#include <string.h>

void gw_hex_encode(const uint8_t *data, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[data[i] >> 4];
		*text++ = digits[data[i] & 15];
	}
	*text = 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int gw_hex_decode(const char *text, uint8_t *data, size_t size, size_t *ret_len)
{
	size_t len = strlen(text);

	if (len % 2)
		return -EINVAL;
	if (len / 2 > size)
		return -ENOSPC;

	for (size_t i = 0; i < len; i += 2) {
		int high = digit_value(text[i]), low = digit_value(text[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		data[i / 2] = (uint8_t)(high << 4 | low);
	}

	*ret_len = len / 2;
	return 0;
}
