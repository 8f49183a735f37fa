/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * renew, approve, reject, suspend, resume, revoke, decommission: what an operator decides of devices that are there. Several
 * ids may stand
 * on one line; the first that is refused ends it, and those before it are done.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/crl-file.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"

/* What the verbs have in common: "Revoke", "revoke", "revoked". */
struct deed {
	const char *method, *verb, *done;
	bool takes_reason;
};

static int call_device(struct ctl *ctl, const struct deed *deed, const char *id, const char *reason)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = bus_new_device_call(ctl, id, deed->method, &call);
	if (r != CTL_DONE)
		return r;
	r = deed->takes_reason ? sd_bus_message_append(call, "s", reason) : 0;
	if (r < 0)
		return bus_fail(r);
	return bus_call(ctl, call, deed->verb, &reply);
}

static int print_done(const struct ctl *ctl, const struct deed *deed, const char *id)
{
	if (ctl->json) {
		json_auto_t *done = json_pack("{ss}", "id", id);

		values_print(done, stdout);
	} else {
		(void)printf("%s: %s\n", id, deed->done);
	}
	return CTL_DONE;
}

static int operate(struct ctl *ctl, const struct args *args, const struct deed *deed)
{
	const char *reason = args_get(args, "reason");
	int r = CTL_DONE;

	for (size_t i = 0; i < args->n_words && r == CTL_DONE; i++) {
		r = call_device(ctl, deed, args->words[i], reason ? reason : "");
		if (r == CTL_DONE)
			r = print_done(ctl, deed, args->words[i]);
	}
	return r;
}

static const struct args_option reason_options[] = {
	{ "reason", "CODE", "why, as a code of a-z, 0-9 and - (default: the usual one)" },
	{ 0 },
};

static int run_renew(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args,
		       &(struct deed){ "Renew", "renew", "reads that its renewal is due", false });
}

const struct verb verb_renew = {
	.name = "renew",
	.synopsis = "ID...",
	.summary = "Has a device renew its certificate early",
	.help = "\nA gateway cannot call its devices: this one reads in its settings, when it asks "
		"for "
		"them\nnext, that its renewal is due.",
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_renew,
};

static int run_approve(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args, &(struct deed){ "Approve", "approve", "approved", false });
}

const struct verb verb_approve = {
	.name = "approve",
	.synopsis = "ID...",
	.summary = "Lets a device renew a certificate that has expired",
	.help = "\nFor one that has asked for it and is shown with reason needs-approval; see "
		"[devices] "
		"expired\nin gangway.conf(5). It asks again by itself.",
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_approve,
};

static int run_reject(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args, &(struct deed){ "Reject", "reject", "rejected", true });
}

const struct verb verb_reject = {
	.name = "reject",
	.synopsis = "ID...",
	.summary = "Ends the claim of a device that is not wanted aboard",
	.help = "\nFor one that is claimed or on its way. If it was aboard before, it is again. "
		"One that "
		"asks to\nrenew a certificate that has expired may not, until it is approved.",
	.options = reason_options,
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_reject,
};

static int run_suspend(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args, &(struct deed){ "Suspend", "suspend", "suspended", true });
}

const struct verb verb_suspend = {
	.name = "suspend",
	.synopsis = "ID...",
	.summary = "Serves a device nothing until it is resumed",
	.help = "\nFor one that is aboard; it keeps its certificate. Sessions that are open end.\n"
		"Works with the cloud away, which is told when it is back.",
	.options = reason_options,
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_suspend,
};

static int run_resume(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args, &(struct deed){ "Resume", "resume", "resumed", false });
}

const struct verb verb_resume = {
	.name = "resume",
	.synopsis = "ID...",
	.summary = "Serves a suspended device again",
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_resume,
};

static const struct args_option revoke_options[] = {
	{ "reason", "CODE", "why, as a code of a-z, 0-9 and - (default: the usual one)" },
	{ "crl", "FILE",
	  "take a revocation list in the place of ids: DER or PEM, - for standard input" },
	{ 0 },
};

static int run_revoke(struct ctl *ctl, const struct args *args)
{
	const char *file = args_get(args, "crl");

	if (file && (args->n_words > 0 || args_has(args, "reason")))
		return ctl_wrong_use("--crl goes without ids and --reason: who is on the list is "
				     "revoked");
	if (file)
		return crl_file_load(ctl, file);
	if (args->n_words == 0)
		return ctl_wrong_use("this is used as: gangwayctl revoke ID... or --crl FILE; see "
				     "gangwayctl revoke --help");
	return operate(ctl, args, &(struct deed){ "Revoke", "revoke", "revoked", true });
}

const struct verb verb_revoke = {
	.name = "revoke",
	.synopsis = "ID...|--crl FILE",
	.summary = "Takes a device out for good: its certificate and claim end",
	.help = "\nSessions that are open end. It comes back only by a new claim, once it was\n"
		"decommissioned. Works with the cloud away, which is told when it is back.\n\n"
		"With --crl: all devices whose certificates are on a revocation list. It is kept, "
		"so that none "
		"on it\n"
		"comes in later; `status` shows it, and until when it is good.",
	.options = revoke_options,
	.min_words = 0,
	.max_words = ARGS_WORDS_MAX,
	.run = run_revoke,
};

static int run_decommission(struct ctl *ctl, const struct args *args)
{
	return operate(ctl, args,
		       &(struct deed){ "Decommission", "decommission", "decommissioned", false });
}

const struct verb verb_decommission = {
	.name = "decommission",
	.synopsis = "ID...",
	.summary = "Lets a device leave: it is told to wipe itself, and is forgotten here",
	.help = "\nWhat is kept of it is wiped from the disk, but for its id and that it left. It "
		"is\n"
		"told when it comes next; `show` says whether it was, and whether it has "
		"confirmed.\n"
		"It comes back by a new claim. Works with the cloud away, which is told when it is "
		"back.",
	.min_words = 1,
	.max_words = ARGS_WORDS_MAX,
	.run = run_decommission,
};
