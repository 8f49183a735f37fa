/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's configuration: what is taken, what is made up, and that an error says where it stands. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/settings-disk.h"
#include "agent/settings-key.h"
#include "agent/settings-report.h"
#include "agent/settings-text.h"
#include "agent/settings.h"
#include "lib/util.h"

#define MINIMAL "[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://broker.example:8883\n"

static char path[64];
static const struct settings_paths paths = { .file = path };
static struct settings_report report;
static struct settings settings;
static char section[SETTINGS_SECTION_MAX];

static int set_up(void **state)
{
	int fd;

	memset(&settings, 0, sizeof(settings));
	(void)strcpy(path, "/tmp/gangway-settings-XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	settings_done(&settings);
	return unlink(path);
}

static int read_bytes(const char *bytes, size_t len)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	settings_done(&settings);
	return settings_read(&paths, /* draft= */ NULL, &settings, &report);
}

static int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const char *of_plugin(const char *plugin)
{
	settings_of_plugin(&settings, plugin, section);
	return section;
}

/* One of the problems must begin with the file and the line (0: none), and say these two. */
static bool says(unsigned line, const char *key, const char *what)
{
	char where[128];

	(void)snprintf(where, sizeof(where), line ? "%s:%u: " : "%s: ", path, line);
	for (size_t i = 0; i < report.n; i++)
		if (strncmp(report.problems[i], where, strlen(where)) == 0 &&
		    strstr(report.problems[i], key) && strstr(report.problems[i], what))
			return true;
	return false;
}

static void fail_with_report(unsigned line, const char *key, const char *what)
{
	char text[4096];

	settings_report_text(&report, text, sizeof(text));
	fail_msg("no problem of line %u says '%s' and '%s':\n%s", line, key, what, text);
}

static void refuse(const char *text, unsigned line, const char *key, const char *what)
{
	if (read_text(text) != -EINVAL)
		fail_msg("taken: %s", text);
	if (!says(line, key, what))
		fail_with_report(line, key, what);
	assert_null(settings.entries);
}

/* And nothing else is wrong. */
static void refuse_for(const char *text, unsigned line, const char *key, const char *what)
{
	refuse(text, line, key, what);
	if (report.n != 1)
		fail_with_report(line, "only", "this");
}

/* One more line, the fifth, behind a section of its own, the sixth. */
static void refuse_value(const char *in, const char *key, const char *value, const char *what)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), MINIMAL "[%s]\n%s = %s\n", in, key, value);
	refuse_for(text, 6, key, what);
}

static void defaults_are_set(void)
{
	assert_string_equal(settings.cloud_device_endpoint, "");
	assert_false(settings.cloud_plain_secrets);
	assert_true(settings.clock_trusts_cloud);
	assert_true(settings.registrar_handshake_timeout_s == 60);
	assert_true(settings.claim_lifetime_s == 30 * 86400);
	assert_true(settings.prove_within_s == 86400);
	assert_true(settings.devices_max == 10000);
	assert_true(settings.devices_renew_after == 66 && settings.devices_renew_spread == 50);
	assert_int_equal(settings.devices_expired, RENEWAL_EXPIRED_REFUSE);
	assert_true(settings.devices_grace_days == 30);
	assert_true(settings.jobs_max == 5000);
	assert_true(settings.discovered_max == 256);
	assert_true(settings.discovered_age_s == 3600);
	assert_string_equal(of_plugin("ip"), "interfaces=lo\ncoaps_port=5684\n");
	assert_non_null(strstr(of_plugin("cloud"), "retry_max=300\n"));
	assert_non_null(strstr(of_plugin("registrar"), "secret_rate=100\n"));
}

static void defaults(void **state)
{
	assert_int_equal(read_text(MINIMAL), 0);
	assert_string_equal(settings.gateway, "gw-1");
	assert_string_equal(settings.cloud_broker, "mqtts://broker.example:8883");
	defaults_are_set();
	assert_string_equal(of_plugin("nobody"), "");
}
static void what_is_set_is_taken(void **state)
{
	assert_int_equal(read_text(MINIMAL "plain_secrets = yes\n"
					   "# a remark\n"
					   "[policy]\nclaim_lifetime=0\nprove_within = 60\n"
					   "[limits]\ndevices = 1000000\n"
					   "[clock]\ntrust = system\n"
					   "[ip]\ninterfaces = eth0 eth1\n"),
			 0);
	assert_true(settings.cloud_plain_secrets);
	assert_true(settings.claim_lifetime_s == 0);
	assert_true(settings.prove_within_s == 60);
	assert_true(settings.devices_max == 1000000);
	assert_false(settings.clock_trusts_cloud);
	assert_string_equal(of_plugin("ip"), "interfaces=eth0 eth1\ncoaps_port=5684\n");
}

