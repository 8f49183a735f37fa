/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list says of each certificate that it is revoked and, where there is more to say, why. Since when it is, the registry does
 * not keep: the list says since it was made, and nobody who goes by it is misled, since it counts for what comes after.
 */
#include "tools/cloud/revocation-list.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/authority.h"

struct revocation_list {
	X509_CRL *crl;
	ASN1_TIME *now;
	const struct authority *authority;
};

/* -1: none that a list has a word for. */
static long list_reason(const char *reason)
{
	if (gw_streq(reason, gw_reason_code(GW_REASON_SUPERSEDED)))
		return CRL_REASON_SUPERSEDED;
	if (gw_streq(reason, gw_reason_code(GW_REASON_DECOMMISSIONED)))
		return CRL_REASON_CESSATION_OF_OPERATION;
	return -1;
}

static bool add_reason(X509_REVOKED *entry, const char *reason)
{
	long code = list_reason(reason);
	ASN1_ENUMERATED *value;
	bool ok;

	if (code < 0)
		return true;
	value = ASN1_ENUMERATED_new();
	ok = value && ASN1_ENUMERATED_set(value, code) == 1 &&
	     X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_ENUMERATED_free(value);
	return ok;
}

static bool set_serial(X509_REVOKED *entry, const char *serial)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *value = NULL;
	bool ok;

	ok = BN_hex2bn(&number, serial) > 0 &&
	     (value = BN_to_ASN1_INTEGER(number, /* ai= */ NULL)) &&
	     X509_REVOKED_set_serialNumber(entry, value) == 1;
	ASN1_INTEGER_free(value);
	BN_free(number);
	return ok;
}

int revocation_list_add(struct revocation_list *list, const char *serial, const char *reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	bool ok = entry && set_serial(entry, serial) &&
		  X509_REVOKED_set_revocationDate(entry, list->now) == 1 &&
		  add_reason(entry, reason) && X509_CRL_add0_revoked(list->crl, entry) == 1;

	if (!ok)
		X509_REVOKED_free(entry);
	ERR_clear_error();
	return ok ? 0 : -EIO;
}

static bool add_number(X509_CRL *crl, uint64_t number)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	bool ok = value && ASN1_INTEGER_set_uint64(value, number) == 1 &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, X509V3_ADD_DEFAULT) == 1;

	ASN1_INTEGER_free(value);
	return ok;
}

static bool add_key_id(X509_CRL *crl, X509 *issuer)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool ok;

	X509V3_set_ctx(&context, issuer, /* subject= */ NULL, /* req= */ NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(/* conf= */ NULL, &context, NID_authority_key_identifier,
					"keyid:always");
	ok = extension && X509_CRL_add_ext(crl, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_dates(struct revocation_list *list, const struct revocation_list_wish *wish)
{
	time_t now = wish->since_s ? (time_t)wish->since_s : time(/* tloc= */ NULL), end;
	ASN1_TIME *until;
	bool ok;

	if (__builtin_add_overflow(now, wish->lifetime_s, &end))
		return false;
	until = ASN1_TIME_set(/* s= */ NULL, end);
	list->now = ASN1_TIME_set(/* s= */ NULL, now);
	ok = until && list->now && X509_CRL_set1_lastUpdate(list->crl, list->now) == 1 &&
	     X509_CRL_set1_nextUpdate(list->crl, until) == 1;
	ASN1_TIME_free(until);
	return ok;
}

static bool fill(struct revocation_list *list, const struct revocation_list_wish *wish)
{
	X509 *issuer = wish->authority->certificate;

	return X509_CRL_set_version(list->crl, X509_CRL_VERSION_2) == 1 &&
	       X509_CRL_set_issuer_name(list->crl, X509_get_subject_name(issuer)) == 1 &&
	       set_dates(list, wish) && add_number(list->crl, wish->number) &&
	       add_key_id(list->crl, issuer);
}

int revocation_list_new(const struct revocation_list_wish *wish, struct revocation_list **ret)
{
	struct revocation_list *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->authority = wish->authority;
	list->crl = X509_CRL_new();
	if (!list->crl || !fill(list, wish)) {
		ERR_clear_error();
		revocation_list_free(list);
		return -EIO;
	}
	*ret = list;
	return 0;
}

struct revocation_list *revocation_list_free(struct revocation_list *list)
{
	if (!list)
		return NULL;
	X509_CRL_free(list->crl);
	ASN1_TIME_free(list->now);
	free(list);
	return NULL;
}

int revocation_list_sign(struct revocation_list *list, uint8_t **ret_der, size_t *ret_len)
{
	unsigned char *der = NULL;
	int len = -1;

	if (X509_CRL_sort(list->crl) == 1 &&
	    X509_CRL_sign(list->crl, list->authority->key, EVP_sha256()) > 0)
		len = i2d_X509_CRL(list->crl, &der);
	ERR_clear_error();
	if (len < 0)
		return -EIO;

	*ret_der = gw_blob_dup((struct gw_blob){ der, (size_t)len });
	*ret_len = (size_t)len;
	OPENSSL_free(der);
	return *ret_der ? 0 : -ENOMEM;
}

char *revocation_list_pem(const uint8_t *der, size_t len)
{
	X509_CRL *crl = d2i_X509_CRL(/* a= */ NULL, &der, (long)len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	char *bytes;

	if (crl && bio && PEM_write_bio_X509_CRL(bio, crl) == 1) {
		long n = BIO_get_mem_data(bio, &bytes);

		text = strndup(bytes, (size_t)n);
	}
	(void)BIO_free(bio);
	X509_CRL_free(crl);
	ERR_clear_error();
	return text;
}
