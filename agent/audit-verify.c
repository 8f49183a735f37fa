/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the key proves comes first: the sealed facts, then record after record. What only the cloud can
 * know comes last: that there were records which are not here, since the store as a whole, key and all, is an
 * old copy.
 *
 * Between two slices old records may have been dropped (then the walk goes on from the new checkpoint,
 * which is sealed) and new ones added (then it is longer).
 */
#include "agent/audit-verify.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "agent/store.h"
#include "lib/crypto.h"
#include "lib/util.h"

#define SLICE 1000

struct facts {
	struct audit_point head;
	struct audit_checkpoint checkpoint;
	struct audit_acknowledged acknowledged;
};

static int stop(struct audit_walk *walk, uint64_t first_bad, const char *why)
{
	walk->first_bad = first_bad;
	walk->why = why;
	return 0;
}

/* One that cannot be opened is found out here, all else fails. 1: all are there. */
static int load_facts(struct store *store, struct vault *vault, struct audit_walk *walk,
		      struct facts *ret)
{
	int r;

	r = audit_head(store, vault, &ret->head);
	if (r == -ENOENT)
		return stop(walk, 1, "the sealed head of the chain is missing");
	if (r == -EBADMSG)
		return stop(walk, 1, "the sealed head of the chain was changed");
	if (r >= 0)
		r = audit_checkpoint(store, vault, &ret->checkpoint);
	if (r == -EBADMSG)
		return stop(walk, 1, "the sealed beginning of the chain was changed");
	if (r >= 0)
		r = audit_acknowledged(store, vault, &ret->acknowledged);
	if (r == -EBADMSG)
		return stop(walk, 1, "the sealed note of what the cloud has was changed");
	return r < 0 ? r : 1;
}

/* Nothing may lie before the checkpoint. Numbers begin with 1, but whoever inserts a row may choose any. */
static int check_beginning(struct store *store, struct audit_walk *walk, const struct facts *facts)
{
	int64_t first = store_number(store, INT64_MAX, "SELECT min(n) FROM audit", "");

	if (first == INT64_MAX)
		return 1;
	walk->has_begun = true;
	if (first <= (int64_t)facts->checkpoint.at.n)
		return stop(walk, (uint64_t)GW_MAX(first, 1),
			    "a record was inserted before the first");
	return 1;
}

/* What is wrong with a record, or NULL. */
static const char *check(struct vault *vault, const struct audit_walk *walk,
			 const struct facts *facts, const struct audit_record *record)
{
	const struct audit_point *known = &facts->acknowledged.at;

	if (!audit_follows(&walk->at, record))
		return "a record is missing";
	if (!audit_fits(vault, &walk->at, record))
		return "a record was changed, inserted or moved";
	if (record->n == known->n && !gw_equal_secret(record->mac, known->mac, sizeof(known->mac)))
		return "the record is not the one that the cloud acknowledged";
	return NULL;
}

static int check_end(struct audit_walk *walk, const struct facts *facts)
{
	if (walk->at.n < facts->head.n || walk->at.n < facts->acknowledged.at.n)
		return stop(walk, walk->at.n + 1, "the newest records are missing");
	if (walk->at.n > facts->head.n)
		return stop(walk, facts->head.n + 1, "records were added");
	if (!gw_equal_secret(walk->at.mac, facts->head.mac, sizeof(walk->at.mac)))
		return stop(walk, walk->at.n, "the sealed head is not that of the last record");
	if (facts->acknowledged.lost_to)
		return stop(walk, facts->acknowledged.lost_from,
			    "the cloud has records that are not here: an old copy of the store was "
			    "put back");
	return 0;
}

/* Returns 1 after `max` records, 0 behind the last, or when one is bad. */
static int walk_records(struct store *store, struct vault *vault, struct audit_walk *walk,
			const struct facts *facts, size_t max)
{
	struct sqlite3_stmt *row;
	struct audit_record record;
	const char *why = NULL;
	int r;

	r = audit_select(store, walk->at.n + 1, &row);
	while (r >= 0 && !why && max-- > 0 && (r = audit_next(store, row, &record)) > 0) {
		why = check(vault, walk, facts, &record);
		if (!why) {
			walk->at.n = record.n;
			memcpy(walk->at.mac, record.mac, sizeof(walk->at.mac));
		}
	}
	if (r <= 0)
		return r;

	store_done(row);
	return why ? stop(walk, walk->at.n + 1, why) : 1;
}

int audit_walk_on(struct store *store, struct vault *vault, struct audit_walk *walk, size_t max)
{
	struct facts facts;
	int r;

	walk->why = "";
	r = load_facts(store, vault, walk, &facts);
	if (r > 0 && !walk->has_begun)
		r = check_beginning(store, walk, &facts);
	if (r <= 0)
		return r;

	if (walk->at.n < facts.checkpoint.at.n)
		walk->at = facts.checkpoint.at;
	r = walk_records(store, vault, walk, &facts, max);
	return r == 0 && !walk->first_bad ? check_end(walk, &facts) : r;
}

int audit_verify(struct store *store, struct vault *vault, uint64_t *ret_first_bad,
		 const char **ret_why)
{
	struct audit_walk walk = { 0 };
	int r;

	while ((r = audit_walk_on(store, vault, &walk, SLICE)) > 0)
		;
	if (r < 0)
		return r;
	*ret_first_bad = walk.first_bad;
	*ret_why = walk.why;
	return 0;
}
