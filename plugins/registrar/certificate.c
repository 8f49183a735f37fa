/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each check has a certificate manager of its own: wolfSSL keeps intermediates that it has verified,
 * so with a shared one a certificate could pass today on a chain that came with another yesterday.
 * The chain is loaded from the anchor downwards, each certificate only once it has been verified,
 * since whatever is loaded is trusted from then on.
 */
#include "plugins/registrar/certificate.h"

#include <errno.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "lib/crypto.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "plugins/registrar/memory.h"

#define CHAIN_LENGTH_MAX 8

GW_DEFINE_CLEANUP(WOLFSSL_CERT_MANAGER *, wolfSSL_CertManagerFree)

/*
 * What is wrong with it, or NULL: signature, issuer, path length and critical extensions, against
 * what the manager trusts. Dates are left out here and not forgiven afterwards: wolfSSL reports one
 * error only, and a bad date would hide others.
 */
static const char *verify(WOLFSSL_CERT_MANAGER *manager, struct gw_blob certificate)
{
	DecodedCert cert;
	int error;

	wc_InitDecodedCert(&cert, certificate.data, (word32)certificate.len, /* heap= */ NULL);
	error = wc_ParseCert(&cert, CERT_TYPE, VERIFY_SKIP_DATE, manager);
	wc_FreeDecodedCert(&cert);

	return error == 0 ? NULL : "it does not chain to the anchors";
}

/* Trusts a CA from here on, or says why not. wolfSSL takes any certificate that is loaded like this
 * for a CA. */
static const char *trust(WOLFSSL_CERT_MANAGER *manager, struct gw_blob certificate)
{
	struct gw_x509 x509;
	int error;

	if (gw_x509_parse(certificate, &x509) < 0 || !x509.is_ca ||
	    !(x509.key_usage & GW_X509_KEY_SIGNS_CERTIFICATES))
		return "its issuer is no CA";

	error = wolfSSL_CertManagerLoadCABuffer_ex(manager, certificate.data, (long)certificate.len,
						   WOLFSSL_FILETYPE_ASN1,
						   /* userChain= */ 0,
						   WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
	return error == WOLFSSL_SUCCESS ? NULL : "its issuer cannot be used";
}

static const char *verify_with(WOLFSSL_CERT_MANAGER *manager, struct gw_blob certificate,
			       struct gw_blob chain, const struct gw_blob *anchors,
			       size_t n_anchors)
{
	struct gw_blob certs[CHAIN_LENGTH_MAX];
	const char *why = NULL;
	size_t n;

	if (gw_x509_split(chain, certs, CHAIN_LENGTH_MAX, &n) < 0)
		return "its chain is malformed or too long";

	for (size_t i = 0; i < n_anchors && !why; i++)
		why = trust(manager, anchors[i]);
	while (n-- > 0 && !why) {
		why = verify(manager, certs[n]);
		if (!why)
			why = trust(manager, certs[n]);
	}
	return why ?: verify(manager, certificate);
}

static int verify_chain(struct gw_blob certificate, struct gw_blob chain,
			const struct gw_blob *anchors, size_t n_anchors, const char **ret_why)
{
	_cleanup_(wolfSSL_CertManagerFreep) WOLFSSL_CERT_MANAGER *manager = NULL;
	unsigned long n_lacked = memory_lacked();
	const char *why;

	manager = wolfSSL_CertManagerNew();
	if (!manager)
		return -ENOMEM;

	why = verify_with(manager, certificate, chain, anchors, n_anchors);
	if (memory_lacked() != n_lacked)
		return -ENOMEM;
	*ret_why = why;
	return 0;
}

/* What is wrong with the fields, or NULL. */
static const char *judge_fields(const struct gw_x509 *x509, const uint8_t key[GW_HASH_LEN],
				const struct certificate_wish *wish)
{
	if (!gw_blob_equal(wish->key, (struct gw_blob){ key, GW_HASH_LEN }))
		return "it carries another key than the request";
	if (wish->device && !gw_x509_name_is(x509->subject, GW_X509_COMMON_NAME, wish->device))
		return "its common name is not the device's id";
	if (wish->tenant && !gw_x509_name_is(x509->subject, GW_X509_ORGANISATION, wish->tenant))
		return "its organisation is not the tenant";
	if (x509->uses != wish->uses)
		return "its extended key usage is not what this certificate is for";
	if (x509->is_ca)
		return "it is a CA certificate";
	if (!(x509->key_usage & GW_X509_KEY_SIGNS))
		return "its key usage forbids handshakes";
	if (x509->serial.len > GW_SERIAL_MAX)
		return "its serial number is too long";
	if (x509->not_after <= x509->not_before)
		return "it ends before it begins";
	return NULL;
}

int certificate_verify(struct gw_blob certificate, struct gw_blob chain,
		       const struct gw_blob *anchors, size_t n_anchors,
		       const struct certificate_wish *wish, struct gw_x509 *ret,
		       const char **ret_why)
{
	uint8_t key[GW_HASH_LEN];
	int r;

	if (gw_x509_parse(certificate, ret) < 0) {
		*ret_why = "it is malformed";
		return 0;
	}

	r = gw_sha256(ret->spki, key);
	if (r < 0)
		return r;
	*ret_why = judge_fields(ret, key, wish);
	if (*ret_why)
		return 0;

	return verify_chain(certificate, chain, anchors, n_anchors, ret_why);
}

int certificate_check(const struct gw_msg_check *check, const struct gw_blob *anchors,
		      size_t n_anchors, struct certificate_hashes *hashes, struct gw_msg *ret,
		      const char **ret_why)
{
	const struct certificate_wish wish = { .device = check->device,
					       .tenant = check->tenant,
					       .key = check->key,
					       .uses = GW_X509_USE_CLIENT };
	struct gw_msg_checked checked = { .job = check->job };
	struct gw_x509 x509;
	int r;

	r = certificate_verify(check->certificate, check->chain, anchors, n_anchors, &wish, &x509,
			       ret_why);
	if (r < 0)
		return r;

	if (*ret_why) {
		checked.reason = gw_reason_code(GW_REASON_BAD_CERTIFICATE);
	} else {
		r = gw_sha256(check->certificate, hashes->fingerprint);
		if (r >= 0)
			r = gw_sha256(x509.issuer, hashes->issuer);
		if (r < 0)
			return r;
		checked.ok = true;
		checked.serial = x509.serial;
		checked.fingerprint = (struct gw_blob){ hashes->fingerprint, GW_HASH_LEN };
		checked.issuer = (struct gw_blob){ hashes->issuer, GW_HASH_LEN };
		checked.not_before = x509.not_before;
		checked.not_after = x509.not_after;
	}

	*ret = (struct gw_msg){ .type = GW_MSG_CHECKED, .checked = checked };
	return 0;
}
