/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates on their way between libcrypto's form and everybody else's. Clears libcrypto's error
 * queue behind itself (see key.c).
 */
#include "tools/cloud/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "lib/blob.h"
#include "lib/hex.h"
#include "lib/util.h"

#define CERTIFICATE_FILE_MAX 65536 /* bytes */

void certificate_freep(X509 **certificate)
{
	X509_free(*certificate);
}

static int library_failed(int as)
{
	ERR_clear_error();
	return as;
}

int certificate_load(int dir_fd, const char *path, X509 **ret)
{
	_cleanup_free_ uint8_t *text = NULL;
	X509 *certificate;
	size_t len;
	BIO *bio;
	int r;

	r = gw_read_file(dir_fd, path, CERTIFICATE_FILE_MAX, &text, &len);
	if (r < 0)
		return r;

	bio = BIO_new_mem_buf(text, (int)len);
	certificate =
		bio ? PEM_read_bio_X509(bio, /* x= */ NULL, /* cb= */ NULL, /* u= */ NULL) : NULL;
	(void)BIO_free(bio);
	if (!certificate)
		return library_failed(-EBADMSG);

	*ret = certificate;
	return 0;
}

int certificate_store(int dir_fd, const char *path, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int r;

	if (!bio || PEM_write_bio_X509(bio, certificate) != 1) {
		(void)BIO_free(bio);
		return library_failed(-EIO);
	}

	len = BIO_get_mem_data(bio, &text);
	r = gw_write_file(dir_fd, path, (struct gw_blob){ (uint8_t *)text, (size_t)len }, 0644);
	(void)BIO_free(bio);
	return r;
}

int certificate_encode(X509 *certificate, uint8_t **ret, size_t *ret_len)
{
	int len = i2d_X509(certificate, /* out= */ NULL);
	_cleanup_free_ uint8_t *der = NULL;
	unsigned char *at;

	if (len <= 0)
		return library_failed(-EIO);

	der = malloc((size_t)len);
	if (!der)
		return -ENOMEM;

	at = der;
	if (i2d_X509(certificate, &at) != len)
		return library_failed(-EIO);

	*ret_len = (size_t)len;
	*ret = TAKE_PTR(der);
	return 0;
}

int certificate_serial(X509 *certificate, char text[CERTIFICATE_SERIAL_TEXT])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	int len = ASN1_STRING_length(serial);

	if (len < 1 || len > (CERTIFICATE_SERIAL_TEXT - 1) / 2)
		return -ERANGE;

	gw_hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, text);
	return 0;
}

static int seconds(const ASN1_TIME *time, uint64_t *ret)
{
	struct tm tm;
	time_t t;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return library_failed(-EINVAL);

	t = timegm(&tm);
	if (t < 0)
		return -ERANGE;

	*ret = (uint64_t)t;
	return 0;
}

int certificate_validity(X509 *certificate, uint64_t *ret_not_before, uint64_t *ret_not_after)
{
	uint64_t from, to;
	int r;

	r = seconds(X509_get0_notBefore(certificate), &from);
	if (r >= 0)
		r = seconds(X509_get0_notAfter(certificate), &to);
	if (r < 0)
		return r;

	*ret_not_before = from;
	*ret_not_after = to;
	return 0;
}
