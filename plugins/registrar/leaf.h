/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leaf: who a certificate says its holder is, taken while wolfSSL verifies the chain, and what we ask of
 * the chain beyond that. One struct leaf a handshake.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct WOLFSSL_CERT_MANAGER;
struct WOLFSSL_X509_STORE_CTX;

struct leaf {
	bool verified; /* the chain is good, and the facts below are the leaf's */
	char name[GW_ID_MAX + 1];
	uint8_t serial[GW_SERIAL_MAX];
	size_t serial_len;
	uint8_t fingerprint[GW_HASH_LEN]; /* SHA-256 of the certificate */
	uint8_t key[GW_HASH_LEN];         /* SHA-256 of its SubjectPublicKeyInfo */
	uint8_t issuer[GW_HASH_LEN];      /* SHA-256 of its issuer's Name, contents */
};

/*
 * The body of a verify callback: 1 to go on, 0 to end the handshake. `manager`: that the chain is verified with.
 * `dates_matter`: the clock can be trusted. Even so a leaf that has expired goes on, if nothing else is wrong with it:
 * the agent has its dates, and decides what such a device can still get.
 */
int leaf_verify(struct leaf *leaf, int preverified, const struct WOLFSSL_X509_STORE_CTX *store,
		struct WOLFSSL_CERT_MANAGER *manager, bool dates_matter);
