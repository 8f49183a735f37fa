/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bundles are small and read when they are wanted, so that what an operator changes counts at once. */
#include "tools/cloud/bundle.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/util.h"
#include "tools/cloud/certificate.h"

#define BUNDLE_FILE_MAX 262144 /* bytes */

void bundle_done(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->n; i++)
		free((uint8_t *)(uintptr_t)bundle->der[i].data);
	bundle->n = 0;
}

static int add(struct bundle *bundle, X509 *certificate)
{
	uint8_t *der;
	size_t len;
	int r;

	if (bundle->n == BUNDLE_MAX)
		return -EBADMSG;
	r = certificate_encode(certificate, &der, &len);
	if (r < 0)
		return r;

	bundle->der[bundle->n++] = (struct gw_blob){ der, len };
	return 0;
}

static int read_all(BIO *bio, struct bundle *bundle)
{
	X509 *certificate;
	int r = 0;

	while (r >= 0 && (certificate = PEM_read_bio_X509(bio, /* x= */ NULL, /* cb= */ NULL,
							  /* u= */ NULL))) {
		r = add(bundle, certificate);
		X509_free(certificate);
	}
	return r;
}

int bundle_load(int dir_fd, const char *path, struct bundle *ret)
{
	_cleanup_(bundle_done) struct bundle bundle = { .n = 0 };
	_cleanup_free_ uint8_t *text = NULL;
	size_t len;
	BIO *bio;
	int r;

	r = gw_read_file(dir_fd, path, BUNDLE_FILE_MAX, &text, &len);
	if (r < 0)
		return r;

	bio = BIO_new_mem_buf(text, (int)len);
	r = bio ? read_all(bio, &bundle) : -ENOMEM;
	(void)BIO_free(bio);
	ERR_clear_error();
	if (r < 0 || bundle.n == 0)
		return r < 0 ? r : -EBADMSG;

	*ret = bundle;
	bundle.n = 0;
	return 0;
}
