/* SPDX-License-Identifier: GPL-2.0-or-later */
/* desk: where the gateways' requests are answered. */
#pragma once

#include <stdint.h>

struct body_anchors;
struct bundle;
struct desk;
struct home;
struct registry;
struct request;

/* Of what is issued, in seconds. */
struct desk_lifetimes {
	uint64_t device, gateway;
};

/* Reads the authorities from the folder, which must outlive the desk. ret_what: on failure, the file
 * in question. */
int desk_new(const struct home *home, struct registry *registry,
	     const struct desk_lifetimes *lifetimes, struct desk **ret, const char **ret_what);
struct desk *desk_free(struct desk *desk);
void desk_freep(struct desk **desk);

/* Reads them again: they may have been replaced. On failure what it had holds on. */
int desk_reload(struct desk *desk, const char **ret_what);

/* What gateways are to take for anchors; lives until the next desk_reload(). */
void desk_anchors(const struct desk *desk, struct body_anchors *ret);

/* What they are to know the broker by, as it is now; bundle_done() it, also after a failure. */
int desk_broker_anchors(const struct desk *desk, struct bundle *ret);

/*
 * Answers a request of that gateway, in the caller's transaction: ret_answer (a body without its
 * time, to be freed) may leave once that is committed. ret_step names the durable step that the
 * transaction now holds, or is NULL. An error means that the registry has failed.
 */
int desk_answer(struct desk *desk, const char *gateway, const struct request *request,
		char **ret_answer, const char **ret_step);

/* The same for a box that comes by a claim to become that gateway. */
int desk_answer_claim(struct desk *desk, const char *claim, const char *gateway,
		      const struct request *request, char **ret_answer, const char **ret_step);
