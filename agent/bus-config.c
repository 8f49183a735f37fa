/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people ask and tell about the configuration. Nothing of it is in the store, so answers leave at once.
 */
#include "agent/bus-config.h"

#include <stdio.h>
#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/reload.h"
#include "agent/settings-disk.h"
#include "agent/settings-file.h"
#include "agent/settings-key.h"
#include "agent/settings-report.h"
#include "lib/util.h"

#define GIVEN "<given>"

static int reply_faults(sd_bus_message *call, const struct settings_report *report)
{
	char text[SETTINGS_PROBLEMS_MAX * SETTINGS_PROBLEM_MAX], name[128];

	settings_report_text(report, text, sizeof(text));
	gw_reason_error_name(gw_reason_code(GW_REASON_BAD_CONFIGURATION), name, sizeof(name));
	return sd_bus_reply_method_errorf(call, name, "%s", text);
}

/* --- looking --- */

static int append_settings(sd_bus_message *reply, const struct settings *settings)
{
	int r = sd_bus_message_open_container(reply, 'a', "(sssssb)");

	for (const struct settings_entry *e = settings->entries; e && r >= 0; e = e->next) {
		bool is_live = !e->key || !(e->key->use & SETTINGS_USE_RESTART);

		r = sd_bus_message_append(reply, "(sssssb)", e->section, e->name, e->value,
					  e->fallback, e->source, is_live);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_settings(sd_bus_message *call, const struct settings *settings)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = append_settings(reply, settings);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	return r < 0 ? r : 1;
}

static int list_disk(struct agent *agent, sd_bus_message *call)
{
	struct settings_report report;
	struct settings settings;
	int r;

	r = settings_read(&agent->config, /* draft= */ NULL, &settings, &report);
	if (r < 0)
		return reply_faults(call, &report);
	r = reply_settings(call, &settings);
	settings_done(&settings);
	return r;
}

int bus_config_list(struct agent *agent, sd_bus_message *call)
{
	const char *which;
	int r = sd_bus_message_read_basic(call, 's', &which);

	if (r < 0)
		return r;
	if (gw_streq(which, "running"))
		return reply_settings(call, &agent->settings);
	if (gw_streq(which, "disk"))
		return list_disk(agent, call);
	return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_INVALID_ARGS,
					  "Which is running or disk");
}

/* --- checking --- */

static int append_problems(sd_bus_message *reply, const struct settings_report *report)
{
	char more[64];
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; i < report->n && r >= 0; i++)
		r = sd_bus_message_append(reply, "s", report->problems[i]);
	if (r >= 0 && report->n_more) {
		(void)snprintf(more, sizeof(more), "and %zu more", report->n_more);
		r = sd_bus_message_append(reply, "s", more);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_problems(sd_bus_message *call, const struct settings_report *report)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = append_problems(reply, report);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	return r < 0 ? r : 1;
}

int bus_config_check(struct agent *agent, sd_bus_message *call)
{
	struct settings_blob draft = { .path = GIVEN };
	struct settings_report report;
	struct settings settings;
	const void *text;
	int r;

	r = sd_bus_message_read_array(call, 'y', &text, &draft.len);
	if (r < 0)
		return r;
	if (draft.len > SETTINGS_FILE_MAX)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_INVALID_ARGS,
						  "It is larger than 64 KiB; split it");

	draft.data = text;
	if (settings_read(&agent->config, &draft, &settings, &report) >= 0)
		settings_done(&settings);
	return reply_problems(call, &report);
}

/* --- taking over --- */

static int append_kept(sd_bus_message *reply, const struct reload *reload)
{
	char name[2 * SETTINGS_NAME_MAX];
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (size_t i = 0; i < reload->n_kept && r >= 0; i++) {
		(void)snprintf(name, sizeof(name), "[%s] %s", reload->kept[i]->section,
			       reload->kept[i]->name);
		r = sd_bus_message_append(reply, "s", name);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_config_reload(struct agent *agent, sd_bus_message *call)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct settings_report report;
	struct reload done;
	char who[64];
	int r;

	bus_name_caller(agent->bus, call, who, sizeof(who));
	r = sd_bus_message_new_method_return(call, &reply); /* before anything is done */
	if (r < 0)
		return r;
	if (reload(agent, who, &done, &report) < 0)
		return reply_faults(call, &report);

	r = append_kept(reply, &done);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	return r < 0 ? r : 1;
}
