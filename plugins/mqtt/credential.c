/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Credentials are read anew for every connection: a file that appears in the folder or is replaced there
 * counts from the next one on. A service manager's folder has copies, made when the unit was started; what
 * is replaced where these came from (ORIGIN) counts from a restart on, and that is said. What can be told
 * without the broker is told here: an operator should not have to read it out of a failed handshake.
 */
#include "plugins/mqtt/credential.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/util.h"
#include "plugins/mqtt/anchors.h"

#define ORIGIN "GANGWAY_CREDENTIALS_FROM"

struct why {
	const struct credential_source *source;
	const char *folder; /* that we read */
	const char *
		origin; /* where the service manager took it from, and where an operator puts things right */
	char *text;
	size_t size;
};

static void say(struct why *why, const char *format, ...) GW_PRINTF(2, 3);
static void say(struct why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->text, why->size, format, args);
	va_end(args);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* A file in memory that is wiped by file_done(). */
struct file {
	uint8_t *data;
	size_t len;
};

static void file_done(struct file *file)
{
	if (file->data)
		explicit_bzero(file->data, file->len);
	free(file->data);
}

/* A unit that has a place for a credential gives us a blank line if nobody put one there. */
static bool is_blank(const struct file *file)
{
	return file->len == 0 || (file->len == 1 && *file->data == '\n');
}

static int read_file(const char *name, const char *what, struct why *why, struct file *ret)
{
	_cleanup_close_ int dir_fd = open(why->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir_fd < 0) {
		r = -errno;
		say(why,
		    "The folder of credentials %s cannot be opened (%s): put %s, %s and %s there.",
		    why->folder, strerror(-r), CREDENTIAL_CA, CREDENTIAL_CERT, CREDENTIAL_KEY);
		return r;
	}

	r = gw_read_file(dir_fd, name, CREDENTIAL_FILE_MAX, &ret->data, &ret->len);
	if (r >= 0 && is_blank(ret))
		r = -ENOENT;
	if (r == -ENOENT)
		say(why, "%s/%s is missing: put %s there (PEM).", why->origin, name, what);
	else if (r < 0)
		say(why,
		    "%s/%s cannot be read (%s): put %s there (PEM), readable for this program.",
		    why->origin, name, strerror(-r), what);
	return r;
}

/* The last error's own words, without OpenSSL's numbers. */
static const char *openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "no reason given";
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);

	if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		days = seconds = 0;
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + seconds;
}

/* Only the CA is there in all cases, and only what was given: what we keep ourselves comes on top. */
static int load_ca(SSL_CTX *ctx, struct credential_dates *dates, struct why *why)
{
	static const char what[] = "the broker's CA certificate";
	_cleanup_(file_done) struct file file = { 0 };
	_cleanup_(bio_freep) BIO *bio = NULL;
	X509 *certificate;
	size_t n = 0;
	int r;

	r = read_file(CREDENTIAL_CA, what, why, &file);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(file.data, (int)file.len);
	if (!bio)
		return -ENOMEM;

	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate) == 1;
		dates->ca_not_after =
			GW_MAX(dates->ca_not_after, seconds_of(X509_get0_notAfter(certificate)));
		X509_free(certificate);
	}
	if (!n) {
		say(why, "%s/%s holds no certificate: put %s there (PEM).", why->origin,
		    CREDENTIAL_CA, what);
		return -EBADMSG;
	}
	return 0;
}

static void describe(X509 *certificate, struct credential_facts *facts)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	size_t len = (size_t)ASN1_STRING_length(serial);

	facts->dates.not_before = seconds_of(X509_get0_notBefore(certificate));
	facts->dates.not_after = seconds_of(X509_get0_notAfter(certificate));
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
				      facts->name, sizeof(facts->name)) < 0)
		*facts->name = 0;
	if (len <= sizeof(facts->serial)) {
		memcpy(facts->serial, ASN1_STRING_get0_data(serial), len);
		facts->serial_len = len;
	}
}

/* The broker gives a gateway the topics of its certificate's name: another name would be deaf. */
static int check_name(const char *name, const char *gateway, struct why *why)
{
	bool is_claim = strncmp(name, CREDENTIAL_CLAIM_NAME, strlen(CREDENTIAL_CLAIM_NAME)) == 0;

	if (why->source->is_claim && is_claim && gw_device_id_is_valid(name))
		return 0;
	if (!why->source->is_claim && gw_streq(name, gateway))
		return 0;

	if (why->source->is_claim)
		say(why, "%s/%s is the certificate of '%s', which is no claim: replace it.",
		    why->origin, why->source->cert, name);
	else
		say(why,
		    "%s/%s is the certificate of '%s', but this gateway is '%s': replace it, or "
		    "correct [gateway] id.",
		    why->origin, why->source->cert, name, gateway);
	return -EKEYREJECTED;
}

/* The first certificate is the gateway's, the others lead towards the broker's CA. */
static int use_certificates(SSL_CTX *ctx, BIO *bio, const char *gateway,
			    struct credential_facts *facts, struct why *why)
{
	_cleanup_(x509_freep) X509 *own = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *other;
	int r;

