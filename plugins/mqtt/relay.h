/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay: what goes between the agent and the cloud. Requests out, and again until they are
 * answered; answers and commands in; and the word on how the cloud is reached.
 */
#pragma once

#include <stdint.h>

struct broker_config;
struct wallet_config;
struct gw_msg;
struct gw_plugin;
struct relay;
struct sd_event;

struct relay_config {
	uint64_t retry_first_us, retry_max_us, silent_after_us;
	unsigned per_second; /* requests that are published at most, repeated ones as well */
	const struct broker_config *broker; /* but for its wallet, which is made by `wallet` */
	const struct wallet_config *wallet;
};

/* Durable steps, see lib/step.h. */
#define RELAY_STEP_REQUEST  "mqtt.request"
#define RELAY_STEP_RESPONSE "mqtt.response"
#define RELAY_STEP_COMMAND  "mqtt.command"
#define RELAY_STEP_ANSWER   "mqtt.answer"
#define RELAY_STEP_EVENT    "mqtt.event"

/* The agent is there: connects, and tells it how that goes. */
int relay_new(struct gw_plugin *plugin, struct sd_event *event, const struct relay_config *config,
	      struct relay **ret);
struct relay *relay_free(struct relay *relay);

/* A message of the agent's. -errno breaks the link. */
int relay_message(struct relay *relay, const struct gw_msg *msg);
