/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT SignedData }
 *	SignedData  ::= SEQUENCE { version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE,
 *				   certificates [0] IMPLICIT SET OPTIONAL, crls [1] OPTIONAL, signerInfos SET }
 *
 * Only `certificates` is of interest; the others must be there, but what they say proves nothing:
 * trust in the answer comes from the session that carried it.
 */
#include "tools/device/pkcs7.h"

#include <errno.h>

#include "lib/der.h"

static const uint8_t oid_signed_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };

/* Each is a SEQUENCE and nothing stands between or behind them. */
static int check_list(struct gw_blob list)
{
	struct gw_der certificate;

	do {
		if (gw_der_expect(&list, GW_DER_SEQUENCE, &certificate) < 0)
			return -EBADMSG;
	} while (list.len);
	return 0;
}

static int read_signed_data(struct gw_blob in, struct gw_blob *ret)
{
	struct gw_der skipped, certificates;

	if (gw_der_expect(&in, GW_DER_INTEGER, &skipped) < 0 ||
	    gw_der_expect(&in, GW_DER_SET, &skipped) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &skipped) < 0 ||
	    gw_der_expect(&in, GW_DER_CONTEXT(0), &certificates) < 0)
		return -EBADMSG;
	if (gw_der_optional(&in, GW_DER_CONTEXT(1), &skipped) == -EBADMSG ||
	    gw_der_expect(&in, GW_DER_SET, &skipped) < 0 || in.len)
		return -EBADMSG;
	if (check_list(certificates.value) < 0)
		return -EBADMSG;

	*ret = certificates.value;
	return 0;
}

int pkcs7_certificates(struct gw_blob message, struct gw_blob *ret)
{
	struct gw_der content_info, type, content, signed_data;

	if (gw_der_expect(&message, GW_DER_SEQUENCE, &content_info) < 0 || message.len ||
	    gw_der_expect(&content_info.value, GW_DER_OID, &type) < 0 ||
	    !gw_blob_equal(type.value, GW_BLOB_ARRAY(oid_signed_data)) ||
	    gw_der_expect(&content_info.value, GW_DER_CONTEXT(0), &content) < 0 ||
	    content_info.value.len ||
	    gw_der_expect(&content.value, GW_DER_SEQUENCE, &signed_data) < 0 || content.value.len)
		return -EBADMSG;

	return read_signed_data(signed_data.value, ret);
}
