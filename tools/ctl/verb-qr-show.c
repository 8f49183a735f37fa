/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qr show: draws a label's code on the terminal and says what stands in it. It needs no gateway.
 * The secret is not spelled out unless asked for, though whoever sees the code can scan it.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>

#include "lib/hex.h"
#include "lib/label.h"
#include "lib/util.h"
#include "tools/ctl/args.h"
#include "tools/ctl/code.h"
#include "tools/ctl/ctl.h"
#include "tools/ctl/draw.h"
#include "tools/ctl/source.h"
#include "tools/ctl/table.h"
#include "tools/ctl/values.h"
#include "tools/ctl/when.h"

GW_DEFINE_CLEANUP(struct table *, table_free)

static bool terminal_draws_blocks(void)
{
	const char *term = getenv("TERM");

	(void)setlocale(LC_CTYPE, "");
	return isatty(STDOUT_FILENO) && term && !gw_streq(term, "dumb") &&
	       gw_streq(nl_langinfo(CODESET), "UTF-8");
}

/* A code of upper-case letters alone is the smaller one, and means the same. */
static int print_code(char *text)
{
	_cleanup_(code_done) struct code code = { 0 };
	int r;

	for (char *c = text; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');

	r = code_make(text, &code);
	if (r < 0)
		return ctl_fail("cannot draw the label: %s", strerror(-r));

	if (terminal_draws_blocks())
		draw_blocks(&code, stdout);
	else
		draw_plain(&code, stdout);
	return CTL_DONE;
}

static int print_fields(const struct gw_label *label, const char *secret, const char *key_hash)
{
	_cleanup_(table_freep) struct table *table = NULL;
	char expires[WHEN_LEN], hidden[64];
	int r;

	/* Its last second, which stands on the day that the label names. */
	when_format(label->expires ? label->expires - 1 : 0, expires);
	(void)snprintf(hidden, sizeof(hidden), "%zu bytes, %s", label->secret_len,
		       label->secret_is_weak ? "no random ones: anybody could guess them"
					     : "shown with --show-secret");

	r = table_new(/* headings= */ NULL, 2, &table);
	if (r >= 0)
		r = table_add(table, (const char *[]){ "id", label->id });
	if (r >= 0 && *label->model)
		r = table_add(table, (const char *[]){ "model", label->model });
	if (r >= 0 && *label->vendor)
		r = table_add(table, (const char *[]){ "vendor", label->vendor });
	if (r >= 0 && *label->transport)
		r = table_add(table, (const char *[]){ "transport", label->transport });
	if (r >= 0 && label->expires)
		r = table_add(table, (const char *[]){ "expires", expires });
	if (r >= 0 && label->secret_len)
		r = table_add(table, (const char *[]){ "secret", *secret ? secret : hidden });
	if (r >= 0 && !label->secret_len)
		r = table_add(table, (const char *[]){ "key hash", key_hash });
	if (r >= 0)
		table_print(table, stdout);
	return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_DONE;
}

static int print_json(const struct gw_label *label, const char *secret, const char *key_hash)
{
	json_auto_t *fields =
		json_pack("{ss ss ss ss sI sI sb ss}", "id", label->id, "model", label->model,
			  "vendor", label->vendor, "transport", label->transport, "expires",
			  (json_int_t)label->expires, "secret_bytes", (json_int_t)label->secret_len,
			  "secret_is_weak", label->secret_is_weak, "key_hash", key_hash);

	if (*secret)
		(void)json_object_set_new(fields, "secret", json_string(secret));
	values_print(fields, stdout);
	return CTL_DONE;
}

static int run(struct ctl *ctl, const struct args *args)
{
	char secret[2 * GW_LABEL_SECRET_MAX + 1] = "", key_hash[2 * GW_LABEL_HASH_LEN + 1] = "";
	_cleanup_(gw_label_wipe) struct gw_label label = { 0 };
	_cleanup_(source_free_text) char *text = NULL;
	int r;

	r = source_read(args, "qr show", &text, &label);
	if (r != CTL_DONE)
		return r;

	if (args_has(args, "show-secret"))
		gw_hex_encode(label.secret, label.secret_len, secret);
	if (!label.secret_len)
		gw_hex_encode(label.key_hash, sizeof(label.key_hash), key_hash);

	if (ctl->json)
		r = print_json(&label, secret, key_hash);
	else
		r = print_code(text);
	if (r == CTL_DONE && !ctl->json)
		r = print_fields(&label, secret, key_hash);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

static const struct args_option options[] = {
	{ "image", "FILE", "read the label from a picture, PNG or JPEG" },
	{ "show-secret", NULL, "print the secret too, in hexadecimal" },
	{ 0 },
};

const struct verb verb_qr_show = {
	.name = "qr show",
	.synopsis = "PAYLOAD|-|--image FILE",
	.summary = "Draws a label's code and says what is in it",
	.help = "\nWith --json: what is in it alone. The code drawn holds the secret: mind who "
		"looks.",
	.options = options,
	.max_words = 1,
	.run = run,
};
