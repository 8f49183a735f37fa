/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the two contexts: DTLS 1.2, suites named one by one, no resumption (the library is built
 * without). The PSK context has no certificate and verifies none; the certificate context has no PSK
 * callback and demands a certificate. For 1.3 the method and the suites would change here, and the
 * cookie in front.
 *
 * The group of an ECDHE exchange is the first of the client's that the library has: X25519, P-256 or
 * P-384. Nothing else is compiled in. A client that has none of them can only do without: RFC 8422 4
 * forbids to choose for it, but the library would.
 */
#include "plugins/registrar/contexts.h"

#include <errno.h>
#include <stdlib.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/util.h"
#include "lib/x509.h"
#include "plugins/registrar/anchors.h"
#include "plugins/registrar/session.h"

#define CHAIN_CERTS_MAX 8

#define PSK_SUITES       "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256"
#define PSK_SUITES_ALONE "PSK-AES128-CCM-8"
#define PSK_SUITES_CCM8  PSK_SUITES ":" PSK_SUITES_ALONE
#define CERTIFICATE_SUITES \
	"ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"

struct contexts {
	WOLFSSL_CTX *by_proof[_GW_PROOF_MAX];
	WOLFSSL_CTX *psk_alone; /* the secret without ECDHE; NULL if that is switched off */
};

static WOLFSSL_CTX *context_free(WOLFSSL_CTX *context)
{
	wolfSSL_CTX_free(context);
	return NULL;
}

GW_DEFINE_CLEANUP(WOLFSSL_CTX *, context_free)

int contexts_new(struct contexts **ret)
{
	struct contexts *c;

	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return -EIO;

	c = calloc(1, sizeof(*c));
	if (!c) {
		(void)wolfSSL_Cleanup();
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

struct contexts *contexts_free(struct contexts *c)
{
	if (!c)
		return NULL;

	for (size_t i = 0; i < GW_ELEMENTS(c->by_proof); i++)
		wolfSSL_CTX_free(c->by_proof[i]);
	wolfSSL_CTX_free(c->psk_alone);
	free(c);
	(void)wolfSSL_Cleanup();
	return NULL;
}

/* Puts a context in its place. Sessions keep the one that they began with. */
static void replace(WOLFSSL_CTX **place, WOLFSSL_CTX *context)
{
	wolfSSL_CTX_free(*place);
	*place = context;
}

static int make_context(enum gw_proof proof, const char *suites, WOLFSSL_CTX **ret)
{
	_cleanup_(context_freep) WOLFSSL_CTX *context =
		wolfSSL_CTX_new(wolfDTLSv1_2_server_method());

	if (!context)
		return -ENOMEM;

	session_prepare(context, proof);
	if (wolfSSL_CTX_set_cipher_list(context, suites) != WOLFSSL_SUCCESS)
		return -EIO;
	if (wolfSSL_CTX_set_group_messages(context) != WOLFSSL_SUCCESS)
		return -EIO;

	*ret = TAKE_PTR(context);
	return 0;
}

int contexts_serve_psk(struct contexts *c, bool ccm8)
{
	_cleanup_(context_freep) WOLFSSL_CTX *context = NULL, *alone = NULL;
	int r = make_context(GW_PROOF_PSK, ccm8 ? PSK_SUITES_CCM8 : PSK_SUITES, &context);

	if (r == 0 && ccm8)
		r = make_context(GW_PROOF_PSK, PSK_SUITES_ALONE, &alone);
	if (r < 0)
		return r;
	replace(&c->by_proof[GW_PROOF_PSK], TAKE_PTR(context));
	replace(&c->psk_alone, TAKE_PTR(alone));
	return 0;
}

/* --- certificates --- */

/* What goes out of our chain: not the anchors, which a device has or does not trust. Flights are to be
 * small. */
static int load_own_chain(WOLFSSL_CTX *context, struct gw_blob chain, const struct anchors *servers)
{
	uint8_t outgoing[GW_CERT_MAX + GW_CHAIN_MAX];
	struct gw_blob certs[CHAIN_CERTS_MAX];
	size_t n = 0, len = 0;
	int r;

	if (chain.len > sizeof(outgoing))
		return -EBADMSG;
	r = gw_x509_split(chain, certs, GW_ELEMENTS(certs), &n);
	if (r < 0)
		return r;

	for (size_t i = 0; i < n; i++) {
		if (anchors_have(servers, certs[i]))
			continue;
		memcpy(outgoing + len, certs[i].data, certs[i].len);
		len += certs[i].len;
	}

	r = wolfSSL_CTX_use_certificate_chain_buffer_format(context, outgoing, (long)len,
							    WOLFSSL_FILETYPE_ASN1);
	return r == WOLFSSL_SUCCESS ? 0 : -EBADMSG;
}

static int load_own_key(WOLFSSL_CTX *context, struct gw_blob key)
{
	if (wolfSSL_CTX_use_PrivateKey_buffer(context, key.data, (long)key.len,
					      WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
		return -EBADMSG;
	return wolfSSL_CTX_check_private_key(context) == WOLFSSL_SUCCESS ? 0 : -EBADMSG;
}

/* An anchor is trusted because it was handed to us: its own dates prove nothing, and our clock may not
 * be right. */
static int load_anchors(WOLFSSL_CTX *context, const struct anchors *anchors)
{
	if (anchors->n == 0)
		return -EBADMSG;

	for (size_t i = 0; i < anchors->n; i++)
		if (wolfSSL_CTX_load_verify_buffer_ex(
			    context, anchors->certs[i].data, (long)anchors->certs[i].len,
			    WOLFSSL_FILETYPE_ASN1, /* chain= */ 0,
			    WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY) != WOLFSSL_SUCCESS)
			return -EBADMSG;
	return 0;
}

int contexts_serve_certificates(struct contexts *c, const struct contexts_credential *credential)
{
	_cleanup_(context_freep) WOLFSSL_CTX *context = NULL;
	int r;

	r = make_context(GW_PROOF_CERTIFICATE, CERTIFICATE_SUITES, &context);
	if (r < 0)
		return r;
	r = load_own_chain(context, credential->chain, credential->servers);
	if (r < 0)
		return r;
	r = load_own_key(context, credential->key);
	if (r < 0)
		return r;
	r = load_anchors(context, credential->devices);
	if (r < 0)
		return r;

	replace(&c->by_proof[GW_PROOF_CERTIFICATE], TAKE_PTR(context));
	return 0;
}

void contexts_withdraw_certificates(struct contexts *c)
{
	replace(&c->by_proof[GW_PROOF_CERTIFICATE], /* context= */ NULL);
}

struct WOLFSSL_CTX *contexts_get(const struct contexts *c, enum gw_proof proof, bool shares_group)
{
	if (shares_group)
		return c->by_proof[proof];
	return proof == GW_PROOF_PSK ? c->psk_alone : NULL;
}
