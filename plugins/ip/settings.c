/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent has checked what it passes on as far as it can; what an interface may be called, and how
 * many are served, is known here. A section with a fault is refused whole: serving half of what was
 * asked for would only hide it.
 */
#include "plugins/ip/settings.h"

#include <stdio.h>

#include "lib/plugin.h"
#include "lib/util.h"

#define DEFAULT_INTERFACES "lo"
#define DEFAULT_PORT       5684

static bool has_interface(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n_interfaces; i++)
		if (gw_streq(settings->interfaces[i], name))
			return true;
	return false;
}

static int parse_interfaces(const char *names, struct settings *settings, char *why, size_t size)
{
	char name[IF_NAMESIZE];

	for (const char *at = names + strspn(names, " "); *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		if (!gw_interface_is_valid(at, len)) {
			(void)snprintf(why, size,
				       "[ip] interfaces: '%.*s' cannot be the name of one",
				       (int)GW_MIN(len, (size_t)64), at);
			return -EINVAL;
		}
		(void)memcpy(name, at, len);
		name[len] = 0;
		at += len;
		if (has_interface(settings, name))
			continue;

		if (settings->n_interfaces == SETTINGS_INTERFACES_MAX) {
			(void)snprintf(why, size, "[ip] interfaces: at most %d are served",
				       SETTINGS_INTERFACES_MAX);
			return -E2BIG;
		}
		(void)gw_copy(settings->interfaces[settings->n_interfaces++], IF_NAMESIZE, name);
	}
	return 0;
}

int settings_parse(const char *text, struct settings *ret, char *ret_why, size_t why_size)
{
	struct settings settings = { .coaps_port = DEFAULT_PORT };
	char names[1024] = DEFAULT_INTERFACES;
	uint64_t port;
	int r;

	r = gw_plugin_setting(text, "interfaces", names, sizeof(names));
	if (r < 0 && r != -ENOENT) {
		(void)snprintf(ret_why, why_size, "[ip] interfaces: longer than %zu characters",
			       sizeof(names) - 1);
		return r;
	}
	r = parse_interfaces(names, &settings, ret_why, why_size);
	if (r < 0)
		return r;

	r = gw_plugin_setting_u64(text, "coaps_port", 1, UINT16_MAX, &port);
	if (r < 0 && r != -ENOENT) {
		(void)snprintf(ret_why, why_size, "[ip] coaps_port: not a number from 1 to 65535");
		return r;
	}
	if (r >= 0)
		settings.coaps_port = (uint16_t)port;

	*ret = settings;
	return 0;
}
