/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vault: seals what must not lie about in the clear, under a key that the machine keeps: the
 * credential `store-key` if the service manager hands one over, else a file of our own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define VAULT_MAC_LEN 32
#define VAULT_BOX_LEN 32

struct store;
struct vault;

/* Where the key is from. */
enum vault_key {
	VAULT_KEY_AUTO, /* asked for: from wherever there is one, else a file of our own is made */
	VAULT_KEY_CREDENTIAL, /* the credential `store-key` */
	VAULT_KEY_OWN,        /* the file `store.key` beside the store */
};

/* Opens the vault with its key, VAULT_KEY_AUTO or VAULT_KEY_CREDENTIAL; on failure `error` says what to do. May write
 * to the store (its box key). */
int vault_open(const char *folder, struct store *store, enum vault_key wanted, struct vault **ret,
	       char *error, size_t error_size);
struct vault *vault_close(struct vault *vault);

/* Which it is that was found: one of the last two. */
enum vault_key vault_key(const struct vault *vault);

/* Whose secret it is, and which: what is sealed for one opens for no other. */
struct vault_name {
	const char *tenant, *device, *kind;
};

/* Seals; `sealed` has room for plain.len + GW_SEAL_EXTRA bytes, and gets as many. */
int vault_seal(struct vault *vault, const struct vault_name *name, struct gw_blob plain,
	       uint8_t *sealed);

/* The inverse; -EBADMSG: not ours, or not for that name. `plain` has room for sealed.len. */
int vault_unseal(struct vault *vault, const struct vault_name *name, struct gw_blob sealed,
		 uint8_t *plain, size_t *ret_len);

/* A keyed hash that only this gateway can make. */
int vault_mac(struct vault *vault, const struct gw_blob *parts, size_t n_parts,
	      uint8_t ret[VAULT_MAC_LEN]);

/* The public key to which the cloud seals secrets for us, and the opening of such a box. */
const uint8_t *vault_box_key(const struct vault *vault);
int vault_open_box(struct vault *vault, struct gw_blob associated, struct gw_blob box,
		   uint8_t *plain, size_t size, size_t *ret_len);
