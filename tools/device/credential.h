/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential: the device's key and, once there is one, the certificate for it; one PEM text. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct credential {
	struct gw_blob key;   /* ECPrivateKey, DER; empty: there is no credential */
	struct gw_blob chain; /* the certificate, then its issuers, DER; may be empty */
};

/* -EBADMSG: no key, more than one, or anything malformed. */
int credential_parse(const char *text, struct credential *ret);

/* The caller wipes and frees the text. */
int credential_format(const struct credential *credential, char **ret_text, size_t *ret_len);

/* Puts copies in the place of what is there. -ENOMEM: nothing has changed. */
int credential_set(struct credential *credential, struct gw_blob key, struct gw_blob chain);

void credential_done(struct credential *credential);
