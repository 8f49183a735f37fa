/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status: how the gateway itself is: agent, cloud, clock, what waits, and the plugins that are
 * there.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"

#define LINE_MAX 512

GW_DEFINE_CLEANUP(struct table *, table_free)

/* "online: since 12:00", or the state alone. */
static void state_text(const json_t *status, const char *state, const char *text, char *line)
{
	const char *more = values_text(status, text);

	(void)snprintf(line, LINE_MAX, "%s%s%s", values_text(status, state), *more ? ": " : "",
		       more);
}

/* "12: claimed 3, onboarded 9" */
static void counts_text(const json_t *status, char *line)
{
	json_t *counts = json_object_get(status, "counts"), *count;
	json_int_t total = 0;
	const char *state;
	size_t len;

	json_object_foreach(counts, state, count) total += json_integer_value(count);
	len = (size_t)snprintf(line, LINE_MAX, "%lld", (long long)total);

	json_object_foreach(counts, state, count)
	{
		long long n = json_integer_value(count);

		if (n == 0 || len >= LINE_MAX)
			continue;
		len += (size_t)snprintf(line + len, LINE_MAX - len, "%s %s %lld",
					strchr(line, ':') ? "," : ":", state, n);
	}
}

static int print_summary(const json_t *status)
{
	_cleanup_(table_freep) struct table *table = NULL;
	char agent[LINE_MAX], state[LINE_MAX], cloud[LINE_MAX], devices[LINE_MAX], jobs[64];
	const char *clock = values_true(status, "clock_trusted")
				    ? "trusted"
				    : "not trusted: what needs the time waits for it";
	int r;

	(void)snprintf(agent, sizeof(agent), "%s at gateway %s", values_text(status, "version"),
		       values_text(status, "gateway_id"));
	state_text(status, "state", "state_text", state);
	state_text(status, "cloud_state", "cloud_text", cloud);
	counts_text(status, devices);
	(void)snprintf(jobs, sizeof(jobs), "%llu waiting for the cloud",
		       (unsigned long long)values_number(status, "jobs_waiting"));

	r = table_new(/* headings= */ NULL, 2, &table);
	if (r >= 0)
		r = table_add(table, (const char *[]){ "gangwayd", agent });
	if (r >= 0)
		r = table_add(table, (const char *[]){ "state", state });
	if (r >= 0)
		r = table_add(table, (const char *[]){ "cloud", cloud });
	if (r >= 0)
		r = table_add(table, (const char *[]){ "clock", clock });
	if (r >= 0)
		r = table_add(table, (const char *[]){ "devices", devices });
	if (r >= 0)
		r = table_add(table, (const char *[]){ "jobs", jobs });
	if (r >= 0)
		table_print(table, stdout);
	return r;
}

static int print_plugins(const json_t *plugins)
{
	static const char *const headings[] = { "PLUGIN", "ROLE", "VERSION", "LIBRARY", "STATE" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *plugin;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(plugins, i, plugin)
	{
		const char *text = values_text(plugin, "text");
		const char *cells[] = {
			values_text(plugin, "name"),
			values_text(plugin, "role"),
			values_text(plugin, "version"),
			values_text(plugin, "library"),
			*text                            ? text
			: values_true(plugin, "healthy") ? "healthy"
							 : "not healthy",
		};

		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *status = NULL;
	const json_t *plugins;
	int r;

	r = bus_get_all(ctl, BUS_PATH, BUS_MANAGER, &status);
	if (r != CTL_DONE)
		return r;
	if (!status || !*values_text(status, "version"))
		return bus_fail(-EBADMSG);
	if (ctl->json) {
		values_print(status, stdout);
		return CTL_DONE;
	}

	plugins = json_object_get(status, "plugins");
	r = print_summary(status);
	if (r >= 0 && json_array_size(plugins) > 0) {
		(void)putchar('\n');
		r = print_plugins(plugins);
	}
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

const struct verb verb_status = {
	.name = "status",
	.synopsis = "",
	.summary = "Shows how the gateway itself is",
	.run = run,
};
