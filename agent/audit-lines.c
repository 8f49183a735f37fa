/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts of the record are printable ASCII and bounded: only two characters need care in JSON, and the
 * longest line is known before it is printed.
 */
#include "agent/audit-lines.h"

#include <assert.h>
#include <errno.h>

#include "agent/audit.h"
#include "lib/hex.h"
#include "lib/util.h"

/* Every text escaped throughout, the MAC in hex, and the rest of the line. */
static_assert(2 * sizeof(struct audit_record) + 160 <= AUDIT_LINE_MAX, "a line has room");

static void print_text(FILE *file, const char *name, const char *text)
{
	(void)fprintf(file, ",\"%s\":\"", name);
	for (; *text; text++)
		(void)fprintf(file, "%s%c", *text == '"' || *text == '\\' ? "\\" : "",
			      gw_is_printable((const char[]){ *text, 0 }) ? *text : '?');
	(void)fputc('"', file);
}

static void print_record(FILE *file, const struct audit_record *record)
{
	char mac[2 * sizeof(record->mac) + 1];

	gw_hex_encode(record->mac, sizeof(record->mac), mac);
	(void)fprintf(file, "{\"n\":%llu,\"time\":%llu", (unsigned long long)record->n,
		      (unsigned long long)record->time);
	print_text(file, "event", record->event);
	print_text(file, "device", record->device);
	print_text(file, "who", record->who);
	print_text(file, "reason", record->reason);
	print_text(file, "detail", record->detail);
	print_text(file, "mac", mac);
	(void)fputs("}\n", file);
}

int audit_lines_print(struct store *store, uint64_t from, size_t max, FILE *file)
{
	struct audit_record record;
	long at;
	int r;

	while ((at = ftell(file)) >= 0 && (size_t)at + AUDIT_LINE_MAX <= max) {
		r = audit_get(store, from, &record);
		if (r == -ENOENT)
			break;
		if (r < 0)
			return r;
		print_record(file, &record);
		from = record.n + 1;
	}
	return at >= 0 && fflush(file) == 0 ? 0 : -errno;
}
