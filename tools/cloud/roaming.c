/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `roaming`: whether a tenant's devices are followed from one gateway to another, or turned away there. */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.roaming"

static int record(struct registry *registry, const char *tenant, bool may)
{
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_tenant_set_roaming(registry, tenant, may);
	return r < 0 ? r : registry_commit_step(registry, STEP);
}

static int set(struct registry *registry, const char *tenant, const char *word)
{
	bool may = gw_streq(word, "follow");
	int r;

	if (!may && !gw_streq(word, "refuse"))
		return verb_misuse("say follow or refuse, not %s", word);
	if (!gw_device_id_is_valid(tenant))
		return verb_misuse("%s cannot be a tenant", tenant);

	r = record(registry, tenant, may);
	if (r < 0)
		return verb_fail_registry(registry, r);
	(void)printf(may ? "%s: devices are followed to where they come\n"
			 : "%s: devices are turned away where they are not at home\n",
		     tenant);
	return VERB_DONE;
}

int verb_roaming(int argc, char **argv)
{
	static const struct option options[] = {
		{ "tenant", required_argument, NULL, 't' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *tenant = "default";
	char **arguments;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option != 't')
			return VERB_MISUSE;
		tenant = optarg;
	}

	status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	return status == VERB_DONE ? set(registry, tenant, arguments[0]) : status;
}
