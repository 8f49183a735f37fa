/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status: how the gateway itself is: agent, cloud, clock, what waits, and the plugins that are there;
 * what is wrong, since when, what happens next and when, and what a person has to do.
 */
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define LINE_MAX  1024
#define SINCE_LEN 64

GW_DEFINE_CLEANUP(struct table *, table_free)

/* " since 2026-12-31T12:00:00Z", or nothing where nobody knows. */
static void since_text(const json_t *status, const char *name, char text[static SINCE_LEN])
{
	char when[WHEN_LEN];

	when_format(values_number(status, name), when);
	(void)snprintf(text, SINCE_LEN, "%s%s", *when ? " since " : "", when);
}

/* ", trying again in 12 s" */
static void retry_text(const json_t *status, char text[static SINCE_LEN])
{
	uint64_t at = values_number(status, "cloud_retry"), now = values_number(status, "time");

	*text = 0;
	if (at > now)
		(void)snprintf(text, SINCE_LEN, ", trying again in %llu s",
			       (unsigned long long)(at - now));
	else if (at)
		(void)snprintf(text, SINCE_LEN, ", trying again now");
}

/* ", 3 devices wait": those whose request the cloud has not answered. */
static void waiting_text(const json_t *status, char text[static SINCE_LEN])
{
	uint64_t n = values_number(json_object_get(status, "counts"), "enrolling");

	*text = 0;
	if (n && !gw_streq(values_text(status, "cloud_state"), "online"))
		(void)snprintf(text, SINCE_LEN, ", %llu %s", (unsigned long long)n,
			       n == 1 ? "device waits" : "devices wait");
}

static void cloud_text(const json_t *status, char line[static LINE_MAX])
{
	char since[SINCE_LEN], retry[SINCE_LEN], waiting[SINCE_LEN];
	const char *text = values_text(status, "cloud_text");

	since_text(status, "cloud_since", since);
	retry_text(status, retry);
	waiting_text(status, waiting);
	(void)snprintf(line, LINE_MAX, "%s%s%s%s%s%s", values_text(status, "cloud_state"), since,
		       retry, waiting, *text ? ": " : "", text);
}

/* "own, until 2027-.., renewed 2026-..: what is wrong, trying again 2026-.." */
static void credential_text(const json_t *status, char line[static LINE_MAX])
{
	const char *source = values_text(status, "credential_source"),
		   *trouble = values_text(status, "credential_text");
	char ends[WHEN_LEN], renews[WHEN_LEN], retry[WHEN_LEN];

	*line = 0;
	if (!*source || gw_streq(source, "none"))
		return;
	when_format(values_number(status, "credential_ends"), ends);
	when_format(values_number(status, "credential_renews"), renews);
	when_format(values_number(status, "credential_retry"), retry);
	(void)snprintf(line, LINE_MAX, "%s%s%s%s%s%s%s%s%s", source, *ends ? ", until " : "", ends,
		       *renews ? ", renewed from " : "", renews, *retry ? ", trying again " : "",
		       retry, *trouble ? ": " : "", trouble);
}

static void state_text(const json_t *status, char line[static LINE_MAX])
{
	const char *text = values_text(status, "state_text");
	char since[SINCE_LEN];

	since_text(status, "state_since", since);
	(void)snprintf(line, LINE_MAX, "%s%s%s%s", values_text(status, "state"), since,
		       *text ? ": " : "", text);
}

static void clock_text(const json_t *status, char line[static LINE_MAX])
{
	const char *text = values_text(status, "clock_text");
	char since[SINCE_LEN];

	since_text(status, "clock_since", since);
	if (values_true(status, "clock_trusted"))
		(void)snprintf(line, LINE_MAX, "trusted%s%s%s", since, *text ? ": " : "", text);
	else
		(void)snprintf(line, LINE_MAX,
			       "not trusted%s%s%s; what needs the time waits for it", since,
			       *text ? ": " : "", text);
}

