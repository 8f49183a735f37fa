/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One root key; from it a subkey a tenant (so that one tenant's secrets say nothing of another's)
 * and one for the audit chain, by HKDF. The associated data binds what is sealed to its owner and
 * kind. The key pair for boxes is made once and kept sealed in the store.
 */
#include "agent/vault.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/store.h"
#include "lib/crypto.h"
#include "lib/util.h"

#define CREDENTIAL   "store-key"
#define OWN_FILE     "store.key"
#define KEY_FILE_MAX 4096
#define KEY_FILE_MIN 32
#define PLAIN_MAX    256
#define VERSION      "1"
#define BOX_META     "box-key"

struct vault {
	enum vault_key key;
	uint8_t root[GW_KEY_LEN];
	uint8_t audit[GW_KEY_LEN];
	uint8_t box_private[GW_X25519_LEN];
	uint8_t box_public[GW_X25519_LEN];
};

/* --- the root key --- */

/* Where the service manager's unit has a place for a key and nobody put one there, it gives a blank line. */
static bool is_blank(const uint8_t *contents, size_t len)
{
	return len == 0 || (len == 1 && *contents == '\n');
}

static int read_key_file(const char *folder, const char *name, uint8_t root[GW_KEY_LEN])
{
	_cleanup_free_ uint8_t *contents = NULL;
	_cleanup_free_ char *path = NULL;
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	r = gw_read_file(AT_FDCWD, path, KEY_FILE_MAX, &contents, &len);
	if (r < 0)
		return r;
	if (is_blank(contents, len))
		return -ENOENT;

	r = len < KEY_FILE_MIN ? -EINVAL : gw_sha256((struct gw_blob){ contents, len }, root);
	explicit_bzero(contents, len);
	return r;
}

static int make_key_file(const char *folder)
{
	_cleanup_free_ char *path = NULL;
	uint8_t key[KEY_FILE_MIN];
	int r;

	if (asprintf(&path, "%s/%s", folder, OWN_FILE) < 0)
		return -ENOMEM;
	r = gw_random(key, sizeof(key));
	if (r >= 0)
		r = gw_write_file(AT_FDCWD, path, GW_BLOB_ARRAY(key), 0600);
	explicit_bzero(key, sizeof(key));
	return r;
}

/* A store that is older than its key would hold secrets that nobody can open. */
static int find_own_key(const char *folder, struct store *store, uint8_t root[GW_KEY_LEN])
{
	uint8_t sealed[PLAIN_MAX];
	size_t len;
	int r;

	r = read_key_file(folder, OWN_FILE, root);
	if (r != -ENOENT)
		return r;
	r = store_meta_get(store, BOX_META, sealed, sizeof(sealed), &len);
	if (r >= 0)
		return -ENOKEY;
	if (r != -ENOENT)
		return r;

	r = make_key_file(folder);
	return r < 0 ? r : read_key_file(folder, OWN_FILE, root);
}

/* Where a credential is asked for, a key of our own in its place would only seem to do what its owner wants. */
static int find_root(struct vault *vault, const char *folder, struct store *store,
		     enum vault_key wanted)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int r = credentials ? read_key_file(credentials, CREDENTIAL, vault->root) : -ENOENT;

	vault->key = VAULT_KEY_CREDENTIAL;
	if (r != -ENOENT)
		return r;
	if (wanted == VAULT_KEY_CREDENTIAL)
		return -ENOKEY;

	vault->key = VAULT_KEY_OWN;
	return find_own_key(folder, store, vault->root);
}

/* --- sealing --- */

static int subkey(struct vault *vault, const char *tenant, uint8_t ret[GW_KEY_LEN])
{
	char info[128];

	(void)snprintf(info, sizeof(info), "gangway vault " VERSION " tenant %s", tenant);
	return gw_derive(vault->root, info, ret);
}

static struct gw_blob associate(const struct vault_name *name, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s|%s|%s|" VERSION, name->tenant, name->device, name->kind);

	return (struct gw_blob){ (const uint8_t *)buf, GW_MIN((size_t)n, size - 1) };
}

int vault_seal(struct vault *vault, const struct vault_name *name, struct gw_blob plain,
	       uint8_t *sealed)
{
	uint8_t key[GW_KEY_LEN];
	char buf[256];
	int r;

	r = subkey(vault, name->tenant, key);
	if (r >= 0)
		r = gw_seal(key, associate(name, buf, sizeof(buf)), plain, sealed);
	explicit_bzero(key, sizeof(key));
	return r;
}

