/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fills one buffer, and an array of vectors into it: no memory is asked for, since lines are written
 * when there is none, too. A field is there whole or not at all, but for a value that is too long.
 */
#include "lib/log-fields.h"

#include <stdio.h>

#include "lib/event.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

static void add(struct gw_log_fields *fields, const char *name, const char *value, size_t max)
{
	size_t name_len = strlen(name), value_len = value ? strnlen(value, max) : 0;
	char *at = fields->bytes + fields->len;

	if (!value_len || fields->n == GW_LOG_FIELDS ||
	    name_len + 1 + value_len > sizeof(fields->bytes) - fields->len)
		return;

	memcpy(at, name, name_len);
	at[name_len] = '=';
	for (size_t i = 0; i < value_len; i++)
		at[name_len + 1 + i] = (char)(value[i] < 0x20 || value[i] > 0x7e ? '?' : value[i]);
	fields->vectors[fields->n++] = (struct iovec){ at, name_len + 1 + value_len };
	fields->len += name_len + 1 + value_len;
}

static void add_text(struct gw_log_fields *fields, const char *name, const char *value)
{
	add(fields, name, value, GW_LOG_VALUE_MAX);
}

static void add_number(struct gw_log_fields *fields, const char *name, unsigned value)
{
	char digits[16];

	(void)snprintf(digits, sizeof(digits), "%u", value);
	add_text(fields, name, digits);
}

/* What to do about it stands beside the reason: the catalogue quotes it. */
static void add_reason(struct gw_log_fields *fields, const char *code)
{
	enum gw_reason reason;

	if (!code || !*code)
		return;
	add_text(fields, "GANGWAY_REASON", code);
	if (gw_reason_from_code(code, &reason) >= 0)
		add_text(fields, "GANGWAY_ADVICE", gw_reason_text(reason));
}

static void add_tags(struct gw_log_fields *fields, const struct gw_log_tags *tags)
{
	const struct gw_event_info *event = gw_event_info(tags->event);

	add_text(fields, "MESSAGE_ID", event->id);
	add_text(fields, "GANGWAY_EVENT", event->name);
	add_text(fields, "GANGWAY_DEVICE", tags->device);
	add_text(fields, "GANGWAY_SESSION", tags->session);
	add_text(fields, "GANGWAY_JOB", tags->job);
	add_text(fields, "GANGWAY_TRANSPORT", tags->transport);
	add_text(fields, "GANGWAY_PLUGIN", tags->plugin);
	add_text(fields, "GANGWAY_ADDRESS", tags->address);
	add_text(fields, "GANGWAY_FROM", tags->from);
	add_text(fields, "GANGWAY_TO", tags->to);
	add_text(fields, "GANGWAY_CAUSE", tags->cause);
	add_text(fields, "GANGWAY_WHO", tags->who);
	add_reason(fields, tags->reason);
}

void gw_log_fields_build(struct gw_log_fields *fields, const char *program, int priority,
			 const char *text, const struct gw_log_tags *tags, unsigned left_out)
{
	fields->n = fields->len = 0;
	add(fields, "MESSAGE", *text ? text : "-", GW_LOG_TEXT_MAX);
	add_number(fields, "PRIORITY", (unsigned)priority);
	add_text(fields, "SYSLOG_IDENTIFIER", program);
	if (tags)
		add_tags(fields, tags);
	if (left_out)
		add_number(fields, "GANGWAY_LEFT_OUT", left_out);
}
