/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the DER of a certificate or a signing request to the few fields that are compared. wolfSSL
 * reads the same bytes for their signature, but skips or merges what we must see exactly: bytes
 * behind the end, a second common name, uses of a key that it has no name for.
 */
#include "lib/x509.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/der.h"
#include "lib/util.h"
#include "lib/x509-read.h"

#define VERSION_3 2 /* as it is encoded */

static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };
static const uint8_t oid_organisation[] = { 0x55, 0x04, 0x0a };
static const uint8_t oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const uint8_t oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const uint8_t oid_extended_key_usage[] = { 0x55, 0x1d, 0x25 };
static const uint8_t oid_any_use[] = { 0x55, 0x1d, 0x25, 0x00 };
static const uint8_t oid_server_auth[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01 };
static const uint8_t oid_client_auth[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 };
static const uint8_t oid_cmc_ra[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x1c };
static const uint8_t oid_challenge_password[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7,
						  0x0d, 0x01, 0x09, 0x07 };

static const struct gw_blob attribute_oids[] = {
	[GW_X509_COMMON_NAME] = GW_BLOB_ARRAY(oid_common_name),
	[GW_X509_ORGANISATION] = GW_BLOB_ARRAY(oid_organisation),
};

static const struct {
	struct gw_blob oid;
	enum gw_x509_use use;
} uses[] = {
	{ GW_BLOB_ARRAY(oid_any_use), GW_X509_USE_ANY },
	{ GW_BLOB_ARRAY(oid_server_auth), GW_X509_USE_SERVER },
	{ GW_BLOB_ARRAY(oid_client_auth), GW_X509_USE_CLIENT },
	{ GW_BLOB_ARRAY(oid_cmc_ra), GW_X509_USE_REGISTRAR },
};

/* --- names --- */

/*
 * Takes the next attribute of a Name: 1, or 0 at its end, or -EBADMSG. `rdn` holds what is left of the
 * relative name at hand, empty to begin with.
 */
static int name_next(struct gw_blob *rdns, struct gw_blob *rdn, struct gw_der *ret_type,
		     struct gw_der *ret_value)
{
	struct gw_der set, pair;

	if (rdn->len == 0) {
		if (rdns->len == 0)
			return 0;
		if (gw_der_expect(rdns, GW_DER_SET, &set) < 0)
			return -EBADMSG;
		*rdn = set.value;
	}

	if (gw_der_expect(rdn, GW_DER_SEQUENCE, &pair) < 0 ||
	    gw_der_expect(&pair.value, GW_DER_OID, ret_type) < 0 ||
	    gw_der_next(&pair.value, ret_value) < 0 || pair.value.len > 0)
		return -EBADMSG;
	return 1;
}

/* Counts the values of an attribute, and those of them that are the text. */
static void name_count(struct gw_blob subject, enum gw_x509_attribute attribute, const char *text,
		       size_t *ret_all, size_t *ret_equal)
{
	struct gw_blob wanted = { (const uint8_t *)text, strlen(text) }, rdn = { 0 };
	struct gw_der type, value;

	*ret_all = *ret_equal = 0;
	while (name_next(&subject, &rdn, &type, &value) > 0) {
		if (!gw_blob_equal(type.value, attribute_oids[attribute]))
			continue;
		*ret_all += 1;
		*ret_equal += gw_blob_equal(value.value, wanted);
	}
}

bool gw_x509_name_is(struct gw_blob subject, enum gw_x509_attribute attribute, const char *text)
{
	size_t all, equal;

	name_count(subject, attribute, text, &all, &equal);
	return all > 0 && all == equal;
}

int gw_x509_name_get(struct gw_blob subject, enum gw_x509_attribute attribute, struct gw_blob *ret)
{
	struct gw_blob rdn = { 0 };
	struct gw_der type, value;
	size_t n = 0;

	while (name_next(&subject, &rdn, &type, &value) > 0) {
		if (!gw_blob_equal(type.value, attribute_oids[attribute]))
			continue;
		*ret = value.value;
		n++;
	}
	return n == 1 ? 0 : -ENOENT;
}

bool gw_x509_name_has(struct gw_blob subject, enum gw_x509_attribute attribute)
{
	size_t all, equal;

	name_count(subject, attribute, "", &all, &equal);
	return all > 0;
}

/* A Name must be well-formed to its end, or the comparisons above would stop short of it. */
int gw_x509_read_name(struct gw_blob *rest, struct gw_blob *ret)
{
	struct gw_blob rdns, rdn = { 0 };
	struct gw_der name, type, value;
	int r;

	if (gw_der_expect(rest, GW_DER_SEQUENCE, &name) < 0)
		return -EBADMSG;

	rdns = name.value;
	do
		r = name_next(&rdns, &rdn, &type, &value);
	while (r > 0);
	if (r < 0)
		return r;

	*ret = name.value;
	return 0;
}

/* --- times --- */

static int two_digits(const uint8_t *text, int min, int max, int *ret)
{
	int value;

	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -EBADMSG;

	value = (text[0] - '0') * 10 + text[1] - '0';
	if (value < min || value > max)
		return -EBADMSG;

	*ret = value;
	return 0;
}

