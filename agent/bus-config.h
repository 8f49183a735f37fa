/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-config: the handlers of org.gangway1.Manager that are about the configuration; its table is in bus-manager.c. */
#pragma once

struct agent;
struct sd_bus_message;

int bus_config_list(struct agent *agent, struct sd_bus_message *call);
int bus_config_check(struct agent *agent, struct sd_bus_message *call);
int bus_config_reload(struct agent *agent, struct sd_bus_message *call);
