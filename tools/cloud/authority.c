/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates and who signs them. What a kind of certificate says is a row of a table; the rest is
 * the same for all: version 3, a random serial number, both key identifiers, a validity that begins
 * an hour ago for the sake of slow clocks and never outlives the authority.
 */
#include "tools/cloud/authority.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "lib/util.h"
#include "tools/cloud/certificate.h"
#include "tools/cloud/home.h"
#include "tools/cloud/key.h"

#define BACKDATED_S          3600
#define AUTHORITY_LIFETIME_S ((uint64_t)20 * 365 * 86400)
#define FILE_NAME_MAX        64

struct extension {
	int nid;
	const char *value;
};

#define EXTENSIONS_MAX 5

#define END_ENTITY                                              \
	{ NID_basic_constraints, "critical,CA:FALSE" },         \
		{ NID_key_usage, "critical,digitalSignature" }, \
		{ NID_subject_key_identifier, "hash" },         \
	{                                                       \
		NID_authority_key_identifier, "keyid:always"    \
	}

/* 1.3.6.1.5.5.7.3.28 is id-kp-cmcRA: no device ever gets it, so none can play registrar. */
static const struct extension profiles[_PROFILE_MAX][EXTENSIONS_MAX] = {
	[PROFILE_AUTHORITY] = { { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
				{ NID_key_usage, "critical,keyCertSign,cRLSign" },
				{ NID_subject_key_identifier, "hash" },
				{ NID_authority_key_identifier, "keyid:always" } },
	[PROFILE_BROKER] = { END_ENTITY, { NID_ext_key_usage, "serverAuth" } },
	[PROFILE_MEMBER] = { END_ENTITY, { NID_ext_key_usage, "clientAuth" } },
	[PROFILE_DEVICE] = { END_ENTITY, { NID_ext_key_usage, "clientAuth" } },
	[PROFILE_REGISTRAR] = { END_ENTITY,
				{ NID_ext_key_usage, "serverAuth,1.3.6.1.5.5.7.3.28" } },
};

static void serial_make(uint8_t serial[AUTHORITY_SERIAL_LEN])
{
	if (RAND_bytes(serial, AUTHORITY_SERIAL_LEN) != 1)
		abort(); /* without randomness nothing here may go on */
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always of this length */
}

static bool set_serial(X509 *certificate)
{
	uint8_t serial[AUTHORITY_SERIAL_LEN];
	BIGNUM *number;
	bool ok;

	serial_make(serial);
	number = BN_bin2bn(serial, sizeof(serial), /* ret= */ NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return ok;
}

static bool add_name(X509_NAME *name, int nid, const char *text)
{
	return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1,
					  -1, 0) == 1;
}

static bool set_subject(X509 *certificate, const struct order *order)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	if (order->organisation && !add_name(name, NID_organizationName, order->organisation))
		return false;
	return add_name(name, NID_commonName, order->name);
}

/* A short life that seemed to have begun an hour ago would be over, by any fraction of it. */
static time_t backdated_s(uint64_t lifetime_s)
{
	return (time_t)GW_MIN((uint64_t)BACKDATED_S, lifetime_s / 10);
}

static bool set_validity(X509 *certificate, const X509 *issuer, uint64_t lifetime_s)
{
	time_t now = time(/* tloc= */ NULL), end;
	const ASN1_TIME *last;

	if (__builtin_add_overflow(now, lifetime_s, &end))
		return false;
	if (!ASN1_TIME_set(X509_getm_notBefore(certificate), now - backdated_s(lifetime_s)) ||
	    !ASN1_TIME_set(X509_getm_notAfter(certificate), end))
		return false;
	if (issuer == certificate)
		return true;

	last = X509_get0_notAfter(issuer);
	return ASN1_TIME_compare(X509_get0_notAfter(certificate), last) <= 0 ||
	       X509_set1_notAfter(certificate, last) == 1;
}

static bool add_extensions(X509 *certificate, X509 *issuer, enum profile profile)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, /* req= */ NULL, /* crl= */ NULL, 0);
	for (size_t i = 0; i < EXTENSIONS_MAX && profiles[profile][i].value; i++) {
		const struct extension *e = &profiles[profile][i];
		X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(/* conf= */ NULL, &context, e->nid, e->value);
		bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;

		X509_EXTENSION_free(extension);
		if (!ok)
			return false;
	}
	return true;
}

