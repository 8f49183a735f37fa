/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pem: DER between `-----BEGIN X-----` lines (RFC 7468), as openssl reads and writes it. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define PEM_CERTIFICATE "CERTIFICATE"
#define PEM_KEY         "EC PRIVATE KEY"

/* Characters that a block of n bytes takes, with a zero byte at the end. */
#define PEM_SIZE(n) (((n) + 47) / 48 * 65 + 96)

/* Adds a block behind the *len characters of text; -ENOSPC. */
int pem_append(char *text, size_t size, size_t *len, const char *label, struct gw_blob der);

/*
 * Takes the next block with that label off *text, past all that is none; the caller frees *ret_der.
 * -ENODATA: there is no further one, -EBADMSG: its end is missing or it is not base64.
 */
int pem_next(const char **text, const char *label, uint8_t **ret_der, size_t *ret_len);

/* A list, DER one behind the other, as so many blocks of text with a zero byte at the end, and back:
 * the caller frees. -EBADMSG: malformed, -ENODATA: there is no block with that label. */
int pem_from_list(struct gw_blob list, const char *label, char **ret_text, size_t *ret_len);
int pem_to_list(const char *text, const char *label, uint8_t **ret_list, size_t *ret_len);