static void sections_of_others(void **state)
{
	assert_int_equal(read_text(MINIMAL "[plugin acme-radio]\nchannel = 11\nname = x y\n"), 0);
	assert_string_equal(of_plugin("acme-radio"), "channel=11\nname=x y\n");

	/* The same key right behind itself, in another section. */
	assert_int_equal(read_text(MINIMAL "[plugin a]\nport = 1\n[plugin b]\nport = 2\n"), 0);
	assert_string_equal(of_plugin("a"), "port=1\n");
	assert_string_equal(of_plugin("b"), "port=2\n");
	assert_string_equal(of_plugin("c"), "");
}

static void values_that_are_none(void **state)
{
	char longest[300];

	refuse("[gateway]\nid = gw 1\n", 2, "id", "must be 1 to 64 characters");
	refuse("[gateway]\nid = provision\n", 2, "id", "not 'provision'");
	refuse_value("cloud", "plain_secrets", "maybe", "must be yes or no");
	refuse_value("cloud", "plain_secrets", "true", "must be yes or no");
	refuse_value("registrar", "psk_ccm8", "1", "must be yes or no");
	refuse_value("ip", "coaps_port", "0", "from 1 to 65535");
	refuse_value("ip", "coaps_port", "65536", "from 1 to 65535");
	refuse_value("ip", "coaps_port", "-1", "from 1 to 65535");
	refuse_value("ip", "coaps_port", "0x10", "from 1 to 65535");
	refuse_value("ip", "coaps_port", "12a", "from 1 to 65535");
	refuse_value("limits", "devices", "0", "from 1 to 1000000");
	refuse_value("limits", "devices", "99999999999999999999999", "from 1 to 1000000");
	refuse_value("policy", "prove_within", "1d", "must be a number");
	refuse_value("clock", "trust", "cloud", "must be system or system-or-cloud");
	refuse_value("ip", "interfaces", "et\303\244h", "must be printable ASCII");
	memset(longest, 'x', 257);
	longest[257] = 0;
	refuse_value("cloud", "device_endpoint", longest, "longer than 256");
}

static void brokers_that_are_none(void **state)
{
	static const char *const brokers[] = { "mqtt://broker:8883", "mqtts://broker",
					       "mqtts://broker:",    "mqtts://:8883",
					       "mqtts://broker:0",   "mqtts://broker:65536",
					       "broker:8883",        "mqtts://" };

	for (size_t i = 0; i < GW_ELEMENTS(brokers); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "[gateway]\nid = gw-1\n[cloud]\nbroker = %s\n",
			       brokers[i]);
		refuse(text, 4, "broker", "must be mqtts://HOST:PORT");
	}
}

static void what_must_be_set(void **state)
{
	refuse("", 0, "id", "must be set");
	refuse("[gateway]\nid = gw-1\n", 0, "broker", "must be set");
	refuse("[cloud]\nbroker = mqtts://b:1\n", 0, "id", "must be set");
	refuse("[gateway]\nid =\n[cloud]\nbroker = mqtts://b:1\n", 2, "id", "");
}

static void keys_that_nobody_knows(void **state)
{
	refuse_value("cloud", "brokre", "x", "is broker meant?");
	refuse_value("registrar", "sesions_max", "5", "is sessions_max meant?");
	refuse_value("limits", "zzzzzz", "x", "see gangway.conf(5)");
	refuse_value("ip", "broker", "x", "is no key of this section but of [cloud]");
	refuse_for("id = gw-1\n" MINIMAL, 1, "id", "before the first [section]");
}

static void sections_that_nobody_knows(void **state)
{
	refuse_value("registar", "sessions_max", "5", "is [registrar] meant?");
	refuse_value("limit", "devices", "5", "is [limits] meant?");
	refuse_value("acme-radio", "channel", "11", "[plugin NAME]");
	refuse_value("plugin ip", "interfaces", "lo", "a section that does not exist");
	refuse_value("plugin ", "x", "1", "a section that does not exist");
	refuse_value("plugin a b", "x", "1", "a section that does not exist");
	refuse_value(" ip", "interfaces", "lo", "is [ip] meant?");
}

