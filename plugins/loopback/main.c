/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangway-loopback: a transport in one file, to be copied by who writes one. It opens a UDP socket on
 * 127.0.0.1, hands it to the agent, and never reads a byte from it: simulated devices on the gateway itself
 * can knock there.
 *
 * Privilege story: none. It opens one socket, of which it keeps a duplicate, and speaks to the agent.
 *
 * What every transport does, in the order in which it happens:
 *
 *	start    makes its own state; the agent may not be there yet
 *	welcome  reads its settings, and opens what it can; may come again, with other settings
 *	message  OFFER: hands over all channels that it has, and again whenever that is asked
 *	lost     the agent is gone; sockets stay open, so that devices need not notice
 *	stop     frees the state
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "lib/plugin.h"
#include "lib/util.h"

#define PORT         5694
#define DATAGRAM_MAX 1400    /* bytes that we promise to carry */
#define RETRY_US     2000000 /* between attempts at a port that somebody else holds */

struct loopback {
	struct gw_plugin *plugin;
	sd_event_source *retry;
	uint16_t port;
	int fd;           /* -1: there is no door yet */
	uint32_t channel; /* our number for it; no number is used again */
	bool is_offered;  /* the agent has asked for channels */
};

static int open_door(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	_cleanup_close_ int fd = -1;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void offer(struct loopback *loopback)
{
	char label[GW_ADDRESS_MAX];
	const struct gw_msg msg = {
		.type = GW_MSG_CHANNEL,
		.channel = { .channel = loopback->channel,
			     .kind = GW_CHANNEL_DATAGRAM,
			     .mtu = DATAGRAM_MAX,
			     .label = label },
	};

	if (loopback->fd < 0 || !loopback->is_offered)
		return;

	(void)snprintf(label, sizeof(label), "127.0.0.1 udp %u", loopback->port);
	(void)gw_plugin_send(loopback->plugin, &msg, loopback->fd);
}

static void take_back(struct loopback *loopback)
{
	const struct gw_msg msg = {
		.type = GW_MSG_CHANNEL_GONE,
		.channel_gone = { .channel = loopback->channel },
	};

	if (loopback->fd < 0)
		return;

	(void)close(loopback->fd);
	loopback->fd = -1;
	(void)gw_plugin_send(loopback->plugin, &msg, /* fd= */ -1);
}

/* Health is what the operator sees, in `gangwayctl status`: what is wrong, and what to do about it. */
static void tell_trouble(struct loopback *loopback, int error)
{
	char text[GW_TEXT_MAX];

	(void)snprintf(
		text, sizeof(text),
		"Cannot open UDP port %u on 127.0.0.1 (%s): ss -lunp names who holds it; or set "
		"another [plugin loopback] port",
		loopback->port, strerror(-error));
	gw_plugin_health(loopback->plugin, text);
}

static void update(struct loopback *loopback)
{
	int fd = loopback->fd < 0 ? open_door(loopback->port) : loopback->fd;

	if (fd < 0) {
		tell_trouble(loopback, fd);
		(void)sd_event_source_set_time_relative(loopback->retry, RETRY_US);
		(void)sd_event_source_set_enabled(loopback->retry, SD_EVENT_ONESHOT);
		return;
	}

	gw_plugin_health(loopback->plugin, /* text= */ NULL);
	if (loopback->fd < 0) {
		loopback->fd = fd;
		loopback->channel++;
		offer(loopback);
	}
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	update(userdata);
	return 0;
}

static int on_welcome(void *userdata, const struct gw_msg_welcome *welcome)
{
	struct loopback *loopback = userdata;
	uint64_t port = PORT;
	int r;

	r = gw_plugin_setting_u64(welcome->settings, "port", 1, UINT16_MAX, &port);
	if (r < 0 && r != -ENOENT) {
		take_back(loopback);
		gw_plugin_health(loopback->plugin,
				 "[plugin loopback] port is no number from 1 to 65535");
		return 0;
	}

	if (port != loopback->port)
		take_back(loopback);
	loopback->port = (uint16_t)port;
	update(loopback);
	return 0;
}

static int on_message(void *userdata, const struct gw_msg *msg, int *fd)
{
	struct loopback *loopback = userdata;

	if (msg->type != GW_MSG_OFFER)
		return -EPROTO; /* breaks the link: this is not the agent that we know */

	loopback->is_offered = true;
	offer(loopback);
	return 0;
}

static void on_lost(void *userdata)
{
	struct loopback *loopback = userdata;

	loopback->is_offered = false;
}

static void on_stop(void *userdata)
{
	struct loopback *loopback = userdata;

	if (!loopback)
		return;

	if (loopback->fd >= 0)
		(void)close(loopback->fd);
	sd_event_source_disable_unref(loopback->retry);
	free(loopback);
}

static int on_start(struct gw_plugin *plugin, sd_event *event, void **ret_userdata)
{
	struct loopback *loopback = malloc(sizeof(*loopback));
	int r;

	if (!loopback)
		return -ENOMEM;

	*loopback = (struct loopback){ .plugin = plugin, .port = PORT, .fd = -1 };
	r = sd_event_add_time_relative(event, &loopback->retry, CLOCK_MONOTONIC, RETRY_US,
				       /* accuracy= */ 0, on_retry, loopback);
	if (r >= 0)
		r = sd_event_source_set_enabled(loopback->retry, SD_EVENT_OFF);
	if (r < 0) {
		on_stop(loopback);
		return r;
	}

	*ret_userdata = loopback;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct gw_plugin_info info = {
		.name = "loopback",
		.summary = "Lets simulated devices on the gateway itself knock at 127.0.0.1.",
		.library = "",
		.start = on_start,
		.welcome = on_welcome,
		.message = on_message,
		.lost = on_lost,
		.stop = on_stop,
	};

	return gw_plugin_main(argc, argv, &info);
}
