/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats a log line into one buffer and writes it with one write(), so that lines of several
 * processes on the same pipe never mix. What strangers named (ids, addresses) is printed with
 * everything outside printable ASCII replaced: nobody forges a second line.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/util.h"

#define LINE_MAX_LEN 1024

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
	if (value)
		append(line, len, " %s=%s", name, value);
}

void gw_log_tagged(enum gw_log_level level, const struct gw_log_tags *tags, const char *format, ...)
{
	char text[LINE_MAX_LEN / 2];
	char line[LINE_MAX_LEN];
	size_t len = 0;
	va_list args;

	if (most_talkative < 0)
		most_talkative = (int)log_level();
	if ((int)level > most_talkative)
		return;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (is_journal())
		append(line, &len, "<%d>%s", levels[level].syslog, text);
	else
		append(line, &len, "%s: %s", levels[level].name, text);
	if (tags) {
		append_tag(line, &len, "device", tags->device);
		append_tag(line, &len, "session", tags->session);
		append_tag(line, &len, "job", tags->job);
		append_tag(line, &len, "transport", tags->transport);
	}

	for (size_t i = 0; i < len; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			line[i] = '?';
	line[len++] = '\n';
	(void)!write(STDERR_FILENO, line, len);
}
