/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reassembles a ClientKeyExchange from the plain records of epoch 0. What is read here is a hint only:
 * wolfSSL puts the message together by itself, and the key is handed over only if it then names
 * the same identity.
 */
#include "plugins/registrar/key-exchange.h"

#include <errno.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/record.h"

void key_exchange_init(struct key_exchange *k, uint16_t sequence)
{
	*k = (struct key_exchange){ .sequence = sequence };
}

static void add_fragment(struct key_exchange *k, const struct handshake *message)
{
	if (message->type != HANDSHAKE_CLIENT_KEY_EXCHANGE || message->sequence != k->sequence)
		return;
	if (message->len == 0 || message->len > KEY_EXCHANGE_MAX ||
	    (k->len && message->len != k->len))
		return;

	k->len = message->len;
	for (size_t i = 0; i < message->fragment.len; i++) {
		size_t at = message->offset + i;

		k->data[at] = message->fragment.data[i];
		k->have[at / 8] |= (uint8_t)(1u << at % 8);
	}
}

void key_exchange_add(struct key_exchange *k, struct gw_blob datagram)
{
	struct handshake message;
	struct record record;

	while (record_next(&datagram, &record) == 0) {
		if (record.type != RECORD_HANDSHAKE || record.epoch != 0)
			continue;
		while (handshake_next(&record.fragment, &message) == 0)
			add_fragment(k, &message);
	}
}

bool key_exchange_is_whole(const struct key_exchange *k)
{
	for (size_t i = 0; i < k->len; i++)
		if (!(k->have[i / 8] & 1u << i % 8))
			return false;
	return k->len > 0;
}

int key_exchange_identity(const struct key_exchange *k, struct gw_blob *ret)
{
	size_t len;

	if (k->len < 2)
		return -EBADMSG;
	len = (size_t)(k->data[0] << 8 | k->data[1]);
	if (len > k->len - 2)
		return -EBADMSG;

	*ret = (struct gw_blob){ k->data + 2, len };
	return 0;
}
