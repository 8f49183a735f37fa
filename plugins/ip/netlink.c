/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One netlink socket, read in the event loop and never waited for. Messages about links and addresses
 * are taken as hints: they cause a dump, and only dumps are told, so that a message lost or misread
 * cannot leave us believing in an address that is gone. Neighbours, who may be thousands, are told as
 * they come.
 *
 * When the kernel has dropped messages (the socket's buffer was full) or a dump was disturbed, all is
 * dumped again: not at once, since a dump in the middle of a burst is disturbed again, but after a
 * pause that grows while the trouble lasts. A dump of neighbours that come and go may leave some out, and
 * the kernel does not always say so: whoever is told decides whether to ask again.
 */
#include "plugins/ip/netlink.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/util.h"

#define RECEIVE_BUFFER (8 << 20) /* bytes: room for a burst of 10,000 neighbours */
#define BATCH          64        /* netlink datagrams read before others have their turn */
#define PAUSE_MIN_US   200000
#define PAUSE_MAX_US   5000000
#define END_LOST_US    5000000 /* after the last loss, a dump that has not ended never will */

struct netlink {
	struct nl_sock *socket;
	const struct netlink_ops *ops;
	void *userdata;

	sd_event_source *io;
	sd_event_source *timer; /* armed: a pause before the next dump, or before one is given up */
	uint64_t pause_us;

	bool wanted[_NETLINK_DUMP_MAX];
	bool is_dumping;
	enum netlink_dump dump; /* that is under way */
	int request;            /* of it: RTM_GETLINK, ... */
	bool is_disturbed;      /* it does not tell all */
};

static void pause_before_next(struct netlink *nl)
{
	(void)sd_event_source_set_time_relative(nl->timer, nl->pause_us);
	(void)sd_event_source_set_enabled(nl->timer, SD_EVENT_ONESHOT);
}

static bool is_pausing(const struct netlink *nl)
{
	int enabled;

	return sd_event_source_get_enabled(nl->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

/* --- asking --- */

static void finish_dump(struct netlink *nl)
{
	bool complete = !nl->is_disturbed, again;

	nl->is_dumping = false;
	pause_before_next(nl);
	again = nl->ops->end(nl->dump, complete, nl->userdata) || !complete;
	if (again)
		nl->wanted[nl->dump] = true;
	nl->pause_us = again ? GW_MIN(nl->pause_us * 2, (uint64_t)PAUSE_MAX_US) : PAUSE_MIN_US;
	pause_before_next(nl);
}

static void request(struct netlink *nl, int type)
{
	nl->request = type;
	if (nl_send_simple(nl->socket, type, NLM_F_DUMP, &(struct rtgenmsg){ AF_UNSPEC },
			   sizeof(struct rtgenmsg)) < 0) {
		nl->is_disturbed = true;
		finish_dump(nl);
	}
}

static void dump_next(struct netlink *nl)
{
	if (nl->is_dumping || is_pausing(nl))
		return;

	for (size_t i = 0; i < _NETLINK_DUMP_MAX; i++) {
		if (!nl->wanted[i])
			continue;
		nl->wanted[i] = false;
		nl->is_dumping = true;
		nl->is_disturbed = false;
		nl->dump = (enum netlink_dump)i;
		nl->ops->begin(nl->dump, nl->userdata);
		request(nl, nl->dump == NETLINK_DUMP_INTERFACES ? RTM_GETLINK : RTM_GETNEIGH);
		return;
	}
}

void netlink_want(struct netlink *nl, enum netlink_dump dump)
{
	nl->wanted[dump] = true;
	dump_next(nl);
}

/* --- reading --- */

/* Of what a link says only this is read, so only its form counts: a name that ends, a whole number. */
static const struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { .type = NLA_STRING, .minlen = 1 },
	[IFLA_MTU] = { .type = NLA_U32 },
};

static void read_link(struct netlink *nl, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct netlink_link link;

	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, link_policy) < 0 ||
	    !attrs[IFLA_IFNAME])
		return;

	link = (struct netlink_link){
		.index = info->ifi_index,
		.up = info->ifi_flags & IFF_UP,
		.mtu = attrs[IFLA_MTU] ? nla_get_u32(attrs[IFLA_MTU]) : 0,
	};
	(void)gw_copy(link.name, sizeof(link.name), nla_get_string(attrs[IFLA_IFNAME]));
	nl->ops->link(&link, nl->userdata);
}

static void read_address(struct netlink *nl, struct nlmsghdr *header)
{
	const struct ifaddrmsg *info = nlmsg_data(header);

	if (!nlmsg_valid_hdr(header, sizeof(*info)))
		return;

	nl->ops->address(&(struct netlink_address){ .index = (int)info->ifa_index,
						    .family = info->ifa_family },
			 nl->userdata);
}

/* The kernel keeps entries of those it asks for and of those that stopped answering: not present. */
static bool is_present(const struct nlmsghdr *header, const struct ndmsg *info)
{
	return header->nlmsg_type == RTM_NEWNEIGH &&
	       (info->ndm_state &
		(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT));
}

