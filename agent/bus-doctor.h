/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-doctor: what org.gangway1.Manager says of the gateway's own health; its table is in bus-manager.c. */
#pragma once

#include <stdint.h>

struct agent;
struct sd_bus_message;

/* The method Doctor. */
int bus_doctor_call(struct agent *agent, struct sd_bus_message *call);

/* The properties StateSince, CloudSince, CloudRetry, CloudHeard, ClockSince, CredentialEnds, CredentialRenews, CredentialRetry: seconds since the epoch. */
uint64_t bus_doctor_time(struct agent *agent, const char *property);
