/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One command at a time, in memory: whoever sends the next before this one is whole has given it up, or will repeat it.
 * Whether the whole is what somebody signed is for others to see, so the digest is only a name: parts of two lists are
 * never mixed, also where a command brings the newest list each time that it is repeated.
 */
#include "plugins/mqtt/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/mqtt/dialect.h"

struct piece {
	uint8_t *data; /* NULL: it has not come yet */
	size_t len;
};

struct parts {
	char id[GW_ID_MAX + 1];
	uint8_t digest[GW_HASH_LEN];
	struct piece pieces[DIALECT_PARTS_MAX];
	uint32_t n; /* of the whole; 0: nothing is begun */
	size_t len; /* of those that are here */
};

static void forget(struct parts *parts)
{
	for (size_t i = 0; i < DIALECT_PARTS_MAX; i++)
		free(parts->pieces[i].data);
	*parts = (struct parts){ 0 };
}

static bool goes_on(const struct parts *parts, const char *id, const struct dialect_part *part)
{
	return parts->n && gw_streq(parts->id, id) &&
	       gw_blob_equal(part->digest, GW_BLOB_ARRAY(parts->digest));
}

static void begin(struct parts *parts, const char *id, const struct dialect_part *part)
{
	forget(parts);
	(void)gw_copy(parts->id, sizeof(parts->id), id);
	memcpy(parts->digest, part->digest.data, sizeof(parts->digest));
	parts->n = part->parts;
}

static int keep(struct parts *parts, const struct dialect_part *part)
{
	struct piece *piece = &parts->pieces[part->part - 1];

	if (piece->data)
		return 0;
	if (parts->len + part->content.len > GW_CRL_MAX)
		return -EFBIG;
	piece->data = gw_blob_dup(part->content);
	if (!piece->data)
		return -ENOMEM;
	piece->len = part->content.len;
	parts->len += piece->len;
	return 0;
}

static bool is_whole(const struct parts *parts)
{
	for (uint32_t i = 0; i < parts->n; i++)
		if (!parts->pieces[i].data)
			return false;
	return true;
}

static int join(const struct parts *parts, uint8_t **ret, size_t *ret_len)
{
	uint8_t *whole = malloc(parts->len), *at = whole;

	if (!whole)
		return -ENOMEM;
	for (uint32_t i = 0; i < parts->n; i++) {
		memcpy(at, parts->pieces[i].data, parts->pieces[i].len);
		at += parts->pieces[i].len;
	}
	*ret = whole;
	*ret_len = parts->len;
	return 1;
}

int parts_take(struct parts *parts, const char *id, const struct dialect_part *part, uint8_t **ret,
	       size_t *ret_len)
{
	int r;

	if (!goes_on(parts, id, part))
		begin(parts, id, part);
	r = part->parts == parts->n && part->part <= parts->n ? keep(parts, part) : -EBADMSG;
	if (r >= 0 && !is_whole(parts))
		return 0;
	if (r >= 0)
		r = join(parts, ret, ret_len);
	forget(parts);
	return r;
}

int parts_new(struct parts **ret)
{
	struct parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		return -ENOMEM;
	*ret = parts;
	return 0;
}

struct parts *parts_free(struct parts *parts)
{
	if (parts)
		forget(parts);
	free(parts);
	return NULL;
}
