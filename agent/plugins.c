/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin's life here: connected (a stranger), welcomed, gone. Its role comes from the user it runs
 * as; only a process of our own user may name itself. There is one registrar and one cloud link: who
 * comes second is turned away for as long as the first is connected, and tries again. Whoever starts
 * plugins ends those that hang, as systemd's watchdog does; two that threw each other out would fight
 * without end, and the devices would pay.
 */
#include "config.h"

#include "agent/plugins.h"

#include <assert.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/dispatch.h"
#include "agent/lifecycle.h"
#include "agent/roles.h"
#include "agent/rule.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/bucket.h"
#include "lib/hex.h"
#include "lib/link.h"
#include "lib/log.h"
#include "lib/util.h"

#define TYPES_MAX 0x60     /* above the highest message number */
#define HELLO_US  10000000 /* from connecting to HELLO */

/* Descriptors that we keep of one plugin: who brings more is not let in again. */
#define KEPT_MAX      16
#define OFFENDERS_MAX 16 /* plugins that brought any: more than have users of their own */

struct plugin {
	struct plugin *next;
	struct plugins *plugins;
	struct gw_link *link;
	enum plugin_state state;
	enum gw_role role;
	bool name_is_given; /* by the socket's peer */
	char name[GW_NAME_MAX + 1];
	char program[GW_TEXT_MAX + 1];
	char library[GW_TEXT_MAX + 1];
	bool healthy;
	char text[GW_TEXT_MAX + 1];
	uint64_t since_us;                   /* that it is as well as it is */
	struct gw_bucket buckets[TYPES_MAX]; /* what may still be said; rate 0: nothing was yet */
	sd_event_source *hello;              /* the time to say it is over */
};

/* Who handed over what we dare not close: it stays open for as long as we live. */
struct offender {
	char name[GW_NAME_MAX + 1];
	unsigned n_kept;
};

struct plugins {
	struct agent *agent;
	struct plugin *first;
	size_t n;
	struct offender offenders[OFFENDERS_MAX];
	uint64_t missing_since_us[_GW_ROLE_MAX]; /* while nobody has that role */
};

/* --- looking --- */

const char *plugin_name(const struct plugin *plugin)
{
	return plugin->name;
}

void plugin_get_info(const struct plugin *plugin, struct plugin_info *ret)
{
	*ret = (struct plugin_info){
		.name = plugin->name,
		.role = plugin->role,
		.program = plugin->program,
		.library = plugin->library,
		.healthy = plugin->healthy,
		.text = plugin->text,
		.since_us = plugin->since_us,
	};
}

uint64_t plugins_missing_since_us(const struct plugins *plugins, enum gw_role role)
{
	return plugins->missing_since_us[role];
}

struct plugin *plugins_next(struct plugins *plugins, const struct plugin *after)
{
	struct plugin *plugin = after ? after->next : plugins->first;

	while (plugin && plugin->state != PLUGIN_WELCOME)
		plugin = plugin->next;
	return plugin;
}

struct plugin *plugins_find(struct plugins *plugins, enum gw_role role)
{
	struct plugin *plugin = NULL;

	while ((plugin = plugins_next(plugins, plugin)))
		if (plugin->role == role)
			return plugin;
	return NULL;
}

/* --- speaking --- */

void plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd)
{
	int r;

	if (!plugin)
		return;

	r = gw_link_send(plugin->link, msg, fd);
	if (r < 0)
		gw_log(ERROR, "Cannot send '%s' to gangway-%s: %s, ignoring",
		       gw_wire_name(msg->type), plugin->name, strerror(-r));
	turn_wake(plugin->plugins->agent->turn);
}

void plugin_break(struct plugin *plugin, const char *why)
{
	gw_link_break(plugin->link, why);
}

void plugins_release(struct plugins *plugins)
{
	for (struct plugin *plugin = plugins->first; plugin; plugin = plugin->next)
		gw_link_release(plugin->link);
}

void plugins_discard(struct plugins *plugins)
{
	for (struct plugin *plugin = plugins->first; plugin; plugin = plugin->next)
		gw_link_discard(plugin->link);
}

void plugins_break_all(struct plugins *plugins, const char *why)
{
	for (struct plugin *plugin = plugins->first; plugin; plugin = plugin->next)
		gw_link_break(plugin->link, why);
}

