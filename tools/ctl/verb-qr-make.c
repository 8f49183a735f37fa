/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qr make: a label with a new secret, as text and as pictures to print. It needs no gateway. The
 * files hold the secret, so that only their owner may read them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/blob.h"
#include "lib/label.h"
#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/code.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/draw.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

#define SECRET_LEN 16 /* bytes: 128 bits, and a label that still prints small */
#define DAY_S      86400
#define FILE_MODE  0600

/* A field that does not fit is found by its label not being writable any more. */
static int set_field(struct gw_label *label, char *field, const char *option, const char *value,
		     const char *rule)
{
	char scratch[GW_LABEL_MAX + 1];
	int r = gw_copy(field, GW_LABEL_FIELD_MAX + 1, value);

	if (r >= 0)
		r = gw_label_format(label, scratch, sizeof(scratch));
	explicit_bzero(scratch, sizeof(scratch));
	if (r < 0)
		return ctl_wrong_use("--%s %s: %s", option, value, rule);
	return CTL_DONE;
}

static int set_expiry(struct gw_label *label, const char *text)
{
	uint64_t now = gw_now_realtime_us() / 1000000;

	if (when_parse(text, now, &label->expires) < 0 || label->expires % DAY_S)
		return ctl_wrong_use("--expires %s: is no day; write 2026-12-31", text);
	if (label->expires <= now)
		return ctl_wrong_use("--expires %s: lies in the past", text);
	return CTL_DONE;
}

static int set_fields(const struct args *args, struct gw_label *label)
{
	static const char id_rule[] = "a label's id is 1 to 64 of A-Z 0-9 . : and -, in upper case";
	static const char text_rule[] =
		"at most 64 of A-Z 0-9 space $ % * - . / and :, in upper case";
	const struct {
		const char *option, *rule;
		char *field;
	} fields[] = {
		{ "id", id_rule, label->id },
		{ "model", text_rule, label->model },
		{ "vendor", text_rule, label->vendor },
		{ "transport", text_rule, label->transport },
	};
	int r = CTL_DONE;

	for (size_t i = 0; r == CTL_DONE && i < GW_ELEMENTS(fields); i++)
		if (args_has(args, fields[i].option))
			r = set_field(label, fields[i].field, fields[i].option,
				      args_get(args, fields[i].option), fields[i].rule);
	if (r == CTL_DONE && args_has(args, "expires"))
		r = set_expiry(label, args_get(args, "expires"));
	return r;
}

static int make_label(const struct args *args, struct gw_label *label)
{
	if (!args_has(args, "id"))
		return ctl_wrong_use("say what the device is called, with --id ID");
	if (!args_has(args, "new-secret"))
		return ctl_wrong_use("say where its secret comes from, with --new-secret");

	label->secret_len = SECRET_LEN;
	if (getrandom(label->secret, SECRET_LEN, 0) != SECRET_LEN)
		return ctl_fail("cannot draw a secret: %s", strerror(errno));
	return set_fields(args, label);
}

static int write_picture(const char *path, const struct code *code,
			 int (*draw)(const struct code *code, uint8_t **ret, size_t *ret_len))
{
	uint8_t *data = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return CTL_DONE;

	r = draw(code, &data, &len);
	if (r >= 0)
		r = gw_write_file(AT_FDCWD, path, (struct gw_blob){ data, len }, FILE_MODE);
	if (data)
		explicit_bzero(data, len);
	free(data);
	return r < 0 ? ctl_fail("%s: %s", path, strerror(-r)) : CTL_DONE;
}

static int write_pictures(const struct args *args, const char *text)
{
	_cleanup_(code_done) struct code code = { 0 };
	int r;

	r = code_make(text, &code);
	if (r < 0)
		return ctl_fail("cannot draw the label: %s", strerror(-r));

	r = write_picture(args_get(args, "png"), &code, draw_png);
	if (r == CTL_DONE)
		r = write_picture(args_get(args, "svg"), &code, draw_svg);
	return r;
}

static void print_label(bool json, const char *id, const char *text)
{
	if (json) {
		json_auto_t *made = json_pack("{ss ss}", "id", id, "payload", text);

		values_print(made, stdout);
	} else {
		(void)puts(text);
	}
}

static int run(struct ctl *ctl, const struct args *args)
{
	_cleanup_(gw_label_wipe) struct gw_label label = { 0 };
	char text[GW_LABEL_MAX + 1];
	int r;

	r = make_label(args, &label);
	if (r != CTL_DONE)
		return r;
	r = gw_label_format(&label, text, sizeof(text));
	if (r < 0)
		return ctl_fail("cannot write the label: %s", strerror(-r));

	r = write_pictures(args, text);
	if (r == CTL_DONE)
		print_label(ctl->json, label.id, text);
	explicit_bzero(text, sizeof(text));
	return r;
}

static const struct args_option options[] = {
	{ "id", "ID", "the device's id" },
	{ "new-secret", NULL, "draw a new secret of 128 bits" },
	{ "model", "TEXT", "what it is" },
	{ "vendor", "TEXT", "who makes it" },
	{ "transport", "TEXT", "a hint how to reach it" },
	{ "expires", "DAY", "the last day it can be claimed, such as 2026-12-31" },
	{ "png", "FILE", "draw it as PNG" },
	{ "svg", "FILE", "draw it as SVG" },
	{ 0 },
};

const struct verb verb_qr_make = {
	.name = "qr make",
	.synopsis = "--id ID --new-secret",
	.summary = "Makes a label with a new secret, and pictures of it",
	.help = "\nPrints the label, which holds the secret: whoever has it can be the device. "
		"Nothing else keeps it.",
	.options = options,
	.run = run,
};
