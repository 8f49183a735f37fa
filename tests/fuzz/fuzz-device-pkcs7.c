/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gateway may hand out as certificates: whatever is taken lies within the message, and a chain
 * made of it is never longer than what it was made of.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/pkcs7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chain(struct gw_blob list, const struct gw_x509 *leaf)
{
	uint8_t *chain = malloc(list.len);
	struct gw_blob rest = { chain, 0 }, der;
	struct gw_x509 first;

	if (!chain)
		abort();
	if (certificate_chain(list, leaf->spki, chain, &rest.len) == 0) {
		if (rest.len > list.len || certificate_next(&rest, &first, &der) < 0 ||
		    !gw_blob_equal(first.spki, leaf->spki))
			abort();
	}
	free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob list, rest, der;
	struct gw_x509 x509;

	if (size > 65536 || pkcs7_certificates((struct gw_blob){ data, size }, &list) < 0)
		return 0;
	if (list.data < data || list.data + list.len > data + size)
		abort();

	rest = list;
	while (certificate_next(&rest, &x509, &der) == 0)
		check_chain(list, &x509);
	return 0;
}
