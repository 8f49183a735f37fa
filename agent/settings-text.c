/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing is said of a key here that the table does not say: who changes the table changes the texts. */
#include "agent/settings-text.h"

#include "agent/settings-key.h"
#include "lib/util.h"

#define COLUMNS 100

static bool begins_section(size_t i)
{
	return i == 0 || !gw_streq(settings_key_at(i)->section, settings_key_at(i - 1)->section);
}

/* "Value: 1 to 3600 seconds." */
static void describe(const struct settings_key *key, char *text, size_t size)
{
	char what[128];

	settings_key_describe(key, what, sizeof(what));
	if (key->type == SETTINGS_TYPE_NUMBER)
		(void)snprintf(what, sizeof(what), "%llu to %llu%s%s", (unsigned long long)key->min,
			       (unsigned long long)key->max, key->unit ? " " : "",
			       key->unit ? key->unit : "");
	(void)snprintf(text, size, "Value: %s.", what);
}

/* --- the file --- */

/* A remark of so many lines as it takes. */
static void print_remark(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > COLUMNS) {
			(void)fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : "# ", (int)len, text);
		text += len + (text[len] == ' ');
	}
	(void)fputc('\n', out);
}

static void print_key(FILE *out, const struct settings_key *key)
{
	char what[192], text[1024];

	describe(key, what, sizeof(what));
	(void)snprintf(text, sizeof(text), "%s %s%s", key->text, what,
		       key->value ? "" : " Must be set.");
	print_remark(out, text);
	(void)fprintf(out, "#%s =%s%s\n", key->name, key->value && *key->value ? " " : "",
		      key->value ? key->value : "");
}

void settings_text_conf(FILE *out)
{
	const struct settings_key *key;

	print_remark(
		out,
		"gangway.conf: the configuration of this gateway, see gangway.conf(5). What stands "
		"here as a remark is the default. Drop-ins gangway.conf.d/*.conf prevail over "
		"this file. After a change: gangwayctl config check, then gangwayctl config "
		"reload.");
	for (size_t i = 0; (key = settings_key_at(i)); i++) {
		if (begins_section(i))
			(void)fprintf(out, "\n[%s]\n", key->section);
		print_key(out, key);
	}
}

/* --- the manual --- */

/* A sentence a line, as mdoc likes it. */
static void print_sentences(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		bool is_end = c > text && c[-1] != ' ' && c[0] == '.' && c[1] == ' ';

		(void)fprintf(out, *c == '\\' ? "\\e" : "%c", *c);
		if (is_end) {
			(void)fputc('\n', out);
			c++;
		}
	}
	(void)fputc('\n', out);
}

static void print_default(FILE *out, const struct settings_key *key)
{
	if (!key->value)
		(void)fputs("Must be set.\n", out);
	else if (!*key->value)
		(void)fputs("Empty by default.\n", out);
	else
		(void)fprintf(out, "The default is\n.Ql %s .\n", key->value);
}

static void print_use(FILE *out, const struct settings_key *key)
{
	if (key->use & SETTINGS_USE_RESTART)
		(void)fputs("A change needs a restart of\n.Xr gangwayd 8 .\n", out);
	else if (key->use & SETTINGS_USE_PLUGIN)
		(void)fprintf(out,
			      "A change is taken over by reloading, and\n.Xr gangway-%s "
			      "8\nconnects anew.\n",
			      gw_streq(key->section, "cloud") ? "mqtt" : key->section);
	else
		(void)fputs("A change is taken over by reloading.\n", out);
}

static void print_entry(FILE *out, const struct settings_key *key)
{
	char what[192];

	describe(key, what, sizeof(what));
	(void)fprintf(out, ".It Cm %s\n", key->name);
	print_sentences(out, key->text);
	print_sentences(out, what);
	print_default(out, key);
	print_use(out, key);
}

void settings_text_mdoc(FILE *out)
{
	const struct settings_key *key;

	for (size_t i = 0; (key = settings_key_at(i)); i++) {
		if (begins_section(i))
			(void)fprintf(out, ".Ss [%s]\n.Bl -tag -width Ds\n", key->section);
		print_entry(out, key);
		if (!settings_key_at(i + 1) || begins_section(i + 1))
			(void)fputs(".El\n", out);
	}
}
