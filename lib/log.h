/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log: one line a fact. Where standard error is the journal a line goes there with fields (doc/journal.md);
 * else it is a plain line on standard error. Never a secret, never from a pure file (style L1).
 */
#pragma once

#include <stddef.h>

#include "lib/event.h"

enum gw_log_level {
	GW_LOG_ERROR,
	GW_LOG_WARNING,
	GW_LOG_NOTICE,
	GW_LOG_INFO,
	GW_LOG_DEBUG,
};

/* What a line is about; what is left out (NULL, or empty) is no field of it. */
struct gw_log_tags {
	enum gw_event event;
	/* These four stand on the plain line, too. */
	const char *device;
	const char *session;
	const char *job;
	const char *transport;
	/* These are told in the text already. */
	const char *plugin;  /* "ip" */
	const char *address; /* of who is at the door */
	const char *from, *to;
	const char *cause;  /* what happened: an event of the record */
	const char *who;    /* on whose account: "uid 1000", "cloud", "device" */
	const char *reason; /* a code of lib/reason.h; its advice goes with it */
};

/* The most talkative level that is still written. Default: info; $GANGWAY_LOG=debug for all. */
void gw_log_set_level(enum gw_log_level level);

/* Writes a line; `tags` may be NULL. Bytes that are not printable ASCII come out as '?'. An event that
 * comes too often is left out, and counted in the next line of it. */
void gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define GW_LOG_TAGS(...) (&(const struct gw_log_tags){ __VA_ARGS__ })

#define gw_log(level, ...) gw_log_tagged(GW_LOG_##level, /* tags= */ NULL, __VA_ARGS__)
#define gw_log_device(level, id, ...) \
	gw_log_tagged(GW_LOG_##level, GW_LOG_TAGS(.device = (id)), __VA_ARGS__)
#define gw_log_event(level, name, ...) \
	gw_log_tagged(GW_LOG_##level, GW_LOG_TAGS(.event = GW_EVENT_##name), __VA_ARGS__)
