/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-verify: the method VerifyAudit. One walk along the record at a time, a slice now and then, behind
 * everything else; who asks meanwhile gets the next one, so that what was changed before he asked is seen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct bus_verify;
struct sd_bus_message;

int bus_verify_new(struct agent *agent, struct bus_verify **ret);
struct bus_verify *bus_verify_free(struct bus_verify *verify);

/* The method itself; the reply comes when the walk is over. */
int bus_verify_call(struct agent *agent, struct sd_bus_message *call);

/* Somebody has left the bus: a walk that nobody waits for ends. And all have, with the bus itself. NULL: there is
 * no agent yet to ask. */
void bus_verify_leave(struct bus_verify *verify, const char *name);
void bus_verify_clear(struct bus_verify *verify);

/* What the last walk found: 0, or the number of the record that does not fit, what is wrong, and when it was found
 * (monotonic). */
uint64_t bus_verify_first_bad(const struct bus_verify *verify, const char **ret_why,
			      uint64_t *ret_found_us);
