/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fiber: code written as a straight line, with a stack of its own, that gives way to the event loop where it
 * waits. One runs at a time; nothing but fiber_wait() takes the turn from it, so fibers need no locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fiber;
struct sd_event;

/* Makes a fiber and runs it up to where it waits first. */
int fiber_new(struct sd_event *event, void (*run)(void *userdata), void *userdata,
	      struct fiber **ret);

/* Only one that has ended, or that never ran. */
struct fiber *fiber_free(struct fiber *fiber);

/* run() has returned. */
bool fiber_has_ended(const struct fiber *fiber);

/* Does the caller run in one? */
bool fiber_is_running(void);

/* In a fiber: lets others run until there is something to read (true), or that time has come (false). With
 * fd -1 only the time counts. */
bool fiber_wait(int fd, uint64_t until_us);
