/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line by line and without a buffer behind our back, so that each secret lies in one place only. */
#include "tools/device/labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tools/device/failure.h"

#define LINE_MAX_ (GW_LABEL_MAX + 64) /* with the white space around it */

/* One line, without its end; false: there are no more. What does not fit makes it too long to be a label. */
static bool read_line(FILE *file, char *line, size_t size)
{
	size_t len = 0;
	int c;

	while ((c = getc(file)) != EOF && c != '\n')
		if (len + 1 < size)
			line[len++] = c ? (char)c : '?';
	line[len] = 0;
	return c != EOF || len > 0;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r\v\f")] == 0;
}

static int read_label(const char *line, const char *path, size_t number, struct gw_label *ret,
		      struct failure *failure)
{
	const char *why;

	if (strlen(line) == LINE_MAX_ - 1)
		return failure_set(failure, -EINVAL, "%s: line %zu is too long for a label", path,
				   number);
	if (gw_label_parse(line, ret, &why) < 0)
		return failure_set(failure, -EINVAL, "%s: line %zu: %s", path, number, why);
	if (ret->secret_len == 0)
		return failure_set(failure, -EINVAL,
				   "%s: line %zu: the label names a public key; this device needs "
				   "one with a secret",
				   path, number);
	return 0;
}

static int read_labels(FILE *file, const char *path, size_t n, struct gw_label *labels,
		       struct failure *failure)
{
	char line[LINE_MAX_];
	size_t number = 0, n_read = 0;
	int r = 0;

	while (r == 0 && n_read < n && read_line(file, line, sizeof(line))) {
		number++;
		if (!is_blank(line))
			r = read_label(line, path, number, &labels[n_read++], failure);
	}
	explicit_bzero(line, sizeof(line));
	if (r == 0 && ferror(file))
		return failure_set(failure, -EINVAL, "%s: %s", path, strerror(errno));
	if (r == 0 && n_read < n)
		return failure_set(failure, -EINVAL, "%s: holds %zu of the %zu labels wanted", path,
				   n_read, n);
	return r;
}

int labels_read(const char *path, size_t n, struct gw_label *ret, struct failure *failure)
{
	bool is_stdin = gw_streq(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int r;

	if (!file)
		return failure_set(failure, -EINVAL, "%s: %s", path, strerror(errno));

	(void)setvbuf(file, /* buf= */ NULL, _IONBF, 0);
	r = read_labels(file, path, n, ret, failure);
	if (!is_stdin)
		(void)fclose(file);
	return r;
}
