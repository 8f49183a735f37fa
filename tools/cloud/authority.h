/* SPDX-License-Identifier: GPL-2.0-or-later */
/* authority: a certificate authority: its certificate, its key, and the certificates it makes. */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct home;

/* Three authorities, so that a certificate of one kind can never pass for one of another. */
#define AUTHORITY_GATEWAY   "gateway-ca"   /* who may meet at the broker, and the broker itself */
#define AUTHORITY_DEVICE    "device-ca"    /* the devices' operational anchor */
#define AUTHORITY_REGISTRAR "registrar-ca" /* what devices know a gateway's registrar by */

#define AUTHORITY_SERIAL_LEN 16 /* bytes of every serial number we give: 126 random bits */

enum profile {
	PROFILE_AUTHORITY,
	PROFILE_BROKER, /* server at the broker's port */
	PROFILE_MEMBER, /* client at the broker's port */
	PROFILE_DEVICE,
	PROFILE_REGISTRAR, /* server towards devices, and entitled to register them */
	_PROFILE_MAX,
};

/* What a certificate is to say. Nothing of a signing request comes in here but its key. */
struct order {
	enum profile profile;
	const char *name;         /* common name */
	const char *organisation; /* NULL: none */
	const char *host; /* name or address in the subject's alternative names; NULL: none */
	uint64_t lifetime_s;
	EVP_PKEY *key;
};

struct authority {
	X509 *certificate;
	EVP_PKEY *key;
};

/* NAME.crt and NAME.key in the folder. */
int authority_load(const struct home *home, const char *name, struct authority *ret);

/* Loads it, or makes what is missing of it. */
int authority_ensure(const struct home *home, const char *name, struct authority *ret);

void authority_done(struct authority *authority);

int authority_issue(const struct authority *authority, const struct order *order, X509 **ret);