static void no_file(void **state)
{
	static const struct settings_paths nowhere = { .file = "/nowhere/gangway.conf" };

	assert_int_equal(settings_read(&nowhere, NULL, &settings, &report), -ENOENT);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.problems[0],
			    "/nowhere/gangway.conf: there is no such file; name one with --config");
}

/* Form: what libeconf would take in some way or other. */
static void lines_that_are_none(void **state)
{
	refuse_for(MINIMAL "[ip\n", 5, "", "] is missing");
	refuse_for(MINIMAL "[ip] x\n", 5, "", "nothing may stand behind");
	refuse_for(MINIMAL "[ip]x = 1\n", 5, "", "nothing may stand behind");
	refuse_for(MINIMAL "[]\n", 5, "", "name of a section");
	refuse_for(MINIMAL "[a=b]\nx = 1\n", 5, "", "name of a section");
	refuse_for(MINIMAL "lonely\n", 5, "", "neither [section] nor key = value");
	refuse_for(MINIMAL "  goes on\n", 5, "", "neither [section] nor key = value");
	refuse_for(MINIMAL "= value\n", 5, "", "name of a key");
	refuse_for(MINIMAL "two words = value\n", 5, "", "name of a key");
	refuse_for(MINIMAL "; remark = none\n", 5, "", "name of a key");
	refuse_for(MINIMAL "device_endpoint = \"x\n", 5, "device_endpoint", "quote");
	refuse_for(MINIMAL "device_endpoint = \"\n", 5, "device_endpoint", "quote");
	refuse_for(MINIMAL "device_endpoint = a\"b\n", 5, "device_endpoint", "quote");
	refuse_for(MINIMAL "device_endpoint = \"a\"b\"\n", 5, "device_endpoint", "quote");
	refuse_for(MINIMAL "device_endpoint = a#b\n", 5, "device_endpoint", "#");
	refuse_for(MINIMAL "device_endpoint = \"a # b\"\n", 5, "device_endpoint", "quote");
}

static void bytes_that_are_no_text(void **state)
{
	static const char zero[] = MINIMAL "plain_secrets = y\0es\n";

	assert_int_equal(read_bytes(zero, sizeof(zero) - 1), -EINVAL);
	assert_true(says(5, "", "a zero byte"));
	refuse_for("\xef\xbb\xbf" MINIMAL, 1, "", "byte order mark");
	refuse_for(MINIMAL "plain_secrets = yes\r\n", 5, "", "CR LF");
	refuse_for(MINIMAL "plain_secrets\v = yes\n", 5, "", "control character");
	refuse_for(MINIMAL "# bell \a\n", 5, "", "control character");
}

static void forms_that_are_good(void **state)
{
	assert_int_equal(read_text("# Gr\303\274\303\237e\n\n \t\n  [gateway]  \n\tid=gw-1\t \n"
				   "[cloud] # ours\nbroker=\"mqtts://[::1]:8883\"  # quoted\n"
				   "device_endpoint =\n[ip]\ninterfaces=\n[gateway]\n"
				   "[limits]\n   # indented remark\ndevices = 5"),
			 0);
	assert_string_equal(settings.gateway, "gw-1");
	assert_string_equal(settings.cloud_broker, "mqtts://[::1]:8883");
	assert_string_equal(settings.cloud_device_endpoint, "");
	assert_true(settings.devices_max == 5); /* without a newline at its end */
	assert_string_equal(of_plugin("ip"), "interfaces=\ncoaps_port=5684\n");
}

static void lines_that_are_long(void **state)
{
	char text[8192];
	int n = snprintf(text, sizeof(text), MINIMAL "# ");

	memset(text + n, 'x', 998);
	(void)strcpy(text + n + 998, "\n[limits]\ndevices = 7\n");
	assert_int_equal(read_text(text), 0);
	assert_true(settings.devices_max == 7);

	memset(text + n, 'x', 999);
	(void)strcpy(text + n + 999, "\n");
	refuse_for(text, 5, "", "longer than 1000");
	memset(text + n, 'x', 8000 - (size_t)n); /* libeconf would cut it in two */
	(void)strcpy(text + 8000, "\n[limits]\ndevices = 7\n");
	refuse_for(text, 5, "", "longer than 1000");
}

