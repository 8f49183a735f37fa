/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate: what a device asks of certificates (lib/x509.h reads them), and order among several.
 * Pure; says nothing about trust, see trust.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct gw_x509;

/* Takes the next certificate off a list, DER one after the other. -ENODATA: none left, -EBADMSG. */
int certificate_next(struct gw_blob *list, struct gw_x509 *ret, struct gw_blob *ret_der);

/* Whether it may issue others: a CA (RFC 5280 4.2.1.9) whose key usage, if it has one, says so. */
bool certificate_is_ca(const struct gw_x509 *x509);

/* Whether it may speak for a registrar: serverAuth and id-kp-cmcRA (RFC 7030 3.6.1). */
bool certificate_is_registrar(const struct gw_x509 *x509);

/*
 * Writes the certificate for `key` and then those that lead from it to a trust anchor to `chain`, which has
 * room for list.len bytes: the order in which TLS wants them. What belongs to no chain is left out.
 * -ENOENT: none carries the key, -EBADMSG.
 */
int certificate_chain(struct gw_blob list, struct gw_blob key, uint8_t *chain, size_t *ret_len);
