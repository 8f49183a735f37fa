/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x509: the fields of certificates (RFC 5280) and signing requests (RFC 2986) that gangway compares.
 * Pure; all blobs point into the DER that was parsed. It judges nothing: signatures and chains are
 * wolfSSL's, and what must match what is for those who ask.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

enum gw_x509_use {
	GW_X509_USE_CLIENT = 1 << 0,    /* id-kp-clientAuth */
	GW_X509_USE_SERVER = 1 << 1,    /* id-kp-serverAuth */
	GW_X509_USE_REGISTRAR = 1 << 2, /* id-kp-cmcRA, RFC 6402 */
	GW_X509_USE_ANY = 1 << 3,       /* anyExtendedKeyUsage */
	GW_X509_USE_OTHER = 1 << 4,
};

/* Bits of the first byte of KeyUsage (RFC 5280 4.2.1.3) that matter here. */
enum gw_x509_key_usage {
	GW_X509_KEY_SIGNS = 1 << 7,              /* digitalSignature */
	GW_X509_KEY_SIGNS_CERTIFICATES = 1 << 2, /* keyCertSign */
	GW_X509_KEY_SIGNS_CRLS = 1 << 1,         /* cRLSign */
};

enum gw_x509_attribute {
	GW_X509_COMMON_NAME,
	GW_X509_ORGANISATION,
	_GW_X509_ATTRIBUTE_MAX,
};

struct gw_x509 {
	struct gw_blob serial;          /* big-endian, without leading zeros; one zero byte for 0 */
	struct gw_blob issuer, subject; /* the Names' contents, for gw_x509_name_...() */
	struct gw_blob spki;            /* SubjectPublicKeyInfo, whole */
	uint64_t not_before, not_after; /* seconds since the epoch, 0 for before it */
	unsigned uses;                  /* enum gw_x509_use, or-ed; 0: no such extension */
	unsigned key_usage;             /* enum gw_x509_key_usage, or-ed; all: no such extension */
	bool is_ca;
};

struct gw_x509_request {
	struct gw_blob subject;   /* as above */
	struct gw_blob spki;      /* whole */
	struct gw_blob algorithm; /* AlgorithmIdentifier of its signature, whole */
	struct gw_blob challenge; /* the text of challengePassword (RFC 2985 5.4.1), or empty */
};

/* -EBADMSG: not exactly one well-formed certificate. */
int gw_x509_parse(struct gw_blob der, struct gw_x509 *ret);

/* -EBADMSG: not exactly one well-formed signing request. */
int gw_x509_parse_request(struct gw_blob der, struct gw_x509_request *ret);

/* Whether the subject has the attribute, once or more, and each time with just this text. */
bool gw_x509_name_is(struct gw_blob subject, enum gw_x509_attribute attribute, const char *text);

/* The value of the attribute, which the subject must have just once: -ENOENT. */
int gw_x509_name_get(struct gw_blob subject, enum gw_x509_attribute attribute, struct gw_blob *ret);

/* Whether the subject has the attribute at all. */
bool gw_x509_name_has(struct gw_blob subject, enum gw_x509_attribute attribute);

/* Splits DER certificates that stand one after the other. -EBADMSG: not whole ones; -E2BIG: more. */
int gw_x509_split(struct gw_blob der, struct gw_blob *certs, size_t max, size_t *ret_n);
