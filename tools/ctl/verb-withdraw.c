/* SPDX-License-Identifier: GPL-2.0-or-later */
/* withdraw: takes a claim back. */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *id = args->words[0];
	int r;

	r = bus_new_call(ctl, "Withdraw", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "s", id);
	if (r < 0)
		return bus_fail(r);
	r = bus_call(ctl, call, "withdraw", &reply);
	if (r != CTL_DONE)
		return r;

	if (ctl->json) {
		json_auto_t *done = json_pack("{ss}", "id", id);

		values_print(done, stdout);
	} else {
		(void)printf("%s: claim withdrawn\n", id);
	}
	return CTL_DONE;
}

const struct verb verb_withdraw = {
	.name = "withdraw",
	.synopsis = "ID",
	.summary = "Takes a device's claim back",
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
