/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk through the certificate in the order of RFC 5280 section 4.1. Signatures and dates are
 * wolfSSL's business (trust.c); what is read here by hand is what its parser does not hand out in
 * this build: the raw names, the key as it stands there, and an extended key usage it does not know.
 */
#include "tools/device/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/der.h"
#include "lib/util.h"

#define KEY_CERT_SIGN 0x04 /* in the first byte of KeyUsage */

static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };
static const uint8_t oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const uint8_t oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const uint8_t oid_ext_key_usage[] = { 0x55, 0x1d, 0x25 };
static const uint8_t oid_server_auth[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01 };
static const uint8_t oid_cmc_ra[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x1c };

static int read_validity(struct gw_blob in, struct certificate *c)
{
	struct gw_der not_before, not_after;

	if (gw_der_next(&in, &not_before) < 0 || gw_der_next(&in, &not_after) < 0 || in.len)
		return -EBADMSG;
	if (not_after.tag != GW_DER_UTC_TIME && not_after.tag != GW_DER_GENERALIZED_TIME)
		return -EBADMSG;

	c->not_after = not_after.value;
	return 0;
}

/* What may follow the key: unique ids, long out of use, and the extensions. */
static int read_tail(struct gw_blob in, struct certificate *c)
{
	struct gw_der element, extensions;
	int r;

	while ((r = gw_der_next(&in, &element)) == 0) {
		if (element.tag != GW_DER_CONTEXT(3))
			continue;
		if (gw_der_expect(&element.value, GW_DER_SEQUENCE, &extensions) < 0 ||
		    element.value.len || in.len)
			return -EBADMSG;
		c->extensions = extensions.value;
	}
	return r == -ENODATA ? 0 : r;
}

static int read_tbs(struct gw_blob in, struct certificate *c)
{
	struct gw_der version, serial, algorithm, issuer, validity, subject, key;

	if (gw_der_optional(&in, GW_DER_CONTEXT(0), &version) == -EBADMSG ||
	    gw_der_expect(&in, GW_DER_INTEGER, &serial) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &algorithm) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &issuer) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &validity) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &subject) < 0 ||
	    gw_der_expect(&in, GW_DER_SEQUENCE, &key) < 0)
		return -EBADMSG;

	c->serial = serial.value;
	c->issuer = issuer.whole;
	c->subject = subject.whole;
	c->key = key.whole;
	if (read_validity(validity.value, c) < 0)
		return -EBADMSG;
	return read_tail(in, c);
}

int certificate_parse(struct gw_blob der, struct certificate *ret)
{
	struct certificate c = { .der = der };
	struct gw_der whole, tbs, algorithm, signature;

	if (gw_der_expect(&der, GW_DER_SEQUENCE, &whole) < 0 || der.len ||
	    gw_der_expect(&whole.value, GW_DER_SEQUENCE, &tbs) < 0 ||
	    gw_der_expect(&whole.value, GW_DER_SEQUENCE, &algorithm) < 0 ||
	    gw_der_expect(&whole.value, GW_DER_BIT_STRING, &signature) < 0 || whole.value.len)
		return -EBADMSG;
	if (read_tbs(tbs.value, &c) < 0)
		return -EBADMSG;

	*ret = c;
	return 0;
}

int certificate_next(struct gw_blob *list, struct certificate *ret)
{
	struct gw_der element;
	int r = gw_der_next(list, &element);

	if (r < 0)
		return r;
	return certificate_parse(element.whole, ret);
}

/* An AttributeTypeAndValue that is a common name: its text. */
static int read_common_name(struct gw_blob attribute, struct gw_blob *ret)
{
	struct gw_der type, value;

	if (gw_der_expect(&attribute, GW_DER_OID, &type) < 0 || gw_der_next(&attribute, &value) < 0)
		return -EBADMSG;
	if (!gw_blob_equal(type.value, GW_BLOB_ARRAY(oid_common_name)))
		return -ENOENT;

	*ret = value.value;
	return 0;
}

int certificate_name(const struct certificate *certificate, struct gw_blob *ret)
{
	struct gw_blob rest = certificate->subject, name;
	struct gw_der subject, rdn, attribute;
	size_t n_names = 0;

	if (gw_der_expect(&rest, GW_DER_SEQUENCE, &subject) < 0)
		return -ENOENT;

	while (gw_der_expect(&subject.value, GW_DER_SET, &rdn) == 0)
		while (gw_der_expect(&rdn.value, GW_DER_SEQUENCE, &attribute) == 0)
			n_names += read_common_name(attribute.value, &name) == 0;
	if (n_names != 1)
		return -ENOENT;

	*ret = name;
	return 0;
}

bool certificate_is_named(const struct certificate *certificate, const char *name)
{
	struct gw_blob found;

	return certificate_name(certificate, &found) == 0 &&
	       gw_blob_equal(found, (struct gw_blob){ (const uint8_t *)name, strlen(name) });
}

