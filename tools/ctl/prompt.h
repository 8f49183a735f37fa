/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prompt: lets polkit ask for a password on this terminal, as long as a verb runs. */
#pragma once

#include <sys/types.h>

struct prompt {
	pid_t agent; /* 0: none was started */
};

/*
 * Starts polkit's own agent for terminals, unless the caller is root, whom nobody asks, or has no terminal; then an
 * agent of the desktop may still ask. What goes wrong is a warning.
 */
void prompt_begin(struct prompt *prompt, const char *bus_address);

/* Ends it; it leaves the terminal as it was. */
void prompt_end(struct prompt *prompt);
