/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential: the gateway's own certificate, its key, and the CA of the broker, as files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;

#define CREDENTIAL_CA   "cloud-ca"
#define CREDENTIAL_CERT "cloud-cert"
#define CREDENTIAL_KEY  "cloud-key"

#define CREDENTIAL_FILE_MAX 262144 /* bytes */

/*
 * A TLS client's context with the three files of `folder`, if they fit each other and the gateway's
 * id. *ret_not_before is the time (seconds since the epoch) when the gateway's certificate began to
 * hold. -errno else, and a sentence in `why` that names the file and says what to do about it.
 */
int credential_load(const char *folder, const char *gateway, struct ssl_ctx_st **ret,
		    int64_t *ret_not_before, char *why, size_t size);
