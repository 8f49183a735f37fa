/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two read each line. libeconf, by which a value means here what it means in the files of other programs, takes
 * more for a line than a person would, and says nothing of it: a line that is indented, or has no `=`, goes on
 * with the one before it; one of more than 8 KiB is cut in two; of a key that stands twice the second is
 * dropped; a remark ends a value wherever its `#` stands. None of that can be seen in what it returns, and a
 * gateway must not come up with less than its file says. So each line is held first to a strict form, on which
 * the versions of Debian 12 (0.5) and 13 (0.7) agree, and errors have their line from there; then libeconf gets
 * a copy in which nothing else is left. It knows files only by name: the copy is one in memory, which nobody
 * can change or block on.
 */
#include "agent/settings-file.h"

#include <fcntl.h>
#include <libeconf.h>
#include <stdio.h>
#include <sys/mman.h>

#include "agent/settings-report.h"
#include "agent/settings.h"
#include "lib/util.h"

#define LINE_LEN_MAX 1000
#define KEYS_MAX     512 /* of one file */
#define BLANKS       " \t"
#define BOM          "\xef\xbb\xbf"

/* Where a key stands. */
struct place {
	char section[SETTINGS_NAME_MAX + 1], name[SETTINGS_NAME_MAX + 1];
	unsigned line;
};

struct parsing {
	const struct settings_blob *blob;
	struct settings_report *report;
	char section[SETTINGS_NAME_MAX + 1];
	bool section_is_bad; /* it was reported; what stands in it is left out */
	unsigned line;
	struct place *places;
	size_t n_places;
	FILE *copy;
};

/* --- lines --- */

static void complain(struct parsing *p, const char *what)
{
	settings_report_add(p->report, "%s:%u: %s", p->blob->path, p->line, what);
}

static void complain_of(struct parsing *p, const char *name, const char *what)
{
	settings_report_add(p->report, "%s:%u: [%s] %s %s", p->blob->path, p->line, p->section,
			    name, what);
}

static bool is_name(const char *text, const char *more)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = 0;

	while (text[n] && (strchr(letters, text[n]) || strchr(more, text[n])))
		n++;
	return n > 0 && n <= SETTINGS_NAME_MAX && !text[n];
}

static void cut_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(BLANKS, text[len - 1]))
		text[--len] = 0;
}

/* A remark begins behind a blank: `#` within a word belongs to nobody, and is refused. */
static void cut_remark(char *line)
{
	for (char *c = strchr(line, '#'); c; c = strchr(c + 1, '#')) {
		if (c == line || strchr(BLANKS, c[-1])) {
			*c = 0;
			return;
		}
	}
}

static void take_section(struct parsing *p, char *line)
{
	char *end = strchr(line, ']');

	p->section_is_bad = true;
	*p->section = 0;
	if (!end) {
		complain(p, "a section begins with [ and ends with ]: the ] is missing");
		return;
	}
	if (end[1]) {
		complain(p, "nothing may stand behind the ] of a section but a remark");
		return;
	}

	*end = 0;
	if (!is_name(line + 1, " ")) {
		complain(p, "the name of a section is 1 to 64 characters of A-Z a-z 0-9 . _ -");
		return;
	}
	(void)gw_copy(p->section, sizeof(p->section), line + 1);
	p->section_is_bad = false;
	(void)fprintf(p->copy, "[%s]", p->section);
}

/* What libeconf would read in another way than it looks. */
static const char *what_is_odd(const char *value)
{
	size_t len = strlen(value);
	bool is_quoted = *value == '"';

	if (strchr(value, '#'))
		return "has a # in its value: a remark needs a blank before it, and a value cannot "
		       "hold one";
	if (is_quoted && (len < 2 || value[len - 1] != '"'))
		return "has a quote that is not closed";
	if (strchr(value + is_quoted, '"') && strchr(value + is_quoted, '"') < value + len - 1)
		return "has a quote within its value";
	return NULL;
}

static int add_place(struct parsing *p, const char *name)
{
	struct place *place;

	if (p->n_places == KEYS_MAX) {
		complain(p, "more than 512 settings in one file: split it");
		return -E2BIG;
	}
	place = &p->places[p->n_places++];
	(void)gw_copy(place->section, sizeof(place->section), p->section);
	(void)gw_copy(place->name, sizeof(place->name), name);
	place->line = p->line;
	return 0;
}

static bool stands_already(struct parsing *p, const char *name)
{
	char what[64];

	for (size_t i = 0; i < p->n_places; i++) {
		if (!gw_streq(p->places[i].section, p->section) ||
		    !gw_streq(p->places[i].name, name))
			continue;
		(void)snprintf(what, sizeof(what), "stands a second time; the first is line %u",
			       p->places[i].line);
		complain_of(p, name, what);
		return true;
	}
	return false;
}

