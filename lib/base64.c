/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64, three bytes against four digits. Decoding takes only what encoding makes. */
#include "lib/base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void gw_base64_encode(const uint8_t *data, size_t len, char *text)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;

		if (n > 1)
			bits |= (uint32_t)data[i + 1] << 8;
		if (n > 2)
			bits |= data[i + 2];

		*text++ = digits[bits >> 18];
		*text++ = digits[bits >> 12 & 63];
		*text++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*text++ = n > 2 ? digits[bits & 63] : '=';
	}
	*text = 0;
}

static int digit_value(char c)
{
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -EINVAL;
}

/* Four digits, of which the last `pad` are '='. Returns the 24 bits, or -EINVAL. */
static int group_value(const char *text, size_t pad)
{
	int bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - pad ? digit_value(text[i]) : 0;

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | value;
	}
	if (bits & ((1 << 8 * pad) - 1))
		return -EINVAL;
	return bits;
}

int gw_base64_decode(const char *text, size_t text_len, uint8_t *data, size_t size, size_t *ret_len)
{
	size_t pad = 0, n = 0;

	if (text_len % 4)
		return -EINVAL;
	while (pad < 2 && pad < text_len && text[text_len - 1 - pad] == '=')
		pad++;
	if (text_len / 4 * 3 - pad > size)
		return -ENOSPC;

	for (size_t i = 0; i < text_len; i += 4) {
		size_t group_pad = i + 4 == text_len ? pad : 0;
		int bits = group_value(text + i, group_pad);

		if (bits < 0)
			return -EINVAL;
		for (size_t k = 0; k < 3 - group_pad; k++)
			data[n++] = (uint8_t)(bits >> (16 - 8 * k));
	}

	*ret_len = n;
	return 0;
}