/* Takes the host as it is: an address if it reads as one, else a name. */
static GENERAL_NAME *general_name(const char *host)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
	ASN1_IA5STRING *text;
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (!name) {
		ASN1_OCTET_STRING_free(address);
		return NULL;
	}
	if (address) {
		GENERAL_NAME_set0_value(name, GEN_IPADD, address);
		return name;
	}

	text = ASN1_IA5STRING_new();
	if (!text || ASN1_STRING_set(text, host, -1) != 1) {
		ASN1_IA5STRING_free(text);
		GENERAL_NAME_free(name);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	return name;
}

static bool push_host(GENERAL_NAMES *names, const char *host)
{
	GENERAL_NAME *name = general_name(host);

	if (name && sk_GENERAL_NAME_push(names, name) > 0)
		return true;

	GENERAL_NAME_free(name);
	return false;
}

/* A broker is always reached on its own machine, too. */
static bool push_hosts(GENERAL_NAMES *names, const struct order *order)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "::1" };
	bool is_local = false;

	for (size_t i = 0; order->profile == PROFILE_BROKER && i < GW_ELEMENTS(local); i++) {
		is_local |= gw_streq(local[i], order->host);
		if (!push_host(names, local[i]))
			return false;
	}
	return is_local || push_host(names, order->host);
}

static bool add_hosts(X509 *certificate, const struct order *order)
{
	GENERAL_NAMES *names;
	bool ok;

	if (!order->host)
		return true;

	names = GENERAL_NAMES_new();
	ok = names && push_hosts(names, order) &&
	     X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) ==
		     1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool fill(X509 *certificate, X509 *issuer, const struct order *order)
{
	return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	       set_subject(certificate, order) &&
	       X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
	       set_validity(certificate, issuer, order->lifetime_s) &&
	       X509_set_pubkey(certificate, order->key) == 1 &&
	       add_extensions(certificate, issuer, order->profile) && add_hosts(certificate, order);
}

/* issuer NULL: it is its own. */
static int issue(X509 *issuer, EVP_PKEY *issuer_key, const struct order *order, X509 **ret)
{
	_cleanup_(certificate_freep) X509 *certificate = X509_new();
	bool ok;

	ok = certificate && fill(certificate, issuer ?: certificate, order) &&
	     X509_sign(certificate, issuer_key, EVP_sha256()) > 0;
	ERR_clear_error();
	if (!ok)
		return -EIO;

	*ret = TAKE_PTR(certificate);
	return 0;
}

int authority_issue(const struct authority *authority, const struct order *order, X509 **ret)
{
	return issue(authority->certificate, authority->key, order, ret);
}

void authority_done(struct authority *authority)
{
	X509_free(TAKE_PTR(authority->certificate));
	EVP_PKEY_free(TAKE_PTR(authority->key));
}

int authority_load(const struct home *home, const char *name, struct authority *ret)
{
	_cleanup_(authority_done) struct authority authority = { 0 };
	char file[FILE_NAME_MAX];
	int r;

	(void)snprintf(file, sizeof(file), "%s.crt", name);
	r = certificate_load(home->fd, file, &authority.certificate);
	if (r < 0)
		return r;

	(void)snprintf(file, sizeof(file), "%s.key", name);
	r = key_load(home->fd, file, &authority.key);
	if (r < 0)
		return r;
	if (X509_check_private_key(authority.certificate, authority.key) != 1) {
		ERR_clear_error();
		return -EKEYREJECTED;
	}

	*ret = authority;
	authority = (struct authority){ 0 };
	return 0;
}

/* The key first: whatever interrupts us, a certificate on disk has its key beside it. */
static int authority_make(const struct home *home, const char *name)
{
	_cleanup_(key_freep) EVP_PKEY *key = NULL;
	_cleanup_(certificate_freep) X509 *certificate = NULL;
	struct order order = { .profile = PROFILE_AUTHORITY, .lifetime_s = AUTHORITY_LIFETIME_S };
	char file[FILE_NAME_MAX], subject[FILE_NAME_MAX];
	int r;

	(void)snprintf(file, sizeof(file), "%s.key", name);
	r = key_ensure(home->fd, file, &key);
	if (r < 0)
		return r;

	(void)snprintf(subject, sizeof(subject), "gangway %s", name);
	order.name = subject;
	order.key = key;
	r = issue(/* issuer= */ NULL, key, &order, &certificate);
	if (r < 0)
		return r;

	(void)snprintf(file, sizeof(file), "%s.crt", name);
	return certificate_store(home->fd, file, certificate);
}

int authority_ensure(const struct home *home, const char *name, struct authority *ret)
{
	int r;

	r = authority_load(home, name, ret);
	if (r != -ENOENT)
		return r;

	r = authority_make(home, name);
	if (r < 0)
		return r;
	return authority_load(home, name, ret);
}
