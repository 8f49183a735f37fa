/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve: one look-up of a host name that does not hold up the event loop. */
#pragma once

#include <stddef.h>

#define RESOLVE_MAX         8 /* addresses of one name; more are ignored */
#define RESOLVE_ADDRESS_MAX 64

struct resolve;
struct sd_event;

struct resolve_result {
	const char *error; /* NULL: there is at least one address */
	size_t n;
	char addresses[RESOLVE_MAX][RESOLVE_ADDRESS_MAX]; /* numeric */
};

/* Calls done() from the loop, once; resolve_free() may be called in it. */
int resolve_start(struct sd_event *event, const char *host,
		  void (*done)(const struct resolve_result *result, void *userdata), void *userdata,
		  struct resolve **ret);

/* Ends it, done or not; an unfinished look-up goes on in the background and nobody hears of it. */
struct resolve *resolve_free(struct resolve *resolve);