static int take_key(struct parsing *p, char *line)
{
	char *value = strchr(line, '=');
	const char *odd;

	if (!value) {
		complain(p, "is neither [section] nor key = value; a remark begins with #");
		return 0;
	}

	*value++ = 0;
	value += strspn(value, BLANKS);
	cut_end(line);
	if (!is_name(line, "")) {
		complain(p, "the name of a key is 1 to 64 characters of A-Z a-z 0-9 . _ -");
		return 0;
	}
	if (p->section_is_bad)
		return 0;
	if (!*p->section) {
		complain_of(p, line, "stands before the first [section]");
		return 0;
	}

	odd = what_is_odd(value);
	if (odd)
		complain_of(p, line, odd);
	if (odd || stands_already(p, line))
		return 0;
	(void)fprintf(p->copy, "%s=%s", line, value);
	return add_place(p, line);
}

/* Text of a line, and what is wrong with its bytes. */
static const char *what_is_no_text(const char *line, size_t len)
{
	if (len > LINE_LEN_MAX)
		return "is longer than 1000 characters";
	if (memchr(line, 0, len))
		return "holds a zero byte: is this a text file?";
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return line[i] == '\r'
				       ? "ends with CR LF, as on Windows: save the file with "
					 "Unix line ends"
				       : "holds a control character: is this a text file?";
	return NULL;
}

static int take_line(struct parsing *p, const char *from, size_t len)
{
	const char *wrong = what_is_no_text(from, len);
	char line[LINE_LEN_MAX + 1], *text = line;

	if (wrong) {
		complain(p, wrong);
		return 0;
	}

	memcpy(line, from, len);
	line[len] = 0;
	text += strspn(text, BLANKS);
	cut_remark(text);
	cut_end(text);
	if (!*text)
		return 0;
	if (*text == '[') {
		take_section(p, text);
		return 0;
	}
	return take_key(p, text);
}

static int take_lines(struct parsing *p)
{
	const char *at = p->blob->data, *end = at + p->blob->len;
	int r = 0;

	if (p->blob->len >= strlen(BOM) && memcmp(at, BOM, strlen(BOM)) == 0) {
		p->line = 1;
		complain(p, "begins with a byte order mark: save the file as UTF-8 without one");
		at += strlen(BOM);
		p->line = 0;
	}

	while (at < end && r >= 0) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);

		p->line++;
		r = take_line(p, at, len);
		(void)fputc('\n', p->copy); /* the copy has the same lines */
		at += len + 1;
	}
	return r == -E2BIG ? 0 : r;
}

/* --- values --- */

static int read_copy(struct parsing *p, int fd, econf_file **ret)
{
	char path[40];
	econf_err e;

	if (fflush(p->copy) != 0 || ferror(p->copy))
		return -ENOMEM; /* it is in memory: there is no other reason */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = econf_readFile(ret, path, "=", "#");
	if (e == ECONF_SUCCESS)
		return 0;
	if (e == ECONF_NOMEM)
		return -ENOMEM;
	settings_report_add(p->report, "%s: cannot be parsed: %s", p->blob->path,
			    e == ECONF_NOFILE ? "is /proc mounted?" : econf_errString(e));
	return 1;
}

/* 1: there is none, which was reported. A key with nothing behind its `=` has an empty one. */
static int get_value(struct parsing *p, econf_file *file, const struct place *place, char **ret)
{
	econf_err e = econf_getStringValue(file, place->section, place->name, ret);

	if (e == ECONF_NOMEM)
		return -ENOMEM;
	if (e == ECONF_SUCCESS || e == ECONF_KEY_HAS_NULL_VALUE || e == ECONF_EMPTYKEY)
		return 0;
	p->line = place->line;
	complain(p, "cannot be parsed");
	return 1;
}

static int give_values(struct parsing *p, econf_file *file,
		       int (*take)(void *userdata, const struct settings_line *line),
		       void *userdata)
{
	int r = 0;

	for (size_t i = 0; i < p->n_places && r >= 0; i++) {
		const struct place *place = &p->places[i];
		_cleanup_free_ char *value = NULL;

		r = get_value(p, file, place, &value);
		if (r != 0)
			continue;
		r = take(userdata, &(struct settings_line){ place->section, place->name,
							    value ? value : "", place->line });
	}
	return r;
}

static int parse(struct parsing *p, int fd,
		 int (*take)(void *userdata, const struct settings_line *line), void *userdata)
{
	econf_file *file = NULL;
	int r;

	r = take_lines(p);
	if (r < 0 || p->n_places == 0)
		return r;
	r = read_copy(p, fd, &file);
	if (r == 0)
		r = give_values(p, file, take, userdata);
	econf_freeFile(file);
	return GW_MIN(r, 0);
}

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

int settings_file_parse(const struct settings_blob *blob, struct settings_report *report,
			int (*take)(void *userdata, const struct settings_line *line),
			void *userdata)
{
	_cleanup_close_ int fd = memfd_create("settings", MFD_CLOEXEC);
	_cleanup_(close_file) FILE *copy = NULL;
	_cleanup_free_ struct place *places = calloc(KEYS_MAX, sizeof(*places));
	struct parsing p = { .blob = blob, .report = report, .places = places };
	int stream = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (stream >= 0)
		copy = fdopen(stream, "w");
	if (!copy || !places) {
		if (stream >= 0 && !copy)
			(void)close(stream);
		return -ENOMEM;
	}
	p.copy = copy;
	return parse(&p, fd, take, userdata);
}
