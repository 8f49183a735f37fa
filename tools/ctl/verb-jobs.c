/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jobs: what the cloud still has to be asked or told, oldest first. */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

GW_DEFINE_CLEANUP(struct table *, table_free)

static const char *const names[] = { "id",       "kind",    "device", "state",
				     "attempts", "created", "due",    NULL };

static int print_table(const json_t *jobs)
{
	static const char *const headings[] = { "ID",       "KIND",    "DEVICE", "STATE",
						"ATTEMPTS", "CREATED", "DUE" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *job;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(jobs, i, job)
	{
		char attempts[24], created[WHEN_LEN], due[WHEN_LEN];
		const char *cells[] = {
			values_text(job, "id"),
			values_text(job, "kind"),
			values_text(job, "device"),
			values_text(job, "state"),
			attempts,
			created,
			due,
		};

		(void)snprintf(attempts, sizeof(attempts), "%llu",
			       (unsigned long long)values_number(job, "attempts"));
		when_format(values_number(job, "created"), created);
		when_format(values_number(job, "due"), due);
		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	json_auto_t *jobs = NULL;
	int r;

	r = bus_new_call(ctl, "ListJobs", &call);
	if (r != CTL_DONE)
		return r;
	r = bus_call(ctl, call, "jobs", &reply);
	if (r != CTL_DONE)
		return r;
	r = values_read_rows(reply, names, &jobs);
	if (r < 0)
		return bus_fail(r);
	if (!ctl->json)
		return print_table(jobs);

	values_print(jobs, stdout);
	return CTL_DONE;
}

const struct verb verb_jobs = {
	.name = "jobs",
	.synopsis = "",
	.summary = "Lists what the cloud still has to be asked or told",
	.help = "\nOldest first, at most 1000. Times are UTC. With --json: an array of objects.",
	.run = run,
};
