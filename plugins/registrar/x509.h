/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x509: the fields of certificates (RFC 5280) and signing requests (RFC 2986) that gangway compares.
 * Pure; all blobs point into the DER that was parsed. It judges nothing: signatures and chains are
 * wolfSSL's, what must match what is said in csr.c, certificate.c and server-key.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

enum x509_use {
	X509_USE_CLIENT = 1 << 0,    /* id-kp-clientAuth */
	X509_USE_SERVER = 1 << 1,    /* id-kp-serverAuth */
	X509_USE_REGISTRAR = 1 << 2, /* id-kp-cmcRA, RFC 6402 */
	X509_USE_ANY = 1 << 3,       /* anyExtendedKeyUsage */
	X509_USE_OTHER = 1 << 4,
};

/* Bits of the first byte of KeyUsage (RFC 5280 4.2.1.3) that matter here. */
enum x509_key_usage {
	X509_KEY_SIGNS = 1 << 7,              /* digitalSignature */
	X509_KEY_SIGNS_CERTIFICATES = 1 << 2, /* keyCertSign */
};

enum x509_attribute {
	X509_COMMON_NAME,
	X509_ORGANISATION,
	_X509_ATTRIBUTE_MAX,
};

struct x509 {
	struct gw_blob serial;          /* big-endian, without leading zeros; one zero byte for 0 */
	struct gw_blob subject;         /* the Name's contents, for x509_name_...() */
	struct gw_blob spki;            /* SubjectPublicKeyInfo, whole */
	uint64_t not_before, not_after; /* seconds since the epoch, 0 for before it */
	unsigned uses;                  /* enum x509_use, or-ed; 0: no such extension */
	unsigned key_usage;             /* enum x509_key_usage, or-ed; all: no such extension */
	bool is_ca;
};

struct x509_request {
	struct gw_blob subject;   /* as above */
	struct gw_blob spki;      /* whole */
	struct gw_blob algorithm; /* AlgorithmIdentifier of its signature, whole */
	struct gw_blob challenge; /* the text of challengePassword (RFC 2985 5.4.1), or empty */
};

/* -EBADMSG: not exactly one well-formed certificate. */
int x509_parse(struct gw_blob der, struct x509 *ret);

/* -EBADMSG: not exactly one well-formed signing request. */
int x509_parse_request(struct gw_blob der, struct x509_request *ret);

/* Whether the subject has the attribute, once or more, and each time with just this text. */
bool x509_name_is(struct gw_blob subject, enum x509_attribute attribute, const char *text);

/* Whether the subject has the attribute at all. */
bool x509_name_has(struct gw_blob subject, enum x509_attribute attribute);

/* Splits DER certificates that stand one after the other. -EBADMSG: not whole ones; -E2BIG: more. */
int x509_split(struct gw_blob der, struct gw_blob *certs, size_t max, size_t *ret_n);
