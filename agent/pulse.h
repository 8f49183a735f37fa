/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pulse: tells the service manager that the agent lives, and how it is. It counts as alive while turns
 * come to an end; whether the store takes what they write is another matter, which is said and tried again.
 */
#pragma once

struct agent;
struct pulse;

int pulse_new(struct agent *agent, struct pulse **ret);
struct pulse *pulse_free(struct pulse *pulse);

/* A turn has come to its end: 1 something is on disk, 0 there was nothing to write, or the error for which
 * nothing of it is kept. NULL pulse: nobody wants to know. */
void pulse_turned(struct pulse *pulse, int r);

/* The service manager's own words for us: "Serves gateway gw1; the cloud is online". */
void pulse_describe(struct pulse *pulse);
