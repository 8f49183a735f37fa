/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugin: all that a plugin needs besides its own job. A plugin is a program: it fills in a struct
 * gw_plugin_info and calls gw_plugin_main(), which parses the command line, connects to the agent
 * (again and again, with backoff), says hello, and runs the event loop until SIGTERM or SIGINT.
 *
 * Options of every plugin: --link PATH (default /run/gangway/link), --help, --version, --list-steps; of
 * one that keeps something on disk also --state DIR.
 * Exit status: 0 ended by a signal, 1 failed, 2 wrong use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define GW_LINK_PATH "/run/gangway/link"

struct gw_plugin;
struct sd_event;

struct gw_plugin_info {
	const char *name;    /* "ip": what HELLO says; its section is [plugin NAME] */
	const char *summary; /* one line for --help */
	const char *library; /* for HELLO, may be "" */

	const char *const *steps; /* names for --list-steps */
	size_t n_steps;

	/* Makes the plugin's own state before the first connection. -errno ends the program. */
	int (*start)(struct gw_plugin *plugin, struct sd_event *event, void **ret_userdata);

	/* The agent took us in. `settings`: see gw_plugin_setting(). May come again after lost(). An
	 * error ends the program: report trouble that may pass by gw_plugin_health() instead. */
	int (*welcome)(void *userdata, const struct gw_msg_welcome *welcome);

	/* Any other message; `*fd` as in lib/link.h. An error breaks the link. */
	int (*message)(void *userdata, const struct gw_msg *msg, int *fd);

	/* The agent is gone: every session is void. */
	void (*lost)(void *userdata);

	void (*stop)(void *userdata); /* frees the state; may be NULL */

	/* The plugin keeps something on disk: takes --state DIR, see gw_plugin_state(). */
	bool keeps_state;
};

int gw_plugin_main(int argc, char **argv, const struct gw_plugin_info *info);

/* Sends to the agent; quietly drops the message while there is none. fd is borrowed, -1: none. */
int gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd);

/* What stood behind --state, or NULL: then a service manager may have set STATE_DIRECTORY. */
const char *gw_plugin_state(const struct gw_plugin *plugin);

/* Tells the operator how the plugin fares; the same text twice is sent once. NULL text: all is well. */
void gw_plugin_health(struct gw_plugin *plugin, const char *text);

/* The value of `key` in "key=value\n"..., copied to buf; -ENOENT if it is not there. */
int gw_plugin_setting(const char *settings, const char *key, char *buf, size_t size);

/* The same as a number within [min, max]; the agent has checked it, so an error is a bug there. */
int gw_plugin_setting_u64(const char *settings, const char *key, uint64_t min, uint64_t max,
			  uint64_t *ret);
