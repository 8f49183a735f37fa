/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channels: what transports offer. The agent checks the descriptor, gives the channel a number of its
 * own, hands it to the registrar and keeps no copy; and it knows by that number whose it is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct agent;
struct gw_msg_channel;
struct plugin;

#define CHANNELS_MAX 256

/* A transport offers a channel with its descriptor; -EBADMSG: not one that we hand on. */
int channels_take(struct agent *agent, struct plugin *transport, const struct gw_msg_channel *msg,
		  int fd);
void channels_take_gone(struct agent *agent, struct plugin *transport, uint32_t channel);

/* The transport is no more, and so are its channels. */
void channels_drop(struct agent *agent, struct plugin *transport);

/* There is a new registrar: all transports offer again. */
void channels_offer(struct agent *agent, struct plugin *transport_or_all);

/* The transport of a channel, by our number; "" if there is no such channel. */
const char *channels_transport(struct agent *agent, uint32_t channel);

/* The label of a transport's n-th channel, or NULL. */
const char *channels_label(struct agent *agent, const char *transport, size_t n);

struct channels;
int channels_new(struct channels **ret);
struct channels *channels_free(struct channels *channels);
