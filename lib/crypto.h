/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto: the few primitives that programs on wolfCrypt need, so that its headers stay in this room.
 * Every function returns 0 or -errno (-EIO: the library failed, -EBADMSG: authentication failed).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob;

#define GW_SHA256_LEN 32
#define GW_KEY_LEN    32 /* of a symmetric key: AES-256, HMAC-SHA-256 */
#define GW_SEAL_EXTRA 28 /* bytes that sealing adds: nonce 12, tag 16 */
#define GW_X25519_LEN 32
#define GW_BOX_EXTRA  60 /* bytes that a box adds: ephemeral key 32, nonce 12, tag 16 */

int gw_random(uint8_t *buf, size_t len);

int gw_sha256(struct gw_blob data, uint8_t ret[GW_SHA256_LEN]);

/* HMAC-SHA-256 over the parts one after the other. */
int gw_hmac(const uint8_t key[GW_KEY_LEN], const struct gw_blob *parts, size_t n_parts,
	    uint8_t ret[GW_SHA256_LEN]);

/* HKDF-SHA-256 (RFC 5869) without salt: a subkey of `key` for the purpose that `info` names. */
int gw_derive(const uint8_t key[GW_KEY_LEN], const char *info, uint8_t ret[GW_KEY_LEN]);

/* AES-256-GCM with a random nonce in front: ret has room for plain.len + GW_SEAL_EXTRA. */
int gw_seal(const uint8_t key[GW_KEY_LEN], struct gw_blob associated, struct gw_blob plain,
	    uint8_t *ret);

/* The inverse: ret has room for sealed.len - GW_SEAL_EXTRA. */
int gw_unseal(const uint8_t key[GW_KEY_LEN], struct gw_blob associated, struct gw_blob sealed,
	      uint8_t *ret);

/* A key pair to which others can seal. */
int gw_box_keypair(uint8_t ret_private[GW_X25519_LEN], uint8_t ret_public[GW_X25519_LEN]);

/*
 * Opens what was sealed to our public key (doc/protocol/cloud.md, "Sealed secrets"): ephemeral X25519
 * key, then AES-256-GCM under HKDF-SHA-256(shared secret, info = "gangway box v1" | both public
 * keys), nonce in front. ret has room for box.len - GW_BOX_EXTRA.
 */
int gw_box_open(const uint8_t private_key[GW_X25519_LEN], const uint8_t public_key[GW_X25519_LEN],
		struct gw_blob associated, struct gw_blob box, uint8_t *ret);

/* Compares in a time that depends on len only. */
bool gw_equal_secret(const void *a, const void *b, size_t len);
