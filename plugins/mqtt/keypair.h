/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keypair: the gateway's own key, the request for its certificate, and whether one fits the other. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define KEYPAIR_HASH_LEN 32

/* A signing request in DER, on the heap, and its key's name everywhere in gangway. */
struct keypair_request {
	uint8_t *csr;
	size_t csr_len;
	uint8_t hash[KEYPAIR_HASH_LEN];  /* SHA-256 of the SubjectPublicKeyInfo */
	uint8_t about[KEYPAIR_HASH_LEN]; /* what one job is about: a key, by its hash */
};

/* A new P-256 key as PEM, on the heap; wipe it. */
int keypair_make(uint8_t **ret_pem, size_t *ret_len);

/* -EBADMSG: there is no key in the file. Free ret->csr with free(). */
int keypair_request(struct gw_blob key_pem, const char *gateway, struct keypair_request *ret);

/* It is about a key that has had this certificate, and asks for another for the nth time: a job of its own. */
int keypair_request_again(struct keypair_request *request, struct gw_blob certificate, unsigned n);

/*
 * The certificate that came for the key, and the chain behind it (DER, one after the other), as PEM on the
 * heap. -EKEYREJECTED, with what is wrong in *ret_why: it is not what was asked for.
 */
int keypair_accept(struct gw_blob key_pem, const char *gateway, struct gw_blob certificate,
		   struct gw_blob chain, uint8_t **ret_pem, size_t *ret_len, const char **ret_why);
