/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An identity without a key goes on with a dummy, made of the identity by a key of this run: it has to
 * look and cost like a wrong key, to the last datagram, and be the same when it is tried again.
 */
#include "plugins/registrar/keying.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/key-exchange.h"

struct keying {
	const uint8_t *dummy_key;
	struct key_exchange exchange;
	char identity[GW_ID_MAX + 1]; /* empty: can be no device's */
	uint8_t key[GW_SECRET_MAX];
	size_t key_len;
	bool has_secret; /* `key` is a secret that the agent gave */
	bool is_real;    /* and wolfSSL has used it */
};

int keying_new(uint16_t sequence, const uint8_t *dummy_key, struct keying **ret)
{
	struct keying *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;

	k->dummy_key = dummy_key;
	key_exchange_init(&k->exchange, sequence);
	*ret = k;
	return 0;
}

struct keying *keying_free(struct keying *k)
{
	if (!k)
		return NULL;

	explicit_bzero(k, sizeof(*k));
	free(k);
	return NULL;
}

static void take_identity(struct keying *k)
{
	struct gw_blob identity;

	*k->identity = 0;
	if (key_exchange_identity(&k->exchange, &identity) < 0 || identity.len > GW_ID_MAX)
		return;
	memcpy(k->identity, identity.data, identity.len);
	k->identity[identity.len] = 0;
	if (strlen(k->identity) != identity.len || !gw_device_id_is_valid(k->identity))
		*k->identity = 0;
}

bool keying_look(struct keying *k, struct gw_blob datagram)
{
	key_exchange_add(&k->exchange, datagram);
	if (!key_exchange_is_whole(&k->exchange))
		return false;

	take_identity(k);
	return true;
}

void keying_forget(struct keying *k)
{
	key_exchange_init(&k->exchange, k->exchange.sequence);
}

const char *keying_identity(const struct keying *k)
{
	return *k->identity ? k->identity : NULL;
}

static int make_dummy(struct keying *k, struct gw_blob identity)
{
	_Static_assert(sizeof(k->key) >= GW_SHA256_LEN, "a dummy is a hash");
	int r = gw_hmac(k->dummy_key, &identity, 1, k->key);

	if (r < 0)
		return r;
	k->key_len = GW_SHA256_LEN;
	k->has_secret = false;
	return 0;
}

int keying_set(struct keying *k, struct gw_blob key)
{
	struct gw_blob identity = { 0 };

	if (key.len == 0) {
		(void)key_exchange_identity(&k->exchange, &identity);
		return make_dummy(k, identity);
	}
	if (key.len > sizeof(k->key))
		return -EMSGSIZE;

	memcpy(k->key, key.data, key.len);
	k->key_len = key.len;
	k->has_secret = true;
	return 0;
}

/* If wolfSSL has put another identity together than we did, of pieces that contradict each other, it
 * gets a dummy: a secret is used for nobody but its owner. */
size_t keying_use(struct keying *k, const char *identity, uint8_t *key, size_t size)
{
	struct gw_blob other = { (const uint8_t *)identity, strlen(identity) };
	size_t len;

	if (k->has_secret && !gw_streq(identity, k->identity) && make_dummy(k, other) < 0)
		return 0;
	if (k->key_len > size)
		return 0;

	len = k->key_len;
	memcpy(key, k->key, len);
	k->is_real = k->has_secret;
	explicit_bzero(k->key, sizeof(k->key)); /* wolfSSL asks once, and wipes what it got */
	k->key_len = 0;
	return len;
}

bool keying_is_real(const struct keying *k)
{
	return k->is_real;
}
