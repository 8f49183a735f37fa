/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wolfSSL checks signatures, path, dates and extended key usage. What it lets pass and we do not: a
 * certificate signed by way of SHA-1, a leaf whose key usage is not to sign, a name that is no device
 * id. Nothing here overrules it, but for dates: while nobody knows what time it is, and where a device's own
 * certificate has expired, which is for the agent to judge. Since wolfSSL names one error only, that one is
 * then checked once more without its dates: a bad date must not hide anything else.
 */
#include "plugins/registrar/leaf.h"

#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/x509.h"

static bool signature_is_strong(uint32_t oid)
{
	switch (oid) {
	case CTC_SHA256wECDSA:
	case CTC_SHA384wECDSA:
	case CTC_SHA512wECDSA:
	case CTC_SHA256wRSA:
	case CTC_SHA384wRSA:
	case CTC_SHA512wRSA:
	case CTC_RSASSAPSS:
	case CTC_ED25519: return true;
	default: return false;
	}
}

static bool is_good_but_for_its_dates(struct gw_blob der, WOLFSSL_CERT_MANAGER *manager)
{
	DecodedCert decoded;
	bool good;

	wc_InitDecodedCert(&decoded, der.data, (word32)der.len, /* heap= */ NULL);
	good = wc_ParseCert(&decoded, CERT_TYPE, VERIFY_SKIP_DATE, manager) == 0 &&
	       (!decoded.extExtKeyUsageSet ||
		decoded.extExtKeyUsage & (EXTKEYUSE_ANY | EXTKEYUSE_CLIENT_AUTH));
	wc_FreeDecodedCert(&decoded);
	return good;
}

/* A root's signature by itself proves nothing: it is trusted by name and key. */
static bool certificate_is_strong(struct gw_blob der, bool is_leaf)
{
	DecodedCert decoded;
	bool strong = false;

	wc_InitDecodedCert(&decoded, der.data, (word32)der.len, /* heap= */ NULL);
	if (wc_ParseCert(&decoded, CERT_TYPE, NO_VERIFY, /* cm= */ NULL) == 0) {
		bool may_sign =
			!decoded.extKeyUsageSet || (decoded.extKeyUsage & KEYUSE_DIGITAL_SIG);

		strong = (decoded.selfSigned && !is_leaf) ||
			 signature_is_strong(decoded.signatureOID);
		strong = strong && (may_sign || !is_leaf);
	}
	wc_FreeDecodedCert(&decoded);
	return strong;
}

static bool chain_is_strong(const WOLFSSL_X509_STORE_CTX *store)
{
	for (int i = 0; i < store->totalCerts; i++) {
		struct gw_blob der = { store->certs[i].buffer, store->certs[i].length };

		if (!certificate_is_strong(der, i == 0))
			return false;
	}
	return store->totalCerts > 0;
}

static bool take_facts(struct leaf *leaf, struct gw_blob der, const char *name)
{
	struct gw_x509 x509;

	if (gw_x509_parse(der, &x509) < 0 || x509.serial.len > sizeof(leaf->serial))
		return false;
	if (!gw_device_id_is_valid(name) ||
	    !gw_x509_name_is(x509.subject, GW_X509_COMMON_NAME, name))
		return false;
	if (gw_sha256(der, leaf->fingerprint) < 0 || gw_sha256(x509.spki, leaf->key) < 0 ||
	    gw_sha256(x509.issuer, leaf->issuer) < 0)
		return false;

	(void)gw_copy(leaf->name, sizeof(leaf->name), name);
	memcpy(leaf->serial, x509.serial.data, x509.serial.len);
	leaf->serial_len = x509.serial.len;
	return true;
}

/* Whether what wolfSSL found wrong is to be overlooked. */
static bool is_forgiven(const WOLFSSL_X509_STORE_CTX *store, WOLFSSL_CERT_MANAGER *manager,
			bool dates_matter)
{
	bool is_over = store->error == ASN_AFTER_DATE_E, is_leaf = store->error_depth == 0;

	if (!is_over && store->error != ASN_BEFORE_DATE_E)
		return false;
	if (dates_matter && !(is_over && is_leaf))
		return false;
	return !is_leaf || (store->totalCerts > 0 &&
			    is_good_but_for_its_dates((struct gw_blob){ store->certs[0].buffer,
									store->certs[0].length },
						      manager));
}

int leaf_verify(struct leaf *leaf, int preverified, const WOLFSSL_X509_STORE_CTX *store,
		WOLFSSL_CERT_MANAGER *manager, bool dates_matter)
{
	leaf->verified = false;
	if (!preverified && !is_forgiven(store, manager, dates_matter))
		return 0;
	if (store->error_depth > 0)
		return 1;

	if (!chain_is_strong(store))
		return 0;
	leaf->verified =
		take_facts(leaf, (struct gw_blob){ store->certs[0].buffer, store->certs[0].length },
			   store->domain);
	return leaf->verified;
}
