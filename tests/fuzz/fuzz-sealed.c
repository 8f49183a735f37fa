/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is sealed for the agent: a box from the cloud ('b'), with who it is for, and what the vault sealed
 * ('s'). A true one that is changed anywhere does not open; nothing else opens either.
 *
 * Behind the letter: two bytes for a place and one for the change made there (0: none), a length of
 * what is associated, and the rest is the plain text; any other letter takes all as a box.
 */
#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "lib/blob.h"
#include "lib/crypto.h"
#include "lib/util.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"

#define PLAIN_MAX 512

static uint8_t private_key[GW_X25519_LEN], public_key[GW_X25519_LEN];
static const uint8_t key[GW_KEY_LEN] = "a key for what is not a secret";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void agree(const uint8_t ours[GW_X25519_LEN], uint8_t ret[GW_X25519_LEN])
{
	curve25519_key mine, theirs;
	word32 len = GW_X25519_LEN;

	require(wc_curve25519_init(&mine) == 0 && wc_curve25519_init(&theirs) == 0);
	require(wc_curve25519_import_private_ex(ours, GW_X25519_LEN, &mine,
						EC25519_LITTLE_ENDIAN) == 0);
	require(wc_curve25519_import_public_ex(public_key, GW_X25519_LEN, &theirs,
					       EC25519_LITTLE_ENDIAN) == 0);
	require(wc_curve25519_shared_secret_ex(&mine, &theirs, ret, &len, EC25519_LITTLE_ENDIAN) ==
		0);
	wc_curve25519_free(&mine);
	wc_curve25519_free(&theirs);
}

/* As the cloud does (doc/protocol/cloud.md, "Sealed secrets"). */
static void make_box(struct gw_blob associated, struct gw_blob plain, uint8_t *box)
{
	uint8_t ours[GW_X25519_LEN], shared[GW_X25519_LEN], box_key[GW_KEY_LEN];
	uint8_t info[14 + 2 * GW_X25519_LEN] = "gangway box v1";

	require(gw_box_keypair(ours, box) == 0);
	agree(ours, shared);
	memcpy(info + 14, box, GW_X25519_LEN);
	memcpy(info + 14 + GW_X25519_LEN, public_key, GW_X25519_LEN);
	require(wc_HKDF(WC_SHA256, shared, sizeof(shared), NULL, 0, info, sizeof(info), box_key,
			sizeof(box_key)) == 0);
	require(gw_seal(box_key, associated, plain, box + GW_X25519_LEN) == 0);
}

static void try_open(bool is_box, struct gw_blob associated, struct gw_blob plain, size_t at,
		     uint8_t change)
{
	uint8_t sealed[PLAIN_MAX + GW_BOX_EXTRA], opened[PLAIN_MAX + GW_BOX_EXTRA];
	size_t len = plain.len + (is_box ? GW_BOX_EXTRA : GW_SEAL_EXTRA);
	struct gw_blob blob = { sealed, len };
	int r;

	if (is_box)
		make_box(associated, plain, sealed);
	else
		require(gw_seal(key, associated, plain, sealed) == 0);
	sealed[at % len] ^= change;
	r = is_box ? gw_box_open(private_key, public_key, associated, blob, opened)
		   : gw_unseal(key, associated, blob, opened);
	require((r == 0) == (change == 0));
	require(r < 0 || plain.len == 0 || memcmp(opened, plain.data, plain.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t opened[4096];
	struct gw_blob in = { data, size };
	size_t at, n;

	fake_random_begin(/* seed= */ 1);
	require(gw_box_keypair(private_key, public_key) == 0);
	if (size < 5 || size > PLAIN_MAX || (data[0] != 'b' && data[0] != 's')) {
		if (size <= sizeof(opened)) {
			require(gw_box_open(private_key, public_key, in, in, opened) < 0);
			require(gw_unseal(key, in, in, opened) < 0);
		}
		return 0;
	}
	at = (size_t)data[1] << 8 | data[2];
	n = GW_MIN((size_t)data[4], size - 5);
	try_open(data[0] == 'b', (struct gw_blob){ data + 5, n },
		 (struct gw_blob){ data + 5 + n, size - 5 - n }, at, data[3]);
	return 0;
}
