/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can fail comes first: reading, checking, memory. Then nothing can: the new settings take the place of
 * the old in one go, between two turns of the loop. Most are looked at where they are used and hold from then
 * on; the few that somebody has made something of are dealt with here. A plugin whose section has changed is
 * welcomed anew: its link is ended, it comes back by itself, and what went over the link is void. That costs
 * the devices at that door a repetition, and is the way that they know anyway.
 *
 * The service manager hears of it whoever asked.
 */
#include "agent/reload.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "agent/agent.h"
#include "agent/audit-retention.h"
#include "agent/crl-watch.h"
#include "agent/discovered.h"
#include "agent/due.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/settings-key.h"
#include "agent/settings-report.h"
#include "agent/turn.h"
#include "agent/unconfigured.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"

/* --- what has become of it --- */

/* What only a new start can change has not changed. */
static bool is_other(const struct settings *before, const struct settings_entry *entry)
{
	const struct settings_entry *old = settings_find(before, entry->section, entry->name);

	if (entry->key && (entry->key->use & SETTINGS_USE_RESTART))
		return false;
	return !old || !gw_streq(old->value, entry->value);
}

static unsigned tell_gone(const struct settings *before, const struct settings *now)
{
	unsigned n = 0;

	for (const struct settings_entry *e = before->entries; e; e = e->next) {
		if (settings_find(now, e->section, e->name))
			continue;
		gw_log(NOTICE, "[%s] %s: '%s' -> gone", e->section, e->name, e->value);
		n++;
	}
	return n;
}

/* A line in the log for each, and all in the record, as far as it has room. */
static unsigned tell_changes(const struct settings *before, const struct settings *now, char *text,
			     size_t size)
{
	unsigned n = tell_gone(before, now);
	size_t len = 0;

	*text = 0;
	for (const struct settings_entry *e = now->entries; e; e = e->next) {
		const struct settings_entry *old = settings_find(before, e->section, e->name);

		if (!is_other(before, e))
			continue;
		gw_log(NOTICE, "[%s] %s: '%s' -> '%s' (%s)", e->section, e->name,
		       old ? old->value : "", e->value, e->source);
		if (len < size)
			len += (size_t)snprintf(text + len, size - len, "%s[%s] %s = %s",
						len ? ", " : "", e->section, e->name, e->value);
		n++;
	}
	return n;
}

static void tell_kept(const struct reload *reload)
{
	for (size_t i = 0; i < reload->n_kept; i++)
		gw_log(WARNING, "[%s] %s keeps its value until gangwayd is restarted",
		       reload->kept[i]->section, reload->kept[i]->name);
}

/* The first is the event, which is rationed; all are there to be mended at once. */
void reload_tell_faults(const struct settings_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		if (i == 0)
			gw_log_event(ERROR, CONFIGURATION_REFUSED, "%s", report->problems[i]);
		else
			gw_log(ERROR, "%s", report->problems[i]);
	if (report->n_more)
		gw_log(ERROR, "The configuration has %zu more faults", report->n_more);
}

/* --- taking over --- */

static void forget_sightings(struct agent *agent, struct discovered *resized)
{
	char gone[GW_ID_MAX + 1];

	while (discovered_take_missing(agent->discovered, resized, gone))
		(void)turn_tell(agent->turn, &(struct turn_change){ .device = gone,
								    .from = DEVICE_DISCOVERED,
								    .to = DEVICE_UNKNOWN,
								    .reason = "" });
	discovered_free(agent->discovered);
	agent->discovered = resized;
}

/* Nothing in here can fail. */
static void take_over(struct agent *agent, struct settings *fresh, struct discovered *resized,
		      const char *who)
{
	struct settings before = agent->settings;
	char changes[GW_TEXT_MAX + 1];
	unsigned n, n_plugins;

	agent->settings = *fresh;
	agent->notices_are_known = false;
	agent->clock.trusts_cloud = fresh->clock_trusts_cloud;
	forget_sightings(agent, resized);
	if (before.devices_stale_crl_closes != fresh->devices_stale_crl_closes)
		crl_watch_reloaded(agent);
	n_plugins = plugins_welcome_anew(agent->plugins, &before);
	n = tell_changes(&before, &agent->settings, changes, sizeof(changes));
	gw_log_event(
		NOTICE, CONFIGURATION_TAKEN,
		"The configuration is read again for %s: settings that changed: %u; plugins that "
		"get theirs anew: %u",
		who, n, n_plugins);
	if (n > 0)
		lifecycle_record(agent, "configured", /* device= */ "", who, /* reason= */ "",
				 changes);
	due_look(agent->due);
	audit_retention_look(agent->audit_retention);
	settings_done(&before);
}

static int read_again(struct agent *agent, const char *who, struct reload *ret,
		      struct settings_report *report)
{
	struct discovered *resized;
	struct settings fresh;
	int r;

	r = settings_read(&agent->config, /* draft= */ NULL, &fresh, report);
	if (r < 0)
		return r;
	resized =
		discovered_resized(agent->discovered, fresh.discovered_max, fresh.discovered_age_s);
	if (!resized) {
		settings_report_add(report, "%s: cannot be taken over: %s", agent->config.file,
				    strerror(ENOMEM));
		settings_done(&fresh);
		return -ENOMEM;
	}

	ret->n_kept = settings_keep(&fresh, &agent->settings, ret->kept, RELOAD_KEPT_MAX);
	take_over(agent, &fresh, resized, who);
	return 0;
}

int reload(struct agent *agent, const char *who, struct reload *ret, struct settings_report *report)
{
	int r;

	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			 (unsigned long long)gw_now_monotonic_us());
	*ret = (struct reload){ 0 };
	r = agent->unconfigured ? unconfigured_reload(agent, who, report)
				: read_again(agent, who, ret, report);
	if (r < 0)
		reload_tell_faults(report);
	else
		tell_kept(ret);
	(void)sd_notify(0, "READY=1");
	return r;
}
