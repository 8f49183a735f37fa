/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libeconf reads the file; the table below says which keys there are, of what type, within which
 * bounds, and what they default to. Sections that the table does not know belong to plugins of other
 * makers and are handed to them as they stand.
 */
#include "agent/settings.h"

#include <libeconf.h>
#include <limits.h>
#include <stdio.h>

#include "lib/util.h"

#define SECTION_MAX 3968 /* GW_SETTINGS_MAX, less what the agent adds for the cloud link */

enum type {
	TYPE_BOOL,
	TYPE_NUMBER,
	TYPE_GATEWAY,
	TYPE_BROKER,
	TYPE_TEXT,
	TYPE_CLOCK,
	_TYPE_MAX,
};

struct key {
	const char *section, *name;
	enum type type;
	uint64_t min, max;
	const char *value; /* default; NULL: must be set */
	size_t offset;     /* in struct settings; SIZE_MAX: only a plugin wants it */
};

#define FOR_PLUGIN SIZE_MAX
#define IN(member) offsetof(struct settings, member)
#define DAY        86400
#define LONG_AGO   (100ull * 365 * DAY)

/* clang-format off */
static const struct key keys[] = {
	{ "gateway",   "id",                    TYPE_GATEWAY, 0, 0,            NULL,            IN(gateway) },
	{ "cloud",     "broker",                TYPE_BROKER,  0, 0,            NULL,            IN(cloud_broker) },
	{ "cloud",     "plain_secrets",         TYPE_BOOL,    0, 0,            "no",            IN(cloud_plain_secrets) },
	{ "cloud",     "device_endpoint",       TYPE_TEXT,    0, 0,            "",              IN(cloud_device_endpoint) },
	{ "cloud",     "retry_first",           TYPE_NUMBER,  1, 3600,         "2",             FOR_PLUGIN },
	{ "cloud",     "retry_max",             TYPE_NUMBER,  1, DAY,          "300",           FOR_PLUGIN },
	{ "cloud",     "silent_after",          TYPE_NUMBER,  1, 3600,         "15",            FOR_PLUGIN },
	{ "ip",        "interfaces",            TYPE_TEXT,    0, 0,            "lo",            FOR_PLUGIN },
	{ "ip",        "coaps_port",            TYPE_NUMBER,  1, 65535,        "5684",          FOR_PLUGIN },
	{ "registrar", "psk_ccm8",              TYPE_BOOL,    0, 0,            "yes",           FOR_PLUGIN },
	{ "registrar", "handshakes_max",        TYPE_NUMBER,  1, 65536,        "1024",          FOR_PLUGIN },
	{ "registrar", "handshakes_per_source", TYPE_NUMBER,  1, 65536,        "64",            FOR_PLUGIN },
	{ "registrar", "handshake_timeout",     TYPE_NUMBER,  1, 600,          "60",            IN(registrar_handshake_timeout_s) },
	{ "registrar", "sessions_max",          TYPE_NUMBER,  1, 65536,        "1024",          FOR_PLUGIN },
	{ "registrar", "sessions_per_source",   TYPE_NUMBER,  1, 65536,        "256",           FOR_PLUGIN },
	{ "registrar", "idle_timeout",          TYPE_NUMBER,  1, DAY,          "120",           FOR_PLUGIN },
	{ "registrar", "secret_rate",           TYPE_NUMBER,  1, 10000,        "100",           IN(registrar_secret_rate) },
	{ "policy",    "claim_lifetime",        TYPE_NUMBER,  0, LONG_AGO,     "2592000",       IN(claim_lifetime_s) },
	{ "policy",    "prove_within",          TYPE_NUMBER,  1, LONG_AGO,     "86400",         IN(prove_within_s) },
	{ "limits",    "devices",               TYPE_NUMBER,  1, 1000000,      "10000",         IN(devices_max) },
	{ "limits",    "jobs",                  TYPE_NUMBER,  1, 1000000,      "5000",          IN(jobs_max) },
	{ "limits",    "discovered",            TYPE_NUMBER,  0, 10000,        "256",           IN(discovered_max) },
	{ "limits",    "discovered_age",        TYPE_NUMBER,  1, LONG_AGO,     "3600",          IN(discovered_age_s) },
	{ "clock",     "trust",                 TYPE_CLOCK,   0, 0,            "system-or-cloud", IN(clock_trusts_cloud) },
};
/* clang-format on */

struct settings_section {
	struct settings_section *next;
	char name[SETTINGS_TEXT_MAX + 1];
	char text[SECTION_MAX];
	size_t len;
};

/* --- one value --- */

