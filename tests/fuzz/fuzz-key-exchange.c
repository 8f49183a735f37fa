/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The identity lies within the message, and what was read once is read the same when it comes twice. */
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/key-exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob datagram = { data, size }, identity;
	struct key_exchange once, twice;

	key_exchange_init(&once, 2);
	key_exchange_add(&once, datagram);
	twice = once;
	key_exchange_add(&twice, datagram);
	if (twice.len != once.len || memcmp(twice.have, once.have, sizeof(once.have)) != 0)
		abort();
	if (once.len > KEY_EXCHANGE_MAX || (key_exchange_is_whole(&once) && once.len == 0))
		abort();

	if (key_exchange_is_whole(&once) && key_exchange_identity(&once, &identity) == 0 &&
	    (identity.data < once.data || identity.data + identity.len > once.data + once.len))
		abort();
	return 0;
}
