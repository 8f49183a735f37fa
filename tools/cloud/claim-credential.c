/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `claim-credential`: a credential for a batch of boxes that are to become gateways by themselves, and the
 * claim behind it: how many may come, which, until when. Said once more it changes the claim, so
 * that a batch can be made larger; the credential stays the same.
 */
#include "tools/cloud/verb.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/members.h"
#include "tools/cloud/registry.h"

#define STEP          "cloud.claim-credential"
#define LIST_FILE_MAX 1048576 /* bytes */
#define TENANTS_MAX   64
#define USES_MAX      1000000

struct wish {
	struct gateway_claim claim;
	const char *serials; /* a file */
	const char *tenants[TENANTS_MAX];
	size_t n_tenants;
	bool has_uses, has_expires, close;
};

static int add_tenant(struct wish *wish, const char *tenant)
{
	if (!gw_device_id_is_valid(tenant))
		return verb_misuse("%s cannot be a tenant: [A-Za-z0-9._:-], at most 64 characters",
				   tenant);
	if (wish->n_tenants == TENANTS_MAX)
		return verb_misuse("more than %d tenants; run it once more for the others",
				   TENANTS_MAX);
	wish->tenants[wish->n_tenants++] = tenant;
	return VERB_DONE;
}

static int take_option(struct wish *wish, int option)
{
	switch (option) {
	case 'u':
		wish->has_uses = true;
		return gw_parse_u64(optarg, 1, USES_MAX, &wish->claim.uses) < 0
			       ? verb_misuse("--uses takes a number from 1 to %d, not %s", USES_MAX,
					     optarg)
			       : VERB_DONE;
	case 'e':
		wish->has_expires = true;
		return gw_parse_u64(optarg, 0, INT64_MAX, &wish->claim.expires) < 0
			       ? verb_misuse("--expires takes seconds since the epoch, not %s",
					     optarg)
			       : VERB_DONE;
	case 's': wish->serials = optarg; return VERB_DONE;
	case 't': return add_tenant(wish, optarg);
	case 'c': wish->close = true; return VERB_DONE;
	}
	return VERB_MISUSE; /* getopt_long() has said why */
}

static int read_wish(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {
		{ "uses", required_argument, NULL, 'u' },
		{ "serials", required_argument, NULL, 's' },
		{ "expires", required_argument, NULL, 'e' },
		{ "tenant", required_argument, NULL, 't' },
		{ "close", no_argument, NULL, 'c' },
		{ NULL },
	};
	int option, status = VERB_DONE;

	while (status == VERB_DONE &&
	       (option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0)
		status = take_option(wish, option);
	return status;
}

/* One id a line; empty lines and those that begin with # count for nothing. */
static int list_serials(struct registry *registry, const struct wish *wish)
{
	_cleanup_free_ uint8_t *text = NULL;
	unsigned number = 0;
	size_t len;
	char *rest;
	int r;

	r = gw_read_file(AT_FDCWD, wish->serials, LIST_FILE_MAX, &text, &len);
	if (r < 0)
		return verb_fail("%s: %s", wish->serials, strerror(-r));

	rest = (char *)text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		number++;
		line[strcspn(line, "\r")] = 0;
		if (!*line || *line == '#')
			continue;
		if (!member_gateway_is_valid(line))
			return verb_fail("%s, line %u: %s cannot be a gateway's id", wish->serials,
					 number, line);
		r = registry_gateway_claim_list(registry, wish->claim.name, line);
		if (r < 0)
			return verb_fail_registry(registry, r);
	}
	return VERB_DONE;
}

/* What is not said stays as it was. */
static int merge(struct registry *registry, struct wish *wish)
{
	struct gateway_claim was;
	int r = registry_gateway_claim_get(registry, wish->claim.name, &was);

	if (r == -ENOENT) {
		if (wish->close)
			return verb_fail("%s: there is no such claim", wish->claim.name);
		if (!wish->has_uses)
			wish->claim.uses = 1;
		if (wish->n_tenants == 0)
			wish->tenants[wish->n_tenants++] = "default";
	} else if (r < 0) {
		return verb_fail_registry(registry, r);
	} else {
		if (!wish->has_uses)
			wish->claim.uses = was.uses;
		if (!wish->has_expires)
			wish->claim.expires = was.expires;
		wish->claim.is_listed = was.is_listed;
	}
	wish->claim.is_listed |= !!wish->serials;
	wish->claim.is_closed = wish->close;
	return VERB_DONE;
}

static int record(struct registry *registry, struct wish *wish)
{
	int status, r;

	r = registry_begin(registry);
	if (r < 0)
		return verb_fail_registry(registry, r);
	status = merge(registry, wish);
	if (status != VERB_DONE)
		return status;

	r = registry_gateway_claim_set(registry, &wish->claim);
	for (size_t i = 0; i < wish->n_tenants && r >= 0; i++)
		r = registry_gateway_claim_allow(registry, wish->claim.name, wish->tenants[i]);
	if (r >= 0 && wish->serials)
		status = list_serials(registry, wish);
	if (status != VERB_DONE)
		return status;

	if (r >= 0)
		r = registry_commit_step(registry, STEP);
	return r < 0 ? verb_fail_registry(registry, r) : VERB_DONE;
}

/* Claim first, credential then: one without the other lets nobody in. */
static int make(const struct home *home, struct registry *registry, struct wish *wish)
{
	char folder[sizeof(HOME_CLAIMS "/") + REGISTRY_ID_MAX];
	const char *what = HOME_CLAIMS;
	int status, r;

	status = record(registry, wish);
	if (status != VERB_DONE)
		return status;
	if (wish->close) {
		(void)printf("%s: closed\n", wish->claim.name);
		return VERB_DONE;
	}

	(void)snprintf(folder, sizeof(folder), HOME_CLAIMS "/%s", wish->claim.name);
	r = home_make_folder(home, HOME_CLAIMS);
	if (r >= 0)
		r = member_claim_ensure(home, wish->claim.name, folder, wish->claim.expires, &what);
	if (r < 0)
		return verb_fail_file(home->path, what, r);

	(void)printf("%s: credential in %s/%s\n", wish->claim.name, home->path, folder);
	return VERB_DONE;
}

int verb_claim_credential(int argc, char **argv)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	struct wish wish = { 0 };
	const char *folder;
	char **arguments;
	int status;

	status = read_wish(argc, argv, &wish);
	if (status == VERB_DONE)
		status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status != VERB_DONE)
		return status;
	if (!member_claim_is_valid(arguments[0]))
		return verb_misuse("%s cannot be a claim's name: [A-Za-z0-9._-], at most %d "
				   "characters, no dot in front",
				   arguments[0], MEMBER_CLAIM_MAX);
	(void)gw_copy(wish.claim.name, sizeof(wish.claim.name), arguments[0]);

	status = verb_open(folder, &home, &registry);
	return status == VERB_DONE ? make(&home, registry, &wish) : status;
}