static void read_neighbour(struct netlink *nl, struct nlmsghdr *header, bool is_dumped)
{
	const struct ndmsg *info = nlmsg_data(header);
	struct nlattr *attrs[NDA_MAX + 1];
	struct netlink_neighbour neighbour;
	int len;

	if (nlmsg_parse(header, sizeof(*info), attrs, NDA_MAX, NULL) < 0 || !attrs[NDA_DST])
		return;
	if (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) /* a bridge's own table */
		return;
	len = nla_len(attrs[NDA_DST]);
	if (len != (info->ndm_family == AF_INET ? 4 : 16))
		return;

	neighbour = (struct netlink_neighbour){ .index = info->ndm_ifindex,
						.family = info->ndm_family,
						.is_dumped = is_dumped };
	(void)memcpy(neighbour.address, nla_data(attrs[NDA_DST]), (size_t)len);
	if (attrs[NDA_LLADDR]) {
		neighbour.mac_len =
			GW_MIN((size_t)nla_len(attrs[NDA_LLADDR]), sizeof(neighbour.mac));
		(void)memcpy(neighbour.mac, nla_data(attrs[NDA_LLADDR]), neighbour.mac_len);
	}
	neighbour.present = is_present(header, info) && neighbour.mac_len > 0;
	nl->ops->neighbour(&neighbour, nl->userdata);
}

/* A message is part of a dump, and so told, or news, and so a hint; neighbours are told both ways. */
static int on_valid(struct nl_msg *msg, void *userdata)
{
	struct netlink *nl = userdata;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	bool is_dumped = header->nlmsg_pid == nl_socket_get_local_port(nl->socket);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (is_dumped)
			read_link(nl, header);
		else
			nl->wanted[NETLINK_DUMP_INTERFACES] = true;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (is_dumped)
			read_address(nl, header);
		else
			nl->wanted[NETLINK_DUMP_INTERFACES] = true;
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH: read_neighbour(nl, header, is_dumped); break;
	}
	return NL_OK;
}

static int on_disturbed(struct nl_msg *msg, void *userdata)
{
	struct netlink *nl = userdata;

	nl->is_disturbed = true;
	return NL_OK;
}

static int on_finish(struct nl_msg *msg, void *userdata)
{
	struct netlink *nl = userdata;

	if (!nl->is_dumping)
		return NL_OK;
	if (nl->request == RTM_GETLINK)
		request(nl, RTM_GETADDR);
	else
		finish_dump(nl);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *address, struct nlmsgerr *error, void *userdata)
{
	struct netlink *nl = userdata;

	if (nl->is_dumping) {
		nl->is_disturbed = true;
		finish_dump(nl);
	}
	return NL_SKIP;
}

/* The kernel had to drop messages, or we had no memory for them: which ones, nobody knows. If the end of
 * a dump was among them it is not waited for: the timer runs then too. */
static void start_over(struct netlink *nl)
{
	nl->is_disturbed = true;
	nl->wanted[NETLINK_DUMP_INTERFACES] = true;
	nl->wanted[NETLINK_DUMP_NEIGHBOURS] = true;
	if (nl->is_dumping) {
		(void)sd_event_source_set_time_relative(nl->timer, END_LOST_US);
		(void)sd_event_source_set_enabled(nl->timer, SD_EVENT_ONESHOT);
		return;
	}
	if (is_pausing(nl))
		return;

	nl->pause_us = GW_MIN(nl->pause_us * 2, (uint64_t)PAUSE_MAX_US);
	pause_before_next(nl);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct netlink *nl = userdata;
	int r = 0;

	for (int i = 0; i < BATCH && r >= 0; i++)
		r = nl_recvmsgs_default(nl->socket);
	if (r == -NLE_NOMEM)
		start_over(nl);

	dump_next(nl);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct netlink *nl = userdata;

	if (nl->is_dumping)
		finish_dump(nl);
	dump_next(nl);
	return 0;
}

/* --- life --- */

struct netlink *netlink_free(struct netlink *nl)
{
	if (!nl)
		return NULL;

	sd_event_source_disable_unref(nl->io);
	sd_event_source_disable_unref(nl->timer);
	if (nl->socket)
		nl_socket_free(nl->socket);
	free(nl);
	return NULL;
}

GW_DEFINE_CLEANUP(struct netlink *, netlink_free)

static void set_callbacks(struct netlink *nl)
{
	struct nl_sock *socket = nl->socket;

	nl_socket_disable_seq_check(socket);
	nl_socket_disable_auto_ack(socket);
	(void)nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, nl);
	(void)nl_socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, nl);
	(void)nl_socket_modify_cb(socket, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_disturbed, nl);
	(void)nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, on_error, nl);
}

/* The large buffer is a privilege where the administrator has not raised rmem_max: what we get we take. */
static void enlarge_buffer(int fd)
{
	int size = RECEIVE_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int open_socket(struct netlink *nl)
{
	nl->socket = nl_socket_alloc();
	if (!nl->socket)
		return -ENOMEM;

	set_callbacks(nl);
	if (nl_connect(nl->socket, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(nl->socket) < 0)
		return -EIO;
	enlarge_buffer(nl_socket_get_fd(nl->socket));
	if (nl_socket_add_memberships(nl->socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR, RTNLGRP_NEIGH, RTNLGRP_NONE) < 0)
		return -EIO;
	return 0;
}

int netlink_new(sd_event *event, const struct netlink_ops *ops, void *userdata,
		struct netlink **ret)
{
	_cleanup_(netlink_freep) struct netlink *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl)
		return -ENOMEM;

	*nl = (struct netlink){ .ops = ops, .userdata = userdata, .pause_us = PAUSE_MIN_US };
	r = open_socket(nl);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &nl->io, nl_socket_get_fd(nl->socket), EPOLLIN, on_io, nl);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(event, &nl->timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 0,
				       on_timer, nl);
	if (r < 0)
		return r;

	/* The timer, due at once, asks for both. */
	nl->wanted[NETLINK_DUMP_INTERFACES] = true;
	nl->wanted[NETLINK_DUMP_NEIGHBOURS] = true;
	*ret = TAKE_PTR(nl);
	return 0;
}
