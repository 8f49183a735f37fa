/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A certs-only message has one variable field, the certificates, so it is written from the outside in
 * around them. Their order is kept (issued certificate first): the SET is not sorted as DER would have
 * it, which no reader minds and many small ones rely on.
 */
#include "plugins/registrar/pkcs7.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "lib/der.h"
#include "lib/util.h"

/* contentType: signedData */
static const uint8_t signed_data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
				       0xf7, 0x0d, 0x01, 0x07, 0x02 };

/* version 1, no digest algorithms, encapsulated content: type data, none of it */
static const uint8_t before_certs[] = { 0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09,
					0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };

/* no signers */
static const uint8_t after_certs[] = { 0x31, 0x00 };

static uint8_t *append(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	return to + len;
}

/* What an element with so many bytes inside takes in all. */
static size_t wrapped(size_t len)
{
	uint8_t header[GW_DER_HEADER_MAX];

	return gw_der_write_header(GW_DER_SEQUENCE, len, header) + len;
}

int pkcs7_certs_only(const struct gw_blob *parts, size_t n_parts, uint8_t **ret, size_t *ret_len)
{
	size_t certs = 0, fields, content, total;
	uint8_t *buf, *p;

	for (size_t i = 0; i < n_parts; i++)
		certs += parts[i].len;
	fields = sizeof(before_certs) + wrapped(certs) + sizeof(after_certs);
	content = sizeof(signed_data) + wrapped(wrapped(fields));
	total = wrapped(content);

	buf = malloc(total);
	if (!buf)
		return -ENOMEM;

	p = buf + gw_der_write_header(GW_DER_SEQUENCE, content, buf);
	p = append(p, signed_data, sizeof(signed_data));
	p += gw_der_write_header(GW_DER_CONTEXT(0), wrapped(fields), p);
	p += gw_der_write_header(GW_DER_SEQUENCE, fields, p);
	p = append(p, before_certs, sizeof(before_certs));
	p += gw_der_write_header(GW_DER_CONTEXT(0), certs, p);
	for (size_t i = 0; i < n_parts; i++)
		p = append(p, parts[i].data, parts[i].len);
	(void)append(p, after_certs, sizeof(after_certs));

	*ret = buf;
	*ret_len = total;
	return 0;
}
