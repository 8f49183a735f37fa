/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csr: is a signing request (PKCS#10) fit to be passed on? Pure. */
#pragma once

#include <stdint.h>

#include "lib/reason.h"
#include "lib/wire.h"

/*
 * Checks form (one whole request, nothing behind it), key, hash, signature and name. *ret_reason is
 * GW_REASON_NONE, and ret_key then the SHA-256 of the SubjectPublicKeyInfo, or why it is refused. An
 * empty subject is fine; a common name must be the device's id. `binding`: the session's tls-unique
 * (RFC 5929), which a challengePassword must repeat; empty: there is none to compare with.
 */
int csr_check(struct gw_blob der, const char *device, struct gw_blob binding,
	      enum gw_reason *ret_reason, uint8_t ret_key[GW_HASH_LEN]);
