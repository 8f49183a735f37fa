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
struct credential_dates;
struct gw_endpoint;
struct presence;
struct sd_event;

struct broker_config {
	const struct gw_endpoint *endpoint;
	const char *gateway;
	const char *folder;        /* of the credentials */
	struct gw_blob box_key;    /* for the status; may be empty */
	struct presence *presence; /* outlives the broker */
};

/* Called from the loop; broker_free() may not be called in them. */
struct broker_ops {
	/* How it fares now; `needs_help`: it will not get better until somebody does what `text`
	 * says. */
	void (*state)(enum gw_cloud_state state, const char *text, bool needs_help, void *userdata);
	/* The credential as it was found; `why`: what is wrong with it, or NULL. */
	void (*credential)(const struct credential_dates *dates, const char *why, void *userdata);
	void (*retry)(uint64_t in_us,
		      void *userdata); /* when the next attempt is; 0: none is due */
	void (*message)(enum dialect_topic topic, struct gw_blob body, void *userdata);
	void (*room)(void *userdata); /* requests may be published (again) */
};

/* Starts trying at once. All of config but `presence` is copied. */
int broker_new(struct sd_event *event, const struct broker_config *config,
	       const struct broker_ops *ops, void *userdata, struct broker **ret);
struct broker *broker_free(struct broker *b);

/* -ENOTCONN, or -EAGAIN if too much is under way. */
int broker_publish(struct broker *b, enum dialect_topic topic, const char *body);

/* The agent's word on what time it is: the broker's certificate is judged by it, also of a connection that
 * is up. */
void broker_set_clock(struct broker *b, bool trusted, uint64_t time_s);

/* Whether a request may be published now. */
bool broker_has_room(const struct broker *b);
