/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys in memory and on disk. Whatever libcrypto leaves in its error queue is cleared before we
 * return: the next TLS read in this thread would take it for an error of its own.
 */
#include "tools/cloud/key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/blob.h"
#include "lib/util.h"

#define KEY_FILE_MAX 16384 /* bytes */

void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void bio_freep(BIO **bio)
{
	(void)BIO_free(*bio);
}

static int library_failed(int as)
{
	ERR_clear_error();
	return as;
}

int key_make(EVP_PKEY **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return library_failed(-EIO);

	*ret = key;
	return 0;
}

int key_load(int dir_fd, const char *path, EVP_PKEY **ret)
{
	_cleanup_free_ uint8_t *text = NULL;
	BIO *bio = NULL;
	EVP_PKEY *key;
	size_t len;
	int r;

	r = gw_read_file(dir_fd, path, KEY_FILE_MAX, &text, &len);
	if (r < 0)
		return r;

	bio = BIO_new_mem_buf(text, (int)len);
	key = bio ? PEM_read_bio_PrivateKey(bio, /* x= */ NULL, /* cb= */ NULL, /* u= */ NULL)
		  : NULL;
	(void)BIO_free(bio);
	explicit_bzero(text, len);
	if (!key)
		return library_failed(-EBADMSG);

	*ret = key;
	return 0;
}

int key_store(int dir_fd, const char *path, const EVP_PKEY *key)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, /* enc= */ NULL, /* kstr= */ NULL, 0,
						  /* cb= */ NULL, /* u= */ NULL) != 1)
		return library_failed(-EIO);

	len = BIO_get_mem_data(bio, &text);
	return gw_write_file(dir_fd, path, (struct gw_blob){ (uint8_t *)text, (size_t)len }, 0600);
}

int key_ensure(int dir_fd, const char *path, EVP_PKEY **ret)
{
	_cleanup_(key_freep) EVP_PKEY *key = NULL;
	int r;

	r = key_load(dir_fd, path, &key);
	if (r == -ENOENT) {
		r = key_make(&key);
		if (r >= 0)
			r = key_store(dir_fd, path, key);
	}
	if (r < 0)
		return r;

	*ret = TAKE_PTR(key);
	return 0;
}
