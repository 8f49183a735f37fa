/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Just enough DER to find a field in a certificate or a signing request and to wrap some bytes. It is
 * stricter than most readers on purpose: what has two encodings could be read in two ways by two
 * programs, so long-form tags, indefinite lengths and lengths with spare bytes are refused.
 */
#include "lib/der.h"

#include <assert.h>
#include <errno.h>

#include "lib/util.h"

#define LENGTH_BYTES_MAX 3
#define LONG_FORM        0x80
#define TAG_NUMBER_MASK  0x1f /* all ones: the tag goes on in the next byte */

/* Reads a length; *ret_used is how many bytes of `from` it took. */
static int read_length(struct gw_blob from, size_t *ret_len, size_t *ret_used)
{
	size_t n, len = 0;

	if (from.len == 0)
		return -EBADMSG;
	if (from.data[0] < LONG_FORM) {
		*ret_len = from.data[0];
		*ret_used = 1;
		return 0;
	}

	n = from.data[0] & ~LONG_FORM;
	if (n == 0 || n > LENGTH_BYTES_MAX || from.len < 1 + n)
		return -EBADMSG;
	for (size_t i = 1; i <= n; i++)
		len = len << 8 | from.data[i];
	if (len < LONG_FORM || len >> 8 * (n - 1) == 0)
		return -EBADMSG;

	*ret_len = len;
	*ret_used = 1 + n;
	return 0;
}

int gw_der_next(struct gw_blob *rest, struct gw_der *ret)
{
	size_t len, used, header;
	int r;

	if (rest->len == 0)
		return -ENODATA;
	if ((rest->data[0] & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
		return -EBADMSG;

	r = read_length((struct gw_blob){ rest->data + 1, rest->len - 1 }, &len, &used);
	if (r < 0)
		return r;

	header = 1 + used;
	if (len > rest->len - header)
		return -EBADMSG;

	*ret = (struct gw_der){
		.tag = rest->data[0],
		.value = { rest->data + header, len },
		.whole = { rest->data, header + len },
	};
	*rest = (struct gw_blob){ rest->data + header + len, rest->len - header - len };
	return 0;
}

int gw_der_expect(struct gw_blob *rest, uint8_t tag, struct gw_der *ret)
{
	struct gw_blob after = *rest;
	struct gw_der item;

	if (gw_der_next(&after, &item) < 0 || item.tag != tag)
		return -EBADMSG;

	*rest = after;
	*ret = item;
	return 0;
}

int gw_der_optional(struct gw_blob *rest, uint8_t tag, struct gw_der *ret)
{
	if (rest->len == 0 || rest->data[0] != tag)
		return -ENOENT;
	return gw_der_expect(rest, tag, ret);
}

int gw_der_open(struct gw_blob der, uint8_t tag, struct gw_blob *ret_value)
{
	struct gw_der item;

	if (gw_der_expect(&der, tag, &item) < 0 || der.len > 0)
		return -EBADMSG;

	*ret_value = item.value;
	return 0;
}

size_t gw_der_write_header(uint8_t tag, size_t len, uint8_t buf[GW_DER_HEADER_MAX])
{
	size_t n = len < LONG_FORM ? 0 : len < 1u << 8 ? 1 : len < 1u << 16 ? 2 : 3;

	assert(len < 1u << 24);

	buf[0] = tag;
	if (n == 0) {
		buf[1] = (uint8_t)len;
		return 2;
	}

	buf[1] = (uint8_t)(LONG_FORM | n);
	for (size_t i = 0; i < n; i++)
		buf[2 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
	return 2 + n;
}
