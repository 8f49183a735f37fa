/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects below /org/gangway1/transport: one a connected transport. */
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/channels.h"
#include "agent/neighbours.h"
#include "agent/plugins.h"
#include "lib/util.h"

static struct plugin *find_transport(struct agent *agent, const char *name)
{
	struct plugin *plugin = NULL;
	struct plugin_info info;

	while ((plugin = plugins_next(agent->plugins, plugin))) {
		plugin_get_info(plugin, &info);
		if (info.role == GW_ROLE_TRANSPORT && gw_streq(info.name, name))
			return plugin;
	}
	return NULL;
}

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
		       void **ret_found, sd_bus_error *error)
{
	_cleanup_free_ char *name = NULL;
	int r = sd_bus_path_decode(path, BUS_TRANSPORT_PREFIX, &name);

	if (r <= 0)
		return r;
	if (!find_transport(userdata, name))
		return 0;
	*ret_found = userdata;
	return 1;
}

/* The transport that a path names; find_object() has seen that it is there. */
static struct plugin *transport_of(struct agent *agent, const char *path)
{
	_cleanup_free_ char *name = NULL;

	return sd_bus_path_decode(path, BUS_TRANSPORT_PREFIX, &name) > 0
		       ? find_transport(agent, name)
		       : NULL;
}

static int property_simple(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	const struct plugin *plugin = transport_of(userdata, path);
	struct plugin_info info;

	if (!plugin)
		return -ENOENT;
	plugin_get_info(plugin, &info);
	if (gw_streq(property, "Healthy"))
		return sd_bus_message_append(reply, "b", info.healthy);
	return sd_bus_message_append(reply, "s",
				     gw_streq(property, "Name") ? info.name : info.text);
}

static int property_channels(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	const struct plugin *plugin = transport_of(userdata, path);
	const char *label;
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t n = 0; plugin && r >= 0; n++) {
		label = channels_label(userdata, plugin_name(plugin), n);
		if (!label)
			break;
		r = sd_bus_message_append(reply, "s", label);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_neighbours(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	const struct plugin *plugin = transport_of(userdata, path);
	const struct agent *agent = userdata;
	const struct neighbour *n = NULL;
	int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

	while (plugin && r >= 0 && (n = neighbours_next(agent->neighbours, plugin_name(plugin), n)))
		r = sd_bus_message_append(reply, "(ssss)", n->address, n->link_address,
					  n->interface, n->vendor);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", property_simple, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Healthy", "b", property_simple, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Text", "s", property_simple, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Channels", "as", property_channels, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Neighbours", "a(ssss)", property_neighbours, 0, 0),
	SD_BUS_VTABLE_END,
};

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
		     sd_bus_error *error)
{
	const struct agent *agent = userdata;
	char **paths = calloc(PLUGINS_MAX + 1, sizeof(*paths));
	struct plugin *plugin = NULL;
	struct plugin_info info;
	size_t n = 0;

	if (!paths)
		return -ENOMEM;
	while ((plugin = plugins_next(agent->plugins, plugin))) {
		plugin_get_info(plugin, &info);
		if (info.role == GW_ROLE_TRANSPORT &&
		    sd_bus_path_encode(BUS_TRANSPORT_PREFIX, info.name, &paths[n]) >= 0)
			n++;
	}
	*ret_nodes = paths;
	return 0;
}

int bus_transport_add(struct agent *agent, sd_bus *bus)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_TRANSPORT_PREFIX,
					   "org.gangway1.Transport", vtable, find_object, agent);

	return r < 0 ? r
		     : sd_bus_add_node_enumerator(bus, NULL, BUS_TRANSPORT_PREFIX, enumerate,
						  agent);
}
