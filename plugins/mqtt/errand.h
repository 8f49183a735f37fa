/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * errand: the one request about the gateway's own certificate that is under way, if any: repeated until
 * it is answered, like all requests, but by a way of its own, since on a claim's connection nobody
 * else may speak.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct errand;
struct gw_msg_request;
struct sd_event;

/* Called from the loop. */
struct errand_ops {
	int (*publish)(const char *body, void *userdata);
	void (*unanswered)(void *userdata); /* it was repeated a few times; once a request */
};

int errand_new(struct sd_event *event, uint64_t retry_first_us, uint64_t retry_max_us,
	       const struct errand_ops *ops, void *userdata, struct errand **ret);
struct errand *errand_free(struct errand *errand);

/* Sends it, in the place of the one before it. `step` is a static text (lib/step.h). */
int errand_send(struct errand *errand, const struct gw_msg_request *request, const char *step);

/* Answered, or its connection is gone. */
void errand_end(struct errand *errand);

/* Whether this is the one under way. */
bool errand_is(const struct errand *errand, const char *job);
