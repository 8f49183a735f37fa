/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second look at a signing request: the registrar has had the first, but the authority's own
 * hand signs here. What a request asks for is compared and never copied, so that only its key goes
 * into a certificate. Keys, the same that a registrar lets through: P-256 and P-384 as named curves
 * and uncompressed points, Ed25519, RSA of 2048 to 4096 bits. Anything that libcrypto leaves in its
 * error queue is cleared (see key.c).
 */
#include "tools/cloud/csr.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "lib/blob.h"
#include "lib/util.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

void csr_freep(X509_REQ **request)
{
	X509_REQ_free(*request);
}

/* A point on a named curve that we take. Explicit parameters could hide a curve of one's own. */
static bool point_is_acceptable(const X509_ALGOR *algorithm, const uint8_t *point, int len)
{
	const void *parameter;
	int type, curve;

	X509_ALGOR_get0(/* oid= */ NULL, &type, &parameter, algorithm);
	if (type != V_ASN1_OBJECT)
		return false;

	curve = OBJ_obj2nid(parameter);
	if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1)
		return false;
	return len > 0 && point[0] == POINT_CONVERSION_UNCOMPRESSED;
}

static bool key_is_acceptable(X509_REQ *request, EVP_PKEY *key)
{
	const unsigned char *bits;
	X509_ALGOR *algorithm;
	int len;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
		       EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		return true;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return false;

	if (X509_PUBKEY_get0_param(/* oid= */ NULL, &bits, &len, &algorithm,
				   X509_REQ_get_X509_PUBKEY(request)) != 1)
		return false;
	return point_is_acceptable(algorithm, bits, len);
}

static bool hash_is_acceptable(X509_REQ *request)
{
	static const int good[] = {
		NID_ecdsa_with_SHA256,
		NID_ecdsa_with_SHA384,
		NID_ecdsa_with_SHA512,
		NID_sha256WithRSAEncryption,
		NID_sha384WithRSAEncryption,
		NID_sha512WithRSAEncryption,
		NID_ED25519,
	};
	int used = X509_REQ_get_signature_nid(request);

	for (size_t i = 0; i < GW_ELEMENTS(good); i++)
		if (used == good[i])
			return true;
	return false;
}

static enum gw_reason examine(X509_REQ *request)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);

	if (!key || !key_is_acceptable(request, key))
		return GW_REASON_WEAK_KEY;
	if (!hash_is_acceptable(request))
		return GW_REASON_WEAK_HASH;
	if (X509_REQ_verify(request, key) != 1)
		return GW_REASON_BAD_SIGNATURE;
	return GW_REASON_NONE;
}

enum gw_reason csr_read(struct gw_blob der, X509_REQ **ret)
{
	_cleanup_(csr_freep) X509_REQ *request = NULL;
	const unsigned char *at = der.data;
	enum gw_reason verdict = GW_REASON_BAD_CSR;

	request = d2i_X509_REQ(/* a= */ NULL, &at, (long)der.len);
	if (request && at == der.data + der.len)
		verdict = examine(request);
	ERR_clear_error();

	if (verdict == GW_REASON_NONE)
		*ret = TAKE_PTR(request);
	return verdict;
}

/*
 * As it came, by no encoder of libcrypto's: one that was looked up once when there was no memory for it is
 * missed for as long as the program lives, and every request would be a bad one.
 */
int csr_key_hash(X509_REQ *request, uint8_t ret[KEY_HASH_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
	int ok = 0;

	if (len > 0)
		ok = EVP_Digest(der, (size_t)len, ret, /* size= */ NULL, EVP_sha256(),
				/* impl= */ NULL);
	OPENSSL_free(der);
	ERR_clear_error();
	return ok == 1 ? 0 : -EIO;
}

bool csr_is_in_name_of(X509_REQ *request, const char *name)
{
	X509_NAME *subject = X509_REQ_get_subject_name(request);
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	bool same;
	int len;

	if (first < 0)
		return true;
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
		return false;

	len = ASN1_STRING_to_UTF8(&text,
				  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
	same = len >= 0 && (size_t)len == strlen(name) && memcmp(text, name, (size_t)len) == 0;
	OPENSSL_free(text);
	ERR_clear_error();
	return same;
}
