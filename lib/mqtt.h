/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mqtt: one attempt to talk to the broker, from TCP to its end, by libmosquitto inside the event
 * loop. It is never used twice: another attempt is another object, so nothing of an old one lives on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct gw_mqtt;
struct sd_event;
struct gw_mqtt_tls;

#define GW_MQTT_TOPICS_MAX 5

/* Publications that the broker has not acknowledged: for those that can wait, and in all. */
#define GW_MQTT_WINDOW  16
#define GW_MQTT_UNACKED 64

enum gw_mqtt_end {
	GW_MQTT_UNREACHABLE, /* no TCP, or no answer in time */
	GW_MQTT_UNTRUSTED,   /* one side refuses the other's certificate */
	GW_MQTT_REFUSED,     /* the broker said no to the session or to a subscription */
	GW_MQTT_LOST,        /* it was up */
	GW_MQTT_LEFT,        /* by gw_mqtt_leave() */
	_GW_MQTT_END_MAX,
};

struct gw_mqtt_config {
	const char *address; /* numeric */
	int port;
	const char *client_id;
	const char *will_topic; /* retained; NULL: no will */
	const char *will;
	const char *topics[GW_MQTT_TOPICS_MAX]; /* to subscribe to */
	size_t n_topics;
	size_t n_needed; /* the first of them, without which there is no point */
	bool forget;     /* the broker keeps no session for us */
};

/* Called from the loop. gw_mqtt_free() may be called in closed() only. */
struct gw_mqtt_ops {
	void (*up)(void *userdata); /* subscribed */
	void (*message)(const char *topic, struct gw_blob body, void *userdata);
	void (*room)(void *userdata); /* the broker acknowledged something */
	void (*closed)(enum gw_mqtt_end end, const char *why, void *userdata); /* once, last */
};

/* Takes tls, also on failure. All texts of config are copied. */
int gw_mqtt_new(struct sd_event *event, struct gw_mqtt_tls *tls,
		const struct gw_mqtt_config *config, const struct gw_mqtt_ops *ops, void *userdata,
		struct gw_mqtt **ret);

/* Cuts it: the broker publishes the will. No call of closed(). */
struct gw_mqtt *gw_mqtt_free(struct gw_mqtt *c);

/* Takes leave: the broker does not publish the will. closed() follows. */
void gw_mqtt_leave(struct gw_mqtt *c);

/* -ENOTCONN: not up. -EAGAIN: GW_MQTT_UNACKED are under way. */
int gw_mqtt_publish(struct gw_mqtt *c, const char *topic, const char *body, bool retain);

/* What the broker's certificate was verified with (DER, to be freed), while it is up; -ENOENT. */
int gw_mqtt_anchor(const struct gw_mqtt *c, uint8_t **ret, size_t *ret_len);

/* Whether a request may be published now. */
bool gw_mqtt_has_room(const struct gw_mqtt *c);
