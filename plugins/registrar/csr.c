/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device wants signed is checked here once, before the agent hears of it: the agent and the
 * cloud link pass it on as opaque bytes. Keys and signatures are taken from two short lists, compared
 * byte for byte, so that nothing wolfSSL accepts beyond them (SHA-1, other curves, odd encodings) gets
 * through; wolfSSL then verifies the signature. What a request asks for is compared with what the
 * agent knows of the device and never copied: the cloud sets every field of the certificate.
 */
#include "plugins/registrar/csr.h"

#include <errno.h>
#include <stdbool.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "lib/base64.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "plugins/registrar/memory.h"

enum key_kind {
	KEY_P256,
	KEY_P384,
	KEY_ED25519,
	_KEY_KIND_MAX,
};

/*
 * AlgorithmIdentifiers of keys, whole (RFC 5480, 8410). RSA is not among them: the suites that are served
 * take certificates with these keys only, so an RSA device could never prove its own.
 */
static const uint8_t key_p256[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
				    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t key_p384[] = { 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
				    0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const uint8_t key_ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };

static const struct {
	struct gw_blob algorithm;
	size_t point_len; /* of the key itself */
} kinds[] = {
	[KEY_P256] = { GW_BLOB_ARRAY(key_p256), 1 + 2 * 32 },
	[KEY_P384] = { GW_BLOB_ARRAY(key_p384), 1 + 2 * 48 },
	[KEY_ED25519] = { GW_BLOB_ARRAY(key_ed25519), 32 },
};

/* Signature algorithms by their OID (RFC 5758, 8410): with SHA-2, or with a hash of its own. */
static const uint8_t ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const uint8_t ecdsa_sha384[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 };
static const uint8_t ecdsa_sha512[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 };
static const uint8_t ed25519[] = { 0x2b, 0x65, 0x70 };

static const struct gw_blob signatures[] = {
	GW_BLOB_ARRAY(ecdsa_sha256),
	GW_BLOB_ARRAY(ecdsa_sha384),
	GW_BLOB_ARRAY(ecdsa_sha512),
	GW_BLOB_ARRAY(ed25519),
};

static bool key_is_good(struct gw_blob spki)
{
	struct gw_blob rest, key;
	struct gw_der algorithm, bits;

	if (gw_der_open(spki, GW_DER_SEQUENCE, &rest) < 0 ||
	    gw_der_expect(&rest, GW_DER_SEQUENCE, &algorithm) < 0 ||
	    gw_der_expect(&rest, GW_DER_BIT_STRING, &bits) < 0 || rest.len > 0 ||
	    bits.value.len < 1 || bits.value.data[0] != 0)
		return false;

	key = (struct gw_blob){ bits.value.data + 1, bits.value.len - 1 };
	for (int kind = 0; kind < _KEY_KIND_MAX; kind++)
		if (gw_blob_equal(algorithm.whole, kinds[kind].algorithm))
			return key.len == kinds[kind].point_len;
	return false;
}

static bool hash_is_good(struct gw_blob algorithm)
{
	struct gw_blob rest;
	struct gw_der oid;

	if (gw_der_open(algorithm, GW_DER_SEQUENCE, &rest) < 0 ||
	    gw_der_expect(&rest, GW_DER_OID, &oid) < 0)
		return false;
	for (size_t i = 0; i < GW_ELEMENTS(signatures); i++)
		if (gw_blob_equal(oid.value, signatures[i]))
			return true;
	return false;
}

static int check_signature(struct gw_blob der, enum gw_reason *ret)
{
	unsigned long n_lacked = memory_lacked();
	DecodedCert cert;
	int error;

	wc_InitDecodedCert(&cert, der.data, (word32)der.len, /* heap= */ NULL);
	error = wc_ParseCert(&cert, CERTREQ_TYPE, VERIFY, /* cm= */ NULL);
	wc_FreeDecodedCert(&cert);

	if (memory_lacked() != n_lacked)
		return -ENOMEM;
	*ret = error == 0                   ? GW_REASON_NONE
	       : error == ASN_SIG_CONFIRM_E ? GW_REASON_BAD_SIGNATURE
					    : GW_REASON_BAD_CSR;
	return 0;
}

/* RFC 7030 3.5: whoever signed the request must have sat at the end of this very session. */
static bool is_bound(struct gw_blob challenge, struct gw_blob binding)
{
	uint8_t bytes[64];
	char text[96];
	size_t len;

	if (!challenge.data || binding.len == 0)
		return true;
	if (challenge.len >= sizeof(text))
		return false;

	memcpy(text, challenge.data, challenge.len);
	text[challenge.len] = 0;
	return gw_base64_decode(text, challenge.len, bytes, sizeof(bytes), &len) == 0 &&
	       gw_blob_equal((struct gw_blob){ bytes, len }, binding);
}

/* The checks that need no arithmetic, cheapest first. */
static enum gw_reason check_form(struct gw_blob der, const char *device, struct gw_blob binding,
				 struct gw_x509_request *ret)
{
	if (der.len > GW_CSR_MAX)
		return GW_REASON_TOO_LARGE;
	if (gw_x509_parse_request(der, ret) < 0)
		return GW_REASON_BAD_CSR;
	if (!key_is_good(ret->spki))
		return GW_REASON_WEAK_KEY;
	if (!hash_is_good(ret->algorithm))
		return GW_REASON_WEAK_HASH;
	if (gw_x509_name_has(ret->subject, GW_X509_COMMON_NAME) &&
	    !gw_x509_name_is(ret->subject, GW_X509_COMMON_NAME, device))
		return GW_REASON_WRONG_NAME;
	if (!is_bound(ret->challenge, binding))
		return GW_REASON_WRONG_SESSION;
	return GW_REASON_NONE;
}

int csr_check(struct gw_blob der, const char *device, struct gw_blob binding,
	      enum gw_reason *ret_reason, uint8_t ret_key[GW_HASH_LEN])
{
	struct gw_x509_request request;
	enum gw_reason reason = check_form(der, device, binding, &request);
	int r;

	if (reason == GW_REASON_NONE) {
		r = check_signature(der, &reason);
		if (r < 0)
			return r;
	}
	if (reason == GW_REASON_NONE) {
		r = gw_sha256(request.spki, ret_key);
		if (r < 0)
			return r;
	}

	*ret_reason = reason;
	return 0;
}
