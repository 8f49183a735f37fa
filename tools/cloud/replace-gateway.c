/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `replace-gateway`: one gateway takes the place of another. Nothing moves by that: each device does when it
 * comes to the new one with its certificate (request-adopt.c). A box that comes back under the same id needs
 * none of this.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"

#define STEP "cloud.replace-gateway"

static int record(struct registry *registry, const char *old, const char *new)
{
	int r;

	r = registry_begin(registry);
	if (r >= 0)
		r = registry_gateway_replace(registry, old, new);
	return r < 0 ? r : registry_commit_step(registry, STEP);
}

static int replace(struct registry *registry, const char *old, const char *new)
{
	int r;

	if (gw_streq(old, new))
		return verb_misuse("%s cannot take its own place: it has it", old);

	r = record(registry, old, new);
	if (r == -ENOENT)
		return verb_fail("%s, %s: not-found: one of them is no gateway here", old, new);
	if (r < 0)
		return verb_fail_registry(registry, r);

	(void)printf("%s: takes the place of %s; devices move as they come\n", new, old);
	return VERB_DONE;
}

int verb_replace_gateway(int argc, char **argv)
{
	static const struct option none[] = { { NULL } };
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder;
	char **arguments;
	int status;

	if (getopt_long(argc, argv, "", none, /* longind= */ NULL) >= 0)
		return VERB_MISUSE;
	status = verb_arguments(argc, argv, 2, &folder, &arguments);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	return status == VERB_DONE ? replace(registry, arguments[0], arguments[1]) : status;
}
