/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `revoke`, `suspend`, `resume`, `decommission`: what the fleet decides of devices that are aboard, wherever that is. What it
 * means for the cloud itself is done here at once, whatever the gateways do; each gateway that may have the
 * device is told. All devices on a line are dealt with together, or none; a gateway is told of its own in one command.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.operate"

/* What the verbs have in common. */
struct deed {
	enum command_kind kind;
	const char *done;
	enum gw_reason reason; /* the usual one */
	bool takes_reason;
};

/* The command that a gateway gets, with which the others go. */
struct leader {
	char gateway[REGISTRY_ID_MAX + 1];
	char id[REGISTRY_ID_MAX + 1];
	size_t n; /* of the list, itself among them */
};

struct leaders {
	struct leader *all;
	size_t n;
};

/* One device. */
struct work {
	struct registry *registry;
	const struct deed *deed;
	struct leaders *leaders;
	const char *device, *reason;
	unsigned n_gateways;
};

static struct leader *find_leader(struct leaders *leaders, const char *gateway)
{
	struct leader *all;

	for (size_t i = 0; i < leaders->n; i++)
		if (gw_streq(leaders->all[i].gateway, gateway))
			return &leaders->all[i];

	all = reallocarray(leaders->all, leaders->n + 1, sizeof(*all));
	if (!all)
		return NULL;
	leaders->all = all;
	all[leaders->n] = (struct leader){ .n = GW_LIST_MAX };
	(void)gw_copy(all[leaders->n].gateway, sizeof(all->gateway), gateway);
	return &all[leaders->n++];
}

/* A gateway's first one leads, and so does the next behind a full list. */
static int join_list(struct leaders *leaders, struct command *command)
{
	struct leader *leader = find_leader(leaders, command->gateway);

	if (!leader)
		return -ENOMEM;
	if (leader->n == GW_LIST_MAX) {
		(void)gw_copy(leader->id, sizeof(leader->id), command->id);
		leader->n = 0;
	} else {
		(void)gw_copy(command->list, sizeof(command->list), leader->id);
	}
	leader->n++;
	return 0;
}

static int command_gateway(const char *gateway, void *userdata)
{
	struct work *work = userdata;
	struct command command = { .kind = work->deed->kind,
				   .made_at = (uint64_t)time(/* tloc= */ NULL) };
	int r;

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	(void)gw_copy(command.device, sizeof(command.device), work->device);
	(void)gw_copy(command.reason, sizeof(command.reason), work->reason);
	r = join_list(work->leaders, &command);
	if (r >= 0)
		r = registry_command_add(work->registry, &command);
	if (r < 0)
		return r;

	work->n_gateways++;
	return 0;
}

/* --- what it means here --- */

static int revoke_here(struct work *work, enum gw_reason reason)
{
	const char *why = gw_reason_code(reason);
	int r;

	r = registry_commands_cancel(work->registry, /* gateway= */ NULL, work->device, why);
	if (r >= 0)
		r = registry_certificates_revoke(work->registry, work->device, work->reason);
	if (r >= 0)
		r = registry_claims_close(work->registry, /* gateway= */ NULL, work->device, why);
	return r;
}

/* It may come back, at any gateway, by a new claim. */
static int decommission_here(struct work *work)
{
	int r = revoke_here(work, GW_REASON_DECOMMISSIONED);

	return r < 0 ? r : registry_device_resume(work->registry, work->device);
}

static int do_here(struct work *work)
{
	switch (work->deed->kind) {
	case COMMAND_REVOKE: return revoke_here(work, GW_REASON_REVOKED);
	case COMMAND_DECOMMISSION: return decommission_here(work);
	case COMMAND_SUSPEND:
		return registry_device_suspend(work->registry, work->device, work->reason);
	case COMMAND_RESUME: return registry_device_resume(work->registry, work->device);
	case COMMAND_CLAIM:
	case COMMAND_WITHDRAW:
	case COMMAND_ANCHORS:
	case COMMAND_MOVED:
	case COMMAND_CRL: /* files of their own */
	case _COMMAND_KIND_MAX: break;
	}
	return -EINVAL;
}

