/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path: the way between one peer and us, which is also the peer's name: channel, the local address and
 * interface its datagrams came to (answers leave by them), its own address and port.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct gw_blob;

union path_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct path {
	uint32_t channel;
	int interface;
	union path_address local; /* without a port */
	union path_address peer;
};

bool path_equal(const struct path *a, const struct path *b);
uint64_t path_hash(const struct path *path);

/* Whether both come from the same host. A host is one address: an IPv6 prefix is what all devices of
 * a network share. */
bool path_same_source(const struct path *a, const struct path *b);

/* The peer's address as its struct sockaddr_in or sockaddr_in6. */
struct gw_blob path_peer(const struct path *path);

/* "192.0.2.1:5684", "[fe80::1%3]:5684"; 80 bytes are enough. */
void path_print(const struct path *path, char *text, size_t size);
