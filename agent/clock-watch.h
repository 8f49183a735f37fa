/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock-watch: what the system says of the machine's clock: whether it keeps it synchronised, asked of
 * timedate1 on the bus, and that somebody has set it, told by the kernel or seen.
 */
#pragma once

#include <stdbool.h>

struct agent;
struct clock_watch;

int clock_watch_new(struct agent *agent, struct clock_watch **ret);
struct clock_watch *clock_watch_free(struct clock_watch *watch);

/* Asks anew if it is time to; the answer comes later, and has what is due looked at. */
void clock_watch_look(struct clock_watch *watch, bool is_trusted);

/* Now and then: has it been set, and nobody told us? NULL watch: nobody wants to know. */
void clock_watch_compare(struct clock_watch *watch);
