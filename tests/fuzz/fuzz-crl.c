/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever crl.c finds in a revocation list lies within the input, and as many serials come out as it counted. */
#include <stdlib.h>

#include "lib/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(const uint8_t *data, size_t size, struct gw_blob part)
{
	if (part.len > 0 && (part.data < data || part.data + part.len > data + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob rest, serial;
	struct gw_crl crl;
	size_t n = 0;

	if (gw_crl_parse((struct gw_blob){ data, size }, &crl) < 0)
		return 0;

	within(data, size, crl.body);
	within(data, size, crl.algorithm);
	within(data, size, crl.signature);
	within(data, size, crl.issuer);
	within(data, size, crl.number);
	if (crl.number.len == 0 || crl.next_update < crl.this_update)
		abort();

	for (rest = crl.revoked; gw_crl_next(&rest, &serial); n++) {
		within(data, size, serial);
		if (serial.len == 0 || (serial.len > 1 && serial.data[0] == 0))
			abort();
	}
	if (n != crl.n_revoked || rest.len > 0)
		abort();
	return 0;
}
