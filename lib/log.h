/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log: one line a fact on standard error, in the form that the journal reads (a `<N>` priority first)
 * when standard error is the journal. Never a secret, never from lib/ or a pure file (style L1).
 */
#pragma once

#include <stddef.h>

enum gw_log_level {
	GW_LOG_ERROR,
	GW_LOG_WARNING,
	GW_LOG_NOTICE,
	GW_LOG_INFO,
	GW_LOG_DEBUG,
};

/* What a line is about; members left out (NULL) are not printed. */
struct gw_log_tags {
	const char *device;
	const char *session;
	const char *job;
	const char *transport;
};

/* The most talkative level that is still written. Default: info; $GANGWAY_LOG=debug for all. */
void gw_log_set_level(enum gw_log_level level);

/* Writes a line; `tags` may be NULL. Bytes that are not printable ASCII come out as '?'. */
void gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define gw_log(level, ...) gw_log_tagged(GW_LOG_##level, /* tags= */ NULL, __VA_ARGS__)
#define gw_log_device(level, id, ...) \
	gw_log_tagged(GW_LOG_##level, &(struct gw_log_tags){ .device = (id) }, __VA_ARGS__)
