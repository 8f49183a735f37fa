/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wolfSSL's certificate manager, given the anchors and then, from the far end of the chain, each issuer
 * once it has itself been verified. It lives for one question, so that nothing verified for one
 * chain can vouch for another.
 */
#include "tools/device/trust.h"

#include <errno.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

#include "lib/der.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/failure.h"

#define CHAIN_MAX 8 /* certificates in a chain */

/* The library takes whatever it is given here for a CA. */
static int load(WOLFSSL_CERT_MANAGER *manager, struct gw_blob certificate)
{
	return wolfSSL_CertManagerLoadCABuffer(manager, certificate.data, (long)certificate.len,
					       WOLFSSL_FILETYPE_ASN1);
}

static int verify(WOLFSSL_CERT_MANAGER *manager, struct gw_blob certificate)
{
	return wolfSSL_CertManagerVerifyBuffer(manager, certificate.data, (long)certificate.len,
					       WOLFSSL_FILETYPE_ASN1);
}

/* An anchor that the library cannot use is left out: another one may do. */
static void load_anchors(WOLFSSL_CERT_MANAGER *manager, struct gw_blob anchors)
{
	struct gw_der anchor;

	while (gw_der_next(&anchors, &anchor) == 0)
		(void)load(manager, anchor.whole);
}

static int split(struct gw_blob chain, struct gw_der all[CHAIN_MAX], size_t *ret_n)
{
	size_t n = 0;
	int r;

	while (n < CHAIN_MAX && (r = gw_der_next(&chain, &all[n])) == 0)
		n++;
	if (n == 0 || chain.len)
		return -EBADMSG;

	*ret_n = n;
	return 0;
}

/* Takes an issuer on for those below it, if it is one. */
static int adopt(WOLFSSL_CERT_MANAGER *manager, struct gw_blob der)
{
	struct gw_x509 x509;
	int r = verify(manager, der);

	if (r != WOLFSSL_SUCCESS)
		return r;
	if (gw_x509_parse(der, &x509) < 0 || !certificate_is_ca(&x509))
		return NOT_CA_ERROR;
	return load(manager, der);
}

static int refuse(struct failure *failure, int error)
{
	return failure_set(failure, -EPERM, "%s",
			   error == WOLFSSL_SUCCESS ? "?" : wc_GetErrorString(error));
}

static int check(WOLFSSL_CERT_MANAGER *manager, struct gw_blob chain, struct failure *failure)
{
	struct gw_der all[CHAIN_MAX];
	size_t n;
	int r;

	if (split(chain, all, &n) < 0)
		return failure_set(failure, -EPERM, "the chain is empty, malformed or too long");

	for (size_t i = n; i-- > 1;) {
		r = adopt(manager, all[i].whole);
		if (r != WOLFSSL_SUCCESS)
			return refuse(failure, r);
	}

	r = verify(manager, all[0].whole);
	return r == WOLFSSL_SUCCESS ? 0 : refuse(failure, r);
}

int trust_check(struct gw_blob anchors, struct gw_blob chain, struct failure *failure)
{
	WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
	int r;

	if (!manager)
		return failure_set(failure, -EIO, "wolfSSL cannot check certificates");

	load_anchors(manager, anchors);
	r = check(manager, chain, failure);
	wolfSSL_CertManagerFree(manager);
	return r;
}
