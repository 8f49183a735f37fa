/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes certificates (RFC 5280) from the last byte to the first, so that each element's length is known
 * when its header is due. wolfCrypt only makes keys and signs: what is signed is ours, since the library
 * cannot say id-kp-cmcRA. Every failure is the test's own and ends it.
 */
#include "tests/fuzz/mini-ca.h"

#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/x509.h"
#include "tests/fuzz/input.h"

#define DER_STRING_UTF8 0x0c

struct writer {
	uint8_t buf[MINI_CA_CERT_MAX];
	size_t at; /* what is written begins here */
};

static void put(struct writer *w, const void *data, size_t len)
{
	require(len <= w->at);
	w->at -= len;
	memcpy(w->buf + w->at, data, len);
}

/* Makes one element of all that was written since `end`. */
static void wrap(struct writer *w, size_t end, uint8_t tag)
{
	uint8_t header[GW_DER_HEADER_MAX];

	put(w, header, gw_der_write_header(tag, end - w->at, header));
}

static void put_element(struct writer *w, uint8_t tag, const void *data, size_t len)
{
	size_t end = w->at;

	put(w, data, len);
	wrap(w, end, tag);
}

/* --- keys --- */

static void load_key(const struct mini_key *key, ecc_key *ret)
{
	word32 at = 0;

	require(wc_ecc_init(ret) == 0);
	require(wc_EccPrivateKeyDecode(key->private, &at, ret, (word32)key->private_len) == 0);
}

void mini_key_make(struct mini_key *ret)
{
	ecc_key ecc;
	WC_RNG rng;
	int len;

	require(wc_InitRng(&rng) == 0 && wc_ecc_init(&ecc) == 0);
	require(wc_ecc_make_key_ex(&rng, 32, &ecc, ECC_SECP256R1) == 0);
	len = wc_EccKeyToDer(&ecc, ret->private, sizeof(ret->private));
	require(len > 0);
	ret->private_len = (size_t)len;
	len = wc_EccPublicKeyToDer(&ecc, ret->spki, sizeof(ret->spki), /* with_AlgCurve= */ 1);
	require(len > 0);
	ret->spki_len = (size_t)len;
	wc_ecc_free(&ecc);
	(void)wc_FreeRng(&rng);
}

/* --- certificates --- */

static const uint8_t ecdsa_with_sha256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
					     0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };

static void put_attribute(struct writer *w, uint8_t type, const char *text)
{
	const uint8_t oid[] = { 0x55, 0x04, type };
	size_t end = w->at;

	put_element(w, DER_STRING_UTF8, text, strlen(text));
	put_element(w, GW_DER_OID, oid, sizeof(oid));
	wrap(w, end, GW_DER_SEQUENCE);
	wrap(w, end, GW_DER_SET);
}

static void put_name(struct writer *w, const char *common_name)
{
	size_t end = w->at;

	put_attribute(w, 3, common_name);
	put_attribute(w, 10, "default");
	wrap(w, end, GW_DER_SEQUENCE);
}

static void put_extension(struct writer *w, uint8_t type, const void *value, size_t len)
{
	const uint8_t oid[] = { 0x55, 0x1d, type };
	size_t end = w->at;

	put_element(w, GW_DER_OCTET_STRING, value, len);
	put_element(w, GW_DER_OID, oid, sizeof(oid));
	wrap(w, end, GW_DER_SEQUENCE);
}

static void put_extended_key_usage(struct writer *w, unsigned uses)
{
	static const struct {
		unsigned use;
		uint8_t last;
	} known[] = { { GW_X509_USE_SERVER, 1 },
		      { GW_X509_USE_CLIENT, 2 },
		      { GW_X509_USE_REGISTRAR, 28 } };
	struct writer inner = { .at = sizeof(inner.buf) };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const uint8_t oid[] = { 0x2b, 6, 1, 5, 5, 7, 3, known[i].last };

		if (uses & known[i].use)
			put_element(&inner, GW_DER_OID, oid, sizeof(oid));
	}
	wrap(&inner, sizeof(inner.buf), GW_DER_SEQUENCE);
	put_extension(w, 0x25, inner.buf + inner.at, sizeof(inner.buf) - inner.at);
}

