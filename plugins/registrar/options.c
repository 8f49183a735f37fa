/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The defaults are those of etc/gangway.conf; the bounds keep what we allocate and wait for finite. */
#include "plugins/registrar/options.h"

#include <errno.h>

#include "lib/plugin.h"
#include "lib/util.h"

#define SECOND_US 1000000u

static int read_number(const char *settings, const char *key, uint64_t max, uint64_t fallback,
		       uint64_t *ret, const char **ret_key)
{
	int r = gw_plugin_setting_u64(settings, key, 1, max, ret);

	if (r == -ENOENT) {
		*ret = fallback;
		return 0;
	}
	if (r < 0)
		*ret_key = key;
	return r;
}

static int read_switch(const char *settings, const char *key, bool fallback, bool *ret,
		       const char **ret_key)
{
	char value[8];
	int r = gw_plugin_setting(settings, key, value, sizeof(value));

	if (r == -ENOENT) {
		*ret = fallback;
		return 0;
	}
	if (r < 0 || (!gw_streq(value, "yes") && !gw_streq(value, "no"))) {
		*ret_key = key;
		return -EINVAL;
	}
	*ret = gw_streq(value, "yes");
	return 0;
}

int options_read(const char *settings, struct options *ret, const char **ret_key)
{
	uint64_t handshakes = 0, per_source = 0, handshake_s = 0, sessions = 0;
	uint64_t sessions_per_source = 0, idle_s = 0, rate = 0;
	bool ccm8 = true;
	int r;

	r = read_switch(settings, "psk_ccm8", true, &ccm8, ret_key);
	if (r == 0)
		r = read_number(settings, "handshakes_max", 65536, 1024, &handshakes, ret_key);
	if (r == 0)
		r = read_number(settings, "handshakes_per_source", 65536, 64, &per_source, ret_key);
	if (r == 0)
		r = read_number(settings, "handshake_timeout", 3600, 60, &handshake_s, ret_key);
	if (r == 0)
		r = read_number(settings, "sessions_max", 65536, 1024, &sessions, ret_key);
	if (r == 0)
		r = read_number(settings, "sessions_per_source", 65536, 256, &sessions_per_source,
				ret_key);
	if (r == 0)
		r = read_number(settings, "idle_timeout", 86400, 120, &idle_s, ret_key);
	if (r == 0)
		r = read_number(settings, "secret_rate", 100000, 100, &rate, ret_key);
	if (r < 0)
		return r;

	*ret = (struct options){
		.psk_ccm8 = ccm8,
		.handshakes_max = (uint32_t)handshakes,
		.handshakes_per_source = (uint32_t)per_source,
		.handshake_timeout_us = handshake_s * SECOND_US,
		.sessions_max = (uint32_t)sessions,
		.sessions_per_source = (uint32_t)sessions_per_source,
		.idle_timeout_us = idle_s * SECOND_US,
		.secret_rate = (uint32_t)rate,
	};
	return 0;
}