static void log_plugin(const struct plugin *plugin, enum gw_log_level level, enum gw_event event,
		       const char *text)
{
	gw_log_tagged(level, GW_LOG_TAGS(.event = event, .plugin = plugin->name), "gangway-%s: %s",
		      plugin->name, text);
}

/* What befalls a plugin is worth a line in the record, some lines an hour. */
static void record_often(struct plugin *plugin, const char *event, const char *detail)
{
	char who[GW_NAME_MAX + 16];

	(void)snprintf(who, sizeof(who), "gangway-%s", plugin->name);
	lifecycle_record_often(plugin->plugins->agent, event, /* device= */ "", who,
			       /* reason= */ "", detail);
}

void plugin_set_health(struct plugin *plugin, bool ok, const char *text)
{
	bool was_healthy = plugin->healthy;

	if (ok != was_healthy)
		plugin->since_us = gw_now_monotonic_us();
	plugin->healthy = ok;
	(void)gw_copy(plugin->text, sizeof(plugin->text), text);
	if (!ok) {
		log_plugin(plugin, GW_LOG_WARNING, GW_EVENT_PLUGIN_UNWELL, text);
		record_often(plugin, "plugin-unwell", text);
	} else if (!was_healthy) {
		log_plugin(plugin, GW_LOG_NOTICE, GW_EVENT_PLUGIN_WELL, "all is well again");
	}
	bus_tell_plugins(plugin->plugins->agent->bus);
}

/* --- hello and welcome --- */

/* The cloud link is called after its way to the cloud, its section after what it is. */
static const char *section_of(const struct plugin *plugin)
{
	return plugin->role == GW_ROLE_CLOUD ? "cloud" : plugin->name;
}

static void send_welcome(struct plugin *plugin)
{
	struct agent *agent = plugin->plugins->agent;
	char box_key[2 * VAULT_BOX_LEN + 1], settings[GW_SETTINGS_MAX];
	char section[SETTINGS_SECTION_MAX];
	struct gw_msg msg = { .type = GW_MSG_WELCOME };

	settings_of_plugin(&agent->settings, section_of(plugin), section);
	gw_hex_encode(vault_box_key(agent->vault), VAULT_BOX_LEN, box_key);
	(void)snprintf(settings, sizeof(settings), "%s%s%s%s", section,
		       plugin->role == GW_ROLE_CLOUD ? "box_key=" : "",
		       plugin->role == GW_ROLE_CLOUD ? box_key : "",
		       plugin->role == GW_ROLE_CLOUD ? "\n" : "");
	msg.welcome = (struct gw_msg_welcome){
		.version = GW_WIRE_VERSION,
		.gateway = agent->settings.gateway,
		.settings = settings,
	};
	plugin_send(plugin, &msg, /* fd= */ -1);
}

unsigned plugins_welcome_anew(struct plugins *plugins, const struct settings *before)
{
	struct plugin *plugin = NULL;
	unsigned n = 0;

	while ((plugin = plugins_next(plugins, plugin))) {
		if (!settings_differ_for_plugin(&plugins->agent->settings, before,
						section_of(plugin)))
			continue;
		plugin_break(plugin, "its settings have changed: it gets them when it comes back");
		n++;
	}
	return n;
}

/* There is one of each role but transports, and one transport of a name. */
static struct plugin *find_rival(struct plugin *plugin)
{
	struct plugin *rival = NULL;

	while ((rival = plugins_next(plugin->plugins, rival))) {
		if (rival == plugin || rival->role != plugin->role)
			continue;
		if (plugin->role != GW_ROLE_TRANSPORT || gw_streq(rival->name, plugin->name))
			return rival;
	}
	return NULL;
}

static void turn_away(struct plugin *plugin)
{
	char why[GW_TEXT_MAX];

	(void)snprintf(why, sizeof(why),
		       "a second gangway-%s has come while the first is connected; end one of them",
		       plugin->name);
	record_often(plugin, "plugin-refused", why);
	plugin_break(plugin, why);
}

