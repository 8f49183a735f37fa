/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud's own look at a signing request: whatever the bytes, it ends with a verdict and leaves
 * nothing in libcrypto's error queue; what it takes survives being written and read again.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/blob.h"
#include "tools/cloud/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(X509_REQ *request)
{
	unsigned char *der = NULL;
	X509_REQ *again = NULL;
	int len = i2d_X509_REQ(request, &der);

	if (len <= 0 || csr_read((struct gw_blob){ der, (size_t)len }, &again) != GW_REASON_NONE)
		abort();
	if (csr_is_in_name_of(request, "ACME-0001") != csr_is_in_name_of(again, "ACME-0001"))
		abort();
	X509_REQ_free(again);
	OPENSSL_free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	X509_REQ *request = NULL;
	enum gw_reason why = csr_read((struct gw_blob){ data, size }, &request);

	if ((why == GW_REASON_NONE) != (request != NULL) || ERR_peek_error() != 0)
		abort();
	if (request)
		check_again(request);
	X509_REQ_free(request);
	return 0;
}
