/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `revoke`: the device is good no more, wherever it is. Its certificates are revoked and its claims
 * closed here at once, whatever the gateways do; each gateway that may have it is told.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/reason.h"
#include "lib/step.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.revoke"

struct revocation {
	struct registry *registry;
	const char *device, *reason;
	unsigned n_gateways;
};

static int command_gateway(const char *gateway, void *userdata)
{
	struct revocation *revocation = userdata;
	struct command command = { .kind = COMMAND_REVOKE,
				   .made_at = (uint64_t)time(/* tloc= */ NULL) };
	int r;

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	(void)gw_copy(command.device, sizeof(command.device), revocation->device);
	(void)gw_copy(command.reason, sizeof(command.reason), revocation->reason);

	r = registry_commands_cancel(revocation->registry, gateway, revocation->device,
				     gw_reason_code(GW_REASON_REVOKED));
	if (r >= 0)
		r = registry_command_add(revocation->registry, &command);
	if (r < 0)
		return r;

	revocation->n_gateways++;
	return 0;
}

static int record_revocation(struct revocation *revocation)
{
	struct registry *registry = revocation->registry;
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_gateways_of_device(registry, revocation->device, command_gateway,
						revocation);
	if (r >= 0)
		r = registry_certificates_revoke(registry, revocation->device, revocation->reason);
	if (r >= 0)
		r = registry_claims_close(registry, /* gateway= */ NULL, revocation->device,
					  gw_reason_code(GW_REASON_REVOKED));
	if (r < 0)
		return r;

	gw_step_before(STEP);
	r = registry_commit(registry);
	if (r < 0)
		return r;

	gw_step_after(STEP);
	registry_forget(registry); /* the secrets of claims that were not sent */
	return 0;
}

static int revoke_device(struct registry *registry, const char *device, const char *reason)
{
	struct revocation revocation = { registry, device, reason, 0 };
	int r;

	if (!gw_device_id_is_valid(device))
		return verb_misuse("%s cannot be a device's id", device);
	if (!*reason || strlen(reason) > REGISTRY_ID_MAX ||
	    reason[strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return verb_misuse("--reason takes a code of [a-z0-9-], at most 64 characters");

	r = record_revocation(&revocation);
	if (r < 0)
		return verb_fail("%s: %s", HOME_REGISTRY, strerror(-r));
	if (revocation.n_gateways == 0)
		return verb_fail("%s: not-found: it has neither certificate nor claim here",
				 device);

	(void)printf("%s: revoked, %u gateway%s to be told\n", device, revocation.n_gateways,
		     revocation.n_gateways == 1 ? "" : "s");
	return VERB_DONE;
}

int verb_revoke(int argc, char **argv)
{
	static const struct option options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *reason = gw_reason_code(GW_REASON_REVOKED);
	char **arguments;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option != 'r')
			return VERB_MISUSE;
		reason = optarg;
	}

	status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	verb_hold_bell(&home);
	return revoke_device(registry, arguments[0], reason);
}
