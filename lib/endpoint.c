/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the one form of address that the configuration knows. Unencrypted MQTT has no form: there is
 * no way to ask for it by mistake.
 */
#include "lib/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/util.h"

#define SCHEME  "mqtts://"
#define URI_MAX (sizeof(SCHEME "[]:65535") - 1 + GW_ENDPOINT_HOST_MAX)

static bool is_address(const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_name(const char *host)
{
	return *host && *host != '-' && *host != '.' &&
	       !host[strspn(host,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")];
}

/* Splits "HOST:PORT" or "[ADDRESS]:PORT"; *ret_port is NULL if there is none. In place. */
static const char *split(char *authority, const char **ret_host, const char **ret_port)
{
	char *colon, *bracket;

	*ret_host = authority;
	*ret_port = NULL;
	if (*authority == '[') {
		bracket = strchr(authority, ']');
		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return "has an opening bracket that is not closed";
		*bracket = 0;
		*ret_host = authority + 1;
		*ret_port = bracket[1] ? bracket + 2 : NULL;
		return is_address(*ret_host) ? NULL : "has no IPv6 address in its brackets";
	}

	colon = strchr(authority, ':');
	if (colon) {
		*colon = 0;
		*ret_port = colon + 1;
	}
	return is_name(authority) ? NULL : "has no valid host name";
}

int gw_endpoint_parse(const char *uri, struct gw_endpoint *ret, const char **ret_why)
{
	char authority[GW_ENDPOINT_HOST_MAX + sizeof("[]:65535")];
	struct gw_endpoint endpoint = { .port = GW_ENDPOINT_PORT };
	const char *host, *port;
	uint64_t number;

	*ret_why = "does not begin with " SCHEME;
	if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0)
		return -EINVAL;

	*ret_why = "is too long";
	if (gw_copy(authority, sizeof(authority), uri + strlen(SCHEME)) < 0)
		return -EINVAL;

	*ret_why = split(authority, &host, &port);
	if (*ret_why)
		return -EINVAL;

	*ret_why = "has a port that is none";
	if (port) {
		if (gw_parse_u64(port, 1, UINT16_MAX, &number) < 0)
			return -EINVAL;
		endpoint.port = (uint16_t)number;
	}

	*ret_why = "has a host name that is too long";
	if (gw_copy(endpoint.host, sizeof(endpoint.host), host) < 0)
		return -EINVAL;

	endpoint.is_address = is_address(host);
	*ret = endpoint;
	return 0;
}

int gw_endpoints_parse(const char *uris, struct gw_endpoint *ret, size_t max, size_t *ret_n,
		       const char **ret_why)
{
	static const char apart[] = " \t,";
	char uri[URI_MAX + 1];
	size_t n = 0, len;

	for (uris += strspn(uris, apart); *uris; uris += strspn(uris, apart)) {
		len = strcspn(uris, apart);
		*ret_why = n == max ? "names too many brokers" : "is too long";
		if (n == max || len > URI_MAX)
			return -EINVAL;

		memcpy(uri, uris, len);
		uri[len] = 0;
		if (gw_endpoint_parse(uri, &ret[n++], ret_why) < 0)
			return -EINVAL;
		uris += len;
	}
	*ret_why = "names no broker";
	if (!n)
		return -EINVAL;
	*ret_n = n;
	return 0;
}
