/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `revoke-gateway`: what a gateway has is good no more: its requests are not served and its
 * certificate is not renewed. With --readmit the id may come aboard once more, by a claim: the box
 * was replaced. The broker's list of whom to keep out is written anew; to have it read is for whoever runs the broker.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/broker-crl.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.revoke-gateway"

static int record(struct registry *registry, const char *gateway, const char *reason, bool readmit)
{
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_gateway_bar(registry, gateway, readmit ? "" : reason);
	if (r >= 0)
		r = registry_gateway_retire(registry, gateway, reason);
	return r < 0 ? r : registry_commit_step(registry, STEP);
}

static int revoke_gateway(const struct home *home, struct registry *registry, const char *gateway,
			  const char *reason, bool readmit)
{
	int r;

	if (!*reason || strlen(reason) > REGISTRY_ID_MAX ||
	    reason[strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return verb_misuse("--reason takes a code of [a-z0-9-], at most 64 characters");

	r = record(registry, gateway, reason, readmit);
	if (r == -ENOENT)
		return verb_fail("%s: not-found: there is no such gateway", gateway);
	if (r < 0)
		return verb_fail_registry(registry, r);

	/* Said once more, it is written once more. */
	r = broker_crl_write(home, registry);
	if (r < 0)
		return verb_fail_file(home->path, BROKER_CRL, r);

	(void)printf(readmit ? "%s: its certificates are revoked; it may come by a claim again\n"
			     : "%s: revoked\n",
		     gateway);
	return VERB_DONE;
}

int verb_revoke_gateway(int argc, char **argv)
{
	static const struct option options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "readmit", no_argument, NULL, 'a' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *reason = gw_reason_code(GW_REASON_REVOKED);
	bool readmit = false;
	char **arguments;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option == 'r')
			reason = optarg;
		else if (option == 'a')
			readmit = true;
		else
			return VERB_MISUSE;
	}

	status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	return status == VERB_DONE ? revoke_gateway(&home, registry, arguments[0], reason, readmit)
				   : status;
}
