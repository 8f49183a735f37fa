/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the files one over the other, key by key: the later file prevails over the earlier, both over the
 * default. Every file must be good by itself, whether its values hold or not; all that is wrong is reported.
 * A section [plugin NAME] is for a plugin of other makers and is handed to it as it stands.
 */
#include "agent/settings.h"

#include <stdio.h>

#include "agent/settings-disk.h"
#include "agent/settings-file.h"
#include "agent/settings-key.h"
#include "agent/settings-report.h"
#include "lib/util.h"
#include "lib/wire.h"

#define FOREIGN "plugin "
#define NEWS    (SETTINGS_USE_PLUGIN | SETTINGS_USE_RESTART)

struct reading {
	const struct settings_blob *blob; /* that is read */
	unsigned n_files;
	struct settings *settings;
	struct settings_entry **last;
	struct settings_report *report;
};

/* --- entries --- */

static struct settings_entry *entry_free(struct settings_entry *entry)
{
	free(entry->value);
	free(entry->fallback);
	free(entry->source);
	free(entry);
	return NULL;
}

static struct settings_entry *find_entry(const struct settings *settings, const char *section,
					 const char *name)
{
	struct settings_entry *entry = settings->entries;

	while (entry && !(gw_streq(entry->section, section) && gw_streq(entry->name, name)))
		entry = entry->next;
	return entry;
}

const struct settings_entry *settings_find(const struct settings *settings, const char *section,
					   const char *name)
{
	return find_entry(settings, section, name);
}

static int add_entry(struct reading *reading, const struct settings_key *key, const char *section,
		     const char *name, const char *value)
{
	struct settings_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	*reading->last = entry;
	reading->last = &entry->next;
	entry->key = key;
	(void)gw_copy(entry->section, sizeof(entry->section), section);
	(void)gw_copy(entry->name, sizeof(entry->name), name);
	entry->value = strdup(value);
	entry->fallback = strdup(value);
	entry->source = strdup("default");
	return entry->value && entry->fallback && entry->source ? 0 : -ENOMEM;
}

