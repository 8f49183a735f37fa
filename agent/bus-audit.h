/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-audit: the record for those who call; the table of the methods is in bus-manager.c. */
#pragma once

struct agent;
struct sd_bus_message;

/* The method ReadAudit. */
int bus_audit_read(struct agent *agent, struct sd_bus_message *call);