int vault_unseal(struct vault *vault, const struct vault_name *name, struct gw_blob sealed,
		 uint8_t *plain, size_t *ret_len)
{
	uint8_t key[GW_KEY_LEN];
	char buf[256];
	int r;

	if (sealed.len < GW_SEAL_EXTRA)
		return -EBADMSG;

	r = subkey(vault, name->tenant, key);
	if (r >= 0)
		r = gw_unseal(key, associate(name, buf, sizeof(buf)), sealed, plain);
	explicit_bzero(key, sizeof(key));
	if (r >= 0)
		*ret_len = sealed.len - GW_SEAL_EXTRA;
	return r;
}

int vault_mac(struct vault *vault, const struct gw_blob *parts, size_t n_parts,
	      uint8_t ret[VAULT_MAC_LEN])
{
	return gw_hmac(vault->audit, parts, n_parts, ret);
}

/* --- boxes --- */

static const struct vault_name box_name = { "", "", "box-key" };

static int make_box_key(struct vault *vault, struct store *store)
{
	uint8_t pair[2 * GW_X25519_LEN], sealed[sizeof(pair) + GW_SEAL_EXTRA];
	int r;

	r = gw_box_keypair(pair, pair + GW_X25519_LEN);
	if (r >= 0)
		r = vault_seal(vault, &box_name, GW_BLOB_ARRAY(pair), sealed);
	if (r >= 0)
		r = store_meta_set(store, BOX_META, GW_BLOB_ARRAY(sealed));
	explicit_bzero(pair, sizeof(pair));
	return r;
}

static int load_box_key(struct vault *vault, struct store *store)
{
	uint8_t sealed[PLAIN_MAX], pair[PLAIN_MAX];
	size_t sealed_len, len;
	int r;

	r = store_meta_get(store, BOX_META, sealed, sizeof(sealed), &sealed_len);
	if (r < 0)
		return r;
	r = vault_unseal(vault, &box_name, (struct gw_blob){ sealed, sealed_len }, pair, &len);
	if (r >= 0 && len != 2UL * GW_X25519_LEN)
		r = -EBADMSG;
	if (r >= 0) {
		memcpy(vault->box_private, pair, GW_X25519_LEN);
		memcpy(vault->box_public, pair + GW_X25519_LEN, GW_X25519_LEN);
	}
	explicit_bzero(pair, sizeof(pair));
	return r;
}

const uint8_t *vault_box_key(const struct vault *vault)
{
	return vault->box_public;
}

int vault_open_box(struct vault *vault, struct gw_blob associated, struct gw_blob box,
		   uint8_t *plain, size_t size, size_t *ret_len)
{
	int r;

	if (box.len < GW_BOX_EXTRA || box.len - GW_BOX_EXTRA > size)
		return -EBADMSG;

	r = gw_box_open(vault->box_private, vault->box_public, associated, box, plain);
	if (r >= 0)
		*ret_len = box.len - GW_BOX_EXTRA;
	return r;
}

/* --- life --- */

static int set_up(struct vault *vault, const char *folder, struct store *store,
		  enum vault_key wanted)
{
	int r;

	r = find_root(vault, folder, store, wanted);
	if (r < 0)
		return r;
	r = gw_derive(vault->root, "gangway vault " VERSION " audit", vault->audit);
	if (r < 0)
		return r;

	r = load_box_key(vault, store);
	if (r != -ENOENT)
		return r;
	r = make_box_key(vault, store);
	return r < 0 ? r : load_box_key(vault, store);
}

static const char *advice(int r, enum vault_key wanted)
{
	switch (r) {
	case -ENOKEY:
		if (wanted == VAULT_KEY_CREDENTIAL)
			return "[store] key asks for the credential store-key, and the service "
			       "manager has given none: see that the file is where "
			       "gangwayd.service "
			       "takes it from";
		return "the store's key is gone: put back store.key, or the credential store-key";
	case -EBADMSG:
		return "the store was sealed under another key: put back the right store-key";
	case -EINVAL: return "the key is shorter than 32 bytes";
	case -EACCES: return "the key cannot be read: check its owner and mode";
	default: return strerror(-r);
	}
}

enum vault_key vault_key(const struct vault *vault)
{
	return vault->key;
}

int vault_open(const char *folder, struct store *store, enum vault_key wanted, struct vault **ret,
	       char *error, size_t error_size)
{
	struct vault *vault = calloc(1, sizeof(*vault));
	int r;

	if (!vault)
		return -ENOMEM;

	r = set_up(vault, folder, store, wanted);
	if (r < 0) {
		(void)snprintf(error, error_size, "The vault in %s cannot be opened: %s", folder,
			       advice(r, wanted));
		vault_close(vault);
		return r;
	}

	*ret = vault;
	return 0;
}

struct vault *vault_close(struct vault *vault)
{
	if (vault)
		explicit_bzero(vault, sizeof(*vault));
	free(vault);
	return NULL;
}
