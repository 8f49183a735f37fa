/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-fields: one line of the log as the journal's fields, "NAME=value". Pure. Values come from devices,
 * plugins and clouds as well: what is not printable ASCII is replaced, so that nobody ends a field and
 * begins another.
 */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

struct gw_log_tags;

#define GW_LOG_TEXT_MAX  512  /* bytes of a message */
#define GW_LOG_VALUE_MAX 256  /* bytes of any other field's value */
#define GW_LOG_BYTES_MAX 4096 /* bytes of all fields; what has no room is left out */
#define GW_LOG_FIELDS    20

struct gw_log_fields {
	struct iovec vectors[GW_LOG_FIELDS];
	size_t n;
	char bytes[GW_LOG_BYTES_MAX];
	size_t len;
};

/* `left_out`: lines of the same event that were not written since the last one. `tags` may be NULL. The
 * message comes first, then what the journal itself knows, then ours (doc/journal.md). */
void gw_log_fields_build(struct gw_log_fields *fields, const char *program, int priority,
			 const char *text, const struct gw_log_tags *tags, unsigned left_out);
