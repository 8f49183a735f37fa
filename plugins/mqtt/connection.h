/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection: one attempt to talk to the broker, from TCP to its end, by libmosquitto inside the event loop.
 * It is never used twice: another attempt is another connection, so nothing of an old one lives on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/blob.h"

struct connection;
struct sd_event;
struct tls;

#define CONNECTION_TOPICS_MAX 4

/* Publications that the broker has not acknowledged: for requests, which wait their turn, and in all. */
#define CONNECTION_WINDOW  16
#define CONNECTION_UNACKED 64

enum connection_end {
	CONNECTION_UNREACHABLE, /* no TCP, or no answer in time */
	CONNECTION_UNTRUSTED,   /* one side refuses the other's certificate */
	CONNECTION_REFUSED,     /* the broker said no to the session or to a subscription */
	CONNECTION_LOST,        /* it was up */
	CONNECTION_LEFT,        /* by connection_leave() */
	_CONNECTION_END_MAX,
};

struct connection_config {
	const char *address; /* numeric */
	int port;
	const char *client_id;
	const char *will_topic; /* retained */
	const char *will;
	const char *topics[CONNECTION_TOPICS_MAX]; /* to subscribe to */
	size_t n_topics;
	size_t n_needed; /* the first of them, without which there is no point */
};

/* Called from the loop. connection_free() may be called in closed() only. */
struct connection_ops {
	void (*up)(void *userdata); /* subscribed */
	void (*message)(const char *topic, struct gw_blob body, void *userdata);
	void (*room)(void *userdata); /* the broker acknowledged something */
	void (*closed)(enum connection_end end, const char *why, void *userdata); /* once, last */
};

/* Takes tls, also on failure. All texts of config are copied. */
int connection_new(struct sd_event *event, struct tls *tls, const struct connection_config *config,
		   const struct connection_ops *ops, void *userdata, struct connection **ret);

/* Cuts it: the broker publishes the will. No call of closed(). */
struct connection *connection_free(struct connection *c);

/* Takes leave: the broker does not publish the will. closed() follows. */
void connection_leave(struct connection *c);

/* -ENOTCONN: not up. -EAGAIN: CONNECTION_UNACKED are under way. */
int connection_publish(struct connection *c, const char *topic, const char *body, bool retain);

/* Whether a request may be published now. */
bool connection_has_room(const struct connection *c);
