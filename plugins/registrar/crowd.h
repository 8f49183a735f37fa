/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crowd: all peers, each with its timer and its place in line. Finds them, lets new ones in and old
 * ones go, and frees those that are over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct WOLFSSL_CTX;
struct channel;
struct crowd;
struct front_known;
struct front_result;
struct gw_blob;
struct gw_msg;
struct path;
struct peer_shared;
struct sd_event;

struct crowd_limits {
	size_t handshakes_max, handshakes_per_source, sessions_max, sessions_per_source;
};

/* `shared` is borrowed. */
int crowd_new(struct sd_event *event, const struct peer_shared *shared, struct crowd **ret);
struct crowd *crowd_free(struct crowd *c);

void crowd_set_limits(struct crowd *c, const struct crowd_limits *limits);

/* What the front has to know of the peer under this path; false: there is none. */
bool crowd_knows(const struct crowd *c, const struct path *path, struct front_known *ret);

/* A datagram for the peer under this path, which there is. */
void crowd_receive(struct crowd *c, const struct path *path, struct gw_blob datagram);

/* A hello was challenged under this path, under which there is a peer, that is not that one's. */
void crowd_hold_back(struct crowd *c, const struct path *path);

/* Begins a peer with the ClientHello that the front admitted. Whoever was under this path is over, and
 * if there are too many handshakes, one of those who have most goes. */
int crowd_admit(struct crowd *c, struct channel *channel, const struct path *path,
		struct WOLFSSL_CTX *context, const struct front_result *admission,
		struct gw_blob datagram);

/* A message of the agent's about a session; those about sessions that are over are dropped. */
void crowd_take(struct crowd *c, uint64_t session, const struct gw_msg *msg);

/* The way to these peers is gone. */
void crowd_end_channel(struct crowd *c, const struct channel *channel);

/* There is no agent any more. */
void crowd_stop(struct crowd *c);
