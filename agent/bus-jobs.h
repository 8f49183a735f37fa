/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-jobs: what waits for the cloud, as the bus shows it. */
#pragma once

#include <systemd/sd-bus.h>

struct agent;

int bus_jobs_list(struct agent *agent, sd_bus_message *call);
int bus_jobs_list_after(struct agent *agent, sd_bus_message *call, sd_bus_error *error);
