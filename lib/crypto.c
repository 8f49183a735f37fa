/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto: a thin room around wolfCrypt. Random bytes come straight from the kernel. Everything that is
 * derived on the way (hash states, subkeys, shared secrets) is wiped before the function returns;
 * what a caller gets is the caller's to wipe. No state is kept between calls.
 */
#include "lib/crypto.h"

#include <errno.h>
#include <sys/random.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "lib/blob.h"
#include "lib/util.h"

#define NONCE_LEN 12
#define TAG_LEN   16

#define BOX_INFO "gangway box v1"

int gw_random(uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = getrandom(buf, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

bool gw_equal_secret(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < len; i++)
		difference |= (uint8_t)(x[i] ^ y[i]);
	return difference == 0;
}

/* --- hashes --- */

int gw_sha256(struct gw_blob data, uint8_t ret[GW_SHA256_LEN])
{
	wc_Sha256 sha;
	int r;

	if (wc_InitSha256(&sha) != 0)
		return -EIO;

	r = wc_Sha256Update(&sha, data.data, (word32)data.len);
	if (r == 0)
		r = wc_Sha256Final(&sha, ret);
	wc_Sha256Free(&sha);
	explicit_bzero(&sha, sizeof(sha));
	return r == 0 ? 0 : -EIO;
}

int gw_hmac(const uint8_t key[GW_KEY_LEN], const struct gw_blob *parts, size_t n_parts,
	    uint8_t ret[GW_SHA256_LEN])
{
	Hmac hmac;
	int r;

	if (wc_HmacInit(&hmac, /* heap= */ NULL, INVALID_DEVID) != 0)
		return -EIO;

	r = wc_HmacSetKey(&hmac, WC_SHA256, key, GW_KEY_LEN);
	for (size_t i = 0; r == 0 && i < n_parts; i++)
		r = wc_HmacUpdate(&hmac, parts[i].data, (word32)parts[i].len);
	if (r == 0)
		r = wc_HmacFinal(&hmac, ret);
	wc_HmacFree(&hmac);
	explicit_bzero(&hmac, sizeof(hmac));
	return r == 0 ? 0 : -EIO;
}

static int derive(const uint8_t key[GW_KEY_LEN], struct gw_blob info, uint8_t ret[GW_KEY_LEN])
{
	int r = wc_HKDF(WC_SHA256, key, GW_KEY_LEN, /* salt= */ NULL, 0, info.data,
			(word32)info.len, ret, GW_KEY_LEN);

	return r == 0 ? 0 : -EIO;
}

int gw_derive(const uint8_t key[GW_KEY_LEN], const char *info, uint8_t ret[GW_KEY_LEN])
{
	return derive(key, (struct gw_blob){ (const uint8_t *)info, strlen(info) }, ret);
}

/* --- sealing --- */

static int aes_start(Aes *aes, const uint8_t key[GW_KEY_LEN])
{
	if (wc_AesInit(aes, /* heap= */ NULL, INVALID_DEVID) != 0)
		return -EIO;
	if (wc_AesGcmSetKey(aes, key, GW_KEY_LEN) != 0) {
		wc_AesFree(aes);
		return -EIO;
	}
	return 0;
}

static void aes_end(Aes *aes)
{
	wc_AesFree(aes);
	explicit_bzero(aes, sizeof(*aes));
}

int gw_seal(const uint8_t key[GW_KEY_LEN], struct gw_blob associated, struct gw_blob plain,
	    uint8_t *ret)
{
	uint8_t *text = ret + NONCE_LEN;
	Aes aes;
	int r;

	r = gw_random(ret, NONCE_LEN);
	if (r < 0)
		return r;
	r = aes_start(&aes, key);
	if (r < 0)
		return r;

	r = wc_AesGcmEncrypt(&aes, text, plain.data, (word32)plain.len, ret, NONCE_LEN,
			     text + plain.len, TAG_LEN, associated.data, (word32)associated.len);
	aes_end(&aes);
	return r == 0 ? 0 : -EIO;
}

int gw_unseal(const uint8_t key[GW_KEY_LEN], struct gw_blob associated, struct gw_blob sealed,
	      uint8_t *ret)
{
	const uint8_t *text = sealed.data + NONCE_LEN;
	size_t len;
	Aes aes;
	int r;

	if (sealed.len < GW_SEAL_EXTRA)
		return -EBADMSG;

	r = aes_start(&aes, key);
	if (r < 0)
		return r;

	len = sealed.len - GW_SEAL_EXTRA;
	r = wc_AesGcmDecrypt(&aes, ret, text, (word32)len, sealed.data, NONCE_LEN, text + len,
			     TAG_LEN, associated.data, (word32)associated.len);
	aes_end(&aes);
	if (r != 0)
		explicit_bzero(ret, len);
	return r == 0 ? 0 : r == AES_GCM_AUTH_E ? -EBADMSG : -EIO;
}

/* --- boxes --- */

int gw_box_keypair(uint8_t ret_private[GW_X25519_LEN], uint8_t ret_public[GW_X25519_LEN])
{
	int r = gw_random(ret_private, GW_X25519_LEN);

	if (r < 0)
		return r;

	/* As RFC 7748, 5 has it; the library insists. */
	ret_private[0] &= 0xf8;
	ret_private[GW_X25519_LEN - 1] &= 0x7f;
	ret_private[GW_X25519_LEN - 1] |= 0x40;
	r = wc_curve25519_make_pub(GW_X25519_LEN, ret_public, GW_X25519_LEN, ret_private);
	return r == 0 ? 0 : -EIO;
}

static int import_keys(const uint8_t private_key[GW_X25519_LEN], const uint8_t peer[GW_X25519_LEN],
		       curve25519_key *ours, curve25519_key *theirs)
{
	if (wc_curve25519_import_private_ex(private_key, GW_X25519_LEN, ours,
					    EC25519_LITTLE_ENDIAN) != 0)
		return -EIO;
	if (wc_curve25519_import_public_ex(peer, GW_X25519_LEN, theirs, EC25519_LITTLE_ENDIAN) != 0)
		return -EBADMSG;
	return 0;
}

static int agree(const uint8_t private_key[GW_X25519_LEN], const uint8_t peer[GW_X25519_LEN],
		 uint8_t ret[GW_X25519_LEN])
{
	static const uint8_t nothing[GW_X25519_LEN];
	curve25519_key ours, theirs;
	word32 len = GW_X25519_LEN;
	int r;

	if (wc_curve25519_init(&ours) != 0)
		return -EIO;
	if (wc_curve25519_init(&theirs) != 0) {
		wc_curve25519_free(&ours);
		return -EIO;
	}

	r = import_keys(private_key, peer, &ours, &theirs);
	if (r == 0 &&
	    wc_curve25519_shared_secret_ex(&ours, &theirs, ret, &len, EC25519_LITTLE_ENDIAN) != 0)
		r = -EBADMSG;
	wc_curve25519_free(&ours);
	wc_curve25519_free(&theirs);

	/* A point of small order: everybody would know the secret (RFC 7748, 6.1). */
	if (r == 0 && gw_equal_secret(ret, nothing, sizeof(nothing)))
		r = -EBADMSG;
	return r;
}

int gw_box_open(const uint8_t private_key[GW_X25519_LEN], const uint8_t public_key[GW_X25519_LEN],
		struct gw_blob associated, struct gw_blob box, uint8_t *ret)
{
	uint8_t info[sizeof(BOX_INFO) - 1 + 2UL * GW_X25519_LEN];
	uint8_t shared[GW_X25519_LEN], key[GW_KEY_LEN];
	struct gw_blob sealed;
	int r;

	if (box.len < GW_BOX_EXTRA)
		return -EBADMSG;

	memcpy(info, BOX_INFO, sizeof(BOX_INFO) - 1);
	memcpy(info + sizeof(BOX_INFO) - 1, box.data, GW_X25519_LEN);
	memcpy(info + sizeof(BOX_INFO) - 1 + GW_X25519_LEN, public_key, GW_X25519_LEN);
	sealed = (struct gw_blob){ box.data + GW_X25519_LEN, box.len - GW_X25519_LEN };

	r = agree(private_key, box.data, shared);
	if (r == 0)
		r = derive(shared, GW_BLOB_ARRAY(info), key);
	if (r == 0)
		r = gw_unseal(key, associated, sealed, ret);
	explicit_bzero(shared, sizeof(shared));
	explicit_bzero(key, sizeof(key));
	return r;
}
