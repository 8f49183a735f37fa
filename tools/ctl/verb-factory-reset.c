/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * factory-reset: the gateway forgets its devices. The agent does it at once, and tells the cloud meanwhile; what is not
 * acknowledged within the time that we wait is named. The gateway's own certificate is given up behind all that, as a job
 * without a device: as long as there is one, or one for a device, the cloud is not done.
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

/* The devices whose leaving the cloud has not acknowledged, into `untold`; and whether our own certificate is still there. */
static int read_untold(struct ctl *ctl, json_t *untold, bool *ret_is_kept)
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
	*ret_is_kept = false;
	r = sd_bus_message_enter_container(reply, 'a', "(ssssutt)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssutt)", NULL, &kind, &device, NULL,
						  NULL, NULL, NULL)) > 0) {
		*ret_is_kept |= gw_streq(kind, "relinquished") || gw_streq(kind, "decommissioned");
		if (gw_streq(kind, "decommissioned") &&
		    json_array_append_new(untold, json_string(device)) < 0)
			return ctl_fail("out of memory");
	}
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

static int wait_for_cloud(struct ctl *ctl, uint64_t wait_s, json_t *untold, bool *ret_is_kept)
{
	uint64_t until_us = gw_now_monotonic_us() + wait_s * 1000000;
	int r;

	for (;;) {
		r = read_untold(ctl, untold, ret_is_kept);
		if (r != CTL_DONE || !*ret_is_kept || gw_now_monotonic_us() >= until_us)
			return r;
		(void)usleep(LOOK_US);
	}
}

static void print_outcome(const struct ctl *ctl, uint32_t n, json_t *untold, bool is_kept)
{
	if (ctl->json) {
		json_auto_t *outcome = json_pack("{sisOsb}", "devices", (int)n, "untold", untold,
						 "credential_kept", is_kept);

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
	if (is_kept)
		(void)printf(
			"Until it has heard all, the gateway keeps the certificate by which it "
			"tells it; then it\n"
			"gives up what it got by itself.\n");
}

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *wait = args_get(args, "wait");
	json_auto_t *untold = json_array();
	uint64_t wait_s = WAIT_S;
	bool is_kept = true;
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

	r = wait_for_cloud(ctl, wait_s, untold, &is_kept);
	print_outcome(ctl, n, untold, is_kept);
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
		"soon as it can be. Then the gateway gives up the certificate that it got by "
		"itself. The\n"
		"record stays, and so do credentials that were given as files.",
	.options = options,
	.min_words = 0,
	.max_words = 0,
	.run = run,
};