/* All that the table knows, with its defaults. */
static int add_defaults(struct reading *reading)
{
	char why[SETTINGS_WHY_MAX];
	const struct settings_key *key;
	int r = 0;

	for (size_t i = 0; r >= 0 && (key = settings_key_at(i)); i++) {
		if (key->value && !settings_key_set(key, key->value, reading->settings, why))
			abort();
		r = add_entry(reading, key, key->section, key->name, key->value ? key->value : "");
	}
	return r;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int set_entry(struct reading *reading, struct settings_entry *entry,
		     const struct settings_line *line)
{
	char source[SETTINGS_PROBLEM_MAX];
	int r;

	(void)snprintf(source, sizeof(source), "%s:%u", reading->blob->path, line->number);
	r = set_text(&entry->value, line->value);
	if (r >= 0)
		r = set_text(&entry->source, source);
	if (r >= 0 && reading->blob->is_vendor)
		r = set_text(&entry->fallback, line->value);
	return r;
}

/* --- what is wrong --- */

static void complain(struct reading *reading, const struct settings_line *line, const char *why)
{
	settings_report_add(reading->report, "%s:%u: [%s] %s %s", reading->blob->path, line->number,
			    line->section, line->name, why);
}

static void complain_of_section(struct reading *reading, const struct settings_line *line)
{
	const char *near = settings_key_near_section(line->section);
	char why[SETTINGS_WHY_MAX];

	if (near)
		(void)snprintf(why, sizeof(why),
			       "is in a section that does not exist; is [%s] meant?", near);
	else
		(void)snprintf(
			why, sizeof(why),
			"is in a section that does not exist; that of a plugin of other makers "
			"is [" FOREIGN "NAME]");
	complain(reading, line, why);
}

static void complain_of_key(struct reading *reading, const struct settings_line *line)
{
	const char *near = settings_key_near_name(line->section, line->name);
	const char *other = settings_key_other_section(line->section, line->name);
	char why[SETTINGS_WHY_MAX] =
		"is no key of this section; see gangway.conf(5) for those there are";

	if (near)
		(void)snprintf(why, sizeof(why), "is no key of this section; is %s meant?", near);
	else if (other)
		(void)snprintf(why, sizeof(why), "is no key of this section but of [%s]", other);
	complain(reading, line, why);
}

/* "plugin NAME", of a plugin whose section has no shorter name. */
static bool is_foreign(const char *section)
{
	const char *name = section + strlen(FOREIGN);

	return strncmp(section, FOREIGN, strlen(FOREIGN)) == 0 && strlen(name) <= GW_NAME_MAX &&
	       gw_gateway_id_is_valid(name) && !settings_key_knows_section(name);
}

/* --- reading --- */

/* A key that we know: its value must be good. It is kept either way, so that it is not missed too. */
static int take_known(struct reading *reading, const struct settings_key *key,
		      const struct settings_line *line)
{
	char why[SETTINGS_WHY_MAX];

	if (!settings_key_set(key, line->value, reading->settings, why))
		complain(reading, line, why);
	return set_entry(reading, find_entry(reading->settings, line->section, line->name), line);
}

static int take_foreign(struct reading *reading, const struct settings_line *line)
{
	struct settings_entry *entry = find_entry(reading->settings, line->section, line->name);
	int r;

	if (!gw_is_printable(line->value) || strlen(line->value) > SETTINGS_TEXT_MAX) {
		complain(reading, line, "must be at most 256 characters of printable ASCII");
		return 0;
	}
	if (!entry) {
		r = add_entry(reading, /* key= */ NULL, line->section, line->name, "");
		if (r < 0)
			return r;
		entry = find_entry(reading->settings, line->section, line->name);
	}
	return set_entry(reading, entry, line);
}

static int take(void *userdata, const struct settings_line *line)
{
	struct reading *reading = userdata;
	const struct settings_key *key = settings_key_find(line->section, line->name);

	if (key)
		return take_known(reading, key, line);
	if (is_foreign(line->section))
		return take_foreign(reading, line);
	if (settings_key_knows_section(line->section))
		complain_of_key(reading, line);
	else
		complain_of_section(reading, line);
	return 0;
}

static int read_blob(struct reading *reading, const struct settings_blob *blob)
{
	reading->blob = blob;
	return settings_file_parse(blob, reading->report, take, reading);
}

static int read_files(struct reading *reading, const struct settings_paths *paths)
{
	struct settings_blob *blobs;
	size_t n;
	int r;

	r = settings_disk_read(paths, reading->report, &blobs, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = read_blob(reading, &blobs[i]);
	settings_blobs_free(blobs, n);
	return r;
}

/* --- the whole --- */

static void check_missing(struct reading *reading, const char *file)
{
	const struct settings_entry *entry = reading->settings->entries;

	for (; entry; entry = entry->next)
		if (entry->key && !entry->key->value && gw_streq(entry->source, "default"))
			settings_report_add_missing(reading->report, file, entry->section,
						    entry->name);
}

static void check_retries(struct reading *reading)
{
	const struct settings *settings = reading->settings;
	const struct settings_entry *first = settings_find(settings, "cloud", "retry_first");
	const struct settings_entry *max = settings_find(settings, "cloud", "retry_max");

	if (settings->cloud_retry_first_s <= settings->cloud_retry_max_s)
		return;
	if (gw_streq(max->source, "default"))
		settings_report_add(
			reading->report,
			"%s: [cloud] retry_first is %s, more than retry_max, which is %s",
			first->source, first->value, max->value);
	else
		settings_report_add(
			reading->report,
			"%s: [cloud] retry_max is %s, less than retry_first, which is %s "
			"(%s)",
			max->source, max->value, first->value, first->source);
}

static size_t section_len(const struct settings *settings, const char *section)
{
	size_t len = 0;

	for (const struct settings_entry *e = settings->entries; e; e = e->next)
		if (gw_streq(e->section, section))
			len += strlen(e->name) + strlen(e->value) + strlen("=\n");
	return len;
}

/* Each section once: at its first key. */
static void check_lengths(struct reading *reading)
{
	const char *section = "";

	for (const struct settings_entry *e = reading->settings->entries; e; e = e->next) {
		if (gw_streq(e->section, section))
			continue;
		section = e->section;
		if (section_len(reading->settings, section) >= SETTINGS_SECTION_MAX)
			settings_report_add(
				reading->report,
				"%s: [%s] is too long in all: a section has room for %d "
				"characters",
				e->source, section, SETTINGS_SECTION_MAX - 1);
	}
}

static int read_all(struct reading *reading, const struct settings_paths *paths,
		    const struct settings_blob *draft)
{
	int r;

	r = add_defaults(reading);
	if (r >= 0)
		r = read_files(reading, paths);
	if (r >= 0 && draft)
		r = read_blob(reading, draft);
	if (r < 0)
		return r;

	check_missing(reading, draft ? draft->path : paths->file);
	check_retries(reading);
	check_lengths(reading);
	return reading->report->n ? -EINVAL : 0;
}

int settings_read(const struct settings_paths *paths, const struct settings_blob *draft,
		  struct settings *ret, struct settings_report *report)
{
	struct settings settings = { 0 };
	struct reading reading = { .settings = &settings,
				   .last = &settings.entries,
				   .report = report };
	int r;

	*report = (struct settings_report){ 0 };
	r = read_all(&reading, paths, draft);
	if (r == -ENOMEM)
		settings_report_add(report, "%s: cannot be read: %s", paths->file, strerror(-r));
	if (r < 0) {
		settings_done(&settings);
		return r;
	}

	*ret = settings;
	return 0;
}

void settings_done(struct settings *settings)
{
	while (settings->entries) {
		struct settings_entry *entry = settings->entries;

		settings->entries = entry->next;
		entry_free(entry);
	}
}

/* --- sections, as plugins get them --- */

static void name_section(const char *plugin, char section[static SETTINGS_NAME_MAX + 1])
{
	(void)snprintf(section, SETTINGS_NAME_MAX + 1, "%s%s",
		       settings_key_knows_section(plugin) ? "" : FOREIGN, plugin);
}

void settings_of_plugin(const struct settings *settings, const char *plugin,
			char text[static SETTINGS_SECTION_MAX])
{
	char section[SETTINGS_NAME_MAX + 1];
	size_t len = 0;

	*text = 0;
	name_section(plugin, section);
	for (const struct settings_entry *e = settings->entries; e; e = e->next)
		if (gw_streq(e->section, section) && len < SETTINGS_SECTION_MAX)
			len += (size_t)snprintf(text + len, SETTINGS_SECTION_MAX - len, "%s=%s\n",
						e->name, e->value);
}

static bool holds_the_same(const struct settings *settings, const struct settings_entry *entry)
{
	const struct settings_entry *other = settings_find(settings, entry->section, entry->name);

	return other && gw_streq(other->value, entry->value);
}

/* Whether a has what b has not, in what the plugin uses of that section. */
static bool has_other(const struct settings *a, const struct settings *b, const char *section)
{
	for (const struct settings_entry *e = a->entries; e; e = e->next)
		if (gw_streq(e->section, section) &&
		    (!e->key || (e->key->use & NEWS) == SETTINGS_USE_PLUGIN) &&
		    !holds_the_same(b, e))
			return true;
	return false;
}

bool settings_differ_for_plugin(const struct settings *a, const struct settings *b,
				const char *plugin)
{
	char section[SETTINGS_NAME_MAX + 1];

	name_section(plugin, section);
	return has_other(a, b, section) || has_other(b, a, section);
}

/* --- one after the other --- */

static void swap_text(char **a, char **b)
{
	char *c = *a;

	*a = *b;
	*b = c;
}

size_t settings_keep(struct settings *fresh, struct settings *running,
		     const struct settings_key **ret_kept, size_t max)
{
	char why[SETTINGS_WHY_MAX];
	size_t n = 0;

	for (struct settings_entry *e = fresh->entries; e; e = e->next) {
		struct settings_entry *old;

		if (!e->key || !(e->key->use & SETTINGS_USE_RESTART) || holds_the_same(running, e))
			continue;
		old = find_entry(running, e->section, e->name);
		swap_text(&e->value, &old->value);
		swap_text(&e->source, &old->source);
		(void)settings_key_set(e->key, e->value, fresh, why);
		if (n < max)
			ret_kept[n] = e->key;
		n++;
	}
	return n;
}
