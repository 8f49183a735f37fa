/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential: a certificate to connect with, its key, and the CAs of the broker, as TLS takes them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct ssl_ctx_st;

#define CREDENTIAL_CA   "cloud-ca"
#define CREDENTIAL_CERT "cloud-cert"
#define CREDENTIAL_KEY  "cloud-key"

#define CREDENTIAL_CLAIM_CERT "cloud-claim-cert"
#define CREDENTIAL_CLAIM_KEY  "cloud-claim-key"
#define CREDENTIAL_CLAIM_NAME "claim:" /* what the name in a claim's certificate begins with */

#define CREDENTIAL_FILE_MAX 262144 /* bytes */

/* Seconds since the epoch, 0 where there is nothing to read them from. */
struct credential_dates {
	int64_t not_before, not_after; /* of the gateway's certificate */
	int64_t ca_not_after;          /* of the CA, the latest of several */
};

#define CREDENTIAL_NAME_MAX   128 /* characters of a common name that is looked at */
#define CREDENTIAL_SERIAL_MAX 20  /* bytes */

/* What a certificate says of itself. */
struct credential_facts {
	struct credential_dates dates;
	char name[CREDENTIAL_NAME_MAX];
	uint8_t serial[CREDENTIAL_SERIAL_MAX];
	size_t serial_len;
};

/* Where it comes from. */
struct credential_source {
	const char *given; /* the folder of what we were given: the CA, and mostly the others too */
	int anchors_fd;    /* a folder with more CAs (anchors.h), -1: none */
	const char *cert, *key; /* what they are called */
	bool is_claim;          /* its name is a claim's, else the gateway's */

	const char *own; /* the folder that our own is in, NULL: it is in `given`; and then */
	struct gw_blob own_cert, own_key;
};

/* Whether there is anything under these names among what we were given. */
bool credential_is_given(const char *folder, const char *cert, const char *key);

/* The given CAs as PEM on the heap; -errno. */
int credential_given_ca(const char *folder, uint8_t **ret, size_t *ret_len);

/*
 * A TLS client's context with all of that, if it fits together and the gateway's
 * id; *ret_facts is written as far as files could be read. -errno else, and a sentence in `why` that
 * names the file and says what to do about it.
 */
int credential_load(const struct credential_source *source, const char *gateway,
		    struct ssl_ctx_st **ret, struct credential_facts *ret_facts, char *why,
		    size_t size);