/* "12: claimed 3, onboarded 9" */
static void counts_text(const json_t *status, char *line)
{
	json_t *counts = json_object_get(status, "counts"), *count;
	json_int_t total = 0;
	const char *state;
	size_t len;

	json_object_foreach(counts, state, count) total += json_integer_value(count);
	len = (size_t)snprintf(line, LINE_MAX, "%lld", (long long)total);

	json_object_foreach(counts, state, count)
	{
		long long n = json_integer_value(count);

		if (n == 0 || len >= LINE_MAX)
			continue;
		len += (size_t)snprintf(line + len, LINE_MAX - len, "%s %s %lld",
					strchr(line, ':') ? "," : ":", state, n);
	}
}

static void add_count(const json_t *counts, const char *name, const char *one, const char *many,
		      char line[static LINE_MAX])
{
	uint64_t n = values_number(counts, name);
	size_t len = strlen(line);

	if (n)
		(void)snprintf(line + len, LINE_MAX - len, "%s%llu %s", len ? ", " : "",
			       (unsigned long long)n, n == 1 ? one : many);
}

/* "12 to come, the next 2026-12-31T12:00:00Z, 3 overdue, 1 has expired, 1 asks for approval, 2 suspended" */
static void renewals_text(const json_t *status, char line[static LINE_MAX])
{
	const json_t *renewals = json_object_get(status, "renewals");
	char next[WHEN_LEN];
	size_t len;

	*line = 0;
	add_count(renewals, "waiting", "to come", "to come", line);
	when_format(values_number(status, "renewal_next"), next);
	len = strlen(line);
	if (*next)
		(void)snprintf(line + len, LINE_MAX - len, ", the next %s", next);
	add_count(renewals, "overdue", "overdue", "overdue", line);
	add_count(renewals, "expired", "has expired", "have expired", line);
	add_count(renewals, "asking", "asks for approval", "ask for approval", line);
	add_count(json_object_get(status, "counts"), "suspended", "suspended", "suspended", line);
}

/* "3 waiting for the cloud since 2026-12-31T12:00:00Z, the last goes in 100 s at the earliest (gangwayctl jobs says why)" */
static void jobs_text(const json_t *status, char line[static LINE_MAX])
{
	uint64_t last = values_number(status, "jobs_last"), now = values_number(status, "time");
	char since[SINCE_LEN], goes[SINCE_LEN] = "";

	since_text(status, "jobs_since", since);
	if (last > now)
		(void)snprintf(goes, sizeof(goes), ", the last goes in %llu s at the earliest",
			       (unsigned long long)(last - now));
	(void)snprintf(line, LINE_MAX, "%llu waiting for the cloud%s%s%s",
		       (unsigned long long)values_number(status, "jobs_waiting"), since, goes,
		       *since ? " (gangwayctl jobs says why)" : "");
}

static int print_summary(const json_t *status)
{
	_cleanup_(table_freep) struct table *table = NULL;
	char agent[LINE_MAX], state[LINE_MAX], cloud[LINE_MAX], clock[LINE_MAX], devices[LINE_MAX];
	char credential[LINE_MAX], renewals[LINE_MAX];
	const char *problem = values_text(status, "problem"),
		   *advice = values_text(status, "advice");
	char jobs[LINE_MAX];
	const struct {
		const char *name, *text;
	} rows[] = {
		{ "gangwayd", agent },        { "state", state }, { "cloud", cloud },
		{ "credential", credential }, { "clock", clock }, { "devices", devices },
		{ "renewals", renewals },     { "jobs", jobs },   { "wrong", problem },
		{ "to do", advice },
	};
	int r;

	(void)snprintf(agent, sizeof(agent), "%s at gateway %s", values_text(status, "version"),
		       values_text(status, "gateway_id"));
	state_text(status, state);
	cloud_text(status, cloud);
	credential_text(status, credential);
	clock_text(status, clock);
	counts_text(status, devices);
	renewals_text(status, renewals);
	jobs_text(status, jobs);

	r = table_new(/* headings= */ NULL, 2, &table);
	for (size_t i = 0; r >= 0 && i < GW_ELEMENTS(rows); i++)
		if (*rows[i].text)
			r = table_add(table, (const char *[]){ rows[i].name, rows[i].text });
	if (r >= 0)
		table_print(table, stdout);
	return r;
}

