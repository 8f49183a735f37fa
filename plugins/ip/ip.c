/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds the plugin together. What the kernel tells about the configured interfaces decides which doors
 * are open; open doors are offered to the agent once it asks, and again whenever it asks again, the
 * same sockets under the same numbers. Doors stay open while the agent or its registrar is away: the
 * port stays ours, and devices' repetitions bridge the gap.
 */
#include "plugins/ip/ip.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "lib/plugin.h"
#include "lib/step.h"
#include "lib/util.h"
#include "plugins/ip/census.h"
#include "plugins/ip/door.h"
#include "plugins/ip/netlink.h"
#include "plugins/ip/settings.h"

#define RETRY_US     2000000 /* between attempts at a port that somebody else holds .. */
#define GRACE_US     1000000 /* .. but after the first: a registrar may be about to let go of it */
#define PROBLEM_MAX  200     /* bytes of a text about one interface */
#define STEP_CHANNEL "ip.channel"

static const int families[] = { AF_INET, AF_INET6 };
static const char *const family_names[] = { "IPv4", "IPv6" };

#define N_FAMILIES 2

struct interface {
	char name[IF_NAMESIZE];
	bool is_known;   /* the kernel has been asked about it */
	bool is_in_dump; /* the dump under way tells about it */
	struct facts {
		int index; /* 0: there is none of that name */
		bool up;
		uint32_t mtu;
		bool has_address[N_FAMILIES];
	} is, found; /* as we act on it; as the dump under way has told so far */
	struct door doors[N_FAMILIES];
};

struct ip {
	struct gw_plugin *plugin;
	struct netlink *netlink;
	struct census *census;
	sd_event_source *retry; /* doors that could not be opened */
	bool is_failing;        /* nor the time before */

	uint16_t coaps_port;
	struct interface interfaces[SETTINGS_INTERFACES_MAX];
	size_t n_interfaces;
	char fault[PROBLEM_MAX]; /* of the settings; then nothing is served */
	uint32_t last_channel;
	bool is_offered; /* the agent has asked for the channels */
};

static struct interface *end_of_interfaces(struct ip *ip)
{
	return ip->interfaces + ip->n_interfaces;
}

/* --- channels --- */

static void offer(struct ip *ip, const struct interface *interface, size_t family)
{
	const struct door *door = &interface->doors[family];
	char label[GW_ADDRESS_MAX];
	struct gw_msg msg = {
		.type = GW_MSG_CHANNEL,
		.channel = { .channel = door->channel,
			     .kind = GW_CHANNEL_DATAGRAM,
			     .mtu = door_datagram_max(families[family], interface->is.mtu),
			     .label = label },
	};

	if (!ip->is_offered)
		return;

	(void)snprintf(label, sizeof(label), "%s udp %u %s", interface->name, door->port,
		       family_names[family]);
	gw_step_before(STEP_CHANNEL);
	(void)gw_plugin_send(ip->plugin, &msg, door->fd);
	gw_step_after(STEP_CHANNEL);
}

static void take_back(struct ip *ip, struct door *door)
{
	struct gw_msg msg = { .type = GW_MSG_CHANNEL_GONE,
			      .channel_gone = { .channel = door->channel } };

	if (door->fd < 0)
		return;

	door_close(door);
	if (ip->is_offered)
		(void)gw_plugin_send(ip->plugin, &msg, /* fd= */ -1);
}

static void offer_all(struct ip *ip)
{
	ip->is_offered = true;
	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		for (size_t f = 0; f < N_FAMILIES; f++)
			if (i->doors[f].fd >= 0)
				offer(ip, i, f);
}

/* --- doors follow interfaces --- */

static void describe(char *problem, const char *format, ...) GW_PRINTF(2, 3);
static void describe(char *problem, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem, PROBLEM_MAX, format, args);
	va_end(args);
}

