/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In memory: the registrar tells them whenever it has read its anchors. One that is away is as good as the last one
 * that was here, since nobody is let in meanwhile.
 */
#include "agent/issuers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "lib/wire.h"

struct issuers {
	uint8_t hashes[GW_ISSUERS_MAX * GW_HASH_LEN];
	size_t len; /* 0: not told yet, since without an anchor nothing was issued either */
};

int issuers_new(struct issuers **ret)
{
	*ret = calloc(1, sizeof(struct issuers));
	return *ret ? 0 : -ENOMEM;
}

struct issuers *issuers_free(struct issuers *issuers)
{
	free(issuers);
	return NULL;
}

void issuers_set(struct issuers *issuers, struct gw_blob hashes)
{
	issuers->len = GW_MIN(hashes.len, sizeof(issuers->hashes));
	memcpy(issuers->hashes, hashes.data, issuers->len);
}

bool issuers_lack(const struct issuers *issuers, struct gw_blob hash)
{
	if (!issuers || !issuers->len || hash.len != GW_HASH_LEN)
		return false;
	for (size_t at = 0; at + GW_HASH_LEN <= issuers->len; at += GW_HASH_LEN)
		if (memcmp(issuers->hashes + at, hash.data, GW_HASH_LEN) == 0)
			return false;
	return true;
}
