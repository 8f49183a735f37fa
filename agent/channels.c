/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A descriptor from a plugin is hostile until it is shown to be a socket of the kind that was
 * announced: no file, no tty, nothing that listens. What it may still do wrong (change its flags,
 * connect it elsewhere) the registrar guards against with every call.
 */
#include "agent/channels.h"

#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/plugins.h"
#include "lib/log.h"
#include "lib/util.h"

struct channel {
	uint32_t number; /* ours; 0: free */
	uint32_t theirs;
	char transport[GW_NAME_MAX + 1];
	char label[GW_ADDRESS_MAX + 1];
};

struct channels {
	uint32_t last_number;
	struct channel all[CHANNELS_MAX];
};

/* --- the descriptor --- */

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -errno : value;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool descriptor_is_good(int fd, enum gw_channel_kind kind)
{
	int domain = option(fd, SO_DOMAIN), type = option(fd, SO_TYPE);

	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return false;
	if (option(fd, SO_ACCEPTCONN) != 0)
		return false;
	if (kind == GW_CHANNEL_STREAM && !is_connected(fd))
		return false;
	if (domain == AF_UNIX)
		return kind == GW_CHANNEL_STREAM ? type == SOCK_STREAM : type == SOCK_SEQPACKET;
	return type == (kind == GW_CHANNEL_STREAM ? SOCK_STREAM : SOCK_DGRAM);
}

/* --- the table --- */

static struct channel *find_theirs(struct channels *channels, const char *transport,
				   uint32_t theirs)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct channel *channel = &channels->all[i];

		if (channel->number && channel->theirs == theirs &&
		    gw_streq(channel->transport, transport))
			return channel;
	}
	return NULL;
}

static struct channel *find_free(struct channels *channels)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (!channels->all[i].number)
			return &channels->all[i];
	return NULL;
}

const char *channels_transport(struct agent *agent, uint32_t channel)
{
	for (size_t i = 0; channel && i < CHANNELS_MAX; i++)
		if (agent->channels->all[i].number == channel)
			return agent->channels->all[i].transport;
	return "";
}

const char *channels_label(struct agent *agent, const char *transport, size_t n)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct channel *channel = &agent->channels->all[i];

		if (channel->number && gw_streq(channel->transport, transport) && n-- == 0)
			return channel->label;
	}
	return NULL;
}

/* --- coming and going --- */

static void tell_gone(struct agent *agent, uint32_t number)
{
	struct gw_msg msg = { .type = GW_MSG_CHANNEL_GONE, .channel_gone = { number } };

	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

static void hand_on(struct agent *agent, const struct channel *channel,
		    const struct gw_msg_channel *offer, int fd)
{
	struct gw_msg msg = { .type = GW_MSG_CHANNEL, .channel = *offer };

	msg.channel.channel = channel->number;
	msg.channel.transport = channel->transport;
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, fd);
}

int channels_take(struct agent *agent, struct plugin *transport, const struct gw_msg_channel *msg,
		  int fd)
{
	const char *name = plugin_name(transport);
	struct channel *channel = find_theirs(agent->channels, name, msg->channel);

	if (!descriptor_is_good(fd, (enum gw_channel_kind)msg->kind)) {
		gw_log_tagged(GW_LOG_WARNING, GW_LOG_TAGS(.transport = name),
			      "gangway-%s offered a descriptor that is no such channel", name);
		return -EBADMSG;
	}
	if (channel) /* offered again: to the registrar it is a new one */
		tell_gone(agent, channel->number);
	else
		channel = find_free(agent->channels);
	if (!channel) {
		gw_log(WARNING, "gangway-%s offers more than %d channels, ignoring", name,
		       CHANNELS_MAX);
		return 0;
	}

	channel->number = ++agent->channels->last_number;
	channel->theirs = msg->channel;
	(void)gw_copy(channel->transport, sizeof(channel->transport), name);
	(void)gw_copy(channel->label, sizeof(channel->label), msg->label);
	hand_on(agent, channel, msg, fd);
	bus_tell_transport(agent->bus, name);
	return 0;
}

static void drop(struct agent *agent, struct channel *channel)
{
	tell_gone(agent, channel->number);
	channel->number = 0;
}

void channels_take_gone(struct agent *agent, struct plugin *transport, uint32_t theirs)
{
	struct channel *channel = find_theirs(agent->channels, plugin_name(transport), theirs);

	if (!channel)
		return;
	drop(agent, channel);
	bus_tell_transport(agent->bus, plugin_name(transport));
}

void channels_drop(struct agent *agent, struct plugin *transport)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct channel *channel = &agent->channels->all[i];

		if (channel->number && gw_streq(channel->transport, plugin_name(transport)))
			drop(agent, channel);
	}
}

void channels_offer(struct agent *agent, struct plugin *transport_or_all)
{
	struct gw_msg msg = { .type = GW_MSG_OFFER, .offer = { .again = !transport_or_all } };
	struct plugin_info info;
	struct plugin *plugin = NULL;

	if (!plugins_find(agent->plugins, GW_ROLE_REGISTRAR))
		return; /* nobody to hand them to */

	while ((plugin = plugins_next(agent->plugins, plugin))) {
		plugin_get_info(plugin, &info);
		if (info.role != GW_ROLE_TRANSPORT)
			continue;
		if (!transport_or_all || plugin == transport_or_all)
			plugin_send(plugin, &msg, /* fd= */ -1);
	}
}

int channels_new(struct channels **ret)
{
	struct channels *channels = calloc(1, sizeof(*channels));

	if (!channels)
		return -ENOMEM;
	*ret = channels;
	return 0;
}

struct channels *channels_free(struct channels *channels)
{
	free(channels);
	return NULL;
}
