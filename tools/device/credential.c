/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key and certificate live in one text, hence in one file, so that they change together or not at all:
 * there is no moment at which a certificate lies beside a key that is not its own.
 */
#include "tools/device/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "tools/device/pem.h"

/* What a blob of ours points to was allocated here, so it may be written to and freed. */
static void blob_wipe(struct gw_blob *blob)
{
	void *data = (void *)(uintptr_t)blob->data;

	if (data)
		explicit_bzero(data, blob->len);
	free(data);
	*blob = (struct gw_blob){ 0 };
}

static int parse_key(const char *text, struct gw_blob *ret)
{
	uint8_t *key = NULL, *second = NULL;
	size_t len, second_len;
	int r;

	r = pem_next(&text, PEM_KEY, &key, &len);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	*ret = (struct gw_blob){ key, len };

	r = pem_next(&text, PEM_KEY, &second, &second_len);
	if (r == -ENODATA)
		return 0;
	if (r == 0)
		blob_wipe(&(struct gw_blob){ second, second_len });
	return -EBADMSG;
}

int credential_parse(const char *text, struct credential *ret)
{
	struct credential credential = { 0 };
	uint8_t *chain = NULL;
	size_t len = 0;
	int r;

	r = parse_key(text, &credential.key);
	if (r >= 0)
		r = pem_to_list(text, PEM_CERTIFICATE, &chain, &len);
	if (r < 0 && r != -ENODATA) {
		credential_done(&credential);
		return r;
	}

	credential.chain = (struct gw_blob){ chain, len };
	*ret = credential;
	return 0;
}

int credential_format(const struct credential *credential, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *chain = NULL, *text = NULL;
	size_t chain_len = 0, size, len = 0;
	int r;

	r = pem_from_list(credential->chain, PEM_CERTIFICATE, &chain, &chain_len);
	if (r < 0)
		return r;
	size = PEM_SIZE(credential->key.len) + chain_len;
	text = malloc(size);
	if (!text)
		return -ENOMEM;

	r = pem_append(text, size, &len, PEM_KEY, credential->key);
	if (r < 0)
		return r;
	memcpy(text + len, chain, chain_len + 1);

	*ret_len = len + chain_len;
	*ret_text = TAKE_PTR(text);
	return 0;
}

int credential_set(struct credential *credential, struct gw_blob key, struct gw_blob chain)
{
	struct credential copy = { .key = { gw_blob_dup(key), key.len },
				   .chain = { gw_blob_dup(chain), chain.len } };

	if (!copy.key.data || !copy.chain.data) {
		credential_done(&copy);
		return -ENOMEM;
	}

	credential_done(credential);
	*credential = copy;
	return 0;
}

void credential_done(struct credential *credential)
{
	blob_wipe(&credential->key);
	blob_wipe(&credential->chain);
}
