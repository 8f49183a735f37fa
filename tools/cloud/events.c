/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `events`: the records of the gateways, as they were told. A number that comes twice is of two branches:
 * the gateway's store was replaced by an old copy in between.
 */
#include "tools/cloud/verb.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/home.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/table.h"

static int json_event(const char *gateway, uint64_t branch, const char *broken,
		      const struct event *event, void *userdata)
{
	return table_object(json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}",
				      "gateway", gateway, "branch", (json_int_t)branch, "broken",
				      broken, "n", (json_int_t)event->n, "time",
				      (json_int_t)event->time, "event", event->event, "device",
				      event->device, "who", event->who, "reason", event->reason,
				      "detail", event->detail, "mac", event->mac),
			    userdata);
}

static void format_time(uint64_t time, char *text, size_t size)
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm))
		(void)snprintf(text, size, "%" PRIu64, time);
}

static int row_event(const char *gateway, uint64_t branch, const char *broken,
		     const struct event *event, void *userdata)
{
	char n[48], time[32];
	const char *cells[TABLE_COLUMNS_MAX] = { gateway,       n,
						 time,          event->event,
						 event->device, event->who,
						 event->reason, event->detail };

	(void)snprintf(n, sizeof(n), branch > 1 ? "%" PRIu64 " (%s)" : "%" PRIu64, event->n,
		       broken);
	format_time(event->time, time, sizeof(time));
	table_row(userdata, cells);
	return 0;
}

static int print_table(struct registry *registry, const char *gateway)
{
	static const char *const heads[TABLE_COLUMNS_MAX] = { "GATEWAY", "N",      "TIME (UTC)",
							      "EVENT",   "DEVICE", "WHO",
							      "REASON",  "DETAIL" };
	struct table table = { .n_columns = TABLE_COLUMNS_MAX };
	int r = 0;

	for (int round = 0; round < 2 && r >= 0; round++) {
		table.measure = round == 0;
		table_row(&table, heads);
		r = registry_events_each(registry, gateway, row_event, &table);
	}
	return r;
}

static int print_json(struct registry *registry, const char *gateway)
{
	bool first = true;
	int r = registry_events_each(registry, gateway, json_event, &first);

	if (r < 0)
		return r;
	(void)puts(first ? "[]" : "]");
	return 0;
}

int verb_events(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "gateway", required_argument, NULL, 'g' },
		{ NULL },
	};
	_cleanup_(registry_freep) struct registry *registry = NULL;
	_cleanup_(home_close) struct home home = HOME_NONE;
	const char *folder, *gateway = NULL;
	bool json = false;
	char **none;
	int option, status, r;

	while ((option = getopt_long(argc, argv, "", options, /* longind= */ NULL)) >= 0) {
		if (option == 'j')
			json = true;
		else if (option == 'g')
			gateway = optarg;
		else
			return VERB_MISUSE;
	}

	status = verb_arguments(argc, argv, 0, &folder, &none);
	if (status == VERB_DONE)
		status = verb_open(folder, &home, &registry);
	if (status != VERB_DONE)
		return status;

	r = json ? print_json(registry, gateway) : print_table(registry, gateway);
	if (r < 0)
		return verb_fail_file(folder, HOME_REGISTRY, r);
	return fflush(stdout) == 0 ? VERB_DONE : verb_fail("standard output: %s", strerror(errno));
}
