/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A message that can be read is written again as the same bytes: the encoding of options leaves no
 * choice. A Block option that can be read survives being written, too.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_block(const struct gw_coap *msg, uint16_t number)
{
	struct gw_coap again = { .code = GW_COAP_GET };
	struct gw_coap_block before, after;
	uint8_t scratch[4];

	if (gw_coap_find_block(msg, number, &before) < 0)
		return;
	if (gw_coap_add_uint(&again, number, gw_coap_block_value(&before), scratch) < 0 ||
	    gw_coap_find_block(&again, number, &after) < 0)
		abort();
	if (before.number != after.number || before.more != after.more || before.size != after.size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[INPUT_MAX];
	struct gw_coap msg;
	size_t len;

	if (size > INPUT_MAX || gw_coap_decode(data, size, &msg) < 0)
		return 0;

	if (gw_coap_encode(&msg, again, sizeof(again), &len) < 0)
		abort();
	if (len != size || memcmp(again, data, size) != 0)
		abort();
	check_block(&msg, GW_COAP_BLOCK1);
	check_block(&msg, GW_COAP_BLOCK2);
	return 0;
}
