/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame around a plugin: command line, connection to the agent, hello and welcome, and trying
 * again with backoff when the agent is away. The plugin's own code sees none of it.
 */
#include "config.h"

#include "lib/plugin.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "lib/link.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/util.h"

#define RETRY_FIRST_US 100000
#define RETRY_MAX_US   5000000
#define BEATS          3 /* in the time that the service manager's watchdog allows */

struct gw_plugin {
	const struct gw_plugin_info *info;
	const char *link_path;
	const char *state; /* NULL: not told */
	sd_event *event;
	sd_event_source *retry;
	uint64_t retry_us;
	sd_event_source *beat;
	uint64_t beat_us;
	struct gw_link *link;
	bool welcome; /* the agent has taken us in */
	char health[GW_TEXT_MAX + 1];
	bool health_told; /* to the agent that we are with now */
	void *userdata;
};

const char *gw_plugin_state(const struct gw_plugin *plugin)
{
	return plugin->state;
}

int gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd)
{
	return plugin->welcome ? gw_link_send(plugin->link, msg, fd) : 0;
}

/* What the service manager shows of us. */
static void describe(const struct gw_plugin *plugin)
{
	if (!plugin->link)
		(void)sd_notifyf(0, "STATUS=No agent at %s, trying again", plugin->link_path);
	else if (!plugin->welcome)
		(void)sd_notifyf(0,
				 "STATUS=Waiting at %s for the agent to take it in, see "
				 "gangwayctl status",
				 plugin->link_path);
	else
		(void)sd_notifyf(0, "STATUS=%s",
				 *plugin->health ? plugin->health : "With the agent, all is well");
}

static void send_health(struct gw_plugin *plugin)
{
	struct gw_msg msg = { .type = GW_MSG_HEALTH,
			      .health = { .ok = !*plugin->health, .text = plugin->health } };

	(void)gw_plugin_send(plugin, &msg, /* fd= */ -1);
	plugin->health_told = plugin->welcome;
}

void gw_plugin_health(struct gw_plugin *plugin, const char *text)
{
	char fit[sizeof(plugin->health)];

	(void)gw_copy(fit, sizeof(fit), text ? text : "");
	for (char *c = fit; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	if (gw_streq(plugin->health, fit))
		return;

	if (*fit)
		gw_log(WARNING, "%s", fit);
	(void)gw_copy(plugin->health, sizeof(plugin->health), fit);
	send_health(plugin);
	describe(plugin);
}

/* --- connecting --- */

/* Says why once, not at every try. */
static void try_later(struct gw_plugin *plugin, const char *why)
{
	if (plugin->retry_us == RETRY_FIRST_US)
		gw_log(NOTICE, "No agent at %s (%s), trying again", plugin->link_path, why);

	(void)sd_event_source_set_time_relative(plugin->retry, plugin->retry_us);
	(void)sd_event_source_set_enabled(plugin->retry, SD_EVENT_ONESHOT);
	plugin->retry_us = GW_MIN(plugin->retry_us * 2, (uint64_t)RETRY_MAX_US);
}

static void on_closed(struct gw_link *link, const char *why, void *userdata)
{
	struct gw_plugin *plugin = userdata;

	try_later(plugin, why);
	plugin->link = gw_link_free(link);
	if (plugin->welcome) {
		plugin->welcome = false;
		plugin->info->lost(plugin->userdata);
	}
	describe(plugin);
}

static int take_welcome(struct gw_plugin *plugin, const struct gw_msg *msg)
{
	char why[128];
	int r;

	if (msg->type != GW_MSG_WELCOME)
		return -EPROTO;
	if (msg->welcome.version != GW_WIRE_VERSION) {
		(void)snprintf(why, sizeof(why),
			       "it speaks version %u of the link, we speak %d: install one release",
			       msg->welcome.version, GW_WIRE_VERSION);
		gw_link_break(plugin->link, why);
		return 0;
	}

	plugin->welcome = true;
	plugin->health_told = false;
	plugin->retry_us = RETRY_FIRST_US;
	r = plugin->info->welcome(plugin->userdata, &msg->welcome);
	if (r < 0)
		return sd_event_exit(plugin->event, r);

	if (*plugin->health && !plugin->health_told)
		send_health(plugin);
	describe(plugin);
	return 0;
}

static int on_message(struct gw_link *link, const struct gw_msg *msg, int *fd, void *userdata)
{
	struct gw_plugin *plugin = userdata;

	if (!plugin->welcome)
		return take_welcome(plugin, msg);
	return plugin->info->message(plugin->userdata, msg, fd);
}

/* Non-blocking: an agent that does not get round to accepting must not keep us from ending. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (gw_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return -ENAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int connect_agent(struct gw_plugin *plugin)
{
	static const struct gw_link_ops ops = { on_message, on_closed };
	struct gw_msg hello = {
		.type = GW_MSG_HELLO,
		.hello = { .version_min = GW_WIRE_VERSION,
			   .version_max = GW_WIRE_VERSION,
			   .name = plugin->info->name,
			   .program = PACKAGE_VERSION,
			   .library = plugin->info->library },
	};
	int fd, r;

	fd = open_socket(plugin->link_path);
	if (fd < 0)
		return fd;
	r = gw_link_new(plugin->event, fd, &ops, plugin, &plugin->link);
	if (r < 0)
		return r;
	return gw_link_send(plugin->link, &hello, /* fd= */ -1);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gw_plugin *plugin = userdata;
	int r = connect_agent(plugin);

	if (r < 0) {
		plugin->link = gw_link_free(plugin->link);
		try_later(plugin, strerror(-r));
	}
	describe(plugin);
	return 0;
}

/* --- the watchdog --- */

