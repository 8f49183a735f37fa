/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate: the fields of an X.509 certificate (RFC 5280) that a device looks at, and order among
 * several. Pure; says nothing about trust, see trust.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define CERTIFICATE_SERIAL_MAX 20 /* bytes, RFC 5280 4.1.2.2 */

/* Everything points into the certificate's own bytes. */
struct certificate {
	struct gw_blob der;
	struct gw_blob serial;
	struct gw_blob issuer, subject; /* Name, DER */
	struct gw_blob not_after;       /* digits and Z, as it stands there */
	struct gw_blob key;             /* SubjectPublicKeyInfo, DER */
	struct gw_blob extensions;      /* Extensions, DER; empty: none */
};

/* -EBADMSG: malformed, or bytes left over. */
int certificate_parse(struct gw_blob der, struct certificate *ret);

/* Takes the next certificate off a list, DER one after the other. -ENODATA: none left, -EBADMSG. */
int certificate_next(struct gw_blob *list, struct certificate *ret);

/* The text of its common name. -ENOENT: there is none, or more than one. */
int certificate_name(const struct certificate *certificate, struct gw_blob *ret);
bool certificate_is_named(const struct certificate *certificate, const char *name);

/* Whether it may issue others: a CA (RFC 5280 4.2.1.9) whose key usage, if it has one, says so. */
bool certificate_is_ca(const struct certificate *certificate);

/* Whether it may speak for a registrar: extended key usages serverAuth and id-kp-cmcRA (RFC 7030 3.6.1). */
bool certificate_is_registrar(const struct certificate *certificate);

/* "2026-12-31 23:59:59", or "?". */
void certificate_end(const struct certificate *certificate, char text[20]);

/*
 * Writes the certificate for `key` and then those that lead from it to a trust anchor to `chain`, which has
 * room for list.len bytes: the order in which TLS wants them. What belongs to no chain is left out.
 * -ENOENT: none carries the key, -EBADMSG.
 */
int certificate_chain(struct gw_blob list, struct gw_blob key, uint8_t *chain, size_t *ret_len);
