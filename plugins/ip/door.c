/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket is bound to the interface (SO_BINDTODEVICE) and to no address of it: addresses come and
 * go, and a datagram of another network, or for another interface's address, still does not get in by
 * the wrong way. SO_REUSEADDR stays off: with it a second program of the same wish would bind as well,
 * and each would get some of the datagrams.
 */
#include "plugins/ip/door.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "lib/util.h"

#define RECEIVE_BUFFER (1 << 20) /* bytes: many devices begin at once after a power cut */

#define IP6_HEADER 40

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int tell_addresses(int fd, int family)
{
	int r;

	if (family == AF_INET)
		return set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);

	r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return r < 0 ? r : set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static int bind_to(int fd, int family, uint16_t port)
{
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool is_4 = family == AF_INET;
	const void *address = is_4 ? (const void *)&any4 : (const void *)&any6;

	return bind(fd, address, is_4 ? sizeof(any4) : sizeof(any6)) < 0 ? -errno : 0;
}

int door_open(struct door *door, const char *interface, int family, uint16_t port)
{
	_cleanup_close_ int fd = -1;
	int r;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) < 0)
		return -errno;
	r = tell_addresses(fd, family);
	if (r < 0)
		return r;
	r = bind_to(fd, family, port);
	if (r < 0)
		return r;

	(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	door->fd = TAKE_FD(fd);
	door->port = port;
	return 0;
}

void door_close(struct door *door)
{
	if (door->fd >= 0)
		(void)close(door->fd);
	door->fd = -1;
}

uint16_t door_datagram_max(int family, uint32_t mtu)
{
	uint32_t headers =
		(family == AF_INET ? sizeof(struct iphdr) : IP6_HEADER) + sizeof(struct udphdr);

	if (mtu <= headers)
		return 0;
	return (uint16_t)(GW_MIN(mtu, (uint32_t)UINT16_MAX) - headers);
}