/* We are well while we are with an agent or on our way to one; that it hangs is not for us to mend. */
static bool is_on_its_way(const struct gw_plugin *plugin)
{
	int enabled = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(plugin->retry, &enabled);
	return plugin->link || enabled != SD_EVENT_OFF;
}

/* Of the priority of everything else, so it has its turn when everything else has had one. */
static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gw_plugin *plugin = userdata;

	if (is_on_its_way(plugin))
		(void)sd_notify(0, "WATCHDOG=1");
	(void)sd_event_source_set_time_relative(source, plugin->beat_us);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_beat(struct gw_plugin *plugin)
{
	uint64_t allowed_us;

	if (sd_watchdog_enabled(/* unset_environment= */ 0, &allowed_us) <= 0)
		return 0;

	plugin->beat_us = allowed_us / BEATS;
	return sd_event_add_time_relative(plugin->event, &plugin->beat, CLOCK_MONOTONIC, 0,
					  /* accuracy= */ 0, on_beat, plugin);
}

/* --- the program --- */

static void print_help(const struct gw_plugin_info *info)
{
	(void)printf("Usage: gangway-%s [--link PATH]%s\n\n"
		     "%s\n\n"
		     "  --link PATH    the agent's socket (default %s)\n"
		     "%s"
		     "  --list-steps   names for GANGWAY_DIE_AT (test builds)\n"
		     "  --version      version of this program\n"
		     "  --help         this text\n",
		     info->name, info->keeps_state ? " [--state DIR]" : "", info->summary,
		     GW_LINK_PATH,
		     info->keeps_state ? "  --state DIR    where it keeps things (default: as the "
					 "service manager says)\n"
				       : "");
}

static int keeps_nothing(const struct gw_plugin_info *info)
{
	(void)fprintf(stderr, "gangway-%s: it keeps nothing, so there is no --state; see --help\n",
		      info->name);
	return -EINVAL;
}

/* Returns 0 to go on, 1 when all is said, -EINVAL for wrong use. */
static int parse_options(int argc, char **argv, struct gw_plugin *plugin)
{
	static const struct option options[] = {
		{ "link", required_argument, NULL, 'l' }, { "state", required_argument, NULL, 't' },
		{ "list-steps", no_argument, NULL, 's' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },       { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'l': plugin->link_path = optarg; break;
		case 't':
			if (!plugin->info->keeps_state)
				return keeps_nothing(plugin->info);
			plugin->state = optarg;
			break;
		case 's': gw_steps_list(plugin->info->steps, plugin->info->n_steps); return 1;
		case 'v':
			(void)printf("gangway-%s %s%s%s\n", plugin->info->name, PACKAGE_VERSION,
				     *plugin->info->library ? ", " : "", plugin->info->library);
			return 1;
		case 'h': print_help(plugin->info); return 1;
		default: return -EINVAL;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "gangway-%s: '%s' is not an option; see --help\n",
			      plugin->info->name, argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int make_loop(struct gw_plugin *plugin)
{
	sigset_t signals;
	int r;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	if (signal(SIGPIPE, SIG_IGN) ==
	    SIG_ERR) /* a library's socket is not always ours to guard */
		return -errno;

	r = sd_event_default(&plugin->event);
	if (r < 0)
		return r;
	r = sd_event_add_signal(plugin->event, NULL, SIGTERM, NULL, NULL);
	if (r < 0)
		return r;
	r = sd_event_add_signal(plugin->event, NULL, SIGINT, NULL, NULL);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(plugin->event, &plugin->retry, CLOCK_MONOTONIC, 0,
				       /* accuracy= */ 1000, on_retry, plugin);
	return r < 0 ? r : start_beat(plugin);
}

/* Secrets pass through plugins: no core file, no tracing by others of the same user. */
static void keep_memory_private(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

static int run(struct gw_plugin *plugin)
{
	int r;

	keep_memory_private();
	r = make_loop(plugin);
	if (r < 0)
		return r;
	r = plugin->info->start(plugin, plugin->event, &plugin->userdata);
	if (r < 0)
		return r;

	(void)sd_notify(0, "READY=1");
	describe(plugin);
	r = sd_event_loop(plugin->event);
	(void)sd_notify(0, "STOPPING=1");

	plugin->link = gw_link_free(plugin->link);
	if (plugin->info->stop)
		plugin->info->stop(plugin->userdata);
	return r;
}

int gw_plugin_main(int argc, char **argv, const struct gw_plugin_info *info)
{
	struct gw_plugin plugin = {
		.info = info,
		.link_path = GW_LINK_PATH,
		.retry_us = RETRY_FIRST_US,
	};
	int r;

	r = parse_options(argc, argv, &plugin);
	if (r != 0)
		return r < 0 ? 2 : EXIT_SUCCESS;

	r = run(&plugin);
	sd_event_source_disable_unref(plugin.beat);
	sd_event_source_disable_unref(plugin.retry);
	sd_event_unref(plugin.event);
	if (r < 0) {
		gw_log(ERROR, "gangway-%s ends: %s", info->name, strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* --- settings --- */

int gw_plugin_setting(const char *settings, const char *key, char *buf, size_t size)
{
	size_t key_len = strlen(key);

	for (const char *line = settings; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
			size_t value_len = len - key_len - 1;

			if (value_len >= size)
				return -ENOSPC;
			memcpy(buf, line + key_len + 1, value_len);
			buf[value_len] = 0;
			return 0;
		}
		line += len + (line[len] == '\n');
	}
	return -ENOENT;
}

int gw_plugin_setting_u64(const char *settings, const char *key, uint64_t min, uint64_t max,
			  uint64_t *ret)
{
	char value[32];
	int r = gw_plugin_setting(settings, key, value, sizeof(value));

	return r < 0 ? r : gw_parse_u64(value, min, max, ret);
}
