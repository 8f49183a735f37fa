/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A label is read here before the agent gets it, for the sake of the person who typed it: the agent
 * only has a reason code to say which field is wrong. Whether a label is let in is the agent's
 * decision all the same.
 */
#include "tools/ctl/source.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/label.h"
#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/picture.h"
#include "tools/ctl/pick.h"
#include "tools/ctl/scan.h"

#define INPUT_MAX 4096
#define WHITE     " \t\r\n\v\f"

static int keep_text(const char *what, const char *text, char **ret)
{
	size_t len;

	text += strspn(text, WHITE);
	len = strlen(text);
	while (len && strchr(WHITE, text[len - 1]))
		len--;
	if (len == 0)
		return ctl_fail("%s refused: there is no label in the input (bad-label)", what);

	*ret = strndup(text, len);
	return *ret ? CTL_DONE : ctl_fail("%s", strerror(ENOMEM));
}

static int read_stdin(const char *what, char **ret)
{
	char input[INPUT_MAX + 1];
	size_t len = fread(input, 1, INPUT_MAX, stdin);
	int r;

	input[len] = 0;
	if (ferror(stdin))
		r = ctl_fail("cannot read standard input: %s", strerror(errno));
	else if (strlen(input) != len)
		r = ctl_fail("%s refused: the input is no text (bad-label)", what);
	else
		r = keep_text(what, input, ret);

	explicit_bzero(input, sizeof(input));
	return r;
}

static int read_scan(const char *what, const char *path, struct picture *picture, char **ret)
{
	_cleanup_(scan_done) struct scan scan = { 0 };
	char why[PICK_WHY_MAX];
	const char *text;
	int r;

	r = scan_picture(picture, &scan);
	if (r < 0)
		return ctl_fail("%s: cannot look for codes: %s", path, strerror(-r));
	if (pick_label(scan.texts, scan.n_texts, &text, why) < 0)
		return ctl_fail("%s: %s", path, why);
	return keep_text(what, text, ret);
}

static int read_image(const char *what, const char *path, char **ret)
{
	_cleanup_(picture_done) struct picture picture = { 0 };
	_cleanup_free_ uint8_t *data = NULL;
	const char *why = NULL;
	size_t len;
	int r;

	r = gw_read_file(AT_FDCWD, path, PICTURE_FILE_MAX, &data, &len);
	if (r == -EFBIG)
		return ctl_fail("%s: has more than %u MiB; cut out the code", path,
				PICTURE_FILE_MAX >> 20);
	if (r < 0)
		return ctl_fail("%s: %s", path, strerror(-r));

	r = picture_read(data, len, &picture, &why);
	if (r == -EBADMSG)
		return ctl_fail("%s: %s", path, why);
	if (r < 0)
		return ctl_fail("%s: %s", path, strerror(-r));
	return read_scan(what, path, &picture, ret);
}

static int read_text(const struct args *args, const char *what, char **ret)
{
	const char *image = args_get(args, "image");

	if (image && args->n_words)
		return ctl_wrong_use("give either a label or --image, not both");
	if (image)
		return read_image(what, image, ret);
	if (!args->n_words)
		return ctl_wrong_use(
			"say which label: its text, - for standard input, or --image FILE");
	if (gw_streq(args->words[0], "-"))
		return read_stdin(what, ret);
	return keep_text(what, args->words[0], ret);
}

int source_read(const struct args *args, const char *what, char **ret_text, struct gw_label *ret)
{
	_cleanup_(source_free_text) char *text = NULL;
	const char *why;
	int r;

	r = read_text(args, what, &text);
	if (r != CTL_DONE)
		return r;
	if (gw_label_parse(text, ret, &why) < 0)
		return ctl_fail("%s refused: %s (bad-label)", what, why);

	*ret_text = TAKE_PTR(text);
	return CTL_DONE;
}

void source_free_text(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}
