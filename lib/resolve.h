/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve: one look-up of a host name that does not hold up the event loop. */
#pragma once

#include <stddef.h>

#define GW_RESOLVE_MAX         8 /* addresses of one name; more are ignored */
#define GW_RESOLVE_ADDRESS_MAX 64

struct gw_resolve;
struct sd_event;

struct gw_resolve_result {
	const char *error; /* NULL: there is at least one address */
	size_t n;
	char addresses[GW_RESOLVE_MAX][GW_RESOLVE_ADDRESS_MAX]; /* numeric */
};

/* Calls done() from the loop, once; gw_resolve_free() may be called in it. */
int gw_resolve_start(struct sd_event *event, const char *host,
		     void (*done)(const struct gw_resolve_result *result, void *userdata),
		     void *userdata, struct gw_resolve **ret);

/* Ends it, done or not; an unfinished look-up goes on in the background and nobody hears of it. */
struct gw_resolve *gw_resolve_free(struct gw_resolve *resolve);
