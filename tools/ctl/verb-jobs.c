/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs: what the cloud still has to be asked or told, oldest first. The agent hands them out page by page; one
 * that ends between two pages is left out.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

GW_DEFINE_CLEANUP(struct table *, table_free)

#define PAGE 1000

static const char *const names[] = { "id",      "kind", "device", "state", "attempts",
				     "created", "due",  "order",  "why",   NULL };

static int print_table(const json_t *jobs)
{
	static const char *const headings[] = { "ID",       "KIND",    "DEVICE", "STATE",
						"ATTEMPTS", "CREATED", "DUE",    "WHY" };
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
			values_text(job, "why"),
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

static int get_page(struct ctl *ctl, uint64_t after, json_t **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r;

	r = bus_new_call(ctl, "ListJobsAfter", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "tu", after, (uint32_t)PAGE);
	if (r < 0)
		return bus_fail(r);

	r = bus_call(ctl, call, "jobs", &reply);
	if (r != CTL_DONE)
		return r;
	r = values_read_rows(reply, names, ret);
	return r < 0 ? bus_fail(r) : CTL_DONE;
}

/* Their order is between the agent and us. */
static uint64_t add_page(json_t *jobs, json_t *page)
{
	uint64_t order = 0;
	json_t *job;
	size_t i;

	json_array_foreach(page, i, job)
	{
		order = values_number(job, "order");
		(void)json_object_del(job, "order");
	}
	return json_array_extend(jobs, page) < 0 ? 0 : order;
}

static int get_jobs(struct ctl *ctl, json_t **ret)
{
	json_auto_t *jobs = json_array();
	uint64_t after = 0;
	size_t n;

	do {
		json_auto_t *page = NULL;
		int r = get_page(ctl, after, &page);

		if (r != CTL_DONE)
			return r;
		n = json_array_size(page);
		after = add_page(jobs, page);
		if (n && !after)
			return ctl_fail("%s", strerror(ENOMEM));
	} while (n == PAGE);

	*ret = TAKE_PTR(jobs);
	return CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *jobs = NULL;
	int r = get_jobs(ctl, &jobs);

	if (r != CTL_DONE)
		return r;
	if (!ctl->json)
		return print_table(jobs);

	values_print(jobs, stdout);
	return CTL_DONE;
}

const struct verb verb_jobs = {
	.name = "jobs",
	.synopsis = "",
	.summary = "Lists what the cloud still has to be asked or told",
	.help = "\nOldest first, with when each is due again and why it waits. Times are UTC. "
		"With\n"
		"--json: an array of objects.",
	.run = run,
};
