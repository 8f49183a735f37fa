/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent-room: a whole agent whose store is in memory and whose clock is the test's. Links to it are
 * socket pairs; the bus, for who wants one, is the test's other end of a socket pair too.
 */
#pragma once

#include <stdint.h>

#include "agent/agent.h"

#define ROOM_START_S 1900000000ull

/* Begins a new one, which has forgotten all. */
struct agent *room_begin(void);
void room_end(void);

/* Runs the agent's loop until there is nothing to do: what was to be committed is. */
void room_run(void);

/* Lets time pass. */
void room_pass(uint64_t seconds);

/* A socket pair, one end of which is a new plugin of that name ("": its HELLO says). */
int room_connect(const char *name);
