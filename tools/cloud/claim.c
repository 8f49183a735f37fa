/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `claim`: the fleet gives a gateway the right to take a device aboard. Records the claim and the
 * command, with the label's secret, in one transaction; `serve` seals and sends it. The label's
 * secret is in this process for a moment only, and wiped.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "lib/label.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/home.h"
#include "tools/cloud/id.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define INPUT_MAX 1024 /* bytes of a label with white space around it */
#define STEP      "cloud.claim"

struct wish {
	const char *gateway, *tenant;
	bool replace;
	uint64_t expires;
};

static int read_wish(int argc, char **argv, struct wish *wish)
{
	static const struct option options[] = {
		{ "gateway", required_argument, NULL, 'g' },
		{ "tenant", required_argument, NULL, 't' },
		{ "replace", no_argument, NULL, 'r' },
		{ "expires", required_argument, NULL, 'e' },
		{ NULL },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		switch (option) {
		case 'g': wish->gateway = optarg; break;
		case 't': wish->tenant = optarg; break;
		case 'r': wish->replace = true; break;
		case 'e':
			if (gw_parse_u64(optarg, 1, INT64_MAX, &wish->expires) < 0)
				return verb_misuse(
					"--expires takes seconds since the epoch, not %s", optarg);
			break;
		default: return VERB_MISUSE;
		}
	}
	if (!wish->gateway)
		return verb_misuse("claim needs --gateway ID");
	return VERB_DONE;
}

/* Not by stdio, which would keep a copy. What does not fit is cut off and no label. */
static int read_input(char *input, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1) {
		n = read(STDIN_FILENO, input + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}

	input[len] = 0;
	return 0;
}

static int read_label(const char *argument, struct gw_label *ret)
{
	char input[INPUT_MAX + 1];
	const char *why;
	int r;

	if (!gw_streq(argument, "-")) {
		r = gw_label_parse(argument, ret, &why);
		return r < 0 ? verb_fail("label: %s", why) : VERB_DONE;
	}

	r = read_input(input, sizeof(input));
	if (r < 0)
		return verb_fail("standard input: %s", strerror(-r));

	r = gw_label_parse(input, ret, &why);
	explicit_bzero(input, sizeof(input));
	return r < 0 ? verb_fail("label on standard input: %s", why) : VERB_DONE;
}

static int device_standing(struct registry *registry, const struct claim *claim, uint64_t now,
			   enum device_standing *ret)
{
	struct record live;
	int r;

	*ret = DEVICE_STANDS_NOWHERE;
	r = registry_certificate_live(registry, claim->device, now, &live);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	if (!gw_streq(live.gateway, claim->gateway))
		*ret = DEVICE_STANDS_ELSEWHERE;
	else if (!gw_streq(live.tenant, claim->tenant))
		*ret = DEVICE_STANDS_HERE_OTHER_TENANT;
	else
		*ret = DEVICE_STANDS_HERE;
	return 0;
}

static int gather(struct registry *registry, const struct claim *claim,
		  const struct gw_label *label, uint64_t now, struct claim *ret_former,
		  struct fleet_facts *facts)
{
	int r;

	facts->label_has_secret = label->secret_len > 0;
	facts->label_is_expired = label->expires && label->expires <= now;

	r = registry_gateway_is_known(registry, claim->gateway, &facts->gateway_is_known);
	if (r >= 0)
		r = registry_tenant_is_allowed(registry, claim->gateway, claim->tenant,
					       &facts->tenant_is_allowed);
	if (r >= 0)
		r = device_standing(registry, claim, now, &facts->device);
	if (r < 0)
		return r;

	r = registry_claim_of_fleet(registry, claim->device, now, ret_former);
	facts->is_claimed = r >= 0;
	facts->is_claimed_elsewhere = r >= 0 && !gw_streq(ret_former->gateway, claim->gateway);
	return r == -ENOENT ? 0 : r;
}

/* `former`: the claim of which this one takes the place; its id is empty if there is none. */
static int record_claim(struct registry *registry, const struct claim *former,
			const struct claim *claim, const struct command *command)
{
	const char *why = gw_reason_code(GW_REASON_SUPERSEDED);
	int r = 0;

	if (*former->id)
		r = registry_claim_close(registry, former->id, why);
	if (r >= 0 && *former->id)
		r = registry_commands_cancel(registry, former->gateway, former->device, why);
	if (r >= 0)
		r = registry_claim_add(registry, claim);
	if (r >= 0)
		r = registry_command_add(registry, command);
	return r;
}

static void fill(const struct wish *wish, const struct gw_label *label, uint64_t now,
		 struct claim *claim, struct command *command)
{
	id_make("fleet", claim->id);
	(void)gw_copy(claim->gateway, sizeof(claim->gateway), wish->gateway);
	(void)gw_copy(claim->device, sizeof(claim->device), label->id);
	(void)gw_copy(claim->tenant, sizeof(claim->tenant), wish->tenant);
	claim->state = CLAIM_OPEN;
	claim->expires = wish->expires;
	claim->by_fleet = true;

	id_make("command", command->id);
	command->kind = COMMAND_CLAIM;
	(void)gw_copy(command->gateway, sizeof(command->gateway), wish->gateway);
	(void)gw_copy(command->device, sizeof(command->device), label->id);
	(void)gw_copy(command->tenant, sizeof(command->tenant), wish->tenant);
	(void)gw_copy(command->claim, sizeof(command->claim), claim->id);
	command->claim_expires = wish->expires;
	command->expires_at = wish->expires;
	command->replace = wish->replace;
	command->made_at = now;
	command->secret_len = label->secret_len;
	memcpy(command->secret, label->secret, label->secret_len);
}

static int claim_device(struct registry *registry, const struct wish *wish,
			const struct gw_label *label)
{
	uint64_t now = (uint64_t)time(/* tloc= */ NULL);
	struct fleet_facts facts = { .replace = wish->replace };
	struct command command = { 0 };
	struct claim claim = { 0 }, former = { 0 };
	enum gw_reason why;
	int r;

	fill(wish, label, now, &claim, &command);
	r = registry_begin(registry);
	if (r >= 0)
		r = gather(registry, &claim, label, now, &former, &facts);
	if (r >= 0) {
		why = policy_fleet_claim(&facts);
		if (why != GW_REASON_NONE) {
			explicit_bzero(&command, sizeof(command));
			return verb_fail("%s at %s: %s: %s", claim.device, claim.gateway,
					 gw_reason_code(why), gw_reason_text(why));
		}
		r = record_claim(registry, &former, &claim, &command);
	}
	explicit_bzero(&command, sizeof(command));
	if (r >= 0)
		r = registry_commit_step(registry, STEP);
	if (r < 0)
		return verb_fail_registry(registry, r);

	if (*former.id)
		registry_forget(registry); /* the secret of a claim that was not sent */

	(void)printf("%s: claim %s for %s\n", claim.device, claim.id, claim.gateway);
	return VERB_DONE;
}

int verb_claim(int argc, char **argv)
{
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(gw_label_wipe) struct gw_label label = { 0 };
	_cleanup_(home_close) struct home home = HOME_NONE;
	struct wish wish = { .tenant = "default" };
	const char *folder;
	char **arguments;
	int status;

	status = read_wish(argc, argv, &wish);
	if (status == VERB_DONE)
		status = verb_arguments(argc, argv, 1, &folder, &arguments);
	if (status == VERB_DONE)
		status = read_label(arguments[0], &label);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	if (label.secret_is_weak)
		(void)verb_fail("%s: the label's secret is no random one; going on", label.id);
	verb_hold_bell(&home);
	return claim_device(registry, &wish, &label);
}
