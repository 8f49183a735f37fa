/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wolfSSL reads revocation lists itself, but judges their dates by the machine's clock, and keeps them where nobody can
 * ask for a number or a serial. So its keys and signatures alone are used here. Several anchors may bear one name
 * while an authority is replaced: any of them may have signed.
 */
#include "plugins/registrar/revocation.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#include "lib/crl.h"
#include "lib/crypto.h"
#include "lib/sealed.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "plugins/registrar/memory.h"

enum kind {
	KIND_ECDSA,
	KIND_RSA,
	KIND_ED25519,
	_KIND_MAX,
};

struct algorithm {
	struct gw_blob der; /* the AlgorithmIdentifier, whole: it has one form */
	enum kind kind;
	enum wc_HashType hash;
};

#define ECDSA_SHA(n) "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" n
#define RSA_SHA(n)   "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" n "\x05\x00"
#define DER(text)                                         \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static const struct algorithm algorithms[] = {
	{ DER(ECDSA_SHA("\x02")), KIND_ECDSA, WC_HASH_TYPE_SHA256 },
	{ DER(ECDSA_SHA("\x03")), KIND_ECDSA, WC_HASH_TYPE_SHA384 },
	{ DER(ECDSA_SHA("\x04")), KIND_ECDSA, WC_HASH_TYPE_SHA512 },
	{ DER(RSA_SHA("\x0b")), KIND_RSA, WC_HASH_TYPE_SHA256 },
	{ DER(RSA_SHA("\x0c")), KIND_RSA, WC_HASH_TYPE_SHA384 },
	{ DER(RSA_SHA("\x0d")), KIND_RSA, WC_HASH_TYPE_SHA512 },
	{ DER("\x30\x05\x06\x03\x2b\x65\x70"), KIND_ED25519, WC_HASH_TYPE_NONE },
};

static const struct algorithm *find_algorithm(struct gw_blob der)
{
	for (size_t i = 0; i < GW_ELEMENTS(algorithms); i++)
		if (gw_blob_equal(algorithms[i].der, der))
			return &algorithms[i];
	return NULL;
}

/* --- one signature by one key --- */

static bool ecdsa_is_good(const struct gw_crl *crl, struct gw_blob spki, enum wc_HashType hash)
{
	word32 at = 0;
	ecc_key key;
	bool good;

	if (wc_ecc_init(&key) != 0)
		return false;
	good = wc_EccPublicKeyDecode(spki.data, &at, &key, (word32)spki.len) == 0 &&
	       wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_ECC, crl->body.data,
				  (word32)crl->body.len, crl->signature.data,
				  (word32)crl->signature.len, &key, sizeof(key)) == 0;
	wc_ecc_free(&key);
	return good;
}

static bool rsa_is_good(const struct gw_crl *crl, struct gw_blob spki, enum wc_HashType hash)
{
	word32 at = 0;
	RsaKey key;
	bool good;

	if (wc_InitRsaKey(&key, /* heap= */ NULL) != 0)
		return false;
	good = wc_RsaPublicKeyDecode(spki.data, &at, &key, (word32)spki.len) == 0 &&
	       wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_RSA_W_ENC, crl->body.data,
				  (word32)crl->body.len, crl->signature.data,
				  (word32)crl->signature.len, &key, sizeof(key)) == 0;
	(void)wc_FreeRsaKey(&key);
	return good;
}

static bool ed25519_is_good(const struct gw_crl *crl, struct gw_blob spki)
{
	word32 at = 0;
	ed25519_key key;
	int is_its = 0;
	bool good;

	if (wc_ed25519_init(&key) != 0)
		return false;
	good = wc_Ed25519PublicKeyDecode(spki.data, &at, &key, (word32)spki.len) == 0 &&
	       wc_ed25519_verify_msg(crl->signature.data, (word32)crl->signature.len,
				     crl->body.data, (word32)crl->body.len, &is_its, &key) == 0 &&
	       is_its == 1;
	wc_ed25519_free(&key);
	return good;
}

static bool signature_is_good(const struct gw_crl *crl, const struct algorithm *algorithm,
			      struct gw_blob spki)
{
	switch (algorithm->kind) {
	case KIND_ECDSA: return ecdsa_is_good(crl, spki, algorithm->hash);
	case KIND_RSA: return rsa_is_good(crl, spki, algorithm->hash);
	case KIND_ED25519: return ed25519_is_good(crl, spki);
	case _KIND_MAX: break;
	}
	abort();
}

/* --- one list --- */

