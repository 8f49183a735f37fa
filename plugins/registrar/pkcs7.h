/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkcs7: certificates in a degenerate SignedData, "certs-only" (RFC 5751 3.8, RFC 7030 4.1.3). Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gw_blob;

/* Each part holds one or more DER certificates; they come out in this order. -ENOMEM. */
int pkcs7_certs_only(const struct gw_blob *parts, size_t n_parts, uint8_t **ret, size_t *ret_len);
