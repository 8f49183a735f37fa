/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wall: the time by which wolfSSL judges dates: the agent's, carried on from when it was told. The machine's
 * clock may be wrong, and is gone by only until the agent has told its time.
 */
#pragma once

#include <stdint.h>

void wall_set(uint64_t now_s);

/* Seconds since the epoch; 0: the agent has not told. */
uint64_t wall_now_s(void);

/* The agent is gone, and its time with it. */
void wall_forget(void);
