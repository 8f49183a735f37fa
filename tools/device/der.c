/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Just enough of DER to walk through a certificate and a certs-only message: tags of one byte,
 * definite lengths in their shortest form, nothing that reaches beyond what it stands in.
 */
#include "tools/device/der.h"

#include <errno.h>

#define TAG_NUMBER_LONG 0x1f /* the number stands in further bytes: nothing we read has one */
#define LENGTH_LONG     0x80 /* the low bits count the bytes of the length */
#define LENGTH_BYTES    3    /* as many as we take: 16 MiB is more than any input of ours */

/* Reads the length that begins at data[1]; *ret_header is where the value begins. */
static int read_length(struct gw_blob in, size_t *ret_header, size_t *ret_len)
{
	size_t n_bytes, len = 0;

	if (in.len < 2)
		return -EBADMSG;
	if (in.data[1] < LENGTH_LONG) {
		*ret_header = 2;
		*ret_len = in.data[1];
		return 0;
	}

	n_bytes = in.data[1] & ~LENGTH_LONG;
	if (n_bytes == 0 || n_bytes > LENGTH_BYTES || in.len < 2 + n_bytes || in.data[2] == 0)
		return -EBADMSG;
	for (size_t i = 0; i < n_bytes; i++)
		len = len << 8 | in.data[2 + i];
	if (len < LENGTH_LONG)
		return -EBADMSG;

	*ret_header = 2 + n_bytes;
	*ret_len = len;
	return 0;
}

int der_next(struct gw_blob *rest, struct der *ret)
{
	size_t header, len;

	if (rest->len == 0)
		return -ENODATA;
	if ((rest->data[0] & TAG_NUMBER_LONG) == TAG_NUMBER_LONG)
		return -EBADMSG;
	if (read_length(*rest, &header, &len) < 0 || len > rest->len - header)
		return -EBADMSG;

	ret->tag = rest->data[0];
	ret->value = (struct gw_blob){ rest->data + header, len };
	ret->whole = (struct gw_blob){ rest->data, header + len };
	rest->data += header + len;
	rest->len -= header + len;
	return 0;
}

int der_expect(struct gw_blob *rest, uint8_t tag, struct der *ret)
{
	struct gw_blob after = *rest;
	struct der element;

	if (der_next(&after, &element) < 0 || element.tag != tag)
		return -EBADMSG;

	*rest = after;
	*ret = element;
	return 0;
}

int der_optional(struct gw_blob *rest, uint8_t tag, struct der *ret)
{
	if (rest->len == 0 || rest->data[0] != tag)
		return -ENOENT;
	return der_expect(rest, tag, ret);
}
