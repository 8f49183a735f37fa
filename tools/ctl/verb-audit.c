/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: the records of what was decided, by whom and why. They come as lines of JSON in memory
 * files, one after the other, and each is printed and let go of before the next is asked for; programs
 * get the lines as they are. `audit verify` has the agent walk the chain.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/bus.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

GW_DEFINE_CLEANUP(struct table *, table_free)

static const char *const headings[] = { "N", "TIME", "EVENT", "DEVICE", "WHO", "REASON", "DETAIL" };

/* The agent gives so much at a time; what follows is asked for until there is nothing. */
struct pages {
	bool json, is_begun, is_over;
	uint64_t from;
};

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* The agent wrote the file through the same description, whose offset stands at its end. */
static int open_records(int fd, FILE **ret)
{
	_cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *file;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0)
		return ctl_fail("cannot read the audit records: %s", strerror(errno));
	file = fdopen(copy, "r");
	if (!file)
		return ctl_fail("cannot read the audit records: %s", strerror(errno));

	(void)TAKE_FD(copy);
	*ret = file;
	return CTL_DONE;
}

static int get_records(struct ctl *ctl, uint64_t from, FILE **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	int r, fd;

	r = bus_new_call(ctl, "ReadAudit", &call);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_append(call, "t", from);
	if (r < 0)
		return bus_fail(r);
	r = bus_call(ctl, call, "audit", &reply);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_read(reply, "h", &fd);
	return r < 0 ? bus_fail(r) : open_records(fd, ret);
}

static int add_record(struct table *table, const json_t *record)
{
	char n[24], time[WHEN_LEN];
	const char *cells[] = {
		n,
		time,
		values_text(record, "event"),
		values_text(record, "device"),
		values_text(record, "who"),
		values_text(record, "reason"),
		values_text(record, "detail"),
	};

	(void)snprintf(n, sizeof(n), "%" PRIu64, values_number(record, "n"));
	when_format(values_number(record, "time"), time);
	return table_add(table, cells);
}

static void print_page(struct pages *pages, const struct table *table)
{
	if (pages->json || (pages->is_begun && pages->is_over))
		return;
	table_print(table, stdout);
	pages->is_begun = true;
}

/* The next record is looked for behind this one. */
static int take_line(struct pages *pages, struct table *table, const char *line)
{
	json_auto_t *record = json_loads(line, 0, /* error= */ NULL);
	uint64_t n = values_number(record, "n");

	if (!json_is_object(record) || n < pages->from || n == UINT64_MAX)
		return -EBADMSG;
	pages->from = n + 1;
	pages->is_over = false;
	if (!pages->json)
		return add_record(table, record);
	(void)fputs(line, stdout);
	return 0;
}

static int print_records(struct pages *pages, FILE *records)
{
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	r = table_new(pages->is_begun ? NULL : headings, GW_ELEMENTS(headings), &table);
	while (r >= 0 && getline(&line, &size, records) > 0)
		r = take_line(pages, table, line);
	if (r < 0)
		return bus_fail(r);
	if (ferror(records))
		return ctl_fail("cannot read the audit records: %s", strerror(errno));

	print_page(pages, table);
	return CTL_DONE;
}

static int print_next(struct ctl *ctl, struct pages *pages)
{
	_cleanup_(close_file) FILE *records = NULL;
	int r = get_records(ctl, pages->from, &records);

	if (r != CTL_DONE)
		return r;
	pages->is_over = true; /* unless there is one */
	return print_records(pages, records);
}

static int run_read(struct ctl *ctl, const struct args *args)
{
	const char *from_text = args_get(args, "from");
	struct pages pages = { .json = ctl->json };
	int r = CTL_DONE;

	if (from_text && gw_parse_u64(from_text, 0, UINT64_MAX, &pages.from) < 0)
		return ctl_wrong_use("--from %s: is not the number of a record", from_text);

	while (r == CTL_DONE && !pages.is_over)
		r = print_next(ctl, &pages);
	return r;
}

static int print_verdict(bool json, bool ok, uint64_t first_bad, const char *reason)
{
	if (json) {
		json_auto_t *verdict = json_pack("{sb sI ss}", "ok", ok, "first_bad",
						 (json_int_t)first_bad, "reason", reason);

		values_print(verdict, stdout);
	} else if (ok) {
		(void)puts("The chain of audit records is whole.");
	}
	if (ok)
		return CTL_DONE;
	return ctl_fail("the chain of audit records is broken at record %" PRIu64 ": %s", first_bad,
			reason);
}

static int run_verify(struct ctl *ctl, const struct args *args)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	const char *reason;
	uint64_t first_bad;
	int r, ok;

	r = bus_new_call(ctl, "VerifyAudit", &call);
	if (r != CTL_DONE)
		return r;
	r = bus_call(ctl, call, "audit verify", &reply);
	if (r != CTL_DONE)
		return r;
	r = sd_bus_message_read(reply, "bts", &ok, &first_bad, &reason);
	return r < 0 ? bus_fail(r) : print_verdict(ctl->json, ok, first_bad, reason);
}

static const struct args_option options[] = {
	{ "from", "N", "from record N on (default: from the oldest)" },
	{ 0 },
};

const struct verb verb_audit = {
	.name = "audit",
	.synopsis = "",
	.summary = "Prints the records of what was decided",
	.help = "\nTimes are UTC. With --json: one object a line, with the MAC that chains them.",
	.options = options,
	.run = run_read,
};

const struct verb verb_audit_verify = {
	.name = "audit verify",
	.synopsis = "",
	.summary = "Checks that no record was changed or dropped",
	.help = "\nExit status 1 if one was.",
	.run = run_verify,
};
