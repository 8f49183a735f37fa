/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel: a UDP socket that a transport has handed over. Only here are datagrams read and written;
 * whoever gave the socket keeps a duplicate, and is not trusted with it.
 */
#pragma once

#include <stdint.h>

struct channel;
struct gw_blob;
struct gw_msg_channel;
struct path;
struct sd_event;

struct channel_ops {
	void (*datagram)(void *userdata, struct channel *channel, const struct path *path,
			 struct gw_blob datagram);

	/* The socket is of no more use. Called from the loop; channel_free() in it is fine. */
	void (*broken)(void *userdata, struct channel *channel);
};

/* Takes the socket in *fd, which is the channel's from here on if the call succeeds. -EINVAL: it is no
 * UDP socket. */
int channel_new(struct sd_event *event, const struct gw_msg_channel *msg, int *fd,
		const struct channel_ops *ops, void *userdata, struct channel **ret);
struct channel *channel_free(struct channel *channel);

uint32_t channel_number(const struct channel *channel);
uint16_t channel_mtu(const struct channel *channel);

/* Sends a datagram back the way the path came, or loses it, as the network may. */
void channel_send(struct channel *channel, const struct path *path, struct gw_blob datagram);
