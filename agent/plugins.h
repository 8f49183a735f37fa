/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugins: the programs that are connected, what each has told of itself, and the channels that
 * transports have offered. Messages are held to rule.c here, and handed on by dispatch.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct agent;
struct gw_msg;
struct plugin;
struct plugins;
struct settings;

#define PLUGINS_MAX 32

/* What there is to know of a plugin; strings live as long as it is connected. */
struct plugin_info {
	const char *name;
	enum gw_role role;
	const char *program, *library;
	bool healthy;
	const char *text;  /* what is wrong */
	uint64_t since_us; /* that it is as well as it is, by the monotonic clock */
};

int plugins_new(struct agent *agent, struct plugins **ret);
struct plugins *plugins_free(struct plugins *plugins);

/* Takes a new connection; the fd is ours from here on. `name` is NULL if HELLO may say it, else who
 * the socket's peer is; so is the role. */
int plugins_add(struct plugins *plugins, int fd, const char *name);

/* The connected plugin of a role, or NULL. There is one registrar and one cloud link at most. */
struct plugin *plugins_find(struct plugins *plugins, enum gw_role role);

/* Since when nobody has that role, if nobody has: by the monotonic clock. */
uint64_t plugins_missing_since_us(const struct plugins *plugins, enum gw_role role);

/* The welcomed plugins one after the other: NULL begins and ends. */
struct plugin *plugins_next(struct plugins *plugins, const struct plugin *after);
void plugin_get_info(const struct plugin *plugin, struct plugin_info *ret);
const char *plugin_name(const struct plugin *plugin);

void plugin_set_health(struct plugin *plugin, bool ok, const char *text);

/* Queues a message to be sent when the turn is committed. NULL plugin: drops it. fd is borrowed. */
void plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd);

/* Ends a plugin's link, with a reason for the log and the record. */
void plugin_break(struct plugin *plugin, const char *why);

/* Ends the links of those whose settings were others `before`: they connect again and are welcomed with what
 * holds now. Returns how many. What they had open is void, as at every loss of a link. */
unsigned plugins_welcome_anew(struct plugins *plugins, const struct settings *before);

/* Lets everything go that was queued, or takes back what this turn queued. */
void plugins_release(struct plugins *plugins);
void plugins_discard(struct plugins *plugins);
void plugins_break_all(struct plugins *plugins, const char *why);