/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 cuts them: seconds, "Z". */
int gw_x509_read_time(struct gw_blob *rest, uint64_t *ret)
{
	int century = 0, year, month, day, hour, minute, second;
	const uint8_t *text;
	struct gw_der item;
	struct tm tm;
	time_t time;

	if (gw_der_next(rest, &item) < 0)
		return -EBADMSG;

	text = item.value.data;
	if (item.tag == GW_DER_GENERALIZED_TIME && item.value.len == 15) {
		if (two_digits(text, 0, 99, &century) < 0)
			return -EBADMSG;
		text += 2;
	} else if (item.tag != GW_DER_UTC_TIME || item.value.len != 13) {
		return -EBADMSG;
	}
	if (two_digits(text, 0, 99, &year) < 0 || two_digits(text + 2, 1, 12, &month) < 0 ||
	    two_digits(text + 4, 1, 31, &day) < 0 || two_digits(text + 6, 0, 23, &hour) < 0 ||
	    two_digits(text + 8, 0, 59, &minute) < 0 || two_digits(text + 10, 0, 59, &second) < 0 ||
	    text[12] != 'Z')
		return -EBADMSG;
	if (item.tag == GW_DER_UTC_TIME)
		century = year < 50 ? 20 : 19;

	tm = (struct tm){
		.tm_year = century * 100 + year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute,
		.tm_sec = second,
	};
	time = timegm(&tm);
	*ret = time < 0 ? 0 : (uint64_t)time;
	return 0;
}

static int parse_validity(struct gw_blob *rest, struct gw_x509 *x509)
{
	struct gw_der validity;

	if (gw_der_expect(rest, GW_DER_SEQUENCE, &validity) < 0 ||
	    gw_x509_read_time(&validity.value, &x509->not_before) < 0 ||
	    gw_x509_read_time(&validity.value, &x509->not_after) < 0 || validity.value.len > 0)
		return -EBADMSG;
	return 0;
}

/* --- certificates --- */

static unsigned use_of(struct gw_blob oid)
{
	for (size_t i = 0; i < GW_ELEMENTS(uses); i++)
		if (gw_blob_equal(uses[i].oid, oid))
			return uses[i].use;
	return GW_X509_USE_OTHER;
}

static int parse_uses(struct gw_blob value, unsigned *ret)
{
	struct gw_blob list;
	struct gw_der oid;

	if (gw_der_open(value, GW_DER_SEQUENCE, &list) < 0 || list.len == 0)
		return -EBADMSG;

	for (*ret = 0; list.len > 0; *ret |= use_of(oid.value))
		if (gw_der_expect(&list, GW_DER_OID, &oid) < 0)
			return -EBADMSG;
	return 0;
}

static int parse_key_usage(struct gw_blob value, unsigned *ret)
{
	struct gw_blob bits;

	if (gw_der_open(value, GW_DER_BIT_STRING, &bits) < 0 || bits.len < 2 || bits.data[0] > 7)
		return -EBADMSG;

	*ret = bits.data[1];
	return 0;
}

static int parse_basic_constraints(struct gw_blob value, bool *ret_is_ca)
{
	struct gw_blob list;
	struct gw_der ca;

	if (gw_der_open(value, GW_DER_SEQUENCE, &list) < 0)
		return -EBADMSG;

	*ret_is_ca = gw_der_expect(&list, GW_DER_BOOLEAN, &ca) == 0 && ca.value.len == 1 &&
		     ca.value.data[0] != 0;
	return 0;
}

static int parse_extension(struct gw_blob extension, struct gw_x509 *x509)
{
	struct gw_der oid, critical, value;

	if (gw_der_expect(&extension, GW_DER_OID, &oid) < 0)
		return -EBADMSG;
	(void)gw_der_expect(&extension, GW_DER_BOOLEAN, &critical);
	if (gw_der_expect(&extension, GW_DER_OCTET_STRING, &value) < 0 || extension.len > 0)
		return -EBADMSG;

	if (gw_blob_equal(oid.value, (struct gw_blob)GW_BLOB_ARRAY(oid_extended_key_usage)))
		return x509->uses ? -EBADMSG : parse_uses(value.value, &x509->uses);
	if (gw_blob_equal(oid.value, (struct gw_blob)GW_BLOB_ARRAY(oid_key_usage)))
		return parse_key_usage(value.value, &x509->key_usage);
	if (gw_blob_equal(oid.value, (struct gw_blob)GW_BLOB_ARRAY(oid_basic_constraints)))
		return parse_basic_constraints(value.value, &x509->is_ca);
	return 0;
}

/* The optional fields behind the key: unique identifiers, then [3] with the extensions. */
static int parse_extensions(struct gw_blob rest, struct gw_x509 *x509)
{
	struct gw_blob list;
	struct gw_der item;

	while (rest.len > 0) {
		if (gw_der_next(&rest, &item) < 0)
			return -EBADMSG;
		if (item.tag != GW_DER_CONTEXT(3))
			continue;

		if (rest.len > 0 || gw_der_open(item.value, GW_DER_SEQUENCE, &list) < 0)
			return -EBADMSG;
		while (list.len > 0)
			if (gw_der_expect(&list, GW_DER_SEQUENCE, &item) < 0 ||
			    parse_extension(item.value, x509) < 0)
				return -EBADMSG;
	}
	return 0;
}

