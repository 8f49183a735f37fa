/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one form of URI (RFC 3986) that a device needs. A path, a query or a user would say something
 * that is not done, so each is refused rather than dropped.
 */
#include "tools/device/uri.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>

#include "lib/util.h"

#define SCHEME       "coaps://"
#define DEFAULT_PORT "5684"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define IPV6_CHARACTERS "abcdefABCDEF0123456789.:"

/* Copies len characters, all of them of `allowed`; nothing is no host. */
static int take_host(const char *from, size_t len, const char *allowed, char *to)
{
	if (len == 0 || len > URI_HOST_MAX || strspn(from, allowed) < len)
		return -EINVAL;

	memcpy(to, from, len);
	to[len] = 0;
	return 0;
}

/* `%25eth0`, as RFC 6874 writes a zone, or `%eth0`, as everybody does. */
static int take_zone(const char *from, size_t len, char *host)
{
	size_t at = strlen(host);
	size_t skip = strncmp(from, "%25", 3) == 0 ? 3 : 1;

	if (len <= skip || at + 1 + len - skip > URI_HOST_MAX)
		return -EINVAL;

	host[at] = '%';
	return take_host(from + skip, len - skip, NAME_CHARACTERS, host + at + 1);
}

/* `[` is behind us; returns where the address ends, behind `]`. */
static const char *parse_bracketed(const char *text, char *host)
{
	size_t len = strcspn(text, "]");
	size_t address_len = strcspn(text, "%]");

	if (!text[len] || take_host(text, address_len, IPV6_CHARACTERS, host) < 0)
		return NULL;
	if (address_len < len && take_zone(text + address_len, len - address_len, host) < 0)
		return NULL;
	return text + len + 1;
}

static const char *parse_host(const char *text, char *host)
{
	size_t len;

	if (*text == '[')
		return parse_bracketed(text + 1, host);

	len = strcspn(text, ":/?#@");
	return take_host(text, len, NAME_CHARACTERS, host) < 0 ? NULL : text + len;
}

/* `:5684`, or nothing; returns where it ends. */
static const char *parse_port(const char *text, char port[6])
{
	uint64_t number;
	size_t len;

	(void)gw_copy(port, 6, DEFAULT_PORT);
	if (*text != ':')
		return text;

	text++;
	len = strcspn(text, "/");
	if (len > 5)
		return NULL;
	memcpy(port, text, len);
	port[len] = 0;
	return gw_parse_u64(port, 1, UINT16_MAX, &number) < 0 ? NULL : text + len;
}

int uri_parse(const char *text, struct uri *ret, const char **ret_why)
{
	struct uri uri;

	if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0) {
		*ret_why = "the address must begin with coaps://";
		return -EINVAL;
	}

	text = parse_host(text + strlen(SCHEME), uri.host);
	if (!text) {
		*ret_why = "the host must be a name, an IPv4 address, or an IPv6 address in []";
		return -EINVAL;
	}

	text = parse_port(text, uri.port);
	if (!text) {
		*ret_why = "the port must be a number from 1 to 65535";
		return -EINVAL;
	}

	if (*text && !gw_streq(text, "/")) {
		*ret_why = "nothing may stand behind host and port";
		return -EINVAL;
	}

	*ret = uri;
	return 0;
}
