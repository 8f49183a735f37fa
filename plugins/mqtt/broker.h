/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker: the standing wish to be connected to the broker. It tries again and again, with its own
 * pauses, says how it fares, and keeps the status on the broker true.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire.h"
#include "plugins/mqtt/dialect.h"

struct broker;
struct gw_endpoint;
struct presence;
struct sd_event;
struct wallet;

#define BROKER_ENDPOINTS_MAX 8

struct broker_config {
	const struct gw_endpoint
		*endpoints; /* tried in this order; who lets us in is stayed with */
	size_t n_endpoints;
	const char *gateway;
	const char *folder;        /* of the credentials, to be watched */
	struct gw_blob box_key;    /* for the status; may be empty */
	uint64_t spread_us;        /* of a fleet that comes back: see backoff.h */
	struct presence *presence; /* outlives the broker, as does the wallet */
	struct wallet *wallet;
};

/* Called from the loop; broker_free() may not be called in them. */
struct broker_ops {
	/* How it fares now; `needs_help`: it will not get better until somebody does what `text`
	 * says. */
	void (*state)(enum gw_cloud_state state, const char *text, bool needs_help, void *userdata);
	/* The wallet was asked for a credential; `why`: what is wrong with it, or NULL. */
	void (*credential)(const char *why, void *userdata);
	void (*retry)(uint64_t in_us,
		      void *userdata); /* when the next attempt is; 0: none is due */
	void (*message)(enum dialect_topic topic, struct gw_blob body, void *userdata);
	void (*room)(void *userdata); /* requests may be published (again) */
};

/* Starts trying at once. All of config but `presence` is copied. */
int broker_new(struct sd_event *event, const struct broker_config *config,
	       const struct broker_ops *ops, void *userdata, struct broker **ret);
struct broker *broker_free(struct broker *b);

/* -ENOTCONN, or -EAGAIN if too much is under way. On a claim's connection nothing goes this way. */
int broker_publish(struct broker *b, enum dialect_topic topic, const char *body);

/* The agent's word on what time it is: the broker's certificate is judged by it, also of a connection that
 * is up. */
void broker_set_clock(struct broker *b, bool trusted, uint64_t time_s);

/* A request about our own certificate, on a claim's connection too. */
int broker_publish_own(struct broker *b, const char *body);

/* Takes leave and comes back at once, with what the wallet then says. */
void broker_reconnect(struct broker *b);

/* As gw_mqtt_anchor(); -ENOTCONN. */
int broker_anchor(const struct broker *b, uint8_t **ret, size_t *ret_len);

/* Whether a request may be published now. */
bool broker_has_room(const struct broker *b);
