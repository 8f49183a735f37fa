/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A certs-only message is a set, and TLS wants a chain: the order is found by names. Whether each has
 * really signed the one before is for trust.c.
 */
#include "tools/device/certificate.h"

#include <errno.h>
#include <string.h>

#include "lib/der.h"
#include "lib/x509.h"

#define REGISTRAR_USES (GW_X509_USE_SERVER | GW_X509_USE_REGISTRAR)

/* Where one of a list stands, and what it says. */
struct found {
	struct gw_x509 x509;
	struct gw_blob der;
};

int certificate_next(struct gw_blob *list, struct gw_x509 *ret, struct gw_blob *ret_der)
{
	struct gw_der element;
	int r = gw_der_next(list, &element);

	if (r < 0)
		return r;
	r = gw_x509_parse(element.whole, ret);
	if (r < 0)
		return r;

	*ret_der = element.whole;
	return 0;
}

bool certificate_is_ca(const struct gw_x509 *x509)
{
	return x509->is_ca && x509->key_usage & GW_X509_KEY_SIGNS_CERTIFICATES;
}

bool certificate_is_registrar(const struct gw_x509 *x509)
{
	return (x509->uses & REGISTRAR_USES) == REGISTRAR_USES;
}

static int find_by_key(struct gw_blob list, struct gw_blob key, struct found *ret)
{
	struct found found;
	int r;

	while ((r = certificate_next(&list, &found.x509, &found.der)) == 0)
		if (gw_blob_equal(found.x509.spki, key)) {
			*ret = found;
			return 0;
		}
	return r == -ENODATA ? -ENOENT : r;
}

static int find_by_subject(struct gw_blob list, struct gw_blob subject, struct found *ret)
{
	struct found found;
	int r;

	while ((r = certificate_next(&list, &found.x509, &found.der)) == 0)
		if (gw_blob_equal(found.x509.subject, subject)) {
			*ret = found;
			return 0;
		}
	return r == -ENODATA ? -ENOENT : r;
}

int certificate_chain(struct gw_blob list, struct gw_blob key, uint8_t *chain, size_t *ret_len)
{
	size_t room = list.len, len = 0;
	struct found at = { 0 };
	int r = find_by_key(list, key, &at);

	if (r < 0)
		return r;

	/* The way up ends at a root, at an issuer that is not in the list, or, if the issuers go round
	 * in a circle, where more would be written than there is. */
	do {
		if (at.der.len > room - len)
			return -EBADMSG;
		memcpy(chain + len, at.der.data, at.der.len);
		len += at.der.len;
		r = find_by_subject(list, at.x509.issuer, &at);
	} while (r == 0 && !gw_blob_equal(at.x509.issuer, at.x509.subject));
	if (r < 0 && r != -ENOENT)
		return r;

	*ret_len = len;
	return 0;
}