/* What is wrong, or NULL. */
static const char *find_signer(const struct gw_crl *crl, const struct gw_blob *anchors,
			       size_t n_anchors)
{
	const struct algorithm *algorithm = find_algorithm(crl->algorithm);
	const char *why = "its issuer is none of those that sign devices' certificates here";
	struct gw_x509 anchor;

	if (!algorithm)
		return "it is signed in a way that is not accepted";

	for (size_t i = 0; i < n_anchors; i++) {
		if (gw_x509_parse(anchors[i], &anchor) < 0 ||
		    !gw_blob_equal(anchor.subject, crl->issuer))
			continue;
		if (!anchor.is_ca || !(anchor.key_usage & GW_X509_KEY_SIGNS_CRLS))
			why = "its issuer may not sign revocation lists";
		else if (signature_is_good(crl, algorithm, anchor.spki))
			return NULL;
		else
			why = "its signature is not its issuer's";
	}
	return why;
}

int revocation_verify(struct gw_blob der, const struct gw_blob *anchors, size_t n_anchors,
		      struct gw_crl *ret, const char **ret_why)
{
	unsigned long n_lacked = memory_lacked();
	const char *why = NULL;
	struct gw_crl crl;
	int r = gw_crl_parse(der, &crl);

	if (r == -EFBIG)
		why = "it is larger than a gateway takes: 1.25 MiB, 32768 certificates";
	else if (r == -EOPNOTSUPP)
		why = "it is a part of a list, or about a part of the certificates: bring the "
		      "whole one";
	else if (r < 0)
		why = "it is no revocation list (RFC 5280, DER) with a number and an end";
	else
		why = find_signer(&crl, anchors, n_anchors);

	if (memory_lacked() != n_lacked)
		return -ENOMEM;
	if (!why)
		*ret = crl;
	*ret_why = why;
	return 0;
}

/* --- the answer --- */

/* For people: what is not printable is left out of it. */
static void name_issuer(const struct gw_crl *crl, char text[GW_TEXT_MAX + 1])
{
	struct gw_blob name;
	size_t len = 0;

	*text = 0;
	if (gw_x509_name_get(crl->issuer, GW_X509_COMMON_NAME, &name) < 0)
		return;
	for (size_t i = 0; i < name.len && len < GW_ID_MAX; i++)
		if (name.data[i] >= 0x20 && name.data[i] <= 0x7e)
			text[len++] = (char)name.data[i];
	text[len] = 0;
}

/* Where the serial numbers stand in the list, in a memory file. */
static int make_places(const uint8_t *der, const struct gw_crl *crl)
{
	size_t size = crl->n_revoked * GW_CRL_PLACE_LEN, at = 0;
	_cleanup_free_ uint8_t *places = malloc(size + 1);
	struct gw_blob rest = crl->revoked, serial;

	if (!places)
		return -ENOMEM;
	while (at < size && gw_crl_next(&rest, &serial)) {
		uint32_t offset = htobe32((uint32_t)(serial.data - der));

		memcpy(places + at, &offset, sizeof(offset));
		places[at + sizeof(offset)] = (uint8_t)serial.len;
		at += GW_CRL_PLACE_LEN;
	}
	return gw_sealed_make("places", (struct gw_blob){ places, at });
}

/* Its places are still to be made. */
static int fill_answer(const struct gw_crl *crl, struct revocation_answer *ret)
{
	int r = gw_sha256(crl->issuer, ret->issuer);

	if (r < 0)
		return r;
	name_issuer(crl, ret->text);
	memcpy(ret->number, crl->number.data, crl->number.len);
	ret->msg.crl_checked.ok = true;
	ret->msg.crl_checked.issuer = (struct gw_blob)GW_BLOB_ARRAY(ret->issuer);
	ret->msg.crl_checked.number = (struct gw_blob){ ret->number, crl->number.len };
	ret->msg.crl_checked.this_update = crl->this_update;
	ret->msg.crl_checked.next_update = crl->next_update;
	return 0;
}

int revocation_answer(const struct gw_msg_crl *question, int fd, const struct gw_blob *anchors,
		      size_t n_anchors, struct revocation_answer *ret)
{
	_cleanup_free_ uint8_t *der = NULL;
	const char *why = NULL;
	struct gw_crl crl = { 0 };
	size_t len = 0;
	int r = gw_sealed_read(fd, GW_CRL_MAX, &der, &len);

	if (r < 0)
		return r;
	ret->msg = (struct gw_msg){ .type = GW_MSG_CRL_CHECKED,
				    .crl_checked = { .id = question->id, .text = ret->text } };
	if (n_anchors == 0)
		why = "the cloud has not told yet who signs devices' certificates";
	else
		r = revocation_verify((struct gw_blob){ der, len }, anchors, n_anchors, &crl, &why);
	if (r < 0)
		return r;

	if (why) {
		crl = (struct gw_crl){ 0 };
		(void)gw_copy(ret->text, sizeof(ret->text), why);
	} else {
		r = fill_answer(&crl, ret);
	}
	if (r < 0)
		return r;
	ret->places = make_places(der, &crl);
	return GW_MIN(ret->places, 0);
}

void revocation_answer_done(struct revocation_answer *answer)
{
	gw_closep(&answer->places);
	answer->places = -1;
}
