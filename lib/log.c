/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats a log line into one buffer and writes it with one write(), so that lines of several
 * processes on the same pipe never mix; or hands it to the journal as fields, if that is where standard
 * error leads. What strangers named (ids, addresses) is printed with everything outside printable ASCII
 * replaced: nobody forges a second line. A journal that does not take a line gets it the plain way, with
 * its priority in front.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would always be this file */

#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#include "lib/log-fields.h"
#include "lib/util.h"

#define LINE_MAX_LEN 1024
#define MINUTE_US    60000000

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const struct {
	const char *name;
	int syslog;
} levels[] = {
	[GW_LOG_ERROR] = { "error", 3 },   [GW_LOG_WARNING] = { "warning", 4 },
	[GW_LOG_NOTICE] = { "notice", 5 }, [GW_LOG_INFO] = { "info", 6 },
	[GW_LOG_DEBUG] = { "debug", 7 },
};

static enum gw_log_level log_level(void)
{
	const char *wish = getenv("GANGWAY_LOG");

	for (size_t i = 0; wish && i < GW_ELEMENTS(levels); i++)
		if (gw_streq(wish, levels[i].name))
			return (enum gw_log_level)i;
	return GW_LOG_INFO;
}

static int most_talkative = -1;

void gw_log_set_level(enum gw_log_level level)
{
	most_talkative = (int)level;
}

/* --- how often --- */

static struct {
	uint64_t since_us;
	unsigned n, left_out;
} spoken[_GW_EVENT_MAX];

/* Whether one more line of this event may be written in this minute. */
static bool may_speak(enum gw_event event, unsigned *ret_left_out)
{
	unsigned most = gw_event_info(event)->most_a_minute;
	uint64_t now_us;

	*ret_left_out = 0;
	if (!most)
		return true;

	now_us = gw_now_monotonic_us();
	if (now_us - spoken[event].since_us >= MINUTE_US) {
		spoken[event].since_us = now_us;
		spoken[event].n = 0;
	}
	if (spoken[event].n == most) {
		spoken[event].left_out++;
		return false;
	}
	spoken[event].n++;
	*ret_left_out = spoken[event].left_out;
	spoken[event].left_out = 0;
	return true;
}

/* --- the plain line --- */

/* Appends to a line that never overflows: what does not fit is left out. */
static void append(char *line, size_t *len, const char *format, ...) GW_PRINTF(3, 4);
static void append(char *line, size_t *len, const char *format, ...)
{
	size_t room = LINE_MAX_LEN - 1 - *len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + *len, room, format, args);
	va_end(args);
	if (n > 0)
		*len += GW_MIN((size_t)n, room - 1);
}

static void append_tag(char *line, size_t *len, const char *name, const char *value)
{
	if (value && *value)
		append(line, len, " %s=%s", name, value);
}

static void append_tags(char *line, size_t *len, const struct gw_log_tags *tags)
{
	append_tag(line, len, "device", tags->device);
	append_tag(line, len, "session", tags->session);
	append_tag(line, len, "job", tags->job);
	append_tag(line, len, "transport", tags->transport);
}

static void write_line(enum gw_log_level level, bool for_journal, const char *text,
		       const struct gw_log_tags *tags)
{
	char line[LINE_MAX_LEN];
	size_t len = 0;

	if (for_journal)
		append(line, &len, "<%d>%s", levels[level].syslog, text);
	else
		append(line, &len, "%s: %s", levels[level].name, text);
	if (tags)
		append_tags(line, &len, tags);

	for (size_t i = 0; i < len; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			line[i] = '?';
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len);
}

/* --- the journal --- */

/* The service manager names the file that it gave us as standard error: is it still that one? */
static bool is_journal(void)
{
	const char *named = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!named || fstat(STDERR_FILENO, &st) < 0)
		return false;

	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return gw_streq(named, ours);
}

/* The library calls it a success when there is no socket. */
static bool send_fields(enum gw_log_level level, const char *text, const struct gw_log_tags *tags,
			unsigned left_out)
{
	struct gw_log_fields fields;

	if (access(JOURNAL_SOCKET, W_OK) < 0)
		return false;
	gw_log_fields_build(&fields, program_invocation_short_name, levels[level].syslog, text,
			    tags, left_out);
	return sd_journal_sendv(fields.vectors, (int)fields.n) >= 0;
}

GW_PRINTF(3, 0)
static void write_text(char text[static GW_LOG_TEXT_MAX], unsigned left_out, const char *format,
		       va_list args)
{
	size_t len;

	(void)vsnprintf(text, GW_LOG_TEXT_MAX, format, args);
	len = strlen(text);
	if (left_out)
		(void)snprintf(text + len, GW_LOG_TEXT_MAX - len,
			       " (and so %u times more since the last such line)", left_out);
}

void gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags, const char *format, ...)
{
	char text[GW_LOG_TEXT_MAX];
	unsigned left_out;
	bool for_journal;
	va_list args;

	if (most_talkative < 0)
		most_talkative = (int)log_level();
	if ((int)level > most_talkative)
		return;
	if (!may_speak(tags ? tags->event : GW_EVENT_NONE, &left_out))
		return;

	va_start(args, format);
	write_text(text, left_out, format, args);
	va_end(args);

	for_journal = is_journal();
	if (!for_journal || !send_fields(level, text, tags, left_out))
		write_line(level, for_journal, text, tags);
}