/* Opens and closes one door; on failure writes why. */
static int update_door(struct ip *ip, struct interface *interface, size_t family, char *problem)
{
	struct door *door = &interface->doors[family];
	bool wanted = interface->is.up && interface->is.has_address[family];
	int r;

	if (!wanted || door->index != interface->is.index || door->port != ip->coaps_port)
		take_back(ip, door);
	if (!wanted || door->fd >= 0)
		return 0;

	r = door_open(door, interface->name, families[family], ip->coaps_port);
	if (r == -EADDRINUSE)
		describe(
			problem,
			"%s: another program holds UDP port %u (%s): end it, ss -lunp names it; or "
			"set another [ip] coaps_port",
			interface->name, ip->coaps_port, family_names[family]);
	else if (r < 0)
		describe(problem, "%s: cannot open UDP port %u: %s", interface->name,
			 ip->coaps_port, strerror(-r));
	if (r < 0)
		return r;

	door->channel = ++ip->last_channel;
	door->index = interface->is.index;
	offer(ip, interface, family);
	return 0;
}

/* What keeps devices from being served there, though nothing failed. */
static void describe_waiting(const struct interface *interface, char *problem)
{
	const struct facts *is = &interface->is;

	if (!is->index)
		describe(problem, "%s: no such interface yet ([ip] interfaces)", interface->name);
	else if (!is->up)
		describe(problem, "%s: is down: ip link set %s up", interface->name,
			 interface->name);
	else if (!is->has_address[0] && !is->has_address[1])
		describe(problem, "%s: has no address", interface->name);
}

/* One line for the operator: the first interface's problem, and how many more there are. */
static void report(struct ip *ip, const char *problem, unsigned n_problems)
{
	char text[GW_TEXT_MAX];

	if (n_problems > 1) {
		(void)snprintf(text, sizeof(text), "%s; and %u more", problem, n_problems - 1);
		problem = text;
	}
	gw_plugin_health(ip->plugin, n_problems ? problem : NULL);
}

static void update_doors(struct ip *ip)
{
	char first[PROBLEM_MAX];
	unsigned n_problems = *ip->fault ? 1 : 0;
	bool failed = false;

	(void)gw_copy(first, sizeof(first), ip->fault);
	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++) {
		char problem[PROBLEM_MAX] = "";

		if (!i->is_known)
			continue;
		for (size_t f = 0; f < N_FAMILIES; f++)
			failed |= update_door(ip, i, f, problem) < 0;
		if (!ip->is_failing)
			problem[0] = 0;
		if (!*problem)
			describe_waiting(i, problem);
		if (*problem && n_problems++ == 0)
			(void)gw_copy(first, sizeof(first), problem);
	}

	report(ip, first, n_problems);
	if (failed) {
		(void)sd_event_source_set_time_relative(ip->retry,
							ip->is_failing ? RETRY_US : GRACE_US);
		(void)sd_event_source_set_enabled(ip->retry, SD_EVENT_ONESHOT);
	}
	ip->is_failing = failed;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	update_doors(userdata);
	return 0;
}

/* --- what the kernel tells --- */

static size_t family_slot(int family)
{
	size_t slot = 0;

	while (slot < N_FAMILIES && families[slot] != family)
		slot++;
	return slot;
}

static void on_link(const struct netlink_link *link, void *userdata)
{
	struct ip *ip = userdata;

	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		if (gw_streq(i->name, link->name))
			i->found = (struct facts){ .index = link->index,
						   .up = link->up,
						   .mtu = link->mtu };
}

static void on_address(const struct netlink_address *address, void *userdata)
{
	struct ip *ip = userdata;
	size_t slot = family_slot(address->family);

	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		if (slot < N_FAMILIES && i->found.index == address->index)
			i->found.has_address[slot] = true;
}

static void on_neighbour(const struct netlink_neighbour *seen, void *userdata)
{
	struct ip *ip = userdata;

	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		if (i->is.index == seen->index)
			census_see(ip->census, i->name, seen);
}

static void on_dump_begin(enum netlink_dump dump, void *userdata)
{
	struct ip *ip = userdata;

	if (dump == NETLINK_DUMP_NEIGHBOURS) {
		census_begin(ip->census);
		return;
	}
	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++) {
		i->found = (struct facts){ 0 };
		i->is_in_dump = true;
	}
}

/* Another interface has the name now, or none: whoever was seen behind the old one is gone. */
static void adopt_facts(struct ip *ip, struct interface *interface)
{
	if (interface->is.index != interface->found.index) {
		census_drop(ip->census, interface->name);
		netlink_want(ip->netlink, NETLINK_DUMP_NEIGHBOURS);
	}
	interface->is = interface->found;
	interface->is_known = true;
}

