/* SPDX-License-Identifier: GPL-2.0-or-later */
/* broker: our standing connection to the broker, made again and again until it holds. */
#pragma once

struct broker;
struct gw_blob;
struct gw_endpoint;
struct home;
struct sd_event;

/* Called from the loop. */
struct broker_ops {
	void (*up)(void *userdata);
	void (*message)(const char *topic, struct gw_blob body, void *userdata);
	void (*down)(void *userdata);
};

/* Starts trying at once. Home must outlive it. */
int broker_new(struct sd_event *event, const struct home *home, const struct gw_endpoint *endpoint,
	       const struct broker_ops *ops, void *userdata, struct broker **ret);
struct broker *broker_free(struct broker *broker);
void broker_freep(struct broker **broker);

/* While there is no connection it is lost. */
void broker_publish(struct broker *broker, const char *topic, const char *body);
