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

/* `seed`: so that strangers cannot choose addresses that fall together. */
uint64_t path_hash(const struct path *path, uint64_t seed);

/* Whose peers are counted together. */
struct path_source {
	uint8_t bytes[24];
};

/* A host is one address: an IPv6 prefix is what all devices of a network share. */
struct path_source path_host(const struct path *path);

/* What one owner of addresses may have at hand: the /64 of an IPv6 address, the /24 of an IPv4 one. */
struct path_source path_network(const struct path *path);

bool path_source_equal(const struct path_source *a, const struct path_source *b);
uint64_t path_source_hash(const struct path_source *source, uint64_t seed);

/* The peer's address as its struct sockaddr_in or sockaddr_in6. */
struct gw_blob path_peer(const struct path *path);

/* "192.0.2.1:5684", "[fe80::1%3]:5684"; 80 bytes are enough. */
void path_print(const struct path *path, char *text, size_t size);
