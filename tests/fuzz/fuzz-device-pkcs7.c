/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a gateway may hand out as certificates: whatever is taken lies within the message, and a chain
 * made of it is never longer than what it was made of.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/device/certificate.h"
#include "tools/device/pkcs7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chain(struct gw_blob list, const struct certificate *leaf)
{
	uint8_t *chain = malloc(list.len);
	struct gw_blob rest = { chain, 0 };
	struct certificate first;

	if (!chain)
		abort();
	if (certificate_chain(list, leaf->key, chain, &rest.len) == 0) {
		if (rest.len > list.len || certificate_next(&rest, &first) < 0 ||
		    !gw_blob_equal(first.key, leaf->key))
			abort();
	}
	free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob list, rest;
	struct certificate c;
	char end[20];

	if (size > 65536 || pkcs7_certificates((struct gw_blob){ data, size }, &list) < 0)
		return 0;
	if (list.data < data || list.data + list.len > data + size)
		abort();

	rest = list;
	while (certificate_next(&rest, &c) == 0) {
		certificate_end(&c, end);
		(void)certificate_is_named(&c, "ACME-0001");
		(void)certificate_is_registrar(&c);
		check_chain(list, &c);
	}
	return 0;
}