/* A key that stands twice: which one counts must not be a matter of luck. */
static void a_key_that_stands_twice(void **state)
{
	refuse_for(MINIMAL "[ip]\ncoaps_port = 1\ncoaps_port = 2\n", 7, "coaps_port",
		   "a second time; the first is line 6");
	refuse_for(MINIMAL "[ip]\n[gateway]\nid = gw-2\n", 7, "id", "a second time");
}

static void what_only_two_together_make_wrong(void **state)
{
	refuse_for(MINIMAL "retry_first = 20\nretry_max = 10\n", 6, "retry_max",
		   "less than retry_first, which is 20");
	refuse_for(MINIMAL "retry_first = 301\n", 5, "retry_first",
		   "more than retry_max, which is 300");
	assert_int_equal(read_text(MINIMAL "retry_first = 10\nretry_max = 10\n"), 0);
}

static void all_that_is_wrong_is_said(void **state)
{
	char text[8192] = MINIMAL "[limits]\n";
	size_t len = strlen(text);

	refuse("[gateway]\nid = a b\n[ip]\ncoaps_port = 0\n[limits\nx\n[polcy]\nprove_within = 1\n"
	       "[clock]\ntrust = me\ntrust = you\n",
	       2, "id", "must be");
	assert_int_equal(report.n, 8);
	assert_true(says(4, "coaps_port", "from 1 to 65535"));
	assert_true(says(5, "", "] is missing"));
	assert_true(says(6, "", "neither"));
	assert_true(says(8, "prove_within", "is [policy] meant?"));
	assert_true(says(10, "trust", "must be system"));
	assert_true(says(11, "trust", "a second time"));
	assert_true(says(0, "broker", "must be set"));

	for (int i = 0; i < 50; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "key%d = 1\n", i);
	refuse(text, 6, "key0", "is no key");
	assert_int_equal(report.n, SETTINGS_PROBLEMS_MAX);
	assert_int_equal(report.n_more, 50 - SETTINGS_PROBLEMS_MAX);
	settings_report_text(&report, text, sizeof(text));
	assert_non_null(strstr(text, "\nand 18 more"));
}

static void a_section_that_is_too_long(void **state)
{
	static char text[65536];
	size_t len = (size_t)snprintf(text, sizeof(text), MINIMAL "[plugin big]\n");

	for (int i = 0; i < 400; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "key-%03d = 12345\n", i);
	refuse_for(text, 6, "[plugin big]", "too long in all");
	for (int i = 400; i < 600; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "key-%03d = 12345\n", i);
	refuse(text, 516, "", "more than 512 settings");
}

/* --- every key of the table, with every kind of value --- */

static const struct {
	enum settings_type type;
	const char *good[4], *bad[12];
} kinds[] = {
	{ SETTINGS_TYPE_BOOL,
	  { "yes", "no", "\"no\"" },
	  { "", "Yes", "true", "1", "on", "yes no", "y", "ye\303\237" } },
	{ SETTINGS_TYPE_NUMBER,
	  { NULL },
	  { "", "-1", "+5", "0x10", "1e2", "1.5", "12a", "1 2", "99999999999999999999999",
	    "\302\2731", "ten" } },
	{ SETTINGS_TYPE_GATEWAY,
	  { "a", "Gate-way_1.x" },
	  { "", "a b", "a/b", "provision", "a+b", "\303\244",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } },
	{ SETTINGS_TYPE_BROKER,
	  { "mqtts://b:1", "mqtts://[::1]:65535", "mqtts://a:1,mqtts://b:2  mqtts://c:3" },
	  { "", "mqtt://b:1", "mqtts://b", "mqtts://b:", "mqtts://:1", "mqtts://b:0",
	    "mqtts://b:65536", "b:1", "mqtts://", "mqtts://[::1]", "mqtts://b:1/x",
	    "mqtts://a:1 mqtts://b" } },
	{ SETTINGS_TYPE_TEXT, { "", "x", "coaps://cloud.example/x y" }, { "\303\244" } },
	{ SETTINGS_TYPE_INTERFACES,
	  { "", "lo", "eth0  eth1.100", "a b c d e f g h i j k l m n o p" },
	  { "a/b", "..", "a:b", "et\303\244h", "abcdefghijklmnop",
	    "a b c d e f g h i j k l m n o p q" } },
	{ SETTINGS_TYPE_STORE_KEY, { "auto", "credential" }, { "", "Auto", "yes", "file" } },
	{ SETTINGS_TYPE_STALE_CRL, { "open", "closed" }, { "", "Open", "yes", "close" } },
	{ SETTINGS_TYPE_EXPIRED,
	  { "refuse", "grace", "claim" },
	  { "", "Grace", "yes", "refuse,grace", "never" } },
	{ SETTINGS_TYPE_CLOCK, { "system", "system-or-cloud" }, { "", "cloud", "System", "yes" } },
};

