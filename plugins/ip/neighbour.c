/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every neighbour has two sides: what was seen last, and what the agent was told last. One whose sides
 * differ stands in a queue, once; when its turn comes they may be equal again, and nothing is said. One
 * that is neither present nor told is forgotten at once. The tree finds by address, whatever addresses
 * a stranger makes up; the list holds all, to walk over.
 */
#include "plugins/ip/neighbour.h"

#include <search.h>

#include "lib/util.h"

struct record {
	struct neighbour seen; /* its interface, family and address are the key in the tree */

	bool is_told; /* that it is present, with this link address */
	uint8_t told_mac[NEIGHBOUR_MAC_MAX];
	size_t told_mac_len;

	bool is_stale;  /* not seen since neighbours_begin() */
	bool is_queued; /* waits in the queue of changes */
	struct record *next_change;
	struct record *next, *prev;
};

struct neighbours {
	void *tree;
	struct record *all;
	size_t n;
	struct record *first_change, **last_change;
};

static int compare(const void *a, const void *b)
{
	const struct neighbour *x = &((const struct record *)a)->seen;
	const struct neighbour *y = &((const struct record *)b)->seen;
	int order = strcmp(x->interface, y->interface);

	if (order == 0)
		order = x->family - y->family;
	return order ? order : memcmp(x->address, y->address, sizeof(x->address));
}

/* What the agent was told is no longer so. */
static bool is_news(const struct record *e)
{
	if (e->seen.present != e->is_told)
		return true;
	return e->is_told && (e->seen.mac_len != e->told_mac_len ||
			      memcmp(e->seen.mac, e->told_mac, e->told_mac_len) != 0);
}

static void forget(struct neighbours *neighbours, struct record *e)
{
	(void)tdelete(e, &neighbours->tree, compare);
	if (e->next)
		e->next->prev = e->prev;
	if (e->prev)
		e->prev->next = e->next;
	else
		neighbours->all = e->next;
	neighbours->n--;
	free(e);
}

/* After every change of a side: queues what is news, forgets what is nothing. */
static void settle(struct neighbours *neighbours, struct record *e)
{
	if (e->is_queued)
		return;
	if (!is_news(e)) {
		if (!e->seen.present)
			forget(neighbours, e);
		return;
	}

	e->is_queued = true;
	e->next_change = NULL;
	*neighbours->last_change = e;
	neighbours->last_change = &e->next_change;
}

static struct record *take_change(struct neighbours *neighbours)
{
	struct record *e = neighbours->first_change;

	if (!e)
		return NULL;

	neighbours->first_change = e->next_change;
	if (!neighbours->first_change)
		neighbours->last_change = &neighbours->first_change;
	e->is_queued = false;
	return e;
}

static int add(struct neighbours *neighbours, const struct neighbour *seen, struct record **ret)
{
	struct record *e;

	if (neighbours->n == NEIGHBOURS_MAX)
		return -ENOSPC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;

	e->seen = *seen;
	if (!tsearch(e, &neighbours->tree, compare)) {
		free(e);
		return -ENOMEM;
	}
	e->next = neighbours->all;
	if (e->next)
		e->next->prev = e;
	neighbours->all = e;
	neighbours->n++;
	*ret = e;
	return 0;
}

static void see_gone(struct neighbours *neighbours, struct record *e)
{
	e->seen.present = false;
	settle(neighbours, e);
}

struct neighbours *neighbours_new(void)
{
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));

	if (neighbours)
		neighbours->last_change = &neighbours->first_change;
	return neighbours;
}

void neighbours_clear(struct neighbours *neighbours)
{
	while (neighbours->all)
		forget(neighbours, neighbours->all);
	neighbours->first_change = NULL;
	neighbours->last_change = &neighbours->first_change;
}

struct neighbours *neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return NULL;

	neighbours_clear(neighbours);
	free(neighbours);
	return NULL;
}

static bool has_mac(const struct record *e, const struct neighbour *seen)
{
	return e->seen.mac_len == seen->mac_len &&
	       memcmp(e->seen.mac, seen->mac, seen->mac_len) == 0;
}

int neighbours_see(struct neighbours *neighbours, const struct neighbour *seen)
{
	struct record wanted = { .seen = *seen };
	struct record **found = tfind(&wanted, &neighbours->tree, compare);
	struct record *e = found ? *found : NULL;
	bool is_change;
	int r;

	if (!e && !seen->present)
		return 0;
	if (!e) {
		r = add(neighbours, seen, &e);
		if (r < 0)
			return r;
		e->seen.present = false; /* until now */
	}

	is_change = e->seen.present != seen->present || (seen->present && !has_mac(e, seen));

	/* A farewell may come without the link address: the last one known goes with it. */
	e->seen.present = seen->present;
	if (seen->present) {
		e->seen.mac_len = seen->mac_len;
		(void)memcpy(e->seen.mac, seen->mac, sizeof(e->seen.mac));
	}
	e->is_stale = false;
	settle(neighbours, e);
	return is_change;
}

void neighbours_drop(struct neighbours *neighbours, const char *interface)
{
	for (struct record *e = neighbours->all, *next; e; e = next) {
		next = e->next;
		if (gw_streq(e->seen.interface, interface))
			see_gone(neighbours, e);
	}
}

void neighbours_begin(struct neighbours *neighbours)
{
	for (struct record *e = neighbours->all; e; e = e->next)
		e->is_stale = true;
}

size_t neighbours_end(struct neighbours *neighbours)
{
	size_t n_gone = 0;

	for (struct record *e = neighbours->all, *next; e; e = next) {
		next = e->next;
		if (!e->is_stale || !e->seen.present)
			continue;
		see_gone(neighbours, e);
		n_gone++;
	}
	return n_gone;
}

bool neighbours_next(struct neighbours *neighbours, struct neighbour *ret)
{
	for (struct record *e; (e = take_change(neighbours));) {
		if (!is_news(e)) {
			settle(neighbours, e);
			continue;
		}

		*ret = e->seen;
		e->is_told = e->seen.present;
		(void)memcpy(e->told_mac, e->seen.mac, sizeof(e->told_mac));
		e->told_mac_len = e->seen.mac_len;
		settle(neighbours, e);
		return true;
	}
	return false;
}

size_t neighbours_count(const struct neighbours *neighbours)
{
	return neighbours->n;
}
