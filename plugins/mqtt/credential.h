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

/* Seconds since the epoch, 0 where there is nothing to read them from. */
struct credential_dates {
	int64_t not_before, not_after; /* of the gateway's certificate */
	int64_t ca_not_after;          /* of the CA, the latest of several */
};

/*
 * A TLS client's context with the three files of `folder`, if they fit each other and the gateway's
 * id; *ret_dates is written as far as files could be read. -errno else, and a sentence in `why` that
 * names the file and says what to do about it.
 */
int credential_load(const char *folder, const char *gateway, struct ssl_ctx_st **ret,
		    struct credential_dates *ret_dates, char *why, size_t size);
