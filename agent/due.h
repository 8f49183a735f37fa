/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * due: what happens by itself when its time has come: claims that expire, certificates that were never
 * proved, jobs that the cloud has put off, secrets whose handshake never ended.
 */
#pragma once

#include <stdint.h>

struct agent;
struct due;
struct plugin;

int due_new(struct agent *agent, struct due **ret);
struct due *due_free(struct due *due);

/* Something changed that may be due: looks again, after what the loop does now. */
void due_look(struct due *due);

/* Somebody set the clock, or the machine was asleep: plugins are told what time it is, whatever they know. */
void due_clock_was_set(struct due *due);

/* The turn was lost in which it may have looked: looks again within a minute, and takes nothing for done. */
void due_undone(struct due *due);

/* Tells a plugin that has just come what time it is. */
void due_brief(struct due *due, struct plugin *plugin);

/* Since when the clock is trusted, or is not, by the monotonic clock. */
uint64_t due_clock_since_us(const struct due *due);
