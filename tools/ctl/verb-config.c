/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config show: what holds and where it comes from. config diff: what the owner of the gateway has made
 * otherwise than it comes, and what he has written down that does not hold yet.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/configuration.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"

#define NAME_SIZE 160

GW_DEFINE_CLEANUP(struct table *, table_free)

static int print_settings(const json_t *settings)
{
	static const char *const headings[] = { "SETTING", "VALUE", "FROM" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *setting;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(settings, i, setting)
	{
		char name[NAME_SIZE];
		const char *cells[] = { name, values_text(setting, "value"),
					values_text(setting, "source") };

		config_name(setting, name, sizeof(name));
		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int run_show(struct ctl *ctl, const struct args *args)
{
	json_auto_t *settings = NULL;
	int r;

	r = config_list(ctl, "running", &settings);
	if (r != CTL_DONE)
		return r;
	if (!ctl->json)
		return print_settings(settings);

	values_print(settings, stdout);
	return CTL_DONE;
}

/* --- diff --- */

/* What it takes for the value on disk to hold: nothing, reload or restart. */
static const char *pending(const json_t *setting, const char *running, const char *disk)
{
	if (gw_streq(running, disk))
		return "";
	return values_true(setting, "live") ? "reload" : "restart";
}

/* Adds a setting if it differs; running or disk is NULL for one that is not there, of a plugin of other makers. */
static int add_difference(json_t *list, const json_t *setting, const json_t *running,
			  const json_t *disk)
{
	const char *usual = values_text(setting, "default");
	const char *now = running ? values_text(running, "value") : "";
	const char *then = disk ? values_text(disk, "value") : "";

	if (gw_streq(usual, now) && gw_streq(now, then))
		return 0;
	return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "section",
						     values_text(setting, "section"), "key",
						     values_text(setting, "key"), "default", usual,
						     "running", now, "disk", then, "pending",
						     pending(setting, now, then)));
}

static int compare(const json_t *running, const json_t *disk, json_t **ret)
{
	json_auto_t *list = json_array();
	const json_t *setting;
	size_t i;
	int r = 0;

	json_array_foreach(running, i, setting) if (r >= 0) r =
		add_difference(list, setting, setting, config_find(disk, setting));
	json_array_foreach(disk, i, setting) if (r >= 0 && !config_find(running, setting)) r =
		add_difference(list, setting, /* running= */ NULL, setting);
	if (r < 0)
		return -ENOMEM;

	*ret = TAKE_PTR(list);
	return 0;
}

static int print_differences(const json_t *differences)
{
	static const char *const headings[] = { "SETTING", "DEFAULT", "RUNNING", "ON DISK",
						"NEEDS" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *setting;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(differences, i, setting)
	{
		char name[NAME_SIZE];
		const char *cells[] = { name, values_text(setting, "default"),
					values_text(setting, "running"),
					values_text(setting, "disk"),
					values_text(setting, "pending") };

		config_name(setting, name, sizeof(name));
		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int run_diff(struct ctl *ctl, const struct args *args)
{
	json_auto_t *running = NULL, *disk = NULL, *differences = NULL;
	int r;

	r = config_list(ctl, "running", &running);
	if (r == CTL_DONE)
		r = config_list(ctl, "disk", &disk);
	if (r != CTL_DONE)
		return r;
	r = compare(running, disk, &differences);
	if (r < 0)
		return ctl_fail("%s", strerror(-r));
	if (!ctl->json)
		return print_differences(differences);

	values_print(differences, stdout);
	return CTL_DONE;
}

const struct verb verb_config_show = {
	.name = "config show",
	.synopsis = "",
	.summary = "Shows the settings that hold, and where each comes from",
	.help = "\nFROM is file and line, or default. With --json: an array of objects.",
	.run = run_show,
};

const struct verb verb_config_diff = {
	.name = "config diff",
	.synopsis = "",
	.summary = "Shows the settings that differ from their defaults, or on disk",
	.help = "\nNEEDS is what it takes for the value on disk to hold: gangwayctl config reload, "
		"or a restart "
		"of\ngangwayd. With --json: an array of objects; what is needed is `pending`.",
	.run = run_diff,
};
