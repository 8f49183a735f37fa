/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No list that the cloud sends can lock the gateway out: what works now is held on to until something
 * else has worked. What is held is on disk before the list that drops it; so a death in between leaves
 * one anchor too many, never one too few.
 */
#include "plugins/mqtt/anchors.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/step.h"
#include "lib/util.h"

#define FILE_MAX 262144 /* bytes */

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_freep(X509 **certificate)
{
	X509_free(*certificate);
}

static BIO *open_pem(int dir_fd, const char *name, uint8_t **ret_text)
{
	size_t len;

	if (gw_read_file(dir_fd, name, FILE_MAX, ret_text, &len) < 0)
		return NULL;
	return BIO_new_mem_buf(*ret_text, (int)len);
}

static void add_file(int dir_fd, const char *name, X509_STORE *store)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_(bio_freep) BIO *bio = open_pem(dir_fd, name, &text);
	X509 *certificate;

	while (bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		(void)X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error();
}

void anchors_add(int dir_fd, X509_STORE *store)
{
	add_file(dir_fd, ANCHORS_LIST, store);
	add_file(dir_fd, ANCHORS_HELD, store);
}

/* Whether the certificate (DER) is among those of a PEM text. */
static bool is_among(BIO *bio, struct gw_blob certificate)
{
	bool found = false;
	X509 *other;

	while (bio && (other = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		unsigned char *der = NULL;
		int len = i2d_X509(other, &der);

		found |= len > 0 && (size_t)len == certificate.len &&
			 memcmp(der, certificate.data, certificate.len) == 0;
		OPENSSL_free(der);
		X509_free(other);
	}
	ERR_clear_error();
	return found;
}

static bool is_in_text(struct gw_blob pem, struct gw_blob certificate)
{
	_cleanup_(bio_freep) BIO *bio = pem.len ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;

	return is_among(bio, certificate);
}

static bool is_in_list(int dir_fd, struct gw_blob certificate)
{
	_cleanup_free_ uint8_t *text = NULL;
	_cleanup_(bio_freep) BIO *bio = open_pem(dir_fd, ANCHORS_LIST, &text);

	return is_among(bio, certificate);
}

/* DER certificates one after the other, as PEM. */
static int write_pem(BIO *bio, struct gw_blob list)
{
	while (list.len) {
		const unsigned char *at = list.data;
		_cleanup_(x509_freep) X509 *certificate = d2i_X509(NULL, &at, (long)list.len);

		if (!certificate || PEM_write_bio_X509(bio, certificate) != 1) {
			ERR_clear_error();
			return -EBADMSG;
		}
		list.len -= (size_t)(at - list.data);
		list.data = at;
	}
	return 0;
}

static struct gw_blob contents(BIO *bio)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	return (struct gw_blob){ (uint8_t *)text, (size_t)len };
}

static bool is_same_file(int dir_fd, const char *name, struct gw_blob text)
{
	_cleanup_free_ uint8_t *old = NULL;
	size_t len;

	return gw_read_file(dir_fd, name, FILE_MAX, &old, &len) >= 0 && len == text.len &&
	       memcmp(old, text.data, len) == 0;
}

static int hold(int dir_fd, struct gw_blob certificate)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	int r = bio ? write_pem(bio, certificate) : -ENOMEM;

	return r < 0 ? r : gw_write_file(dir_fd, ANCHORS_HELD, contents(bio), 0600);
}

int anchors_take(int dir_fd, struct gw_blob list, struct gw_blob in_use, struct gw_blob given)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	int r = bio ? write_pem(bio, list) : -ENOMEM;

	if (r < 0 || is_same_file(dir_fd, ANCHORS_LIST, contents(bio)))
		return r;

	if (in_use.len && !is_in_text(given, in_use) && !is_in_text(contents(bio), in_use)) {
		r = hold(dir_fd, in_use);
		if (r < 0)
			return r;
	}

	gw_step_before(ANCHORS_STEP);
	r = gw_write_file(dir_fd, ANCHORS_LIST, contents(bio), 0600);
	if (r < 0)
		return r;
	gw_step_after(ANCHORS_STEP);
	return 0;
}

int anchors_verified_by(int dir_fd, struct gw_blob in_use, struct gw_blob given)
{
	if (!is_in_text(given, in_use) && !is_in_list(dir_fd, in_use))
		return 0;
	if (unlinkat(dir_fd, ANCHORS_HELD, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}
