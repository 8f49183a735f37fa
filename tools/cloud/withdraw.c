/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `withdraw`: the device shall not come aboard at that gateway after all. The claims are closed
 * here at once, those of the gateway's own operator included; a claim that was not sent yet never
 * will be.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.withdraw"

static int record_withdrawal(struct registry *registry, const char *gateway, const char *device)
{
	struct command command = { .kind = COMMAND_WITHDRAW,
				   .made_at = (uint64_t)time(/* tloc= */ NULL) };
	const char *why = gw_reason_code(GW_REASON_WITHDRAWN);
	int r;

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	(void)gw_copy(command.device, sizeof(command.device), device);

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_claims_close(registry, gateway, device, why);
	if (r >= 0)
		r = registry_commands_cancel(registry, gateway, device, why);
	if (r >= 0)
		r = registry_command_add(registry, &command);
	if (r >= 0)
		r = registry_commit_step(registry, STEP);
	if (r < 0)
		return r;

	registry_forget(registry); /* the secrets of claims that were not sent */
	return 0;
}

static int withdraw(struct registry *registry, const char *gateway, const char *device)
{
	bool known;
	int r;

	if (!gw_device_id_is_valid(device))
		return verb_misuse("%s cannot be a device's id", device);

	r = registry_gateway_is_known(registry, gateway, &known);
	if (r >= 0 && !known)
		return verb_fail("%s: there is no such gateway on record", gateway);
	if (r >= 0)
		r = record_withdrawal(registry, gateway, device);
	if (r < 0)
		return verb_fail_registry(registry, r);

	(void)printf("%s: withdrawn at %s\n", device, gateway);
	return VERB_DONE;
}

int verb_withdraw(int argc, char **argv)
{
	static const struct option options[] = {
		{ "gateway", required_argument, NULL, 'g' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *gateway = NULL;
	char **arguments;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option != 'g')
			return VERB_MISUSE;
		gateway = optarg;
	}
	if (!gateway)
		return verb_misuse("withdraw needs --gateway ID");

	status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	verb_hold_bell(&home);
	return withdraw(registry, gateway, arguments[0]);
}
