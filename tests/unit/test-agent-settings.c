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
#include <unistd.h>

#include "agent/settings.h"
#include "lib/util.h"

#define MINIMAL "[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://broker.example:8883\n"

static char path[64];
static char error[512];
static struct settings settings;

static int lines_left = -1; /* until there is no memory for one; -1: there is */

static bool is_out_of_memory(void)
{
	bool is = lines_left == 0;

	if (is)
		errno = ENOMEM;
	else if (lines_left > 0)
		lines_left--;
	return is;
}

/* Both, as the library's header may make one of the other. */
ssize_t __real_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
	return is_out_of_memory() ? -1 : __real_getline(line, size, file);
}

ssize_t __real___getdelim(char **line, size_t *size, int end, FILE *file);
ssize_t __wrap___getdelim(char **line, size_t *size, int end, FILE *file);
ssize_t __wrap___getdelim(char **line, size_t *size, int end, FILE *file)
{
	return is_out_of_memory() ? -1 : __real___getdelim(line, size, end, file);
}

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

static int read_text(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	*error = 0;
	settings_done(&settings);
	return settings_read(path, &settings, error, sizeof(error));
}

/* The error must begin with the file and the line (0: none), and say these two. */
static void refuse(const char *text, unsigned line, const char *key, const char *says)
{
	char where[128];

	if (read_text(text) != -EINVAL)
		fail_msg("taken: %s", text);
	(void)snprintf(where, sizeof(where), line ? "%s:%u: " : "%s: ", path, line);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, key) ||
	    !strstr(error, says))
		fail_msg("'%s' does not say '%s', '%s', '%s'", error, where, key, says);
	assert_null(settings.sections);
}

/* One more line, the fifth, behind a section of its own, the sixth. */
static void refuse_value(const char *section, const char *key, const char *value, const char *says)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), MINIMAL "[%s]\n%s = %s\n", section, key, value);
	refuse(text, 6, key, says);
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
	assert_true(settings.jobs_max == 5000);
	assert_true(settings.discovered_max == 256);
	assert_true(settings.discovered_age_s == 3600);
	assert_string_equal(settings_section(&settings, "ip"), "interfaces=lo\ncoaps_port=5684\n");
	assert_non_null(strstr(settings_section(&settings, "cloud"), "retry_max=300\n"));
	assert_non_null(strstr(settings_section(&settings, "registrar"), "secret_rate=100\n"));
}

static void defaults(void **state)
{
	assert_int_equal(read_text(MINIMAL), 0);
	assert_string_equal(settings.gateway, "gw-1");
	assert_string_equal(settings.cloud_broker, "mqtts://broker.example:8883");
	defaults_are_set();
	assert_string_equal(settings_section(&settings, "nobody"), "");
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
	assert_string_equal(settings_section(&settings, "ip"),
			    "interfaces=eth0 eth1\ncoaps_port=5684\n");
}

static void sections_of_others(void **state)
{
	assert_int_equal(read_text(MINIMAL "[acme-radio]\nchannel = 11\nname = x y\n"), 0);
	assert_string_equal(settings_section(&settings, "acme-radio"), "channel=11\nname=x y\n");

	/* The same key right behind itself, in another section. */
	assert_int_equal(read_text(MINIMAL "[a]\nport = 1\n[b]\nport = 2\n[c]\nport = 3\n"), 0);
	assert_string_equal(settings_section(&settings, "a"), "port=1\n");
	assert_string_equal(settings_section(&settings, "b"), "port=2\n");
	assert_string_equal(settings_section(&settings, "c"), "port=3\n");
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
	refuse_value("ip", "interfaces", longest, "longer than 256");
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
	refuse_value("cloud", "brokre", "x", "is no key of this section");
	refuse_value("ip", "broker", "x", "is no key of this section"); /* another's */
	refuse("id = gw-1\n" MINIMAL, 1, "id", "before the first [section]");
}

static void no_file(void **state)
{
	assert_int_equal(settings_read("/nowhere/gangway.conf", &settings, error, sizeof(error)),
			 -ENOENT);
	assert_string_equal(error,
			    "/nowhere/gangway.conf: there is no such file; name one with --config");
}

static void lines_that_are_none(void **state)
{
	if (read_text(MINIMAL "[ip\n") == 0)
		fail_msg("an open bracket was taken");
	if (!strstr(error, path) || !strstr(error, ":5"))
		fail_msg("'%s' does not say where", error);
}

/* A key that stands twice: which one counts must not be a matter of luck. */
static void a_key_that_stands_twice(void **state)
{
	refuse(MINIMAL "[ip]\ncoaps_port = 1\ncoaps_port = 2\n", 7, "coaps_port", "a second time");
	refuse(MINIMAL "[ip]\n[gateway]\nid = gw-2\n", 7, "id", "a second time");
}

/* The shipped file with its remarked settings let in, and the two that must be set. */
static void the_file_that_is_shipped(void **state)
{
	char shipped[4096], line[1024];
	static char text[32768];
	size_t len = 0;
	FILE *file;

	assert_non_null(getenv("top_srcdir"));
	(void)snprintf(shipped, sizeof(shipped), "%s/etc/gangway.conf", getenv("top_srcdir"));
	assert_int_equal(settings_read(shipped, &settings, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "[gateway] id must be set"));

	file = fopen(shipped, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		bool is_setting = line[0] == '#' && line[1] != ' ' && strchr(line, '=');
		const char *value = gw_streq(line, "#id =\n")            ? "id = gw-1\n"
				    : gw_streq(line, "#broker =\n")      ? "broker = mqtts://b:1\n"
				    : is_setting && !strstr(line, "=\n") ? line + 1
				    : is_setting                         ? ""
									 : line;

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", value);
		assert_true(len < sizeof(text));
	}
	(void)fclose(file);
	if (read_text(text) != 0)
		fail_msg("%s", error);
	defaults_are_set();
}

/* What is left unread would be defaults, that nobody asked for. */
static void a_file_that_ends_early(void **state)
{
	lines_left = 2;
	refuse(MINIMAL "[ip]\ninterfaces = eth7\n", 0, "", "cannot be read to its end");
	lines_left = -1;
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
		TEST(a_file_that_ends_early),
		TEST(lines_that_are_none),
		TEST(a_key_that_stands_twice),
		TEST(the_file_that_is_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