static int take_hello(struct plugin *plugin, const struct gw_msg_hello *hello)
{
	struct agent *agent = plugin->plugins->agent;

	if (hello->version_min > GW_WIRE_VERSION || hello->version_max < GW_WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (!plugin->name_is_given && !gw_gateway_id_is_valid(hello->name))
		return -EINVAL;
	if (!plugin->name_is_given)
		(void)gw_copy(plugin->name, sizeof(plugin->name), hello->name);

	plugin->role = role_of_name(plugin->name);
	(void)gw_copy(plugin->program, sizeof(plugin->program), hello->program);
	(void)gw_copy(plugin->library, sizeof(plugin->library), hello->library);
	if (find_rival(plugin)) {
		turn_away(plugin);
		return 0;
	}

	plugin->state = PLUGIN_WELCOME;
	plugin->hello = sd_event_source_disable_unref(plugin->hello);
	gw_log_tagged(GW_LOG_INFO,
		      GW_LOG_TAGS(.event = GW_EVENT_PLUGIN_CONNECTED, .plugin = plugin->name),
		      "gangway-%s %s is connected%s%s", plugin->name, plugin->program,
		      *plugin->library ? ", with " : "", plugin->library);
	send_welcome(plugin);
	dispatch_welcome(agent, plugin);
	bus_tell_plugins(agent->bus);
	return 0;
}

/* --- listening --- */

/* The registrar keeps to a rate of secrets by itself. One that does not is no longer ours; what it was
 * kept waiting with may come at once. */
static unsigned limit_of(const struct plugin *plugin, enum gw_msg_type type, unsigned per_second)
{
	const struct settings *settings = &plugin->plugins->agent->settings;

	if (type != GW_MSG_SECRET_QUERY)
		return per_second;
	return (unsigned)GW_MIN((uint64_t)per_second, 2 * settings->registrar_secret_rate);
}

/* Takes one from the bucket of that message; false: it is empty. A new limit begins with a full one. */
static bool spend(struct plugin *plugin, enum gw_msg_type type, unsigned per_second)
{
	struct gw_bucket *bucket = &plugin->buckets[type];
	uint64_t now_us = gw_now_monotonic_us();

	assert(type < TYPES_MAX);
	if (bucket->rate != per_second)
		gw_bucket_init(bucket, per_second, 2 * per_second, now_us);
	return gw_bucket_take(bucket, 1, now_us);
}

static int on_message(struct gw_link *link, const struct gw_msg *msg, int *fd, void *userdata)
{
	struct plugin *plugin = userdata;
	unsigned per_second;

	if (!rule_allows(plugin->state, plugin->role, msg->type, &per_second))
		return -EPROTO;
	if (!spend(plugin, msg->type, limit_of(plugin, msg->type, per_second)))
		return -EDQUOT;

	switch ((unsigned)msg->type) {
	case GW_MSG_HELLO: return take_hello(plugin, &msg->hello);
	case GW_MSG_HEALTH: plugin_set_health(plugin, msg->health.ok, msg->health.text); return 0;
	default: return dispatch_message(plugin->plugins->agent, plugin, msg, fd);
	}
}

static struct plugin *plugin_free(struct plugin *plugin)
{
	sd_event_source_disable_unref(plugin->hello);
	gw_link_free(plugin->link);
	free(plugin);
	return NULL;
}

/* The plugin of that name, or a free place; NULL: there is none. */
static struct offender *find_offender(struct plugins *plugins, const char *name)
{
	struct offender *free_one = NULL;

	for (size_t i = 0; i < OFFENDERS_MAX; i++) {
		struct offender *offender = &plugins->offenders[i];

		if (offender->n_kept && gw_streq(offender->name, name))
			return offender;
		if (!offender->n_kept && !free_one)
			free_one = offender;
	}
	return free_one;
}

static bool is_barred(struct plugins *plugins, const char *name)
{
	const struct offender *offender = find_offender(plugins, name);

	return offender && offender->n_kept > KEPT_MAX;
}

/* Only the name that the socket gave counts: our own user may call himself anything, and end us anyway. */
static void note_kept(struct plugin *plugin, unsigned n_kept)
{
	struct offender *offender = find_offender(plugin->plugins, plugin->name);
	char text[GW_TEXT_MAX], who[GW_NAME_MAX + 16];
	bool was_barred;

	if (!n_kept || !plugin->name_is_given || !offender)
		return;
	was_barred = offender->n_kept > KEPT_MAX;
	(void)gw_copy(offender->name, sizeof(offender->name), plugin->name);
	offender->n_kept += n_kept;
	if (was_barred || offender->n_kept <= KEPT_MAX)
		return;

	(void)snprintf(
		text, sizeof(text),
		"it has handed over %u files, which are kept open lest closing them hangs; it "
		"is not let in again before gangwayd is restarted",
		offender->n_kept);
	log_plugin(plugin, GW_LOG_WARNING, GW_EVENT_PLUGIN_REFUSED, text);
	(void)snprintf(who, sizeof(who), "gangway-%s", plugin->name);
	lifecycle_record(plugin->plugins->agent, "plugin-barred", /* device= */ "", who,
			 /* reason= */ "", text);
}

static void on_closed(struct gw_link *link, const char *why, void *userdata)
{
	struct plugin *plugin = userdata;
	struct plugins *plugins = plugin->plugins;
	struct plugin **at = &plugins->first;

	while (*at != plugin)
		at = &(*at)->next;
	*at = plugin->next;
	plugins->n--;

	if (plugin->state == PLUGIN_WELCOME) {
		gw_log_tagged(GW_LOG_NOTICE,
			      GW_LOG_TAGS(.event = GW_EVENT_PLUGIN_GONE, .plugin = plugin->name),
			      "gangway-%s is gone: %s", plugin->name, why);
		record_often(plugin, "plugin-lost", why);
		plugins->missing_since_us[plugin->role] = gw_now_monotonic_us();
		dispatch_lost(plugins->agent, plugin);
		bus_tell_plugins(plugins->agent->bus);
	} else {
		gw_log_tagged(GW_LOG_WARNING,
			      GW_LOG_TAGS(.event = GW_EVENT_PLUGIN_REFUSED, .plugin = plugin->name),
			      "A connection to the link was closed: %s", why);
	}
	note_kept(plugin, gw_link_n_kept(link));
	plugin_free(plugin);
}

static int on_no_hello(sd_event_source *source, uint64_t usec, void *userdata)
{
	plugin_break(userdata, "it said no HELLO in time");
	return 0;
}

/* Who connects and says nothing makes room when others come; they try again. */
static void break_oldest_stranger(struct plugins *plugins)
{
	struct plugin *oldest = NULL;

	for (struct plugin *plugin = plugins->first; plugin; plugin = plugin->next)
		if (plugin->state == PLUGIN_STRANGER)
			oldest = plugin;
	if (oldest)
		plugin_break(oldest, "it said nothing, and others want to connect");
}

int plugins_add(struct plugins *plugins, int fd, const char *name)
{
	static const struct gw_link_ops ops = { on_message, on_closed };
	struct plugin *plugin = NULL;
	int r = -EMFILE;

	if (name && is_barred(plugins, name)) {
		r = -EACCES;
	} else if (plugins->n == PLUGINS_MAX) {
		break_oldest_stranger(plugins);
	} else {
		plugin = calloc(1, sizeof(*plugin));
		r = -ENOMEM;
	}
	if (!plugin) {
		(void)close(fd);
		return r;
	}

	plugin->plugins = plugins;
	plugin->healthy = true;
	plugin->since_us = gw_now_monotonic_us();
	plugin->name_is_given = name != NULL;
	(void)gw_copy(plugin->name, sizeof(plugin->name), name ? name : "");
	r = gw_link_new(plugins->agent->event, fd, &ops, plugin, &plugin->link);
	if (r >= 0)
		r = sd_event_add_time_relative(plugins->agent->event, &plugin->hello,
					       CLOCK_MONOTONIC, HELLO_US, /* accuracy= */ 0,
					       on_no_hello, plugin);
	if (r < 0) {
		plugin_free(plugin);
		return r;
	}

	gw_link_hold(plugin->link);
	plugin->next = plugins->first;
	plugins->first = plugin;
	plugins->n++;
	return 0;
}

/* --- life --- */

int plugins_new(struct agent *agent, struct plugins **ret)
{
	struct plugins *plugins = calloc(1, sizeof(*plugins));

	if (!plugins)
		return -ENOMEM;
	plugins->agent = agent;
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		plugins->missing_since_us[role] = gw_now_monotonic_us();
	*ret = plugins;
	return 0;
}

struct plugins *plugins_free(struct plugins *plugins)
{
	if (!plugins)
		return NULL;

	while (plugins->first) {
		struct plugin *plugin = plugins->first;

		plugins->first = plugin->next;
		plugin_free(plugin);
	}
	free(plugins);
	return NULL;
}
