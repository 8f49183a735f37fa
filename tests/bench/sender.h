/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sender: what programs share that send at a steady rate, until their time is over or somebody ends them. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LATE_MAX_S 0.01

struct pace {
	double rate; /* a second */
	double from;
	unsigned long n_sent; /* since then */
};

static volatile sig_atomic_t is_over;

static inline void on_end(int signal)
{
	is_over = 1;
}

static inline _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static inline double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How many should be sent by now. Who is too late begins anew. */
static inline double pace_due(struct pace *pace, double now)
{
	double due = (now - pace->from) * pace->rate - (double)pace->n_sent;

	if (due <= LATE_MAX_S * pace->rate)
		return due;
	pace->from = now;
	pace->n_sent = 0;
	return 0;
}