static void put_extensions(struct writer *w, unsigned uses)
{
	static const uint8_t is_ca[] = { 0x30, 3, 1, 1, 0xff }, signs_certs[] = { 3, 2, 2, 4 };
	static const uint8_t signs[] = { 3, 2, 7, 0x80 };
	size_t end = w->at;

	if (uses) {
		put_extended_key_usage(w, uses);
		put_extension(w, 0x0f, signs, sizeof(signs));
	} else {
		put_extension(w, 0x0f, signs_certs, sizeof(signs_certs));
		put_extension(w, 0x13, is_ca, sizeof(is_ca));
	}
	wrap(w, end, GW_DER_SEQUENCE);
	wrap(w, end, GW_DER_CONTEXT(3));
}

static void put_validity(struct writer *w)
{
	size_t end = w->at;

	put_element(w, GW_DER_GENERALIZED_TIME, "99991231235959Z", 15);
	put_element(w, GW_DER_UTC_TIME, "200101000000Z", 13);
	wrap(w, end, GW_DER_SEQUENCE);
}

/* uses 0: the certificate of an authority */
static void put_to_be_signed(struct writer *w, struct gw_blob spki, const char *name, unsigned uses)
{
	static const uint8_t serial[] = { 0x11, 0x22, 0x33 }, version = 2;
	size_t end = w->at, inner;

	put_extensions(w, uses);
	put(w, spki.data, spki.len);
	put_name(w, name);
	put_validity(w);
	put_name(w, "fuzz authority");
	put(w, ecdsa_with_sha256, sizeof(ecdsa_with_sha256));
	put_element(w, GW_DER_INTEGER, serial, sizeof(serial));
	inner = w->at;
	put_element(w, GW_DER_INTEGER, &version, 1);
	wrap(w, inner, GW_DER_CONTEXT(0));
	wrap(w, end, GW_DER_SEQUENCE);
}

static size_t sign(const struct mini_key *key, struct gw_blob to_be_signed, uint8_t ret[80])
{
	uint8_t hash[GW_SHA256_LEN];
	word32 len = 80;
	ecc_key ecc;
	WC_RNG rng;

	require(gw_sha256(to_be_signed, hash) == 0 && wc_InitRng(&rng) == 0);
	load_key(key, &ecc);
	require(wc_ecc_sign_hash(hash, sizeof(hash), ret, &len, &rng, &ecc) == 0);
	wc_ecc_free(&ecc);
	(void)wc_FreeRng(&rng);
	return len;
}

static size_t make(const struct mini_key *issuer, struct gw_blob spki, const char *name,
		   unsigned uses, uint8_t ret[MINI_CA_CERT_MAX])
{
	struct writer inner = { .at = sizeof(inner.buf) }, w = { .at = sizeof(w.buf) };
	struct gw_blob body;
	uint8_t signature[81] = { 0 }; /* of a BIT STRING: no unused bits */
	size_t len;

	put_to_be_signed(&inner, spki, name, uses);
	body = (struct gw_blob){ inner.buf + inner.at, sizeof(inner.buf) - inner.at };
	len = sign(issuer, body, signature + 1);
	put_element(&w, GW_DER_BIT_STRING, signature, len + 1);
	put(&w, ecdsa_with_sha256, sizeof(ecdsa_with_sha256));
	put(&w, body.data, body.len);
	wrap(&w, sizeof(w.buf), GW_DER_SEQUENCE);

	len = sizeof(w.buf) - w.at;
	memcpy(ret, w.buf + w.at, len);
	return len;
}

void mini_ca_init(struct mini_ca *ret)
{
	mini_key_make(&ret->key);
	ret->len = make(&ret->key, (struct gw_blob){ ret->key.spki, ret->key.spki_len },
			"fuzz authority", /* uses= */ 0, ret->cert);
}

size_t mini_ca_issue(const struct mini_ca *ca, struct gw_blob spki, const char *name, unsigned uses,
		     uint8_t ret[MINI_CA_CERT_MAX])
{
	return make(&ca->key, spki, name, uses, ret);
}
