/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show: all that the agent says of one device, in the order of the interface. */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

GW_DEFINE_CLEANUP(struct table *, table_free)

static const struct {
	const char *label, *name;
	bool is_time;
} lines[] = {
	{ "id", "id", false },
	{ "state", "state", false },
	{ "reason", "reason", false },
	{ "", "reason_text", false },
	{ "since", "since", true },
	{ "next", "next", false },
	{ "", "next_at", true },
	{ "to do", "advice", false },
	{ "method", "method", false },
	{ "tenant", "tenant", false },
	{ "transport", "transport", false },
	{ "address", "address", false },
	{ "vendor", "vendor", false },
	{ "model", "model", false },
	{ "fingerprint", "fingerprint", false },
	{ "not after", "not_after", true },
	{ "renew at", "renew_at", true },
	{ "last seen", "last_seen", true },
	{ "claimed by", "claimed_by", false },
	{ "claim expires", "claim_expires", true },
};

static int print_lines(const json_t *device)
{
	_cleanup_(table_freep) struct table *table = NULL;
	int r;

	r = table_new(/* headings= */ NULL, 2, &table);
	for (size_t i = 0; r >= 0 && i < GW_ELEMENTS(lines); i++) {
		char time[WHEN_LEN];
		const char *value = values_text(device, lines[i].name);

		if (lines[i].is_time) {
			when_format(values_number(device, lines[i].name), time);
			value = time;
		}
		if (*value)
			r = table_add(table, (const char *[]){ lines[i].label, value });
	}
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *device = NULL;
	int r;

	r = bus_get_device(ctl, args->words[0], &device);
	if (r != CTL_DONE)
		return r;
	if (!ctl->json)
		return print_lines(device);

	values_print(device, stdout);
	return CTL_DONE;
}

const struct verb verb_show = {
	.name = "show",
	.synopsis = "ID",
	.summary = "Shows all there is to know of one device",
	.help = "\nTimes are UTC; what is not known is left out. With --json: one object, times as "
		"seconds\n"
		"since the epoch, 0 for never.",
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
