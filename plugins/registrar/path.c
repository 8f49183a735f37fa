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

/* --- sources --- */

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

/* The first bytes of the address, and what it is an address of. */
static struct path_source make_source(const struct path *path, size_t len_ipv4, size_t len_ipv6)
{
	const struct sockaddr_in6 *in6 = &path->peer.in6;
	const uint8_t *address = (const uint8_t *)&in6->sin6_addr;
	struct path_source source = { 0 };

	if (path->peer.any.sa_family == AF_INET)
		address = (const uint8_t *)&path->peer.in.sin_addr;
	else if (memcmp(address, mapped, sizeof(mapped)) == 0)
		address += sizeof(mapped);
	else {
		source.bytes[0] = AF_INET6;
		memcpy(source.bytes + 4, &in6->sin6_scope_id, sizeof(in6->sin6_scope_id));
		memcpy(source.bytes + 8, address, len_ipv6);
		return source;
	}
	source.bytes[0] = AF_INET;
	memcpy(source.bytes + 8, address, len_ipv4);
	return source;
}

struct path_source path_host(const struct path *path)
{
	return make_source(path, 4, 16);
}

struct path_source path_network(const struct path *path)
{
	return make_source(path, 3, 8);
}

bool path_source_equal(const struct path_source *a, const struct path_source *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* --- hashes --- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_source(uint64_t hash, const struct path_source *source)
{
	uint64_t word;

	for (size_t i = 0; i < sizeof(source->bytes); i += sizeof(word)) {
		memcpy(&word, source->bytes + i, sizeof(word));
		hash = mix(hash, word);
	}
	return hash;
}

uint64_t path_hash(const struct path *path, uint64_t seed)
{
	struct path_source host = path_host(path);

	return mix(hash_source(seed, &host),
		   (uint64_t)path->channel << 16 | path->peer.in.sin_port);
}

uint64_t path_source_hash(const struct path_source *source, uint64_t seed)
{
	return mix(hash_source(seed, source), 0);
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