/* The key alone with this value, in a file that has all that it must have. */
static int read_key(const struct settings_key *key, const char *value)
{
	const char *id = gw_streq(key->name, "id") ? value : "gw-1";
	const char *broker = gw_streq(key->name, "broker") ? value : "mqtts://b:1";
	char text[2048];
	int n = snprintf(text, sizeof(text), "[gateway]\nid = %s\n[cloud]\nbroker = %s\n", id,
			 broker);

	if (key->value)
		(void)snprintf(text + n, sizeof(text) - (size_t)n, "%s%s[%s]\n%s = %s\n",
			       gw_streq(key->name, "retry_first") ? "retry_max = 86400\n" : "",
			       gw_streq(key->name, "retry_max") ? "retry_first = 1\n" : "",
			       key->section, key->name, value);
	return read_text(text);
}

static void take_good(const struct settings_key *key, const char *value)
{
	const struct settings_entry *entry;
	char text[2048];

	if (read_key(key, value) != 0) {
		settings_report_text(&report, text, sizeof(text));
		fail_msg("[%s] %s = %s: %s", key->section, key->name, value, text);
	}
	entry = settings_find(&settings, key->section, key->name);
	assert_ptr_equal(entry->key, key);
	if (*value != '"')
		assert_string_equal(entry->value, value);
	assert_string_equal(entry->fallback, key->value ? key->value : "");
	assert_non_null(strstr(entry->source, path));
}

/* Refused for that key and nothing else, in a sentence that says what it must be. */
static void take_bad(const struct settings_key *key, const char *value)
{
	if (read_key(key, value) != -EINVAL)
		fail_msg("taken: [%s] %s = %s", key->section, key->name, value);
	assert_int_equal(report.n, 1);
	if (!strstr(report.problems[0], key->name) ||
	    !(strstr(report.problems[0], "must be") ||
	      strstr(report.problems[0], "names more than")))
		fail_msg("[%s] %s = %s: %s", key->section, key->name, value, report.problems[0]);
}

static void take_bounds(const struct settings_key *key)
{
	char value[32];

	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)key->min);
	take_good(key, value);
	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)key->max);
	take_good(key, value);
	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)key->max + 1);
	take_bad(key, value);
	if (key->min == 0)
		return;
	(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)key->min - 1);
	take_bad(key, value);
}

static void every_key_with_every_kind_of_value(void **state)
{
	const struct settings_key *key;
	size_t n = 0;

	for (size_t i = 0; (key = settings_key_at(i)); i++) {
		for (size_t k = 0; k < GW_ELEMENTS(kinds); k++) {
			if (kinds[k].type != key->type)
				continue;
			n++;
			for (size_t v = 0; v < GW_ELEMENTS(kinds[k].good) && kinds[k].good[v]; v++)
				take_good(key, kinds[k].good[v]);
			for (size_t v = 0; v < GW_ELEMENTS(kinds[k].bad) && kinds[k].bad[v]; v++)
				take_bad(key, kinds[k].bad[v]);
		}
		if (key->type == SETTINGS_TYPE_NUMBER)
			take_bounds(key);
	}
	for (size_t i = 0; settings_key_at(i); i++)
		n--;
	assert_int_equal(n, 0); /* each has its kind */
}

/* What the table says of itself, which people read. */
static void the_table_is_whole(void **state)
{
	const struct settings_key *key, *before = NULL;
	char why[SETTINGS_WHY_MAX], text[128];

	for (size_t i = 0; (key = settings_key_at(i)); i++, before = key) {
		assert_ptr_equal(settings_key_find(key->section, key->name), key);
		assert_true(key->use & (SETTINGS_USE_AGENT | SETTINGS_USE_PLUGIN));
		assert_true((key->offset == SIZE_MAX) <= !(key->use & SETTINGS_USE_AGENT));
		assert_true(key->text[0] >= 'A' && key->text[0] <= 'Z');
		assert_int_equal(key->text[strlen(key->text) - 1], '.');
		assert_true(gw_is_printable(key->text));
		settings_key_describe(key, text, sizeof(text));
		assert_true(*text);
		if (key->value)
			assert_true(settings_key_set(key, key->value, &settings, why));
		if (before && !gw_streq(before->section, key->section))
			for (size_t k = 0; k + 1 < i; k++) /* one after the other */
				assert_string_not_equal(settings_key_at(k)->section, key->section);
	}
	assert_null(settings_key_find("gateway", "broker"));
}