/* --- all of them --- */

static int do_device(struct work *work)
{
	int r;

	/* Who was revoked long ago may be on record at its gateway still. */
	if (work->deed->kind == COMMAND_DECOMMISSION)
		r = registry_gateways_ever_of_device(work->registry, work->device, command_gateway,
						     work);
	else
		r = registry_gateways_of_device(work->registry, work->device, command_gateway,
						work);
	if (r < 0)
		return verb_fail_registry(work->registry, r);
	if (work->n_gateways == 0)
		return verb_fail("%s: not-found: it has neither certificate nor claim here",
				 work->device);

	r = do_here(work);
	return r < 0 ? verb_fail_registry(work->registry, r) : VERB_DONE;
}

static int commit(struct registry *registry)
{
	int r = registry_commit_step(registry, STEP);

	if (r < 0)
		return verb_fail_registry(registry, r);

	registry_forget(registry); /* the secrets of claims that were not sent */
	return VERB_DONE;
}

static int do_devices(struct registry *registry, const struct deed *deed, char **devices, int n,
		      const char *reason)
{
	int status = VERB_DONE, r = registry_begin(registry);
	struct leaders leaders = { 0 };

	if (r < 0)
		return verb_fail_registry(registry, r);

	for (int i = 0; i < n && status == VERB_DONE; i++) {
		struct work work = { registry, deed, &leaders, devices[i], reason, 0 };

		status = do_device(&work);
	}
	free(leaders.all);
	return status == VERB_DONE ? commit(registry) : status;
}

/* --- the command line --- */

static int check(char **devices, int n, const char *reason, bool needs_reason)
{
	for (int i = 0; i < n; i++)
		if (!gw_device_id_is_valid(devices[i]))
			return verb_misuse("%s cannot be a device's id", devices[i]);
	if ((needs_reason && !*reason) || strlen(reason) > REGISTRY_ID_MAX ||
	    reason[strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return verb_misuse("--reason takes a code of [a-z0-9-], at most 64 characters");
	return VERB_DONE;
}

static int run(int argc, char **argv, const struct deed *deed)
{
	static const struct option options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *reason = gw_reason_code(deed->reason);
	char **devices;
	int option, status, n;

	while ((option = getopt_long(argc, argv, "", deed->takes_reason ? options : &options[1],
				     /* longind= */ NULL)) >= 0) {
		if (option != 'r')
			return VERB_MISUSE;
		reason = optarg;
	}

	status = verb_list_arguments(argc, argv, &folder, &devices, &n);
	if (status == VERB_DONE)
		status = check(devices, n, reason, deed->takes_reason);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	verb_hold_bell(&home);
	status = do_devices(registry, deed, devices, n, reason);
	for (int i = 0; i < n && status == VERB_DONE; i++)
		(void)printf("%s: %s, its gateways are to be told\n", devices[i], deed->done);
	return status;
}

int verb_revoke(int argc, char **argv)
{
	static const struct deed deed = { COMMAND_REVOKE, "revoked", GW_REASON_REVOKED, true };

	return run(argc, argv, &deed);
}

int verb_suspend(int argc, char **argv)
{
	static const struct deed deed = { COMMAND_SUSPEND, "suspended", GW_REASON_SUSPENDED, true };

	return run(argc, argv, &deed);
}

int verb_resume(int argc, char **argv)
{
	static const struct deed deed = { COMMAND_RESUME, "resumed", GW_REASON_NONE, false };

	return run(argc, argv, &deed);
}

int verb_decommission(int argc, char **argv)
{
	static const struct deed deed = { COMMAND_DECOMMISSION, "decommissioned",
					  GW_REASON_DECOMMISSIONED, false };

	return run(argc, argv, &deed);
}
