/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sending half of the box; lib/crypto.c opens it, on wolfCrypt. Layout: ephemeral public key,
 * nonce, ciphertext, tag. A key that cannot be one (X25519 gives all zeros) is refused by
 * libcrypto.
 */
#include "tools/cloud/box.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "lib/blob.h"
#include "lib/util.h"

#define INFO      "gangway box v1"
#define INFO_LEN  (sizeof(INFO) - 1)
#define NONCE_LEN 12
#define TAG_LEN   16
#define AES_LEN   32

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void key_context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void kdf_freep(EVP_KDF **kdf)
{
	EVP_KDF_free(*kdf);
}

static void kdf_context_freep(EVP_KDF_CTX **context)
{
	EVP_KDF_CTX_free(*context);
}

static void cipher_context_freep(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

static bool agree(EVP_PKEY *ours, const uint8_t to[BOX_KEY_LEN], uint8_t shared[BOX_KEY_LEN])
{
	_cleanup_(key_freep) EVP_PKEY *theirs =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, /* engine= */ NULL, to, BOX_KEY_LEN);
	_cleanup_(key_context_freep) EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new(ours, /* engine= */ NULL);
	size_t len = BOX_KEY_LEN;

	return theirs && context && EVP_PKEY_derive_init(context) == 1 &&
	       EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
	       EVP_PKEY_derive(context, shared, &len) == 1 && len == BOX_KEY_LEN;
}

static bool expand(uint8_t shared[BOX_KEY_LEN], const uint8_t ephemeral[BOX_KEY_LEN],
		   const uint8_t to[BOX_KEY_LEN], uint8_t ret[AES_LEN])
{
	_cleanup_(kdf_freep) EVP_KDF *kdf =
		EVP_KDF_fetch(/* libctx= */ NULL, "HKDF", /* properties= */ NULL);
	_cleanup_(kdf_context_freep) EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	uint8_t info[INFO_LEN + 2UL * BOX_KEY_LEN];
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, BOX_KEY_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(info, INFO, INFO_LEN);
	memcpy(info + INFO_LEN, ephemeral, BOX_KEY_LEN);
	memcpy(info + INFO_LEN + BOX_KEY_LEN, to, BOX_KEY_LEN);
	return context && EVP_KDF_derive(context, ret, AES_LEN, params) == 1;
}

static bool encrypt(const uint8_t key[AES_LEN], struct gw_blob associated, struct gw_blob plain,
		    uint8_t *nonce)
{
	_cleanup_(cipher_context_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t *text = nonce + NONCE_LEN;
	int len;

	return context && RAND_bytes(nonce, NONCE_LEN) == 1 &&
	       EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), /* engine= */ NULL, key, nonce) ==
		       1 &&
	       EVP_EncryptUpdate(context, /* out= */ NULL, &len, associated.data,
				 (int)associated.len) == 1 &&
	       EVP_EncryptUpdate(context, text, &len, plain.data, (int)plain.len) == 1 &&
	       EVP_EncryptFinal_ex(context, text + plain.len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + plain.len) == 1;
}

int box_seal(const uint8_t to[BOX_KEY_LEN], struct gw_blob associated, struct gw_blob plain,
	     uint8_t *ret)
{
	_cleanup_(key_freep) EVP_PKEY *ours =
		EVP_PKEY_Q_keygen(/* libctx= */ NULL, /* properties= */ NULL, "X25519");
	uint8_t shared[BOX_KEY_LEN], key[AES_LEN];
	size_t len = BOX_KEY_LEN;
	bool ok;

	ok = ours && EVP_PKEY_get_raw_public_key(ours, ret, &len) == 1 && agree(ours, to, shared) &&
	     expand(shared, ret, to, key) && encrypt(key, associated, plain, ret + BOX_KEY_LEN);
	explicit_bzero(shared, sizeof(shared));
	explicit_bzero(key, sizeof(key));
	ERR_clear_error();
	return ok ? 0 : -EIO;
}
