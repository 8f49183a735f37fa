/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A section of the configuration as the agent's welcome brings it to the registrar ('r') and to the plugin
 * `ip` ('i'): taken, it is within bounds; refused, the plugin can say of which key.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/plugin.h"
#include "lib/util.h"
#include "plugins/ip/settings.h"
#include "plugins/registrar/options.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_registrar(const char *text)
{
	const char *key = NULL;
	struct options o;

	if (options_read(text, &o, &key) < 0) {
		require(key != NULL);
		return;
	}
	require(o.handshakes_max > 0 && o.handshakes_max <= 65536);
	require(o.handshakes_per_source > 0 && o.sessions_max > 0 && o.sessions_max <= 65536);
	require(o.secret_rate > 0 && o.idle_timeout_us >= 1000000);
	require(o.handshake_timeout_us >= 1000000);
}

static void try_ip(const char *text)
{
	struct settings s;
	char why[160] = "";

	if (settings_parse(text, &s, why, sizeof(why)) < 0) {
		require(*why);
		return;
	}
	require(s.coaps_port > 0 && s.n_interfaces <= SETTINGS_INTERFACES_MAX);
	for (size_t i = 0; i < s.n_interfaces; i++) {
		require(*s.interfaces[i] && gw_is_printable(s.interfaces[i]));
		require(!strpbrk(s.interfaces[i], "/ :"));
		for (size_t k = 0; k < i; k++)
			require(!gw_streq(s.interfaces[i], s.interfaces[k]));
	}
}

/* A value is a piece of the text, and fits. */
static void try_setting(const char *text)
{
	char value[16] = "";

	if (gw_plugin_setting(text, "box_key", value, sizeof(value)) == 0)
		require(strstr(text, "box_key=") && strstr(text, value) && !strchr(value, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1 || size > GW_SETTINGS_MAX)
		return 0;
	text = malloc(size);
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	try_setting(text);
	if (data[0] == 'r')
		try_registrar(text);
	else
		try_ip(text);
	free(text);
	return 0;
}
