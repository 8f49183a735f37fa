/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim: lets whoever proves the label's secret come aboard as that device. */
#include <fcntl.h>
#include <stdio.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/source.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define LIST_MAX (8u << 20) /* bytes of a file of labels */

struct claim {
	bool replace;
	const char *tenant; /* NULL: the agent's default */
	uint64_t expires;   /* 0: likewise */
};

static int read_options(const struct args *args, struct claim *ret)
{
	uint64_t now = gw_now_realtime_us() / 1000000;
	const char *expires = args_get(args, "expires");
	struct claim claim = {
		.replace = args_has(args, "replace"),
		.tenant = args_get(args, "tenant"),
	};

	if (expires && when_parse(expires, now, &claim.expires) < 0)
		return ctl_wrong_use("--expires %s: is no time; write 2026-12-31, "
				     "2026-12-31T18:00:00Z, +36h or +30d",
				     expires);
	if (expires && claim.expires <= now)
		return ctl_wrong_use("--expires %s: lies in the past", expires);

	*ret = claim;
	return CTL_DONE;
}

static int append_options(sd_bus_message *call, const struct claim *claim)
{
	int r;

	r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0 && claim->replace)
		r = sd_bus_message_append(call, "{sv}", "replace", "b", 1);
	if (r >= 0 && claim->tenant)
		r = sd_bus_message_append(call, "{sv}", "tenant", "s", claim->tenant);
	if (r >= 0 && claim->expires)
		r = sd_bus_message_append(call, "{sv}", "expires", "t", claim->expires);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r;
}

static int call_claim(struct ctl *ctl, const char *payload, const struct claim *claim,
		      sd_bus_message **ret_reply)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	int r;

	r = bus_new_call(ctl, "Claim", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_sensitive(call);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", payload);
	if (r >= 0)
		r = append_options(call, claim);
	if (r < 0)
		return bus_fail(r);
	return bus_call(ctl, call, "claim", ret_reply);
}

static int print_claimed(bool json, const char *id, sd_bus_message *reply)
{
	const char *path;
	int r = sd_bus_message_read(reply, "o", &path);

	if (r < 0)
		return bus_fail(r);
	if (json) {
		json_auto_t *claimed = json_pack("{ss ss}", "id", id, "device", path);

		values_print(claimed, stdout);
	} else {
		(void)printf("%s: claimed\n", id);
	}
	return CTL_DONE;
}

static int claim_one(struct ctl *ctl, const char *payload, const struct gw_label *label,
		     const struct claim *claim)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	r = call_claim(ctl, payload, claim, &reply);
	if (r != CTL_DONE)
		return r;

	if (label->secret_is_weak)
		ctl_warn("%s: the label's secret is no random one: anybody could guess it",
			 label->id);
	return print_claimed(ctl->json, label->id, reply);
}

/* --- many --- */

static int claim_line(struct ctl *ctl, char *line, const struct claim *claim)
{
	_cleanup_(gw_label_wipe) struct gw_label label = { 0 };
	const char *why;

	if (gw_label_parse(line, &label, &why) < 0)
		return ctl_fail("claim refused: %s (bad-label)", why);
	return claim_one(ctl, line, &label, claim);
}

/* One refusal keeps nobody else from being claimed. */
static int claim_lines(struct ctl *ctl, char *text, const char *path, const struct claim *claim)
{
	unsigned number = 1, n_failed = 0, n_claimed = 0;

	for (char *line = text, *end; line; line = end, number++) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		if (line[strspn(line, " \t\r")] == 0)
			continue;
		if (claim_line(ctl, line, claim) == CTL_DONE) {
			n_claimed++;
			continue;
		}
		n_failed++;
		ctl_warn("%s: that was line %u", path, number);
	}

	if (n_failed)
		return ctl_fail("%u of %u labels could not be claimed", n_failed,
				n_failed + n_claimed);
	return n_claimed ? CTL_DONE : ctl_fail("%s: holds no label", path);
}

static int claim_list(struct ctl *ctl, const char *path, const struct claim *claim)
{
	uint8_t *text;
	size_t len;
	int r = gw_read_file(AT_FDCWD, gw_streq(path, "-") ? "/dev/stdin" : path, LIST_MAX, &text,
			     &len);

	if (r < 0)
		return ctl_fail("%s: %s", path, strerror(-r));

	if (memchr(text, 0, len))
		r = ctl_fail("%s: is no text", path);
	else
		r = claim_lines(ctl, (char *)text, path, claim);
	explicit_bzero(text, len);
	free(text);
	return r;
}

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(gw_label_wipe) struct gw_label label = { 0 };
	_cleanup_(source_free_text) char *payload = NULL;
	const char *list = args_get(args, "list");
	struct claim claim = { 0 };
	int r;

	r = read_options(args, &claim);
	if (r != CTL_DONE)
		return r;
	if (list && (args->n_words || args_has(args, "image")))
		return ctl_wrong_use("give either a label or --list, not both");
	if (list)
		return claim_list(ctl, list, &claim);

	r = source_read(args, "claim", &payload, &label);
	return r == CTL_DONE ? claim_one(ctl, payload, &label, &claim) : r;
}

static const struct args_option options[] = {
	{ "image", "FILE", "read the label from a picture, PNG or JPEG" },
	{ "list", "FILE|-", "claim many: their labels stand in a file, one a line" },
	{ "replace", NULL, "start over with a device that is claimed or aboard" },
	{ "tenant", "TENANT", "whose device it is" },
	{ "expires", "WHEN", "until when: 2026-12-31, 2026-12-31T18:00:00Z, +36h, +30d" },
	{ 0 },
};

const struct verb verb_claim = {
	.name = "claim",
	.synopsis = "PAYLOAD|-|--image FILE|--list FILE",
	.summary = "Claims a device by its label, to let it aboard",
	.help = "\nPAYLOAD is the text of the device's QR code. It holds a secret, and other users "
		"of the machine\n"
		"can see a command line: - reads it from standard input.",
	.options = options,
	.max_words = 1,
	.run = run,
};
