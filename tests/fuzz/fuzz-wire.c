/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message that can be read is written again as the same bytes: there is one form for each. */
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[GW_WIRE_MAX];
	struct gw_wire_error error = { 0 };
	struct gw_msg msg;
	size_t len;

	if (size > GW_WIRE_MAX)
		return 0;
	if (gw_wire_decode(data, size, &msg, &error) < 0) {
		if (!error.message || !error.field || !error.why)
			abort();
		return 0;
	}

	if (gw_wire_encode(&msg, again, sizeof(again), &len) < 0)
		abort();
	if (len != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
