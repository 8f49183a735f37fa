/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bucket for all, and one for each source that lately took something. Who has used up his own may go
 * on as long as the bucket for all is half full: one source alone has all the rate, and whoever else
 * comes finds enough there for his share.
 *
 * A bucket that is full is as good as none, and it is full again a second after it was emptied: so at
 * rates up to half the table's size the fullest entry, which a newcomer takes over, never had anything
 * to remember.
 */
#include "plugins/registrar/ration.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/util.h"
#include "plugins/registrar/bucket.h"
#include "plugins/registrar/path.h"

#define SHARES_MAX  256
#define ALL_TO_EACH 4 /* sources that may take as much as they can before anybody else waits */

struct share {
	struct path_source source;
	struct bucket bucket;
};

struct ration {
	uint32_t rate;    /* of a source */
	uint32_t reserve; /* of all, for those who have something left of their own */
	struct bucket all;
	struct share shares[SHARES_MAX];
	size_t n;
};

int ration_new(uint32_t rate, uint64_t now_us, struct ration **ret)
{
	struct ration *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;

	r->rate = GW_MAX(rate / ALL_TO_EACH, 1u);
	r->reserve = (rate + 1) / 2;
	bucket_init(&r->all, rate, rate, now_us);
	*ret = r;
	return 0;
}

struct ration *ration_free(struct ration *r)
{
	free(r);
	return NULL;
}

static struct share *find_fullest(struct ration *r, uint64_t now_us)
{
	struct share *fullest = &r->shares[0];

	for (size_t i = 1; i < r->n; i++)
		if (bucket_level(&r->shares[i].bucket, now_us) >
		    bucket_level(&fullest->bucket, now_us))
			fullest = &r->shares[i];
	return fullest;
}

static struct share *get_share(struct ration *r, const struct path *path, uint64_t now_us)
{
	const struct path_source source = path_host(path);
	struct share *share;

	for (size_t i = 0; i < r->n; i++)
		if (path_source_equal(&r->shares[i].source, &source))
			return &r->shares[i];

	share = r->n < SHARES_MAX ? &r->shares[r->n++] : find_fullest(r, now_us);
	share->source = source;
	bucket_init(&share->bucket, r->rate, r->rate, now_us);
	return share;
}

bool ration_take(struct ration *r, const struct path *path, uint64_t now_us)
{
	uint32_t left = bucket_level(&r->all, now_us);

	/* Nothing is remembered of who gets nothing. */
	if (left == 0)
		return false;
	if (!bucket_take(&get_share(r, path, now_us)->bucket, now_us) && left <= r->reserve)
		return false;
	return bucket_take(&r->all, now_us);
}
