/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config check: a file, or all that is on disk, held to the agent's own checks. config reload: takes over what is
 * on disk.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/configuration.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/file.h"
#include "tools/ctl/values.h"

#define SIZE_MAX_KIB 64u /* what the agent takes */

static int say_valid(struct ctl *ctl, const char *what)
{
	json_auto_t *verdict = json_pack("{s:b, s:[]}", "valid", 1, "problems");

	if (ctl->json)
		values_print(verdict, stdout);
	else
		(void)printf("%s: valid\n", what);
	return CTL_DONE;
}

/* --- one file --- */

static int check_file(struct ctl *ctl, const char *path)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_free_ uint8_t *text = NULL;
	json_auto_t *problems = NULL;
	size_t len = 0;
	int r = file_read(path, SIZE_MAX_KIB * 1024, &text, &len);

	if (r == -EFBIG)
		return ctl_fail("%s: larger than %u KiB, which is all that a file of the "
				"configuration may hold",
				path, SIZE_MAX_KIB);
	if (r < 0)
		return ctl_fail("cannot read %s: %s", path, strerror(-r));
	r = bus_new_call(ctl, "CheckConfig", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append_array(call, 'y', text, len);
	if (r < 0)
		return bus_fail(r);

	r = bus_call(ctl, call, "config check", &reply);
	if (r != CTL_DONE)
		return r;
	r = values_read_texts(reply, &problems);
	if (r < 0)
		return bus_fail(r);
	return json_array_size(problems) > 0 ? config_print_faults(ctl, problems, path)
					     : say_valid(ctl, path);
}

/* --- all that is on disk --- */

static int run_check(struct ctl *ctl, const struct args *args)
{
	json_auto_t *settings = NULL;
	int r;

	if (args->n_words > 0)
		return check_file(ctl, args->words[0]);
	r = config_list(ctl, "disk", &settings);
	return r == CTL_DONE ? say_valid(ctl, "the configuration on disk") : r;
}

/* --- taking over --- */

static int print_reloaded(struct ctl *ctl, const json_t *needs_restart)
{
	json_auto_t *done = json_pack("{s:b, s:O}", "valid", 1, "needs_restart", needs_restart);
	const json_t *setting;
	size_t i;

	if (ctl->json) {
		values_print(done, stdout);
		return CTL_DONE;
	}
	json_array_foreach(needs_restart, i, setting)(void)
		printf("%s holds only after a restart of gangwayd\n", json_string_value(setting));
	return CTL_DONE;
}

static int run_reload(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_free_ char *faults = NULL;
	json_auto_t *needs_restart = NULL;
	int r;

	r = bus_new_call(ctl, "Reload", &call);
	if (r != CTL_DONE)
		return r;
	r = bus_call_or_text(ctl, call, "config reload", "bad-configuration", &reply, &faults);
	if (faults)
		return config_print_fault_text(ctl, faults);
	if (r != CTL_DONE)
		return r;
	r = values_read_texts(reply, &needs_restart);
	return r < 0 ? bus_fail(r) : print_reloaded(ctl, needs_restart);
}

const struct verb verb_config_check = {
	.name = "config check",
	.synopsis = "[FILE]",
	.summary = "Checks the configuration on disk, or a file on top of it",
	.help = "\nWithout FILE: what config reload would take over. FILE is checked as if it was "
		"the last drop-in;\n"
		"`-` reads standard input. Faults are printed, a line each, and the exit status is "
		"1.\n"
		"With --json: one object with valid and problems.",
	.max_words = 1,
	.run = run_check,
};

const struct verb verb_config_reload = {
	.name = "config reload",
	.synopsis = "",
	.summary = "Takes over the configuration on disk, all of it or nothing",
	.help = "\nPrints the settings that hold only after a restart. A plugin whose settings "
		"have changed connects\n"
		"anew; devices that were at its door repeat. With faults nothing changes: they are "
		"printed, a line\n"
		"each, and the exit status is 1. With --json: one object with valid and "
		"needs_restart, or problems.",
	.run = run_reload,
};
