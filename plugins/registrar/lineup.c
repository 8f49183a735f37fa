/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The newcomer is never the one refused; who pays is whoever takes most. A host that has its share gives
 * up one of its own. When all places are taken, one goes of the network that has most, there of the host
 * that has most, there the one who was silent longest, the idle before those who are being served. So a
 * flood pushes out itself: from one address, from many of one network, or from a whole IPv6 prefix,
 * while a device's few places, and those of a site behind one address, stay.
 *
 * "Most" is to within a factor of two, which makes every step here independent of how many there are.
 */
#include "plugins/registrar/lineup.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/registrar/path.h"

/* A host, with its peers, or a network, with its hosts. */
struct lineup_party {
	struct lineup_party *next; /* in its bucket */
	struct path_source source;
	size_t n;                            /* peers */
	struct lineup_party *before, *after; /* in its rank */

	struct lineup_party *network; /* of a host; NULL: it is one */
	union {
		struct {
			struct lineup_item *oldest, *newest;
		} peers[2]; /* of a host: idle ones, busy ones */
		struct lineup_ranking hosts;
	};
};

/* --- ranks --- */

static size_t rank_of(size_t n)
{
	size_t rank = 63 - (size_t)__builtin_clzll(n);

	return rank < LINEUP_RANKS ? rank : LINEUP_RANKS - 1;
}

static void rank_enter(struct lineup_ranking *ranking, struct lineup_party *party)
{
	size_t rank = rank_of(party->n);

	party->before = ranking->ranks[rank].last;
	party->after = NULL;
	if (party->before)
		party->before->after = party;
	else
		ranking->ranks[rank].first = party;
	ranking->ranks[rank].last = party;
}

static void rank_leave(struct lineup_ranking *ranking, struct lineup_party *party)
{
	size_t rank = rank_of(party->n);

	if (party->before)
		party->before->after = party->after;
	else
		ranking->ranks[rank].first = party->after;
	if (party->after)
		party->after->before = party->before;
	else
		ranking->ranks[rank].last = party->before;
}

static const struct lineup_party *find_largest(const struct lineup_ranking *ranking)
{
	for (size_t i = LINEUP_RANKS; i-- > 0;)
		if (ranking->ranks[i].first)
			return ranking->ranks[i].first;
	return NULL;
}

/* Changes how many peers a party has; who stays in its rank stays in its place there. */
static void count(struct lineup_ranking *ranking, struct lineup_party *party, size_t n)
{
	size_t before = party->n;

	if (before && n && rank_of(before) == rank_of(n)) {
		party->n = n;
		return;
	}
	if (before)
		rank_leave(ranking, party);
	party->n = n;
	if (n)
		rank_enter(ranking, party);
}

/* --- parties --- */

static size_t bucket_of(const struct lineup *lineup, const struct path_source *source)
{
	return path_source_hash(source, lineup->seed) % LINEUP_BUCKETS;
}

static struct lineup_party *find(const struct lineup *lineup, struct lineup_party *const *all,
				 const struct path_source *source)
{
	struct lineup_party *party = all[bucket_of(lineup, source)];

	while (party && !path_source_equal(&party->source, source))
		party = party->next;
	return party;
}

static struct lineup_party *find_or_make(struct lineup *lineup, struct lineup_party **all,
					 const struct path_source *source)
{
	struct lineup_party **bucket = &all[bucket_of(lineup, source)];
	struct lineup_party *party = find(lineup, all, source);

	if (party)
		return party;

	party = calloc(1, sizeof(*party));
	if (!party)
		return NULL;
	party->source = *source;
	party->next = *bucket;
	*bucket = party;
	return party;
}

static void drop_if_empty(struct lineup *lineup, struct lineup_party **all,
			  struct lineup_party *party)
{
	struct lineup_party **at = &all[bucket_of(lineup, &party->source)];

	if (party->n)
		return;
	while (*at != party)
		at = &(*at)->next;
	*at = party->next;
	free(party);
}

/* --- a host's peers --- */

static void line_up(struct lineup_item *item)
{
	struct lineup_party *host = item->host;

	item->older = host->peers[item->busy].newest;
	item->newer = NULL;
	if (item->older)
		item->older->newer = item;
	else
		host->peers[item->busy].oldest = item;
	host->peers[item->busy].newest = item;
}

static void step_out(struct lineup_item *item)
{
	struct lineup_party *host = item->host;

	if (item->older)
		item->older->newer = item->newer;
	else
		host->peers[item->busy].oldest = item->newer;
	if (item->newer)
		item->newer->older = item->older;
	else
		host->peers[item->busy].newest = item->older;
}

static struct lineup_item *find_oldest(const struct lineup_party *host)
{
	return host->peers[false].oldest ? host->peers[false].oldest : host->peers[true].oldest;
}

/* --- the whole --- */

int lineup_add(struct lineup *lineup, struct lineup_item *item, const struct path *path)
{
	struct path_source host_source = path_host(path), network_source = path_network(path);
	struct lineup_party *host, *network;

	network = find_or_make(lineup, lineup->networks, &network_source);
	if (!network)
		return -ENOMEM;
	host = find_or_make(lineup, lineup->hosts, &host_source);
	if (!host) {
		drop_if_empty(lineup, lineup->networks, network);
		return -ENOMEM;
	}

	host->network = network;
	count(&network->hosts, host, host->n + 1);
	count(&lineup->ranking, network, network->n + 1);
	lineup->n++;
	*item = (struct lineup_item){ .host = host };
	line_up(item);
	return 0;
}

void lineup_touch(struct lineup_item *item, bool busy)
{
	step_out(item);
	item->busy = busy;
	line_up(item);
}

void lineup_remove(struct lineup *lineup, struct lineup_item *item)
{
	struct lineup_party *host = item->host, *network;

	if (!host)
		return;

	step_out(item);
	network = host->network;
	count(&network->hosts, host, host->n - 1);
	count(&lineup->ranking, network, network->n - 1);
	drop_if_empty(lineup, lineup->hosts, host);
	drop_if_empty(lineup, lineup->networks, network);
	lineup->n--;
	*item = (struct lineup_item){ 0 };
}

struct lineup_item *lineup_excess(const struct lineup *lineup, const struct path *path)
{
	struct path_source source = path_host(path);
	const struct lineup_party *host = find(lineup, lineup->hosts, &source);

	if (host && host->n >= lineup->max_per_source)
		return find_oldest(host);
	if (lineup->n < lineup->max || lineup->n == 0)
		return NULL;
	return find_oldest(find_largest(&find_largest(&lineup->ranking)->hosts));
}