/* Cut off anywhere, a file is refused or means what is left of it. */
static void every_truncation(void **state)
{
	static const char whole[] = MINIMAL "plain_secrets = yes\n[limits]\ndevices = 42\n";
	size_t least = strlen("[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://b:8");

	for (size_t len = 0; len < sizeof(whole); len++) {
		int r = read_bytes(whole, len);

		assert_true(r == 0 || (r == -EINVAL && report.n > 0));
		if (r == 0)
			assert_true(len >= least && settings.entries);
	}
	assert_true(settings.devices_max == 42);
}

/* --- what is shipped --- */

static char *read_file(const char *name)
{
	char whole[4096];
	uint8_t *data = NULL;
	size_t len;

	assert_non_null(getenv("top_srcdir"));
	(void)snprintf(whole, sizeof(whole), "%s/%s", getenv("top_srcdir"), name);
	assert_int_equal(gw_read_file(AT_FDCWD, whole, 65536, &data, &len), 0);
	return (char *)data;
}

static void the_file_that_is_shipped_is_the_table(void **state)
{
	char *shipped = read_file("etc/gangway.conf"), *text = NULL;
	FILE *out;
	size_t len;

	out = open_memstream(&text, &len);
	assert_non_null(out);
	settings_text_conf(out);
	assert_int_equal(fclose(out), 0);
	if (!gw_streq(shipped, text))
		fail_msg("etc/gangway.conf is not what the table says: run make settings");
	free(text);
	free(shipped);
}

/* It must be read as it is, and with its remarked settings let in. */
static void the_file_that_is_shipped_is_good(void **state)
{
	char *shipped = read_file("etc/gangway.conf");
	static char text[32768];
	size_t len = 0;

	refuse(shipped, 0, "[gateway] id", "must be set");
	assert_int_equal(report.n, 2);
	assert_true(says(0, "[cloud] broker", "must be set"));

	for (char *line = strtok(shipped, "\n"); line; line = strtok(NULL, "\n")) {
		bool is_setting = line[0] == '#' && line[1] != ' ';
		const char *value = gw_streq(line, "#id =")       ? "id = gw-1"
				    : gw_streq(line, "#broker =") ? "broker = mqtts://b:1"
								  : line + is_setting;

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", value);
		assert_true(len < sizeof(text));
	}
	free(shipped);
	if (read_text(text) != 0)
		fail_msg("%s", report.problems[0]);
	defaults_are_set();
	for (const struct settings_entry *e = settings.entries; e; e = e->next)
		assert_string_not_equal(e->source, "default");
}

/* The page names every key, and has no line that mdoc takes for a word of its own. */
static void the_page_has_every_key(void **state)
{
	const struct settings_key *key;
	char *text = NULL, item[128];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	settings_text_mdoc(out);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; (key = settings_key_at(i)); i++) {
		(void)snprintf(item, sizeof(item), "\n.It Cm %s\n", key->name);
		assert_non_null(strstr(text, item));
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(line[0] != '\'' &&
			    (line[0] != '.' || (line[1] >= 'A' && line[1] <= 'Z')));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(what_is_set_is_taken),
		TEST(sections_of_others),
		TEST(values_that_are_none),
		TEST(brokers_that_are_none),
		TEST(what_must_be_set),
		TEST(keys_that_nobody_knows),
		TEST(no_file),
		TEST(sections_that_nobody_knows),
		TEST(lines_that_are_none),
		TEST(bytes_that_are_no_text),
		TEST(forms_that_are_good),
		TEST(lines_that_are_long),
		TEST(what_only_two_together_make_wrong),
		TEST(all_that_is_wrong_is_said),
		TEST(a_section_that_is_too_long),
		TEST(every_key_with_every_kind_of_value),
		TEST(the_table_is_whole),
		TEST(every_truncation),
		TEST(a_key_that_stands_twice),
		TEST(the_file_that_is_shipped_is_the_table),
		TEST(the_file_that_is_shipped_is_good),
		TEST(the_page_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
