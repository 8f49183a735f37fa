/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gangwayd, the agent: policy, claims, devices, jobs, record, D-Bus. Privilege story: runs as user
 * gangway with no capability; holds the store and the key that seals its secrets; speaks over Unix
 * sockets only; sees no byte of a device and none of the network. What a captured agent could do is
 * in doc/architecture.md.
 */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/reload.h"
#include "agent/settings-report.h"
#include "agent/steps.h"
#include "agent/store.h"
#include "lib/log.h"
#include "lib/plugin.h"
#include "lib/step.h"
#include "lib/util.h"

#define STATE_PATH "/var/lib/gangway"

static const char *const steps[] = { STEPS_ALL };

enum task {
	TASK_SERVE,
	TASK_CHECK,
	TASK_FORGET_TIME,
};

static void print_help(void)
{
	(void)printf(
		"Usage: gangwayd [--config FILE] [--state DIR] [--link PATH]\n"
		"       gangwayd --check-config [--config FILE]\n"
		"       gangwayd --forget-time [--state DIR]\n\n"
		"The agent of an edge gateway that gets devices aboard.\n\n"
		"  --config FILE   configuration, with its drop-ins FILE.d/*.conf (default %s)\n"
		"  --check-config  say what is wrong with it, and end: 0 nothing, 1 something\n"
		"  --forget-time   believe times again before one that the cloud told wrongly, and "
		"end\n"
		"  --state DIR     folder of the store (default %s)\n"
		"  --link PATH     socket for plugins (default %s)\n"
		"  --list-steps    names for GANGWAY_DIE_AT (test builds)\n"
		"  --version       version of this program\n"
		"  --help          this text\n",
		SETTINGS_PATH, STATE_PATH, GW_LINK_PATH);
}

/* Returns 0 to go on, 1 when all is said, -EINVAL for wrong use. */
static int parse_options(int argc, char **argv, struct agent_options *ret, enum task *ret_task)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "forget-time", no_argument, NULL, 'f' },
		{ "state", required_argument, NULL, 'd' },
		{ "link", required_argument, NULL, 'l' },
		{ "list-steps", no_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c': ret->config = (struct settings_paths){ .file = optarg }; break;
		case 'k': *ret_task = TASK_CHECK; break;
		case 'f': *ret_task = TASK_FORGET_TIME; break;
		case 'd': ret->state = optarg; break;
		case 'l': ret->link = optarg; break;
		case 's': gw_steps_list(steps, GW_ELEMENTS(steps)); return 1;
		case 'v': (void)printf("gangwayd %s\n", PACKAGE_VERSION); return 1;
		case 'h': print_help(); return 1;
		default: return -EINVAL;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "gangwayd: '%s' is not an option; see --help\n",
			      argv[optind]);
		return -EINVAL;
	}
	return 0;
}

/* For package scripts, and people who have no agent running. */
static int check_config(const struct settings_paths *paths)
{
	struct settings_report report;
	struct settings settings;
	int r = settings_read(paths, /* draft= */ NULL, &settings, &report);

	for (size_t i = 0; i < report.n; i++)
		(void)fprintf(stderr, "%s\n", report.problems[i]);
	if (report.n_more)
		(void)fprintf(stderr, "and %zu more\n", report.n_more);
	if (r < 0)
		return EXIT_FAILURE;
	settings_done(&settings);
	return EXIT_SUCCESS;
}

/* For whoever was told a time that has not come yet, and believed it. */
static int forget_time(const char *state)
{
	struct store *store = NULL;
	char error[512] = "Out of memory";
	int r = store_open(state, &store, error, sizeof(error));

	if (r >= 0 && (r = store_begin(store)) >= 0) {
		int forgotten = clock_forget_floor(store);

		r = store_commit(store);
		r = forgotten < 0 ? forgotten : r;
	}
	if (r < 0)
		(void)fprintf(stderr, "gangwayd: %s\n", store ? strerror(-r) : error);
	store_close(store);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void keep_memory_private(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

static int make_loop(sd_event **ret)
{
	sigset_t signals;
	int r;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;

	/* A file that may not grow is an error of the store, like a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);

	r = sd_event_default(ret);
	if (r >= 0)
		r = sd_event_add_signal(*ret, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(*ret, NULL, SIGINT, NULL, NULL);
	return r;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct settings_report report;
	struct reload done;

	(void)reload(userdata, "SIGHUP", &done, &report); /* it has said what came of it */
	return 0;
}

static int serve(sd_event *event, struct agent *agent)
{
	int r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, agent);

	if (r < 0) {
		gw_log(ERROR, "Cannot wait for signals: %s", strerror(-r));
		return r;
	}
	(void)sd_notify(0, "READY=1");
	r = sd_event_loop(event);
	(void)sd_notify(0, "STOPPING=1");
	if (r < 0)
		gw_log(ERROR, "The event loop broke off: %s", strerror(-r));
	else
		gw_log_event(INFO, AGENT_STOPPED, "gangwayd was told to stop");
	return r;
}

/* The unit starts it again after any failure but EX_CONFIG. */
static int exit_status(int r)
{
	if (r == -ENOTRECOVERABLE)
		return EX_CONFIG;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct agent_options options = { settings_paths_system, STATE_PATH, GW_LINK_PATH };
	struct agent *agent = NULL;
	sd_event *event = NULL;
	enum task task = TASK_SERVE;
	int r;

	r = parse_options(argc, argv, &options, &task);
	if (r != 0)
		return r < 0 ? 2 : EXIT_SUCCESS;
	if (task == TASK_CHECK)
		return check_config(&options.config);
	if (task == TASK_FORGET_TIME)
		return forget_time(options.state);

	keep_memory_private();
	r = make_loop(&event);
	if (r < 0)
		gw_log_event(ERROR, START_FAILED, "Cannot make an event loop: %s", strerror(-r));
	else
		r = agent_new(event, &options, &agent);
	if (r >= 0)
		r = serve(event, agent);

	agent_free(agent);
	sd_event_unref(event);
	return exit_status(r);
}
