/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mini-ca: certificates for the runs of a fuzz target: one authority, and what it signs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define MINI_CA_CERT_MAX 512
#define MINI_CA_KEY_MAX  160

/* A key of its own; `private` as wolfSSL takes it, `spki` a SubjectPublicKeyInfo; both DER. */
struct mini_key {
	uint8_t private[MINI_CA_KEY_MAX], spki[128];
	size_t private_len, spki_len;
};

void mini_key_make(struct mini_key *ret);

struct mini_ca {
	struct mini_key key;
	uint8_t cert[MINI_CA_CERT_MAX];
	size_t len;
};

void mini_ca_init(struct mini_ca *ret);

/* A certificate for a key, with no end. `uses`: enum gw_x509_use. Returns its length. */
size_t mini_ca_issue(const struct mini_ca *ca, struct gw_blob spki, const char *name, unsigned uses,
		     uint8_t ret[MINI_CA_CERT_MAX]);
