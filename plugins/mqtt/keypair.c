/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The private key is made here, leaves as PEM for its slot, and is wiped; nothing else of it is ever
 * written, logged or sent. What the cloud sends is held against it before it is kept: a certificate for
 * another key or another name could never connect.
 */
#include "plugins/mqtt/keypair.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/util.h"

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void req_freep(X509_REQ **req)
{
	X509_REQ_free(*req);
}

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}

static int library_failed(int as)
{
	ERR_clear_error();
	return as;
}

static int copy_out(BIO *bio, uint8_t **ret, size_t *ret_len)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);
	uint8_t *copy = malloc((size_t)len + 1);

	if (!copy)
		return -ENOMEM;

	memcpy(copy, text, (size_t)len);
	copy[len] = 0;
	*ret = copy;
	*ret_len = (size_t)len;
	return 0;
}

int keypair_make(uint8_t **ret_pem, size_t *ret_len)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when it is freed */

	if (!key || !bio ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, /* enc= */ NULL, /* kstr= */ NULL, 0,
					  /* cb= */ NULL, /* u= */ NULL) != 1)
		return library_failed(-EIO);
	return copy_out(bio, ret_pem, ret_len);
}

/* In the place of OpenSSL's own, which would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *userdata)
{
	return -1;
}

static int read_key(struct gw_blob pem, EVP_PKEY **ret)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	if (!key)
		return library_failed(-EBADMSG);
	*ret = key;
	return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool fill(X509_REQ *req, EVP_PKEY *key, const char *gateway)
{
	X509_NAME *name = X509_REQ_get_subject_name(req);

	return X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
					  (const unsigned char *)gateway, -1, -1, 0) == 1 &&
	       X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0;
}

static bool hash_key(X509_PUBKEY *key, uint8_t hash[KEYPAIR_HASH_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(key, &der);
	bool ok = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

int keypair_request(struct gw_blob key_pem, const char *gateway, struct keypair_request *ret)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	_cleanup_(req_freep) X509_REQ *req = X509_REQ_new();
	_cleanup_free_ uint8_t *der = NULL;
	unsigned char *at;
	int len, r;

	r = read_key(key_pem, &key);
	if (r < 0)
		return r;
	if (!req || !fill(req, key, gateway) || !hash_key(X509_REQ_get_X509_PUBKEY(req), ret->hash))
		return library_failed(-EIO);

	len = i2d_X509_REQ(req, NULL);
	at = der = len > 0 ? malloc((size_t)len) : NULL;
	if (!der || i2d_X509_REQ(req, &at) != len)
		return library_failed(-EIO);

	memcpy(ret->about, ret->hash, sizeof(ret->about));
	ret->csr = TAKE_PTR(der);
	ret->csr_len = (size_t)len;
	return 0;
}

int keypair_request_again(struct keypair_request *request, struct gw_blob certificate, unsigned n)
{
	const uint8_t count[] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
				  (uint8_t)n };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, request->hash, sizeof(request->hash)) == 1 &&
		  EVP_DigestUpdate(ctx, count, sizeof(count)) == 1 &&
		  EVP_DigestUpdate(ctx, certificate.data, certificate.len) == 1 &&
		  EVP_DigestFinal_ex(ctx, request->about, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : library_failed(-EIO);
}

/* --- being answered -------------------------------------------------------------------------- */

static bool is_named(X509 *certificate, const char *gateway)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	char name[128];
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	return first >= 0 && X509_NAME_get_index_by_NID(subject, NID_commonName, first) < 0 &&
	       X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)) > 0 &&
	       gw_streq(name, gateway);
}

/* What is wrong with it, or NULL. Its dates are not judged: the broker does, by a clock of its own. */
static const char *examine(X509 *certificate, EVP_PKEY *key, const char *gateway)
{
	if (X509_check_private_key(certificate, key) != 1)
		return "it is for another key";
	if (!is_named(certificate, gateway))
		return "it is in another name";
	if (X509_check_ca(certificate))
		return "it is an authority's";
	if (!(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT))
		return "it is not for clients";
	return NULL;
}

/* The next certificate of several in DER; NULL at the end, or where it is none. */
static X509 *next_certificate(struct gw_blob *der)
{
	const unsigned char *at = der->data;
	X509 *certificate = der->len ? d2i_X509(NULL, &at, (long)der->len) : NULL;

	if (certificate) {
		der->len -= (size_t)(at - der->data);
		der->data = at;
	}
	return certificate;
}

static const char *write_chain(BIO *bio, struct gw_blob chain)
{
	while (chain.len) {
		_cleanup_(x509_freep) X509 *issuer = next_certificate(&chain);

		if (!issuer || PEM_write_bio_X509(bio, issuer) != 1)
			return "its chain cannot be read";
	}
	return NULL;
}

int keypair_accept(struct gw_blob key_pem, const char *gateway, struct gw_blob certificate,
		   struct gw_blob chain, uint8_t **ret_pem, size_t *ret_len, const char **ret_why)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_(x509_freep) X509 *own = next_certificate(&certificate);
	int r;

	r = bio ? read_key(key_pem, &key) : -ENOMEM;
	if (r < 0)
		return r;

	*ret_why = !own || certificate.len ? "it cannot be read" : examine(own, key, gateway);
	if (!*ret_why && PEM_write_bio_X509(bio, own) != 1)
		*ret_why = "it cannot be written";
	if (!*ret_why)
		*ret_why = write_chain(bio, chain);
	ERR_clear_error();
	if (*ret_why)
		return -EKEYREJECTED;
	return copy_out(bio, ret_pem, ret_len);
}
