/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thin room around wolfCrypt's elliptic curves and its writer of signing requests. The key leaves it as
 * bytes and comes back as bytes: on a device with a secure element these functions would be calls
 * to it, and nothing else would change.
 */
#include "tools/device/key.h"

#include <errno.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>

#include "lib/util.h"

#define NAME_MAX_LEN 64 /* characters of a common name, RFC 5280 appendix A.1 */
#define P256_LEN     32

/* A library key and the random numbers that signing wants, made and freed together. */
struct tools {
	WC_RNG rng;
	ecc_key key;
};

static int tools_init(struct tools *tools)
{
	if (wc_InitRng(&tools->rng) != 0)
		return -EIO;
	if (wc_ecc_init(&tools->key) != 0) {
		(void)wc_FreeRng(&tools->rng);
		return -EIO;
	}

	/* Blinds the private number against those who measure time or power. */
	(void)wc_ecc_set_rng(&tools->key, &tools->rng);
	return 0;
}

static void tools_done(struct tools *tools)
{
	(void)wc_ecc_free(&tools->key);
	(void)wc_FreeRng(&tools->rng);
	explicit_bzero(tools, sizeof(*tools));
}

static int tools_load(struct tools *tools, struct gw_blob key)
{
	word32 at = 0;
	int r = tools_init(tools);

	if (r < 0)
		return r;
	if (wc_EccPrivateKeyDecode(key.data, &at, &tools->key, (word32)key.len) != 0 ||
	    at != key.len || wc_ecc_get_curve_id(tools->key.idx) != ECC_SECP256R1) {
		tools_done(tools);
		return -EBADMSG;
	}
	return 0;
}

int key_make(uint8_t key[KEY_MAX], size_t *ret_len)
{
	struct tools tools;
	int len = -1, r;

	r = tools_init(&tools);
	if (r < 0)
		return r;
	if (wc_ecc_make_key_ex(&tools.rng, P256_LEN, &tools.key, ECC_SECP256R1) == 0)
		len = wc_EccKeyToDer(&tools.key, key, KEY_MAX);
	tools_done(&tools);
	if (len <= 0)
		return -EIO;

	*ret_len = (size_t)len;
	return 0;
}

int key_public(struct gw_blob key, uint8_t ret[KEY_PUBLIC_MAX], size_t *ret_len)
{
	struct tools tools;
	int len, r;

	r = tools_load(&tools, key);
	if (r < 0)
		return r;
	len = wc_EccPublicKeyToDer(&tools.key, ret, KEY_PUBLIC_MAX, /* with_AlgCurve= */ 1);
	tools_done(&tools);
	if (len <= 0)
		return -EBADMSG;

	*ret_len = (size_t)len;
	return 0;
}

/*
 * Name ::= SEQUENCE { SET { SEQUENCE { OID commonName, UTF8String } } }. Written by hand because the
 * library's own field for it holds 63 characters and a device id may have 64. The library adds the
 * outer SEQUENCE and measures the rest with strlen(): there is no zero byte in it.
 */
static int write_name(Cert *cert, const char *name)
{
	size_t len = strlen(name);
	const uint8_t head[] = {
		0x31, (uint8_t)(len + 9), 0x30, (uint8_t)(len + 7), 0x06, 0x03, 0x55, 0x04, 0x03,
		0x0c, (uint8_t)len
	};

	if (len == 0 || len > NAME_MAX_LEN)
		return -EINVAL;

	memcpy(cert->sbjRaw, head, sizeof(head));
	memcpy(cert->sbjRaw + sizeof(head), name, len + 1);
	return 0;
}

static int sign_request(struct tools *tools, Cert *cert, uint8_t ret[KEY_REQUEST_MAX],
			size_t *ret_len)
{
	int len;

	cert->version = 0; /* v1, the only one */
	cert->sigType = CTC_SHA256wECDSA;
	len = wc_MakeCertReq(cert, ret, KEY_REQUEST_MAX, /* rsaKey= */ NULL, &tools->key);
	if (len > 0)
		len = wc_SignCert(cert->bodySz, cert->sigType, ret, KEY_REQUEST_MAX,
				  /* rsaKey= */ NULL, &tools->key, &tools->rng);
	if (len <= 0)
		return -EIO;

	*ret_len = (size_t)len;
	return 0;
}

int key_request(struct gw_blob key, const char *name, uint8_t ret[KEY_REQUEST_MAX], size_t *ret_len)
{
	_cleanup_free_ Cert *cert = malloc(sizeof(*cert)); /* some 30 KiB */
	struct tools tools;
	int r;

	if (!cert)
		return -ENOMEM;
	if (wc_InitCert(cert) != 0)
		return -EIO;
	r = write_name(cert, name);
	if (r < 0)
		return r;

	r = tools_load(&tools, key);
	if (r < 0)
		return r;
	r = sign_request(&tools, cert, ret, ret_len);
	tools_done(&tools);
	return r;
}
