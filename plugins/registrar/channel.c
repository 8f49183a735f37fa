/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads bursts of datagrams with the address and the interface that each came to, and answers from
 * there. The giver of the socket can change its flags, connect it or shut it down behind our back:
 * every call is MSG_DONTWAIT, every answer names its destination, and a socket that keeps waking us
 * up for nothing is given up.
 */
#include "plugins/registrar/channel.h"

#include <errno.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/path.h"

#define BURST           32        /* datagrams before others have their turn */
#define DATAGRAM_MAX    2048      /* bytes; longer ones are dropped */
#define RECEIVE_ROOM    (2 << 20) /* bytes; a small datagram takes up 768 */
#define EMPTY_TURNS_MAX 64 /* wake-ups by trouble and without a datagram, one after the other */

struct channel {
	uint32_t number;
	uint16_t mtu;
	int fd;
	int family;
	sd_event_source *io;
	unsigned empty_turns;
	const struct channel_ops *ops;
	void *userdata;
};

/* Room for what recvmmsg() brings; there is one loop and no thread. */
static struct {
	uint8_t data[DATAGRAM_MAX];
	union path_address from;
	union {
		struct cmsghdr header;
		uint8_t space[256];
	} control;
} burst[BURST];

/* --- receiving --- */

static bool take_local(struct msghdr *header, struct path *path)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			path->local.in.sin_family = AF_INET;
			path->local.in.sin_addr = info.ipi_spec_dst;
			path->interface = info.ipi_ifindex;
			return true;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			path->local.in6.sin6_family = AF_INET6;
			path->local.in6.sin6_addr = info.ipi6_addr;
			path->interface = (int)info.ipi6_ifindex;
			return true;
		}
	}
	return false;
}

/* What is left in a message of no use: cut, from nowhere, or without a port to answer to. */
static bool take_path(const struct channel *channel, struct msghdr *header, struct path *ret)
{
	const union path_address *from = header->msg_name;

	*ret = (struct path){ .channel = channel->number };
	if (header->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	if (header->msg_namelen == 0 || from->any.sa_family != channel->family ||
	    from->in.sin_port == 0)
		return false;

	/* Field by field: the cookie is made of all of its bytes. */
	if (channel->family == AF_INET) {
		ret->peer.in.sin_family = AF_INET;
		ret->peer.in.sin_port = from->in.sin_port;
		ret->peer.in.sin_addr = from->in.sin_addr;
	} else {
		ret->peer.in6.sin6_family = AF_INET6;
		ret->peer.in6.sin6_port = from->in6.sin6_port;
		ret->peer.in6.sin6_addr = from->in6.sin6_addr;
		ret->peer.in6.sin6_scope_id = from->in6.sin6_scope_id;
	}
	return take_local(header, ret);
}

static int receive_burst(struct channel *channel, struct mmsghdr headers[BURST])
{
	struct iovec iov[BURST];

	for (size_t i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){ burst[i].data, sizeof(burst[i].data) };
		headers[i].msg_hdr = (struct msghdr){
			.msg_name = &burst[i].from,
			.msg_namelen = sizeof(burst[i].from),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = &burst[i].control,
			.msg_controllen = sizeof(burst[i].control),
		};
	}
	return recvmmsg(channel->fd, headers, BURST, MSG_DONTWAIT, /* timeout= */ NULL);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct channel *channel = userdata;
	struct mmsghdr headers[BURST];
	int n = receive_burst(channel, headers);

	if (n <= 0) {
		/* Reading an error takes it off the socket; shutting a socket down does not end. */
		if ((revents & ~(uint32_t)EPOLLIN) && ++channel->empty_turns > EMPTY_TURNS_MAX)
			channel->ops->broken(channel->userdata, channel);
		return 0;
	}

	channel->empty_turns = 0;
	for (int i = 0; i < n; i++) {
		struct path path;

		if (take_path(channel, &headers[i].msg_hdr, &path))
			channel->ops->datagram(channel->userdata, channel, &path,
					       (struct gw_blob){ burst[i].data,
								 headers[i].msg_len });
	}
	return 0;
}

