/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares and prints paths. Addresses are compared field by field: a path is made from what the
 * kernel filled in, and its padding is nobody's.
 */
#include "plugins/registrar/path.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/blob.h"

static bool same_host(const union path_address *a, const union path_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

/* Both families keep the port in the same place. */
bool path_equal(const struct path *a, const struct path *b)
{
	return a->channel == b->channel && a->interface == b->interface &&
	       same_host(&a->peer, &b->peer) && a->peer.in.sin_port == b->peer.in.sin_port &&
	       same_host(&a->local, &b->local);
}

bool path_same_source(const struct path *a, const struct path *b)
{
	return same_host(&a->peer, &b->peer);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *at = data;

	/* FNV-1a. Peers can make entries collide, which costs them a cookie exchange each and us
	 * a comparison each: the table is bounded. */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

uint64_t path_hash(const struct path *path)
{
	uint64_t hash = hash_bytes(0xcbf29ce484222325, &path->channel, sizeof(path->channel));

	hash = hash_bytes(hash, &path->peer.in.sin_port, sizeof(path->peer.in.sin_port));
	if (path->peer.any.sa_family == AF_INET)
		return hash_bytes(hash, &path->peer.in.sin_addr, sizeof(path->peer.in.sin_addr));
	return hash_bytes(hash, &path->peer.in6.sin6_addr, sizeof(path->peer.in6.sin6_addr));
}

struct gw_blob path_peer(const struct path *path)
{
	size_t len = path->peer.any.sa_family == AF_INET ? sizeof(path->peer.in)
							 : sizeof(path->peer.in6);

	return (struct gw_blob){ (const uint8_t *)&path->peer, len };
}

void path_print(const struct path *path, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";
	char scope[16] = "";

	if (path->peer.any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &path->peer.in.sin_addr, host, sizeof(host));
		(void)snprintf(text, size, "%s:%u", host, ntohs(path->peer.in.sin_port));
		return;
	}

	(void)inet_ntop(AF_INET6, &path->peer.in6.sin6_addr, host, sizeof(host));
	if (path->peer.in6.sin6_scope_id)
		(void)snprintf(scope, sizeof(scope), "%%%u", path->peer.in6.sin6_scope_id);
	(void)snprintf(text, size, "[%s%s]:%u", host, scope, ntohs(path->peer.in6.sin6_port));
}
