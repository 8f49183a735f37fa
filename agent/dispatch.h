/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch: who in the agent deals with what a plugin says, its coming and its going. */
#pragma once

struct agent;
struct gw_msg;
struct plugin;

void dispatch_welcome(struct agent *agent, struct plugin *plugin);
void dispatch_lost(struct agent *agent, struct plugin *plugin);

/* A message that rule.c allows. `*fd` as in lib/link.h. An error is the plugin's fault and
 * breaks its link. */
int dispatch_message(struct agent *agent, struct plugin *plugin, const struct gw_msg *msg, int *fd);