	if (!own || SSL_CTX_use_certificate(ctx, own) != 1) {
		say(why, "%s/%s holds no usable certificate (%s): put the gateway's there (PEM).",
		    why->origin, why->source->cert, openssl_reason());
		return -EBADMSG;
	}
	describe(own, facts);
	r = check_name(facts->name, gateway, why);
	if (r < 0)
		return r;

	while ((other = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		(void)SSL_CTX_add1_chain_cert(ctx, other);
		X509_free(other);
	}
	return 0;
}

/* Our own, or a file that was given, which is then kept in memory until `file` is done. */
static int open_bytes(const char *name, struct gw_blob own, const char *what, struct why *why,
		      struct file *file, BIO **ret)
{
	int r;

	if (!why->source->own) {
		r = read_file(name, what, why, file);
		if (r < 0)
			return r;
		own = (struct gw_blob){ file->data, file->len };
	}
	*ret = BIO_new_mem_buf(own.data, (int)own.len);
	return *ret ? 0 : -ENOMEM;
}

static int load_certificate(SSL_CTX *ctx, const char *gateway, struct credential_facts *facts,
			    struct why *why)
{
	_cleanup_(file_done) struct file file = { 0 };
	_cleanup_(bio_freep) BIO *bio = NULL;
	const char *what = why->source->is_claim
				   ? "the claim's certificate"
				   : "the gateway's certificate or, as " CREDENTIAL_CLAIM_CERT
				     " and " CREDENTIAL_CLAIM_KEY ", a claim";
	int r;

	r = open_bytes(why->source->cert, why->source->own_cert, what, why, &file, &bio);
	if (r < 0)
		return r;
	return use_certificates(ctx, bio, gateway, facts, why);
}

/* In the place of OpenSSL's own, which would ask for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *userdata)
{
	return -1;
}

static int load_key(SSL_CTX *ctx, struct why *why)
{
	static const char what[] = "the gateway's private key";
	_cleanup_(file_done) struct file file = { 0 };
	_cleanup_(bio_freep) BIO *bio = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	int r;

	r = open_bytes(why->source->key, why->source->own_key, what, why, &file, &bio);
	if (r < 0)
		return r;

	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!key) {
		say(why, "%s/%s holds no key that can be used: put %s there (PEM, no password).",
		    why->origin, why->source->key, what);
		return -EBADMSG;
	}
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		say(why, "%s is not the key of %s in %s: replace one of them.", why->source->key,
		    why->source->cert, why->origin);
		return -EKEYREJECTED;
	}
	return 0;
}

static void ctx_freep(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

/* What the service manager gave us is a copy of when it started us. */
static void say_when_it_counts(struct why *why)
{
	size_t len = strlen(why->text);

	if (why->origin != why->folder)
		(void)snprintf(why->text + len, why->size - len,
			       " Then restart gangway-mqtt.service.");
}

static bool is_given(const char *folder, const char *name)
{
	_cleanup_close_ int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(file_done) struct file file = { 0 };
	int r = dir_fd < 0 ? -errno
			   : gw_read_file(dir_fd, name, CREDENTIAL_FILE_MAX, &file.data, &file.len);

	return dir_fd >= 0 && r != -ENOENT && !(r >= 0 && is_blank(&file));
}

/* One of the two is enough: who put it there wants to hear that the other one is missing. */
bool credential_is_given(const char *folder, const char *cert, const char *key)
{
	return is_given(folder, cert) || is_given(folder, key);
}

int credential_given_ca(const char *folder, uint8_t **ret, size_t *ret_len)
{
	_cleanup_close_ int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return -errno;
	return gw_read_file(dir_fd, CREDENTIAL_CA, CREDENTIAL_FILE_MAX, ret, ret_len);
}

static int load_all(SSL_CTX *ctx, const char *gateway, struct credential_facts *facts,
		    struct why *why)
{
	int r;

	r = load_ca(ctx, &facts->dates, why);
	if (r < 0)
		return r;
	if (why->source->anchors_fd >= 0)
		anchors_add(why->source->anchors_fd, SSL_CTX_get_cert_store(ctx));

	if (why->source->own)
		why->folder = why->origin = why->source->own;
	r = load_certificate(ctx, gateway, facts, why);
	return r < 0 ? r : load_key(ctx, why);
}

int credential_load(const struct credential_source *source, const char *gateway, SSL_CTX **ret,
		    struct credential_facts *ret_facts, char *text, size_t size)
{
	_cleanup_(ctx_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const char *origin = getenv(ORIGIN);
	struct why why = { source, source->given, origin ? origin : source->given, text, size };
	int r;

	*ret_facts = (struct credential_facts){ 0 };
	say(&why, "Out of memory.");
	if (!ctx)
		return -ENOMEM;

	r = load_all(ctx, gateway, ret_facts, &why);
	ERR_clear_error(); /* what was read to the end, or refused, is told already */
	if (r < 0) {
		say_when_it_counts(&why);
		return r;
	}

	*ret = TAKE_PTR(ctx);
	return 0;
}
