/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csr: certificate signing requests (PKCS #10) as they come from strangers. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/reason.h"

struct gw_blob;

/*
 * Reads a request and checks all that it proves by itself: one request and nothing behind it, of a
 * kind and size of key that we certify, signed by that key with a hash that is not broken. Returns
 * GW_REASON_NONE, or why not; ret is written only with NONE.
 */
enum gw_reason csr_read(struct gw_blob der, X509_REQ **ret);

#define KEY_HASH_LEN 32 /* SHA-256 */

/* SHA-256 of its key's SubjectPublicKeyInfo in DER: a public key's name everywhere in gangway. */
int csr_key_hash(X509_REQ *request, uint8_t ret[KEY_HASH_LEN]);

/* Whether the common name that it asks for is this one. To ask for none is fine, for two not. */
bool csr_is_in_name_of(X509_REQ *request, const char *name);

/* For _cleanup_(). */
void csr_freep(X509_REQ **request);
