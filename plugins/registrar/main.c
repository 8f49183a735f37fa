/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangway-registrar: ends DTLS, speaks CoAP and EST with devices, and asks the agent about everything.
 * It parses what strangers send, so it holds little: a short-lived server key, and the secrets of the
 * handshakes at hand. It opens no socket and no file: descriptors and settings come by the link.
 */
#include "config.h"

#include "lib/plugin.h"
#include "lib/util.h"
#include "plugins/registrar/memory.h"
#include "plugins/registrar/registrar.h"

static const char *const steps[] = {
#define X(NAME, step) step,
	REGISTRAR_STEPS(X)
#undef X
};

static int on_start(struct gw_plugin *plugin, struct sd_event *event, void **ret_userdata)
{
	return registrar_new(plugin, event, (struct registrar **)ret_userdata);
}

static int on_welcome(void *userdata, const struct gw_msg_welcome *welcome)
{
	return registrar_welcome(userdata, welcome);
}

static int on_message(void *userdata, const struct gw_msg *msg, int *fd)
{
	return registrar_take(userdata, msg, fd);
}

static void on_lost(void *userdata)
{
	registrar_lost(userdata);
}

static void on_stop(void *userdata)
{
	registrar_free(userdata);
}

int main(int argc, char **argv)
{
	static const struct gw_plugin_info info = {
		.name = "registrar",
		.summary =
			"Lets devices in: DTLS, CoAP and EST towards them, on behalf of gangwayd.",
		.library = "wolfSSL " GW_WOLFSSL_VERSION,
		.steps = steps,
		.n_steps = GW_ELEMENTS(steps),
		.start = on_start,
		.welcome = on_welcome,
		.message = on_message,
		.lost = on_lost,
		.stop = on_stop,
	};

	memory_watch();
	return gw_plugin_main(argc, argv, &info);
}
