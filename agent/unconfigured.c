/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neither store nor vault nor link is opened before the gateway has a name: the store's key may still come
 * from its owner, and plugins have nothing to do. They wait at the link, where their connections are taken
 * up once it is. Callers are judged as ever (bus-filter) and then told what is missing, all but those who
 * may change that.
 *
 * There are no turns yet, by which the watchdog could be fed: the loop itself does it.
 */
#include "agent/unconfigured.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/settings-report.h"
#include "lib/log.h"
#include "lib/util.h"

#define TEXT_MAX 1024

struct unconfigured {
	struct agent *agent;
	char text[TEXT_MAX];
};

/* Each time that there is something else to be said. */
static void describe(struct unconfigured *unconfigured, const struct settings_report *report)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text),
		       "This gateway is not configured yet: %s must be set in %s, then systemctl "
		       "reload gangwayd",
		       report->missing, unconfigured->agent->config.file);
	if (gw_streq(text, unconfigured->text))
		return;
	(void)gw_copy(unconfigured->text, sizeof(unconfigured->text), text);
	gw_log_event(NOTICE, AGENT_UNCONFIGURED, "%s", text);
	(void)sd_notifyf(0, "STATUS=%s", text);
}

const char *unconfigured_text(const struct unconfigured *unconfigured)
{
	return unconfigured->text;
}

/* From here on the agent is at work, or at its end. */
static int begin(struct agent *agent, const struct settings *fresh, const char *who,
		 struct settings_report *report)
{
	int r;

	agent->settings = *fresh;
	agent->unconfigured = unconfigured_free(agent->unconfigured);
	gw_log_event(NOTICE, CONFIGURATION_TAKEN,
		     "The configuration is there, read for %s: this is gateway %s", who,
		     agent->settings.gateway);
	r = agent_begin(agent);
	if (r < 0) {
		settings_report_add(
			report,
			"%s: is good, but gangwayd cannot begin: see journalctl -u gangwayd",
			agent->config.file);
		(void)sd_event_exit(agent->event, r);
		return r;
	}
	bus_begin(agent->bus);
	return 0;
}

int unconfigured_reload(struct agent *agent, const char *who, struct settings_report *report)
{
	struct settings fresh;
	int r;

	r = settings_read(&agent->config, /* draft= */ NULL, &fresh, report);
	if (r >= 0)
		return begin(agent, &fresh, who, report);
	if (settings_report_is_missing_only(report))
		describe(agent->unconfigured, report);
	return r;
}

int unconfigured_new(struct agent *agent, const struct settings_report *report,
		     struct unconfigured **ret)
{
	struct unconfigured *unconfigured = calloc(1, sizeof(*unconfigured));
	int r;

	if (!unconfigured)
		return -ENOMEM;

	unconfigured->agent = agent;
	r = sd_event_set_watchdog(agent->event, 1);
	if (r < 0) {
		unconfigured_free(unconfigured);
		return r;
	}
	describe(unconfigured, report);
	*ret = unconfigured;
	return 0;
}

struct unconfigured *unconfigured_free(struct unconfigured *unconfigured)
{
	if (unconfigured)
		(void)sd_event_set_watchdog(unconfigured->agent->event, 0);
	free(unconfigured);
	return NULL;
}
