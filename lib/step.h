/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step: the durable steps of a program by name, so that a test can kill it right before and right
 * after each. A step is where responsibility for a device's way aboard moves on: bytes reach the
 * disk, or another program is told. A build without --enable-fault-points has the names and
 * never dies.
 *
 * `PROGRAM --list-steps` prints the names, one a line; `GANGWAY_DIE_AT=NAME:before|after` ends the
 * program there with SIGKILL. Names of other programs' steps are ignored, so that one environment
 * serves a whole set.
 */
#pragma once

#include <stddef.h>

/* Prints the names to standard output. */
void gw_steps_list(const char *const *names, size_t n_names);

void gw_step_before(const char *name);
void gw_step_after(const char *name);
