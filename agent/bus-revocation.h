/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-revocation: who brings a revocation list over the bus, and waits for what becomes of it. */
#pragma once

#include <stdint.h>

struct agent;
struct bus_revocation;
struct revocation_verdict;
struct sd_bus_message;

int bus_revocation_new(struct bus_revocation **ret);
struct bus_revocation *bus_revocation_free(struct bus_revocation *waiters);

/* The bus is gone, and everybody with it. NULL is fine. */
void bus_revocation_clear(struct bus_revocation *waiters);

int bus_revocation_call(struct agent *agent, struct sd_bus_message *call);

/* What became of the list of that number (revocation_take()). */
void bus_revocation_tell(struct agent *agent, uint64_t number,
			 const struct revocation_verdict *verdict);

/* The property: all lists on record. */
int bus_revocation_list(struct agent *agent, struct sd_bus_message *reply);
