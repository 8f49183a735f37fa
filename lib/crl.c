/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the DER of a revocation list once, to its end, so that what comes after cannot fail. What could let a revoked
 * certificate pass is refused: a list without an end would never be stale, one without a number could be played again,
 * and an extension that is critical and not known here (a part of the certificates only, those of other issuers, what
 * has changed since another list) changes what the list means.
 */
#include "lib/crl.h"

#include <errno.h>
#include <string.h>

#include "lib/der.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509-read.h"

#define VERSION_2 1 /* as it is encoded */

static const uint8_t oid_crl_number[] = { 0x55, 0x1d, 0x14 };
static const uint8_t oid_delta[] = { 0x55, 0x1d, 0x1b };
static const uint8_t oid_reason[] = { 0x55, 0x1d, 0x15 };
static const uint8_t remove_from_crl[] = { 0x0a, 0x01, 0x08 }; /* ENUMERATED, RFC 5280 5.3.1 */

/* --- extensions --- */

struct extension {
	struct gw_blob oid, value;
	bool is_critical;
};

/* Takes the next one off a list of them. -ENODATA: there is none. */
static int next_extension(struct gw_blob *list, struct extension *ret)
{
	struct gw_der item, oid, critical, value;
	bool is_critical = false;

	if (list->len == 0)
		return -ENODATA;
	if (gw_der_expect(list, GW_DER_SEQUENCE, &item) < 0 ||
	    gw_der_expect(&item.value, GW_DER_OID, &oid) < 0)
		return -EBADMSG;
	if (gw_der_optional(&item.value, GW_DER_BOOLEAN, &critical) != -ENOENT) {
		if (item.value.len == 0 || critical.value.len != 1)
			return -EBADMSG;
		is_critical = critical.value.data[0] != 0;
	}
	if (gw_der_expect(&item.value, GW_DER_OCTET_STRING, &value) < 0 || item.value.len > 0)
		return -EBADMSG;

	*ret = (struct extension){ oid.value, value.value, is_critical };
	return 0;
}

/* Only a part of a list gives a certificate back. */
static bool gives_back(const struct extension *extension)
{
	return gw_blob_equal(extension->oid, (struct gw_blob)GW_BLOB_ARRAY(oid_reason)) &&
	       gw_blob_equal(extension->value, (struct gw_blob)GW_BLOB_ARRAY(remove_from_crl));
}

/* What they say beside (why, since when) is not asked: on hold is revoked, too. */
static int check_entry_extensions(struct gw_blob list)
{
	struct extension extension;
	int r;

	while ((r = next_extension(&list, &extension)) >= 0)
		if (extension.is_critical || gives_back(&extension))
			return -EOPNOTSUPP;
	return r == -ENODATA ? 0 : r;
}

static int read_crl_number(struct gw_blob value, struct gw_blob *ret)
{
	if (ret->len > 0 || gw_x509_read_number(&value, ret) < 0 || value.len > 0 ||
	    ret->len > GW_SERIAL_MAX)
		return -EBADMSG;
	return 0;
}

/* What has changed since another list: whoever forgets to call that critical means it all the same. */
static bool is_delta(const struct extension *extension)
{
	return gw_blob_equal(extension->oid, (struct gw_blob)GW_BLOB_ARRAY(oid_delta));
}

static int read_extensions(struct gw_blob list, struct gw_crl *crl)
{
	struct extension extension;
	int r;

	while ((r = next_extension(&list, &extension)) >= 0) {
		if (gw_blob_equal(extension.oid, (struct gw_blob)GW_BLOB_ARRAY(oid_crl_number)))
			r = read_crl_number(extension.value, &crl->number);
		else if (extension.is_critical || is_delta(&extension))
			r = -EOPNOTSUPP;
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : r;
}

/* --- entries --- */

static int read_entry(struct gw_blob *list, struct gw_blob *ret_serial)
{
	struct gw_blob serial;
	struct gw_der entry, extensions;
	uint64_t since;
	int r;

	if (gw_der_expect(list, GW_DER_SEQUENCE, &entry) < 0 ||
	    gw_x509_read_number(&entry.value, &serial) < 0 || serial.len > GW_SERIAL_MAX ||
	    gw_x509_read_time(&entry.value, &since) < 0)
		return -EBADMSG;
	if (entry.value.len > 0) {
		if (gw_der_expect(&entry.value, GW_DER_SEQUENCE, &extensions) < 0 ||
		    entry.value.len > 0)
			return -EBADMSG;
		r = check_entry_extensions(extensions.value);
		if (r < 0)
			return r;
	}

	*ret_serial = serial;
	return 0;
}

static int count_entries(struct gw_crl *crl)
{
	struct gw_blob rest = crl->revoked, serial;
	int r;

	for (; rest.len > 0; crl->n_revoked++) {
		if (crl->n_revoked == GW_CRL_ENTRIES_MAX)
			return -EFBIG;
		r = read_entry(&rest, &serial);
		if (r < 0)
			return r;
	}
	return 0;
}

bool gw_crl_next(struct gw_blob *revoked, struct gw_blob *ret_serial)
{
	return revoked->len > 0 && read_entry(revoked, ret_serial) >= 0;
}

/* --- lists --- */

/* Version, algorithm, issuer and dates. */
static int read_head(struct gw_blob *rest, struct gw_crl *crl)
{
	struct gw_der version, algorithm;

	if (gw_der_expect(rest, GW_DER_INTEGER, &version) < 0 || version.value.len != 1 ||
	    version.value.data[0] != VERSION_2 ||
	    gw_der_expect(rest, GW_DER_SEQUENCE, &algorithm) < 0 ||
	    !gw_blob_equal(algorithm.whole, crl->algorithm) ||
	    gw_x509_read_name(rest, &crl->issuer) < 0 ||
	    gw_x509_read_time(rest, &crl->this_update) < 0 ||
	    gw_x509_read_time(rest, &crl->next_update) < 0 || crl->next_update < crl->this_update)
		return -EBADMSG;
	return 0;
}

/* What is revoked, which may be nothing, and the extensions. */
static int read_tail(struct gw_blob rest, struct gw_crl *crl)
{
	struct gw_der item;
	struct gw_blob list;
	int r;

	if (gw_der_optional(&rest, GW_DER_SEQUENCE, &item) == 0)
		crl->revoked = item.value;
	if (gw_der_expect(&rest, GW_DER_CONTEXT(0), &item) < 0 || rest.len > 0 ||
	    gw_der_open(item.value, GW_DER_SEQUENCE, &list) < 0)
		return -EBADMSG;

	r = read_extensions(list, crl);
	if (r >= 0)
		r = count_entries(crl);
	if (r < 0)
		return r;
	return crl->number.len == 0 ? -EBADMSG : 0;
}

int gw_crl_parse(struct gw_blob der, struct gw_crl *ret)
{
	struct gw_x509_signed outer;
	struct gw_crl crl = { 0 };
	int r;

	if (der.len > GW_CRL_MAX)
		return -EFBIG;
	if (gw_x509_read_signed(der, &outer) < 0)
		return -EBADMSG;

	crl.body = outer.whole;
	crl.algorithm = outer.algorithm;
	crl.signature = outer.signature;
	r = read_head(&outer.body, &crl);
	if (r >= 0)
		r = read_tail(outer.body, &crl);
	if (r < 0)
		return r;

	*ret = crl;
	return 0;
}

int gw_crl_compare_numbers(struct gw_blob a, struct gw_blob b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len ? memcmp(a.data, b.data, a.len) : 0;
}
