/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor: a line for each device that changes its state, until it is interrupted. It outlives the
 * agent: a restart is told on standard error and the lines go on.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define OWNER_CHANGED                                                                   \
	"type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus'," \
	"member='NameOwnerChanged',arg0='" BUS_NAME "'"

struct change {
	const char *device, *id, *from, *to, *reason;
};

static void print_change(const struct change *change)
{
	uint64_t now_us = gw_now_realtime_us();
	char second[WHEN_LEN];

	when_format(now_us / 1000000, second);
	second[WHEN_LEN - 2] = 0; /* the Z goes behind the milliseconds */
	(void)printf("%s.%03uZ  %s  %s -> %s%s%s%s\n", second, (unsigned)(now_us / 1000 % 1000),
		     change->id, *change->from ? change->from : "-", change->to,
		     *change->reason ? " (" : "", change->reason, *change->reason ? ")" : "");
}

static void print_change_json(const struct change *change)
{
	json_auto_t *line = json_pack("{sI ss ss ss ss ss}", "time",
				      (json_int_t)(gw_now_realtime_us() / 1000000), "device",
				      change->device, "id", change->id, "from", change->from, "to",
				      change->to, "reason", change->reason);

	values_print(line, stdout);
}

static int on_state_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const struct ctl *ctl = userdata;
	struct change change;

	if (sd_bus_message_read(m, "ossss", &change.device, &change.id, &change.from, &change.to,
				&change.reason) < 0) {
		ctl_warn("a signal of gangwayd makes no sense, ignoring");
		return 0;
	}

	if (ctl->json)
		print_change_json(&change);
	else
		print_change(&change);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const char *name, *before, *after;

	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
		return 0;
	if (!*after)
		ctl_warn("gangwayd has left the bus; waiting for it to come back");
	else if (!*before)
		ctl_warn("gangwayd is back");
	return 0;
}

/* An error of a callback is of writing, and comes back through sd_bus_process(). */
static int watch(struct ctl *ctl)
{
	int r;

	for (;;) {
		r = sd_bus_process(ctl->bus, /* ret= */ NULL);
		if (r == 0)
			r = sd_bus_wait(ctl->bus, UINT64_MAX);
		if (r == -EINTR)
			continue;
		if (r < 0)
			break;
	}
	if (ferror(stdout))
		return ctl_fail("cannot write: %s", strerror(-r));
	return ctl_fail("lost the bus: %s; is dbus.service running?", strerror(-r));
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *status = NULL;
	int r;

	r = bus_open(ctl);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_match_signal(ctl->bus, /* ret= */ NULL, BUS_NAME, BUS_PATH, BUS_MANAGER,
				"StateChanged", on_state_changed, ctl);
	if (r >= 0)
		r = sd_bus_add_match(ctl->bus, /* slot= */ NULL, OWNER_CHANGED, on_owner_changed,
				     ctl);
	if (r < 0)
		return bus_fail(r);

	/* Asked only now, so that nothing is missed between its answer and the first line. */
	r = bus_get_all(ctl, BUS_PATH, BUS_MANAGER, &status);
	if (r != CTL_DONE)
		return r;
	ctl_warn("watching gateway %s; interrupt to end", values_text(status, "gateway_id"));
	return watch(ctl);
}

const struct verb verb_monitor = {
	.name = "monitor",
	.synopsis = "",
	.summary = "Prints a line for each device that changes its state",
	.help = "\nGoes on until it is interrupted, also over a restart of gangwayd; says on "
		"standard error when\n"
		"it is watching. Times are UTC. With --json: one object a line.",
	.run = run,
};