static const char *set_bool(const char *value, bool *ret)
{
	if (!gw_streq(value, "yes") && !gw_streq(value, "no"))
		return "must be yes or no";

	*ret = gw_streq(value, "yes");
	return NULL;
}

static const char *set_text(const char *value, char *ret)
{
	if (gw_copy(ret, SETTINGS_TEXT_MAX + 1, value) < 0)
		return "is longer than 256 characters";
	return gw_is_printable(value) ? NULL : "must be printable ASCII";
}

static const char *set_gateway(const char *value, char *ret)
{
	if (!gw_gateway_id_is_valid(value))
		return "must be 1 to 64 characters of A-Z a-z 0-9 . _ -, and not 'provision'";
	return set_text(value, ret);
}

static const char *set_broker(const char *value, char *ret)
{
	const char *scheme = "mqtts://";
	const char *port = strrchr(value, ':');
	uint64_t number;

	if (strncmp(value, scheme, strlen(scheme)) != 0 || port <= value + strlen(scheme) ||
	    gw_parse_u64(port + 1, 1, 65535, &number) < 0)
		return "must be mqtts://HOST:PORT";
	return set_text(value, ret);
}

static const char *set_clock(const char *value, bool *ret)
{
	if (!gw_streq(value, "system") && !gw_streq(value, "system-or-cloud"))
		return "must be system or system-or-cloud";

	*ret = gw_streq(value, "system-or-cloud");
	return NULL;
}

static const char *set_number(const struct key *key, const char *value, uint64_t *ret)
{
	static char why[96];

	if (gw_parse_u64(value, key->min, key->max, ret) == 0)
		return NULL;
	(void)snprintf(why, sizeof(why), "must be a number from %llu to %llu",
		       (unsigned long long)key->min, (unsigned long long)key->max);
	return why;
}

/* Checks a value and puts it in its place. Returns what is wrong with it, or NULL. */
static const char *set_value(struct settings *settings, const struct key *key, const char *value)
{
	union {
		bool boolean;
		uint64_t number;
		char text[SETTINGS_TEXT_MAX + 1];
	} unused;
	void *to = key->offset == FOR_PLUGIN ? (void *)&unused : (char *)settings + key->offset;

	switch (key->type) {
	case TYPE_BOOL: return set_bool(value, to);
	case TYPE_NUMBER: return set_number(key, value, to);
	case TYPE_GATEWAY: return set_gateway(value, to);
	case TYPE_BROKER: return set_broker(value, to);
	case TYPE_TEXT: return set_text(value, to);
	case TYPE_CLOCK: return set_clock(value, to);
	case _TYPE_MAX: break;
	}
	abort();
}

/* --- sections, as plugins get them --- */

static struct settings_section *find_section(const struct settings *settings, const char *name)
{
	struct settings_section *section = settings->sections;

	while (section && !gw_streq(section->name, name))
		section = section->next;
	return section;
}

static int append_to_section(struct settings *settings, const char *name, const char *key,
			     const char *value)
{
	struct settings_section *section = find_section(settings, name);
	int n;

	if (!section) {
		section = calloc(1, sizeof(*section));
		if (!section)
			return -ENOMEM;
		(void)gw_copy(section->name, sizeof(section->name), name);
		section->next = settings->sections;
		settings->sections = section;
	}

	n = snprintf(section->text + section->len, SECTION_MAX - section->len, "%s=%s\n", key,
		     value);
	if (n < 0 || (size_t)n >= SECTION_MAX - section->len)
		return -E2BIG;
	section->len += (size_t)n;
	return 0;
}

const char *settings_section(const struct settings *settings, const char *name)
{
	const struct settings_section *section = find_section(settings, name);

	return section ? section->text : "";
}

static bool section_has(const struct settings *settings, const char *section, const char *key)
{
	const char *text = settings_section(settings, section);
	size_t len = strlen(key);

	for (; *text; text += strcspn(text, "\n") + 1)
		if (strncmp(text, key, len) == 0 && text[len] == '=')
			return true;
	return false;
}

/* --- the file --- */

struct reading {
	econf_file *file;
	const char *path;
	unsigned line; /* that is looked at; 0: none */
	struct settings *settings;
	char *error;
	size_t error_size;
};

static int fail(struct reading *reading, const char *section, const char *key, const char *why)
{
	char where[32] = "";

	if (reading->line)
		(void)snprintf(where, sizeof(where), ":%u", reading->line);
	(void)snprintf(reading->error, reading->error_size, "%s%s: [%s] %s %s", reading->path,
		       where, section, key, why);
	return -EINVAL;
}

