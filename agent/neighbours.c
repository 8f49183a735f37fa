/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded list on the heap; look-ups are for people, so a walk is good enough. */
#include "agent/neighbours.h"

#include "lib/util.h"

struct neighbours {
	struct neighbour *all;
	size_t n, room;
};

static struct neighbour *find(struct neighbours *neighbours, const char *transport,
			      const char *address)
{
	for (size_t i = 0; i < neighbours->n; i++) {
		struct neighbour *n = &neighbours->all[i];

		if (gw_streq(n->address, address) && gw_streq(n->transport, transport))
			return n;
	}
	return NULL;
}

static struct neighbour *add(struct neighbours *neighbours)
{
	if (neighbours->n == NEIGHBOURS_MAX)
		return NULL;
	if (neighbours->n == neighbours->room) {
		size_t room = neighbours->room ? 2 * neighbours->room : 16;
		struct neighbour *all = reallocarray(neighbours->all, room, sizeof(*all));

		if (!all)
			return NULL;
		neighbours->all = all;
		neighbours->room = room;
	}
	return &neighbours->all[neighbours->n++];
}

static void drop(struct neighbours *neighbours, struct neighbour *neighbour)
{
	*neighbour = neighbours->all[--neighbours->n];
}

int neighbours_take(struct neighbours *neighbours, const char *transport,
		    const struct gw_msg_neighbour *msg)
{
	struct neighbour *known = find(neighbours, transport, msg->address);

	if (!msg->present) {
		if (known)
			drop(neighbours, known);
		return 0;
	}

	if (!known)
		known = add(neighbours);
	if (!known)
		return 0;
	(void)gw_copy(known->transport, sizeof(known->transport), transport);
	(void)gw_copy(known->address, sizeof(known->address), msg->address);
	(void)gw_copy(known->link_address, sizeof(known->link_address), msg->link_address);
	(void)gw_copy(known->interface, sizeof(known->interface), msg->interface);
	(void)gw_copy(known->vendor, sizeof(known->vendor), msg->vendor);
	return 0;
}

void neighbours_drop(struct neighbours *neighbours, const char *transport)
{
	for (size_t i = 0; i < neighbours->n;) {
		if (gw_streq(neighbours->all[i].transport, transport))
			drop(neighbours, &neighbours->all[i]);
		else
			i++;
	}
}

const struct neighbour *neighbours_next(const struct neighbours *neighbours, const char *transport,
					const struct neighbour *after)
{
	size_t i = after ? (size_t)(after - neighbours->all) + 1 : 0;

	for (; i < neighbours->n; i++)
		if (gw_streq(neighbours->all[i].transport, transport))
			return &neighbours->all[i];
	return NULL;
}

int neighbours_new(struct neighbours **ret)
{
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));

	if (!neighbours)
		return -ENOMEM;
	*ret = neighbours;
	return 0;
}

struct neighbours *neighbours_free(struct neighbours *neighbours)
{
	if (neighbours)
		free(neighbours->all);
	free(neighbours);
	return NULL;
}