int gw_x509_read_number(struct gw_blob *rest, struct gw_blob *ret)
{
	struct gw_der number;

	if (gw_der_expect(rest, GW_DER_INTEGER, &number) < 0 || number.value.len == 0 ||
	    number.value.data[0] & 0x80)
		return -EBADMSG;

	while (number.value.len > 1 && number.value.data[0] == 0)
		number.value = (struct gw_blob){ number.value.data + 1, number.value.len - 1 };
	*ret = number.value;
	return 0;
}

static int parse_version(struct gw_blob *rest)
{
	struct gw_der outer, version;

	if (gw_der_expect(rest, GW_DER_CONTEXT(0), &outer) < 0 ||
	    gw_der_expect(&outer.value, GW_DER_INTEGER, &version) < 0 || outer.value.len > 0 ||
	    version.value.len != 1 || version.value.data[0] != VERSION_3)
		return -EBADMSG;
	return 0;
}

int gw_x509_read_signed(struct gw_blob der, struct gw_x509_signed *ret)
{
	struct gw_der body, algorithm, signature;
	struct gw_blob rest;

	if (gw_der_open(der, GW_DER_SEQUENCE, &rest) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &body) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &algorithm) < 0 ||
	    gw_der_expect(&rest, GW_DER_BIT_STRING, &signature) < 0 || rest.len > 0 ||
	    signature.value.len < 2 || signature.value.data[0] != 0)
		return -EBADMSG;

	*ret = (struct gw_x509_signed){
		.body = body.value,
		.whole = body.whole,
		.algorithm = algorithm.whole,
		.signature = { signature.value.data + 1, signature.value.len - 1 },
	};
	return 0;
}

int gw_x509_parse(struct gw_blob der, struct gw_x509 *ret)
{
	struct gw_x509 x509 = { .key_usage = ~0u };
	struct gw_x509_signed outer;
	struct gw_blob rest;
	struct gw_der item;

	if (gw_x509_read_signed(der, &outer) < 0)
		return -EBADMSG;

	rest = outer.body;
	if (parse_version(&rest) < 0 || gw_x509_read_number(&rest, &x509.serial) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &item) < 0 ||
	    gw_x509_read_name(&rest, &x509.issuer) < 0 || parse_validity(&rest, &x509) < 0 ||
	    gw_x509_read_name(&rest, &x509.subject) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &item) < 0)
		return -EBADMSG;

	x509.spki = item.whole;
	if (parse_extensions(rest, &x509) < 0)
		return -EBADMSG;

	*ret = x509;
	return 0;
}

int gw_x509_split(struct gw_blob der, struct gw_blob *certs, size_t max, size_t *ret_n)
{
	struct gw_der item;
	size_t n = 0;

	for (; der.len > 0; n++) {
		if (gw_der_expect(&der, GW_DER_SEQUENCE, &item) < 0)
			return -EBADMSG;
		if (n == max)
			return -E2BIG;
		certs[n] = item.whole;
	}

	*ret_n = n;
	return 0;
}

/* --- signing requests --- */

static int parse_request_attribute(struct gw_blob attribute, struct gw_x509_request *request)
{
	struct gw_der type, values, text;

	if (gw_der_expect(&attribute, GW_DER_OID, &type) < 0 ||
	    gw_der_expect(&attribute, GW_DER_SET, &values) < 0 || attribute.len > 0)
		return -EBADMSG;
	if (!gw_blob_equal(type.value, (struct gw_blob)GW_BLOB_ARRAY(oid_challenge_password)))
		return 0;

	if (request->challenge.data || gw_der_next(&values.value, &text) < 0 ||
	    values.value.len > 0)
		return -EBADMSG;
	request->challenge = text.value;
	return 0;
}

int gw_x509_parse_request(struct gw_blob der, struct gw_x509_request *ret)
{
	struct gw_x509_request request = { 0 };
	struct gw_x509_signed outer;
	struct gw_blob rest;
	struct gw_der item;

	if (gw_x509_read_signed(der, &outer) < 0)
		return -EBADMSG;

	request.algorithm = outer.algorithm;
	rest = outer.body;
	if (gw_der_expect(&rest, GW_DER_INTEGER, &item) < 0 ||
	    gw_x509_read_name(&rest, &request.subject) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &item) < 0)
		return -EBADMSG;
	request.spki = item.whole;

	/* The attributes are not optional in RFC 2986, but some makers leave the empty set out. */
	if (rest.len > 0) {
		if (gw_der_expect(&rest, GW_DER_CONTEXT(0), &item) < 0 || rest.len > 0)
			return -EBADMSG;
		rest = item.value;
	}
	while (rest.len > 0)
		if (gw_der_expect(&rest, GW_DER_SEQUENCE, &item) < 0 ||
		    parse_request_attribute(item.value, &request) < 0)
			return -EBADMSG;

	*ret = request;
	return 0;
}
