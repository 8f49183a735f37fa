/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Crockford's digits leave out the letters that people misread (I, L, O, U). Decoding takes only the
 * one spelling that encoding makes, so that a label has one form and its check sum one value.
 */
#include "lib/base32.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void gw_base32_encode(const uint8_t *data, size_t len, char *text)
{
	unsigned bits = 0, n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | data[i];
		n_bits += 8;
		while (n_bits >= 5) {
			n_bits -= 5;
			*text++ = digits[bits >> n_bits & 31];
		}
	}
	if (n_bits)
		*text++ = digits[bits << (5 - n_bits) & 31];
	*text = 0;
}

int gw_base32_decode(const char *text, size_t text_len, uint8_t *data, size_t size, size_t *ret_len)
{
	size_t len = text_len * 5 / 8;
	unsigned bits = 0, n_bits = 0;
	size_t n = 0;

	if (GW_BASE32_LEN(len) != text_len)
		return -EINVAL; /* a last digit that holds no bit of a byte */
	if (len > size)
		return -ENOSPC;

	for (size_t i = 0; i < text_len; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return -EINVAL;
		bits = bits << 5 | (unsigned)(digit - digits);
		n_bits += 5;
		if (n_bits >= 8) {
			n_bits -= 8;
			data[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (bits & ((1u << n_bits) - 1))
		return -EINVAL;

	*ret_len = n;
	return 0;
}
