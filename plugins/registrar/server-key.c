/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key never leaves this process and ends with it, so each start asks for a certificate anew. The
 * request names nobody: the cloud knows which gateway it comes from and sets every field. How much of
 * the certificate's life is left is counted from its arrival, when it was just issued.
 */
#include "plugins/registrar/server-key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"
#include "plugins/registrar/certificate.h"

#define KEY_BYTES   32 /* of a coordinate on P-256 */
#define PRIVATE_MAX 160
#define REQUEST_MAX 512

#define SECOND_US 1000000u

struct server_key {
	uint8_t private[PRIVATE_MAX];
	size_t private_len;
	uint8_t request[REQUEST_MAX];
	size_t request_len;
	uint8_t hash[GW_HASH_LEN];

	uint8_t *chain; /* the certificate first */
	size_t chain_len;
	uint64_t renew_us;
	uint64_t from_s, renew_s, to_s; /* by the clock on the wall */
};

struct server_key *server_key_free(struct server_key *key)
{
	if (!key)
		return NULL;

	free(key->chain);
	explicit_bzero(key, sizeof(*key));
	free(key);
	return NULL;
}

GW_DEFINE_CLEANUP(struct server_key *, server_key_free)

/* Writes the private key, and the signing request signed by it. */
static int write_key(ecc_key *ecc, WC_RNG *rng, struct server_key *key)
{
	_cleanup_free_ Cert *cert = malloc(sizeof(*cert));
	int len;

	if (!cert)
		return -ENOMEM;

	len = wc_EccKeyToDer(ecc, key->private, sizeof(key->private));
	if (len <= 0)
		return -EIO;
	key->private_len = (size_t)len;

	if (wc_InitCert(cert) != 0)
		return -EIO;
	cert->version = 0; /* v1, the only one; OpenSSL takes no other since 3.5 */
	cert->sigType = CTC_SHA256wECDSA;
	len = wc_MakeCertReq_ex(cert, key->request, sizeof(key->request), ECC_TYPE, ecc);
	if (len <= 0)
		return -EIO;
	len = wc_SignCert_ex(cert->bodySz, cert->sigType, key->request, sizeof(key->request),
			     ECC_TYPE, ecc, rng);
	if (len <= 0)
		return -EIO;
	key->request_len = (size_t)len;
	return 0;
}

static int make_key(struct server_key *key)
{
	ecc_key ecc;
	WC_RNG rng;
	int r = -EIO;

	if (wc_InitRng(&rng) != 0)
		return -EIO;
	if (wc_ecc_init(&ecc) == 0) {
		if (wc_ecc_make_key_ex(&rng, KEY_BYTES, &ecc, ECC_SECP256R1) == 0)
			r = write_key(&ecc, &rng, key);
		wc_ecc_free(&ecc);
	}
	wc_FreeRng(&rng);
	return r;
}

int server_key_new(struct server_key **ret)
{
	_cleanup_(server_key_freep) struct server_key *key = calloc(1, sizeof(*key));
	struct gw_x509_request request;
	int r;

	if (!key)
		return -ENOMEM;

	key->renew_us = UINT64_MAX;
	r = make_key(key);
	if (r < 0)
		return r;
	if (gw_x509_parse_request((struct gw_blob){ key->request, key->request_len }, &request) < 0)
		return -EIO;
	r = gw_sha256(request.spki, key->hash);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(key);
	return 0;
}

void server_key_question(const struct server_key *key, struct gw_msg *ret)
{
	*ret = (struct gw_msg){ .type = GW_MSG_SERVER_CSR,
				.server_csr = { .key = GW_BLOB_ARRAY(key->hash),
						.csr = { key->request, key->request_len } } };
}

/* Two thirds of the way from one time to the other; neither is beyond year 9999. */
static uint64_t two_thirds(uint64_t from_s, uint64_t to_s)
{
	return (to_s - from_s) / 3 * 2;
}

int server_key_take(struct server_key *key, const struct gw_msg_server_cert *msg,
		    const struct gw_blob *anchors, size_t n_anchors, uint64_t now_us,
		    const char **ret_why)
{
	const struct certificate_wish wish = { .key = GW_BLOB_ARRAY(key->hash),
					       .uses = GW_X509_USE_SERVER | GW_X509_USE_REGISTRAR };
	struct gw_x509 x509;
	uint8_t *chain;
	int r;

	r = certificate_verify(msg->certificate, msg->chain, anchors, n_anchors, &wish, &x509,
			       ret_why);
	if (r < 0 || *ret_why)
		return r;

	chain = malloc(msg->certificate.len + msg->chain.len);
	if (!chain)
		return -ENOMEM;
	memcpy(chain, msg->certificate.data, msg->certificate.len);
	if (msg->chain.len > 0)
		memcpy(chain + msg->certificate.len, msg->chain.data, msg->chain.len);

	free(key->chain);
	key->chain = chain;
	key->chain_len = msg->certificate.len + msg->chain.len;
	key->renew_us = now_us + two_thirds(x509.not_before, x509.not_after) * SECOND_US;
	key->from_s = x509.not_before;
	key->to_s = x509.not_after;
	key->renew_s = x509.not_before + two_thirds(x509.not_before, x509.not_after);
	return 0;
}

bool server_key_is_certified(const struct server_key *key)
{
	return key->chain != NULL;
}

struct gw_blob server_key_private(const struct server_key *key)
{
	return (struct gw_blob){ key->private, key->private_len };
}

struct gw_blob server_key_chain(const struct server_key *key)
{
	return (struct gw_blob){ key->chain, key->chain_len };
}

bool server_key_is_good(const struct server_key *key, uint64_t now_s)
{
	return key->chain && now_s >= key->from_s && now_s <= key->to_s;
}

bool server_key_is_timely(const struct server_key *key, uint64_t now_s)
{
	return key->chain && now_s >= key->from_s && now_s < key->renew_s;
}

uint64_t server_key_renew_us(const struct server_key *key)
{
	return key->renew_us;
}