static bool on_dump_end(enum netlink_dump dump, bool complete, void *userdata)
{
	struct ip *ip = userdata;

	if (dump == NETLINK_DUMP_NEIGHBOURS)
		return census_end(ip->census, complete);
	if (!complete)
		return true;

	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		if (i->is_in_dump)
			adopt_facts(ip, i);
	update_doors(ip);
	return false;
}

/* --- the plugin --- */

static struct interface take_interface(struct ip *ip, const char *name)
{
	struct interface taken = { .doors = { { .fd = -1 }, { .fd = -1 } } };

	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++) {
		if (!gw_streq(i->name, name))
			continue;
		taken = *i;
		for (size_t f = 0; f < N_FAMILIES; f++)
			i->doors[f].fd = -1;
		return taken;
	}
	(void)gw_copy(taken.name, sizeof(taken.name), name);
	return taken;
}

static void close_doors(struct ip *ip)
{
	for (struct interface *i = ip->interfaces; i < end_of_interfaces(ip); i++)
		for (size_t f = 0; f < N_FAMILIES; f++)
			door_close(&i->doors[f]);
}

/* Doors of interfaces that are still wanted stay open; update_doors() sees to their port. */
static void adopt_settings(struct ip *ip, const struct settings *settings)
{
	struct interface interfaces[SETTINGS_INTERFACES_MAX] = { 0 };

	for (size_t i = 0; i < settings->n_interfaces; i++)
		interfaces[i] = take_interface(ip, settings->interfaces[i]);
	close_doors(ip);
	(void)memcpy(ip->interfaces, interfaces, sizeof(interfaces));
	ip->n_interfaces = settings->n_interfaces;
	ip->coaps_port = settings->coaps_port;
}

static int on_welcome(void *userdata, const struct gw_msg_welcome *welcome)
{
	struct settings settings = { 0 };
	struct ip *ip = userdata;

	ip->fault[0] = 0;
	if (settings_parse(welcome->settings, &settings, ip->fault, sizeof(ip->fault)) < 0)
		settings = (struct settings){ 0 };
	adopt_settings(ip, &settings);
	update_doors(ip);

	/* This agent knows no neighbours yet. */
	census_clear(ip->census);
	netlink_want(ip->netlink, NETLINK_DUMP_INTERFACES);
	netlink_want(ip->netlink, NETLINK_DUMP_NEIGHBOURS);
	return 0;
}

static int on_message(void *userdata, const struct gw_msg *msg, int *fd)
{
	if (msg->type != GW_MSG_OFFER)
		return -EPROTO;

	offer_all(userdata);
	return 0;
}

static void on_lost(void *userdata)
{
	struct ip *ip = userdata;

	ip->is_offered = false;
}

static void on_stop(void *userdata)
{
	struct ip *ip = userdata;

	if (!ip)
		return;

	close_doors(ip);
	sd_event_source_disable_unref(ip->retry);
	netlink_free(ip->netlink);
	census_free(ip->census);
	free(ip);
}

static int prepare(struct ip *ip, sd_event *event)
{
	static const struct netlink_ops ops = {
		on_dump_begin, on_dump_end, on_link, on_address, on_neighbour,
	};
	int r;

	r = sd_event_add_time_relative(event, &ip->retry, CLOCK_MONOTONIC, RETRY_US,
				       /* accuracy= */ 0, on_retry, ip);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(ip->retry, SD_EVENT_OFF);
	if (r < 0)
		return r;
	r = census_new(ip->plugin, event, &ip->census);
	if (r < 0)
		return r;
	return netlink_new(event, &ops, ip, &ip->netlink);
}

static int on_start(struct gw_plugin *plugin, sd_event *event, void **ret_userdata)
{
	struct ip *ip = calloc(1, sizeof(*ip));
	int r;

	if (!ip)
		return -ENOMEM;

	ip->plugin = plugin;
	r = prepare(ip, event);
	if (r < 0) {
		on_stop(ip);
		return r;
	}

	*ret_userdata = ip;
	return 0;
}

static const char *const steps[] = { STEP_CHANNEL };

const struct gw_plugin_info ip_plugin_info = {
	.name = "ip",
	.summary =
		"Opens the UDP sockets that IP devices knock at, and tells who is on the network.",
	.library = "",
	.steps = steps,
	.n_steps = GW_ELEMENTS(steps),
	.start = on_start,
	.welcome = on_welcome,
	.message = on_message,
	.lost = on_lost,
	.stop = on_stop,
};
