/* SPDX-License-Identifier: GPL-2.0-or-later */
/* door: a UDP socket that devices of one interface and one address family knock at. */
#pragma once

#include <stdint.h>

struct door {
	int fd;           /* -1: closed */
	uint32_t channel; /* its number towards the agent; not used again */
	int index;        /* of the interface that it was bound to */
	uint16_t port;
};

/*
 * Opens the socket: bound to the interface and to any address of the family (AF_INET, AF_INET6), with
 * the destination address told with each datagram. -EADDRINUSE: another program holds the port.
 */
int door_open(struct door *door, const char *interface, int family, uint16_t port);
void door_close(struct door *door);

/* The largest datagram that fits into one frame of an interface with this MTU. */
uint16_t door_datagram_max(int family, uint32_t mtu);
