/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink: what the kernel says about links, addresses and neighbours. Links and addresses are told as
 * a whole whenever something about them may have changed; neighbours one by one, and as a whole when
 * the kernel had more to say than we could read.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_MAC_MAX 20 /* bytes of a link address: the longest is InfiniBand's */

struct netlink;
struct sd_event;

struct netlink_link {
	int index;
	char name[IF_NAMESIZE];
	bool up;
	uint32_t mtu;
};

struct netlink_address {
	int index; /* of the link */
	int family;
};

struct netlink_neighbour {
	int index; /* of the link */
	int family;
	uint8_t address[16];
	bool present;
	bool is_dumped; /* part of a dump; else news */
	uint8_t mac[NETLINK_MAC_MAX];
	size_t mac_len;
};

enum netlink_dump {
	NETLINK_DUMP_INTERFACES, /* links, then addresses */
	NETLINK_DUMP_NEIGHBOURS,
	_NETLINK_DUMP_MAX,
};

struct netlink_ops {
	/* All of a kind comes now, and has come. What an incomplete dump told is true, but not all. Returns whether
	 * to ask again: the dump did not say what was expected of it. */
	void (*begin)(enum netlink_dump dump, void *userdata);
	bool (*end)(enum netlink_dump dump, bool complete, void *userdata);

	void (*link)(const struct netlink_link *link, void *userdata);
	void (*address)(const struct netlink_address *address, void *userdata);
	void (*neighbour)(const struct netlink_neighbour *neighbour, void *userdata);
};

/* Starts listening and asks for everything once. */
int netlink_new(struct sd_event *event, const struct netlink_ops *ops, void *userdata,
		struct netlink **ret);
struct netlink *netlink_free(struct netlink *netlink);

/* Asks for a dump: soon, once, however often it is asked for. */
void netlink_want(struct netlink *netlink, enum netlink_dump dump);
