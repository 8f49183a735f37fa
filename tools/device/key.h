/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key: the device's own key, on P-256, and what is said in its name: the signing request. Private keys
 * are ECPrivateKey (RFC 5915) in DER, and their owner wipes them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define KEY_MAX         128  /* bytes of a private key, DER */
#define KEY_PUBLIC_MAX  128  /* bytes of a SubjectPublicKeyInfo, DER */
#define KEY_REQUEST_MAX 1024 /* bytes of a signing request, DER */

/* Makes a new key. -EIO: the library failed. */
int key_make(uint8_t key[KEY_MAX], size_t *ret_len);

/* Its SubjectPublicKeyInfo. -EBADMSG: this is no key of ours. */
int key_public(struct gw_blob key, uint8_t ret[KEY_PUBLIC_MAX], size_t *ret_len);

/* A signing request (RFC 2986) whose subject is that common name and nothing else. */
int key_request(struct gw_blob key, const char *name, uint8_t ret[KEY_REQUEST_MAX],
		size_t *ret_len);
