/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signing request that passes has one encoding: the same with a byte more, or a byte less, does not
 * pass. And nothing passes that x509.c does not read to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/x509.h"
#include "plugins/registrar/csr.h"

#define DEVICE "ACME-1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum gw_reason check(const uint8_t *data, size_t len)
{
	uint8_t key[GW_HASH_LEN];
	enum gw_reason reason;

	if (csr_check((struct gw_blob){ data, len }, DEVICE, (struct gw_blob){ NULL, 0 }, &reason,
		      key) < 0)
		abort();
	return reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_x509_request request;
	uint8_t *longer;

	if (check(data, size) != GW_REASON_NONE)
		return 0;

	if (gw_x509_parse_request((struct gw_blob){ data, size }, &request) < 0)
		abort();
	if (gw_x509_name_has(request.subject, GW_X509_COMMON_NAME) &&
	    !gw_x509_name_is(request.subject, GW_X509_COMMON_NAME, DEVICE))
		abort();

	longer = calloc(1, size + 1);
	memcpy(longer, data, size);
	if (check(longer, size - 1) == GW_REASON_NONE || check(longer, size + 1) == GW_REASON_NONE)
		abort();
	free(longer);
	return 0;
}