/* The value of the extension with that OID, out of its OCTET STRING. */
static int find_extension(const struct certificate *c, struct gw_blob oid, struct gw_blob *ret)
{
	struct gw_blob rest = c->extensions;
	struct gw_der extension, type, critical, value;

	while (gw_der_expect(&rest, GW_DER_SEQUENCE, &extension) == 0) {
		if (gw_der_expect(&extension.value, GW_DER_OID, &type) < 0)
			return -EBADMSG;
		if (!gw_blob_equal(type.value, oid))
			continue;
		if (gw_der_optional(&extension.value, GW_DER_BOOLEAN, &critical) == -EBADMSG ||
		    gw_der_expect(&extension.value, GW_DER_OCTET_STRING, &value) < 0)
			return -EBADMSG;
		*ret = value.value;
		return 0;
	}
	return -ENOENT;
}

static bool may_sign_certificates(const struct certificate *c)
{
	struct gw_der bits;
	struct gw_blob value;
	int r = find_extension(c, GW_BLOB_ARRAY(oid_key_usage), &value);

	if (r < 0)
		return r == -ENOENT;
	return gw_der_expect(&value, GW_DER_BIT_STRING, &bits) == 0 && bits.value.len >= 2 &&
	       bits.value.data[1] & KEY_CERT_SIGN;
}

bool certificate_is_ca(const struct certificate *certificate)
{
	struct gw_der constraints, ca;
	struct gw_blob value;

	if (find_extension(certificate, GW_BLOB_ARRAY(oid_basic_constraints), &value) < 0 ||
	    gw_der_expect(&value, GW_DER_SEQUENCE, &constraints) < 0 ||
	    gw_der_expect(&constraints.value, GW_DER_BOOLEAN, &ca) < 0)
		return false;
	return ca.value.len == 1 && ca.value.data[0] && may_sign_certificates(certificate);
}

bool certificate_is_registrar(const struct certificate *certificate)
{
	bool server_auth = false, cmc_ra = false;
	struct gw_der usages, usage;
	struct gw_blob value;

	if (find_extension(certificate, GW_BLOB_ARRAY(oid_ext_key_usage), &value) < 0 ||
	    gw_der_expect(&value, GW_DER_SEQUENCE, &usages) < 0)
		return false;

	while (gw_der_expect(&usages.value, GW_DER_OID, &usage) == 0) {
		server_auth |= gw_blob_equal(usage.value, GW_BLOB_ARRAY(oid_server_auth));
		cmc_ra |= gw_blob_equal(usage.value, GW_BLOB_ARRAY(oid_cmc_ra));
	}
	return server_auth && cmc_ra;
}

void certificate_end(const struct certificate *certificate, char text[20])
{
	struct gw_blob time = certificate->not_after;
	char digits[15] =
		"20"; /* YYYYMMDDHHMMSS; a UTCTime begins with YY, after 2049 it is not used */
	bool is_utc_time = time.len == 13;

	(void)gw_copy(text, 20, "?");
	if ((!is_utc_time && time.len != 15) || time.data[time.len - 1] != 'Z')
		return;
	for (size_t i = 0; i < time.len - 1; i++)
		if (time.data[i] < '0' || time.data[i] > '9')
			return;

	memcpy(digits + 2 * is_utc_time, time.data, time.len - 1);
	(void)snprintf(text, 20, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", digits, digits + 4, digits + 6,
		       digits + 8, digits + 10, digits + 12);
}

static int find_by_key(struct gw_blob list, struct gw_blob key, struct certificate *ret)
{
	struct certificate c;
	int r;

	while ((r = certificate_next(&list, &c)) == 0)
		if (gw_blob_equal(c.key, key)) {
			*ret = c;
			return 0;
		}
	return r == -ENODATA ? -ENOENT : r;
}

static int find_by_subject(struct gw_blob list, struct gw_blob subject, struct certificate *ret)
{
	struct certificate c;
	int r;

	while ((r = certificate_next(&list, &c)) == 0)
		if (gw_blob_equal(c.subject, subject)) {
			*ret = c;
			return 0;
		}
	return r == -ENODATA ? -ENOENT : r;
}

int certificate_chain(struct gw_blob list, struct gw_blob key, uint8_t *chain, size_t *ret_len)
{
	size_t room = list.len, len = 0;
	struct certificate c = { 0 };
	int r = find_by_key(list, key, &c);

	if (r < 0)
		return r;

	/* The way up ends at a root, at an issuer that is not in the list, or, if the issuers go round
	 * in a circle, where more would be written than there is. */
	do {
		if (c.der.len > room - len)
			return -EBADMSG;
		memcpy(chain + len, c.der.data, c.der.len);
		len += c.der.len;
		r = find_by_subject(list, c.issuer, &c);
	} while (r == 0 && !gw_blob_equal(c.issuer, c.subject));
	if (r < 0 && r != -ENOENT)
		return r;

	*ret_len = len;
	return 0;
}
