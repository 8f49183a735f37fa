/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit: the records of what was decided, by whom and why. They come as lines of JSON in a memory
 * file; programs get the lines as they are. `audit verify` has the agent walk the chain.
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

static int add_record(struct table *table, const char *line)
{
	json_auto_t *record = json_loads(line, 0, /* error= */ NULL);
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

	if (!json_is_object(record))
		return -EBADMSG;
	(void)snprintf(n, sizeof(n), "%" PRIu64, values_number(record, "n"));
	when_format(values_number(record, "time"), time);
	return table_add(table, cells);
}

static int print_table(FILE *records)
{
	static const char *const headings[] = { "N",   "TIME",   "EVENT", "DEVICE",
						"WHO", "REASON", "DETAIL" };
	_cleanup_(table_freep) struct table *table = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r;

	r = table_new(headings, GW_ELEMENTS(headings), &table);
	while (r >= 0 && getline(&line, &size, records) > 0)
		r = add_record(table, line);
	if (r < 0)
		return bus_fail(r);

	table_print(table, stdout);
	return CTL_DONE;
}

static int print_lines(FILE *records)
{
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), records)) > 0)
		(void)fwrite(part, 1, n, stdout);
	return ferror(records) ? ctl_fail("cannot read the audit records: %s", strerror(errno))
			       : CTL_DONE;
}

static int run_read(struct ctl *ctl, const struct args *args)
{
	_cleanup_(close_file) FILE *records = NULL;
	const char *from_text = args_get(args, "from");
	uint64_t from = 0;
	int r;

	if (from_text && gw_parse_u64(from_text, 0, UINT64_MAX, &from) < 0)
		return ctl_wrong_use("--from %s: is not the number of a record", from_text);

	r = get_records(ctl, from, &records);
	if (r != CTL_DONE)
		return r;
	return ctl->json ? print_lines(records) : print_table(records);
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
