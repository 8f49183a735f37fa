/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyring: all that there is to connect with: files that somebody gave us, keys and certificates of our
 * own, what the broker is known by. What to do with it the wallet decides (wallet.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"
#include "plugins/mqtt/identity.h"

struct credential_facts;
struct keypair_request;
struct keyring;
struct ssl_ctx_st;

/* The folders: of credentials; to keep our own in, NULL where there is none. */
int keyring_new(const char *gateway, const char *given, const char *state, struct keyring **ret);
struct keyring *keyring_free(struct keyring *keyring);

/*
 * Looks whether what is kept could be replaced now, so that it does not show when it has to be. Returns why not, and what
 * somebody has to do; empty: it could, or there is no folder. What could not be opened before is opened.
 */
const char *keyring_check(struct keyring *keyring);

/* Where our own is: what a person is told to look after. */
const char *keyring_folder(const struct keyring *keyring);

/* What there is to choose from. */
void keyring_look(const struct keyring *keyring, struct identity *identity);

/* What TLS takes of it; IDENTITY_NONE is as IDENTITY_GIVEN. As credential_load(). */
int keyring_load(struct keyring *keyring, enum identity_pass pass, struct ssl_ctx_st **ret,
		 struct credential_facts *ret_facts, char *why, size_t size);

/* The candidate: a key and what is asked for it; the certificate that came (as keypair_accept()); its end, either way. */
int keyring_make_key(struct keyring *keyring);
int keyring_reuse_key(struct keyring *keyring); /* the live one's */
int keyring_request(const struct keyring *keyring, struct keypair_request *ret);
int keyring_keep(struct keyring *keyring, struct gw_blob certificate, struct gw_blob chain,
		 const char **ret_why);
int keyring_promote(struct keyring *keyring);
int keyring_drop(struct keyring *keyring);

/* Nothing of our own is left, nor what the cloud sent; what was given is. */
int keyring_forget(struct keyring *keyring);

/* As anchors_take() and anchors_verified_by(); nothing where nothing can be kept. */
int keyring_take_anchors(struct keyring *keyring, uint64_t seq, struct gw_blob list,
			 struct gw_blob in_use);
int keyring_verified_by(struct keyring *keyring, struct gw_blob in_use);
