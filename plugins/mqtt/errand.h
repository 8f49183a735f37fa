/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * errand: the one request about the gateway's own certificate that is under way, if any: repeated until
 * it is answered, like all requests, but by a way of its own, since on a claim's connection nobody
 * else may speak.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/blob.h"

struct errand;
struct keypair_request;
struct sd_event;

/* Durable steps, see lib/step.h. */
#define ERRAND_STEP_ASK   "mqtt.provision"
#define ERRAND_STEP_PROVE "mqtt.provisioned"
#define ERRAND_STEP_LEAVE "mqtt.relinquished"

/* Called from the loop. */
struct errand_ops {
	int (*publish)(const char *body, void *userdata);
	void (*unanswered)(void *userdata); /* it was repeated a few times; once a request */
};

int errand_new(struct sd_event *event, uint64_t retry_first_us, uint64_t retry_max_us,
	       const struct errand_ops *ops, void *userdata, struct errand **ret);
struct errand *errand_free(struct errand *errand);

/* For a certificate for that key; `serial`: of the one that it is to follow, or empty. */
int errand_ask(struct errand *errand, const struct keypair_request *key, struct gw_blob serial);

/* The certificate of that number has been used. */
int errand_prove(struct errand *errand, struct gw_blob serial);

/* The certificate of that number is given up, which is this job of the agent's. */
int errand_leave(struct errand *errand, const char *job, struct gw_blob serial);

/* Answered, or its connection is gone. */
void errand_end(struct errand *errand);

/* Whether this is the one under way. */
bool errand_is(const struct errand *errand, const char *job);

/* Whether a job was ever made here, by errand_ask() or errand_prove(), and is not the agent's. */
bool errand_is_own(const char *job);
