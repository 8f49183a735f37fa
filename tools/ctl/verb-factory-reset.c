/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * factory-reset: the gateway forgets its devices. The agent does it at once, and tells the cloud meanwhile; what is not
 * acknowledged within the time that we wait is named.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"

#define WAIT_S     20
#define WAIT_MAX_S 3600
#define LOOK_US    200000

/* The devices whose leaving the cloud has not acknowledged, into `untold`. */
static int read_untold(struct ctl *ctl, json_t *untold)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *kind, *device;
	int r;

	r = bus_new_call(ctl, "ListJobs", &call);
	if (r == CTL_DONE)
		r = bus_call(ctl, call, "jobs", &reply);
	if (r != CTL_DONE)
		return r;

	(void)json_array_clear(untold);
	r = sd_bus_message_enter_container(reply, 'a', "(ssssutt)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssutt)", NULL, &kind, &device, NULL,
						  NULL, NULL, NULL)) > 0)
		if (gw_streq(kind, "decommissioned") &&
		    json_array_append_new(untold, json_string(device)) < 0)
			return ctl_fail("out of memory");
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

static int wait_for_cloud(struct ctl *ctl, uint64_t wait_s, json_t *untold)
{
	uint64_t until_us = gw_now_monotonic_us() + wait_s * 1000000;
	int r;

	for (;;) {
		r = read_untold(ctl, untold);
		if (r != CTL_DONE || json_array_size(untold) == 0 ||
		    gw_now_monotonic_us() >= until_us)
			return r;
		(void)usleep(LOOK_US);
	}
}

static void print_outcome(const struct ctl *ctl, uint32_t n, json_t *untold)
{
	if (ctl->json) {
		json_auto_t *outcome = json_pack("{sisO}", "devices", (int)n, "untold", untold);

		values_print(outcome, stdout);
		return;
	}

	(void)printf("%u device%s forgotten\n", n, n == 1 ? " is" : "s are");
	for (size_t i = 0; i < json_array_size(untold); i++)
		(void)printf("%s: the cloud has not acknowledged yet that it left\n",
			     json_string_value(json_array_get(untold, i)));
	if (json_array_size(untold))
		(void)printf("It is told as soon as it can be, as long as this gateway keeps its "
			     "store and its credential.\n");
}

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *wait = args_get(args, "wait");
	json_auto_t *untold = json_array();
	uint64_t wait_s = WAIT_S;
	uint32_t n;
	int r;

	if (!args_has(args, "yes"))
		return ctl_wrong_use(
			"this forgets every device of the gateway, and nothing brings them "
			"back: say --yes to do it");
	if (wait && gw_parse_u64(wait, 0, WAIT_MAX_S, &wait_s) < 0)
		return ctl_wrong_use("--wait takes seconds, at most %d", WAIT_MAX_S);

	r = bus_new_call(ctl, "FactoryReset", &call);
	if (r == CTL_DONE)
		r = bus_call(ctl, call, "factory-reset", &reply);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_read(reply, "u", &n);
	if (r < 0)
		return bus_fail(r);

	r = wait_for_cloud(ctl, wait_s, untold);
	print_outcome(ctl, n, untold);
	return r;
}

static const struct args_option options[] = {
	{ "yes", NULL, "do it: nothing brings the devices back" },
	{ "wait", "S", "seconds to wait for the cloud's acknowledgements (default: 20)" },
	{ 0 },
};

const struct verb verb_factory_reset = {
	.name = "factory-reset",
	.synopsis = "--yes",
	.summary = "Forgets all devices, claims, secrets and trust anchors",
	.help = "\nDevices are not told: decommission those first that shall wipe themselves. The "
		"cloud is\n"
		"told of each; those that it has not acknowledged in time are named, and it is "
		"told as\n"
		"soon as it can be. The record and the gateway's own credential stay.",
	.options = options,
	.min_words = 0,
	.max_words = 0,
	.run = run,
};