/* --- sending --- */

static void put_local(struct msghdr *header, const struct path *path)
{
	struct cmsghdr *c = header->msg_control;

	if (path->local.any.sa_family == AF_INET) {
		struct in_pktinfo info = { .ipi_ifindex = path->interface,
					   .ipi_spec_dst = path->local.in.sin_addr };

		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO,
				       .cmsg_len = CMSG_LEN(sizeof(info)) };
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		header->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)path->interface,
					    .ipi6_addr = path->local.in6.sin6_addr };

		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6,
				       .cmsg_type = IPV6_PKTINFO,
				       .cmsg_len = CMSG_LEN(sizeof(info)) };
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		header->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

void channel_send(struct channel *channel, const struct path *path, struct gw_blob datagram)
{
	struct iovec iov = { (void *)(uintptr_t)datagram.data, datagram.len };
	union path_address to = path->peer;
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	struct msghdr header = {
		.msg_name = &to,
		.msg_namelen = to.any.sa_family == AF_INET ? sizeof(to.in) : sizeof(to.in6),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};

	put_local(&header, path);
	(void)sendmsg(channel->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- life --- */

static int get_option(int fd, int option, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, option, ret, &len) < 0 ? -EINVAL : 0;
}

/* A descriptor from a plugin may be anything: a file, a terminal, somebody's TCP connection. */
static int check_socket(int fd, int *ret_family)
{
	int family, type, protocol, r;

	r = get_option(fd, SO_DOMAIN, &family);
	if (r == 0)
		r = get_option(fd, SO_TYPE, &type);
	if (r == 0)
		r = get_option(fd, SO_PROTOCOL, &protocol);
	if (r < 0)
		return r;
	if ((family != AF_INET && family != AF_INET6) || type != SOCK_DGRAM ||
	    protocol != IPPROTO_UDP)
		return -EINVAL;

	*ret_family = family;
	return 0;
}

/*
 * What comes while we are busy waits in the kernel, in line with what a flood brings: room for a few tens
 * of milliseconds of that, as far as the system lets us, since what finds no room is lost for everybody.
 */
static void ask_for_room(int fd)
{
	const int size = RECEIVE_ROOM;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int ask_for_local(int fd, int family)
{
	const int on = 1;
	int r;

	if (family == AF_INET)
		r = setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	else
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	return r < 0 ? -errno : 0;
}

struct channel *channel_free(struct channel *channel)
{
	if (!channel)
		return NULL;

	sd_event_source_disable_unref(channel->io);
	if (channel->fd >= 0)
		(void)close(channel->fd);
	free(channel);
	return NULL;
}

GW_DEFINE_CLEANUP(struct channel *, channel_free)

int channel_new(sd_event *event, const struct gw_msg_channel *msg, int *fd,
		const struct channel_ops *ops, void *userdata, struct channel **ret)
{
	_cleanup_(channel_freep) struct channel *channel = calloc(1, sizeof(*channel));
	int r;

	if (!channel)
		return -ENOMEM;

	*channel = (struct channel){
		.number = msg->channel, .mtu = msg->mtu, .fd = -1, .ops = ops, .userdata = userdata
	};
	r = check_socket(*fd, &channel->family);
	if (r < 0)
		return r;
	r = ask_for_local(*fd, channel->family);
	if (r < 0)
		return r;
	ask_for_room(*fd);
	r = sd_event_add_io(event, &channel->io, *fd, EPOLLIN, on_io, channel);
	if (r < 0)
		return r;

	channel->fd = TAKE_FD(*fd);
	*ret = TAKE_PTR(channel);
	return 0;
}

uint32_t channel_number(const struct channel *channel)
{
	return channel->number;
}

uint16_t channel_mtu(const struct channel *channel)
{
	return channel->mtu;
}