static const struct key *find_key(const char *section, const char *name, bool *ret_section_known)
{
	*ret_section_known = false;
	for (size_t i = 0; i < GW_ELEMENTS(keys); i++) {
		if (!gw_streq(keys[i].section, section))
			continue;
		*ret_section_known = true;
		if (gw_streq(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

static int read_key(struct reading *reading, const char *section, const char *name)
{
	_cleanup_free_ char *value = NULL;
	bool section_known;
	const struct key *key = find_key(section, name, &section_known);
	econf_err e = econf_getStringValue(reading->file, section, name, &value);
	const char *why;

	if (e != ECONF_SUCCESS || !value)
		return fail(reading, section, name, "has no value");
	if (section_known && !key)
		return fail(reading, section, name,
			    "is no key of this section; see gangway.conf for those there are");
	if (strchr(value, '\n'))
		return fail(reading, section, name, "has more than one line");

	why = key ? set_value(reading->settings, key, value) : NULL;
	if (why)
		return fail(reading, section, name, why);
	if (append_to_section(reading->settings, section, name, value) < 0)
		return fail(reading, section, name, "makes its section too long");
	return 0;
}

/* One line: `[section]`, or a key and a delimiter. libeconf has seen to its form. */
static int read_line(struct reading *reading, char section[SETTINGS_TEXT_MAX + 1], char *line)
{
	line += strspn(line, " \t");
	if (!*line || *line == '#' || *line == '\n')
		return 0;

	if (*line == '[') {
		line[strcspn(line, "]\n")] = 0;
		if (gw_copy(section, SETTINGS_TEXT_MAX + 1, line + 1) < 0)
			return fail(reading, "", "", "is too long for a section");
		return 0;
	}

	line[strcspn(line, "= \t\n")] = 0;
	if (!*section)
		return fail(reading, "", line, "stands before the first [section]");
	if (section_has(reading->settings, section, line))
		return fail(reading, section, line, "stands a second time");
	return read_key(reading, section, line);
}

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

/* Line by line: libeconf's own lists leave out keys at times, and have no line numbers. */
static int read_lines(struct reading *reading)
{
	_cleanup_(close_file) FILE *file = fopen(reading->path, "re");
	char section[SETTINGS_TEXT_MAX + 1] = "";
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!file)
		return fail(reading, "", "", "cannot be read");
	while (r >= 0 && getline(&line, &size, file) >= 0) {
		reading->line++;
		r = read_line(reading, section, line);
	}
	if (r < 0)
		return r;
	reading->line = 0;
	return feof(file) ? 0 : fail(reading, "", "", "cannot be read to its end");
}

static int fill_in_defaults(struct reading *reading)
{
	for (size_t i = 0; i < GW_ELEMENTS(keys); i++) {
		if (section_has(reading->settings, keys[i].section, keys[i].name))
			continue;
		if (!keys[i].value)
			return fail(reading, keys[i].section, keys[i].name, "must be set");
		if (set_value(reading->settings, &keys[i], keys[i].value))
			abort();
		if (append_to_section(reading->settings, keys[i].section, keys[i].name,
				      keys[i].value) < 0)
			return fail(reading, keys[i].section, keys[i].name,
				    "makes its section too long");
	}
	return 0;
}

static int open_file(struct reading *reading)
{
	econf_err e = econf_readFile(&reading->file, reading->path, "=", "#");
	char *where = NULL;
	uint64_t line = 0;

	if (e == ECONF_SUCCESS)
		return 0;

	if (e == ECONF_NOFILE) {
		(void)snprintf(reading->error, reading->error_size,
			       "%s: there is no such file; name one with --config", reading->path);
		return -ENOENT;
	}
	econf_errLocation(&where, &line);
	free(where);
	(void)snprintf(reading->error, reading->error_size, "%s:%llu: %s", reading->path,
		       (unsigned long long)line, econf_errString(e));
	return -EINVAL;
}

int settings_read(const char *path, struct settings *ret, char *error, size_t error_size)
{
	struct settings settings = { 0 };
	struct reading reading = {
		.path = path, .settings = &settings, .error = error, .error_size = error_size
	};
	int r;

	r = open_file(&reading);
	if (r >= 0)
		r = read_lines(&reading);
	if (r >= 0)
		r = fill_in_defaults(&reading);
	econf_freeFile(reading.file);
	if (r < 0) {
		settings_done(&settings);
		return r;
	}

	*ret = settings;
	return 0;
}

void settings_done(struct settings *settings)
{
	while (settings->sections) {
		struct settings_section *section = settings->sections;

		settings->sections = section->next;
		free(section);
	}
}