static int print_lists(const json_t *lists)
{
	static const char *const headings[] = { "REVOCATION LIST", "NUMBER", "CERTIFICATES",
						"GOOD UNTIL", "STATE" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *list;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(lists, i, list)
	{
		bool is_stale = values_number(list, "stale_since");
		char count[24], until[WHEN_LEN];

		(void)snprintf(count, sizeof(count), "%llu",
			       (unsigned long long)values_number(list, "certificates"));
		when_format(values_number(list, "next_update"), until);
		if (r >= 0)
			r = table_add(table,
				      (const char *[]){ values_text(list, "issuer"),
							values_text(list, "number"), count, until,
							is_stale ? "out of date" : "good" });
	}
	if (r >= 0)
		table_print(table, stdout);
	return r;
}

static int print_plugins(const json_t *plugins)
{
	static const char *const headings[] = { "PLUGIN", "ROLE", "VERSION", "LIBRARY", "STATE" };
	_cleanup_(table_freep) struct table *table = NULL;
	const json_t *plugin;
	size_t i;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	json_array_foreach(plugins, i, plugin)
	{
		const char *text = values_text(plugin, "text");
		const char *cells[] = {
			values_text(plugin, "name"),
			values_text(plugin, "role"),
			values_text(plugin, "version"),
			values_text(plugin, "library"),
			*text                            ? text
			: values_true(plugin, "healthy") ? "healthy"
							 : "not healthy",
		};

		if (r >= 0)
			r = table_add(table, cells);
	}
	if (r >= 0)
		table_print(table, stdout);
	return r;
}

/* What the agent finds wrong with itself goes to the properties: the first of it, which leads to the rest. */
static int add_problem(struct ctl *ctl, json_t *status)
{
	json_auto_t *findings = json_array();
	struct doctor doctor = { .findings = findings };
	char problem[LINE_MAX] = "", more[64] = "";
	const json_t *finding;
	unsigned n;

	if (!findings)
		return -ENOMEM;
	doctor_ask_agent(&doctor, ctl);
	n = doctor.agent_answers ? doctor_count(&doctor, DOCTOR_WRONG) : 0;
	finding = n ? doctor_first(&doctor, DOCTOR_WRONG) : NULL;
	if (n > 1)
		(void)snprintf(more, sizeof(more), " (and %u more: gangwayctl doctor)", n - 1);
	if (finding)
		(void)snprintf(problem, sizeof(problem), "%s: %s%s", values_text(finding, "check"),
			       values_text(finding, "text"), more);
	if (json_object_set_new(status, "problem", json_string(problem)) < 0 ||
	    json_object_set_new(status, "advice",
				json_string(finding ? values_text(finding, "advice") : "")) < 0)
		return -ENOMEM;
	return 0;
}

static int run(struct ctl *ctl, const struct args *args)
{
	json_auto_t *status = NULL;
	const json_t *plugins, *lists;
	int r;

	r = bus_get_all(ctl, BUS_PATH, BUS_MANAGER, &status);
	if (r != CTL_DONE)
		return r;
	if (!status || !*values_text(status, "version"))
		return bus_fail(-EBADMSG);
	r = add_problem(ctl, status);
	if (r < 0)
		return ctl_fail("%s", strerror(-r));
	if (ctl->json) {
		values_print(status, stdout);
		return CTL_DONE;
	}

	plugins = json_object_get(status, "plugins");
	lists = json_object_get(status, "revocation_lists");
	r = print_summary(status);
	if (r >= 0 && json_array_size(lists) > 0) {
		(void)putchar('\n');
		r = print_lists(lists);
	}
	if (r >= 0 && json_array_size(plugins) > 0) {
		(void)putchar('\n');
		r = print_plugins(plugins);
	}
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

const struct verb verb_status = {
	.name = "status",
	.synopsis = "",
	.summary = "Shows how the gateway itself is",
	.run = run,
};
