/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cloud, or whoever is in its place, sends as the gateway's own certificate: two bytes of length, so
 * many of certificate, and a chain. What is accepted can be loaded from what is kept of it, is for our key and in
 * our name alone, for clients, and no authority's; what is not is told why. A second signing request for a key is
 * for the same key.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/mqtt/keypair.h"
#include "tests/fuzz/input.h"

#define GATEWAY "gw-1"

/* Made for this, and good for nothing else. */
static const uint8_t key_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiUDpbg9SqneYS6lM\n"
	"2BySIPHcKcvUE1X1sKJDhrZp9eyhRANCAASm0UjVYUT1ULN/LrrBhSk7HNiaRXKs\n"
	"/uE5hPbucguGlnL5WNmhtX3wbZTvtO/EhvsuRR3AfUTTc3/AeUdbeI21\n"
	"-----END PRIVATE KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_blob our_key(void)
{
	return (struct gw_blob){ key_pem, sizeof(key_pem) - 1 };
}

/* Not a word of the code under test. */
static void check_accepted(const uint8_t *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len), *key_bio = BIO_new_mem_buf(key_pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL), *theirs;
	X509_NAME *name;
	char text[128] = "";

	require(pem[len] == 0 && certificate && key);
	theirs = X509_get0_pubkey(certificate);
	require(theirs && EVP_PKEY_eq(theirs, key) == 1);
	name = X509_get_subject_name(certificate);
	require(X509_NAME_get_text_by_NID(name, NID_commonName, text, sizeof(text)) > 0);
	require(gw_streq(text, GATEWAY));
	require(X509_NAME_get_index_by_NID(name, NID_commonName,
					   X509_NAME_get_index_by_NID(name, NID_commonName, -1)) ==
		-1);
	require(X509_check_ca(certificate) == 0);
	require(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT);
	EVP_PKEY_free(key);
	X509_free(certificate);
	BIO_free(key_bio);
	BIO_free(bio);
	ERR_clear_error();
}

static void ask_for_it(void)
{
	struct keypair_request first, second;

	require(keypair_request(our_key(), GATEWAY, &first) == 0);
	require(keypair_request(our_key(), GATEWAY, &second) == 0);
	require(memcmp(first.hash, second.hash, sizeof(first.hash)) == 0);
	free(first.csr);
	free(second.csr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_asked;
	struct gw_blob in = { data, size }, certificate = take_long(&in);
	uint8_t *pem = NULL;
	const char *why = NULL;
	size_t len = 0;
	int r;

	if (!has_asked)
		ask_for_it();
	has_asked = true;

	r = keypair_accept(our_key(), GATEWAY, certificate, in, &pem, &len, &why);
	require(r == 0 || (r == -EKEYREJECTED && why && !pem));
	require(ERR_peek_error() == 0);
	if (r == 0)
		check_accepted(pem, len);
	free(pem);
	return 0;
}
