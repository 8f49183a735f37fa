/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guise: as whom we come to the broker: as the gateway, or by a claim, as nobody yet. What the connection is called,
 * which topics it has, and what stands on the status topic while it is there and when it is cut.
 */
#pragma once

#include <stdbool.h>

#include "lib/blob.h"
#include "plugins/mqtt/dialect.h"

struct guise;
struct gw_mqtt_config;
struct presence;

/* `box_key`: for the status; may be empty. `presence` outlives it. */
int guise_new(const char *gateway, struct gw_blob box_key, struct presence *presence,
	      struct guise **ret);
struct guise *guise_free(struct guise *g);

/*
 * For the connection that is made next: all that gw_mqtt_new() has to know but address and port. `claim`: the name of
 * the claim that is shown, NULL: we come as the gateway. What *ret points to is the guise's, until the next call.
 */
int guise_put_on(struct guise *g, const char *claim, struct gw_mqtt_config *ret);

/* What was put on last. */
bool guise_is_claim(const struct guise *g);

/* The name of a topic; a claim has but those of its request and response, and *ret is written of these. */
const char *guise_topic(const struct guise *g, enum dialect_topic topic);

/* Which of the topics that are listened to it is; -ENOENT: none. */
int guise_topic_of(const struct guise *g, const char *name, enum dialect_topic *ret);

/* The status while the connection is there. On the heap. */
int guise_write_status(const struct guise *g, char **ret);
