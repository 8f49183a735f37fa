/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files the configuration consists of, which of them prevails, and what is handed over by people who
 * mean no good.
 */
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
#include <ftw.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/settings-disk.h"
#include "agent/settings-file.h"
#include "agent/settings-key.h"
#include "agent/settings-report.h"
#include "agent/settings.h"
#include "lib/util.h"

#define MINIMAL "[gateway]\nid = gw-1\n[cloud]\nbroker = mqtts://broker.example:8883\n"

static char folder[64], vendor[96], file[96];
static const struct settings_paths paths = { vendor, file, true };
static struct settings_report report;
static struct settings settings;

static int set_up(void **state)
{
	char drop_ins[128];

	memset(&settings, 0, sizeof(settings));
	(void)strcpy(folder, "/tmp/gangway-settings-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(vendor, sizeof(vendor), "%s/vendor.conf", folder);
	(void)snprintf(file, sizeof(file), "%s/gangway.conf", folder);
	(void)snprintf(drop_ins, sizeof(drop_ins), "%s.d", file);
	return mkdir(drop_ins, 0755);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	settings_done(&settings);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *out = fopen(at(name), "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static int read_all(void)
{
	settings_done(&settings);
	return settings_read(&paths, /* draft= */ NULL, &settings, &report);
}

static void take(void)
{
	if (read_all() != 0)
		fail_msg("%s", report.problems[0]);
}

static void refuse(const char *name, const char *what)
{
	assert_int_equal(read_all(), -EINVAL);
	for (size_t i = 0; i < report.n; i++)
		if (strncmp(report.problems[i], at(name), strlen(at(name))) == 0 &&
		    strstr(report.problems[i], what))
			return;
	fail_msg("'%s' is not said of %s but: %s", what, name, report.problems[0]);
}

static void holds(const char *section, const char *name, const char *value, const char *fallback,
		  const char *source)
{
	const struct settings_entry *entry = settings_find(&settings, section, name);

	assert_non_null(entry);
	assert_string_equal(entry->value, value);
	assert_string_equal(entry->fallback, fallback);
	assert_string_equal(entry->source, gw_streq(source, "default") ? source : at(source));
}

/* --- what prevails --- */

static void the_later_prevails(void **state)
{
	put("vendor.conf",
	    "[limits]\ndevices = 1\njobs = 1\ndiscovered = 1\n[clock]\ntrust = system\n");
	put("gangway.conf", MINIMAL "[limits]\ndevices = 2\njobs = 2\n");
	put("gangway.conf.d/20-b.conf", "[limits]\ndevices = 4\n");
	put("gangway.conf.d/10-a.conf", "[limits]\ndevices = 3\njobs = 3\n");
	take();
	assert_true(settings.devices_max == 4 && settings.jobs_max == 3);
	assert_true(settings.discovered_max == 1 && !settings.clock_trusts_cloud);
	assert_true(settings.prove_within_s == 86400);
	holds("limits", "devices", "4", "1", "gangway.conf.d/20-b.conf:2");
	holds("limits", "jobs", "3", "1", "gangway.conf.d/10-a.conf:3");
	holds("limits", "discovered", "1", "1", "vendor.conf:4");
	holds("policy", "prove_within", "86400", "86400", "default");
	holds("gateway", "id", "gw-1", "", "gangway.conf:2");
}

static void without_a_vendor(void **state)
{
	static const struct settings_paths alone = { .file = file };

	put("vendor.conf", "[limits]\ndevices = 1\n");
	put("gangway.conf", MINIMAL);
	put("gangway.conf.d/a.conf", "[limits]\njobs = 3\n");
	assert_int_equal(settings_read(&alone, NULL, &settings, &report), 0);
	assert_true(settings.devices_max == 10000 && settings.jobs_max == 3);
}

static void all_in_drop_ins(void **state)
{
	put("gangway.conf.d/a.conf", MINIMAL);
	take();
	assert_int_equal(unlink(at("gangway.conf.d/a.conf")), 0);
	assert_int_equal(rmdir(at("gangway.conf.d")), 0);
	refuse("gangway.conf", "[gateway] id must be set");
	refuse("gangway.conf", "[cloud] broker must be set");
	assert_int_equal(mkdir(at("gangway.conf.d"), 0755), 0);
}

static void a_bad_value_that_does_not_prevail(void **state)
{
	put("vendor.conf", "[limits]\ndevices = none\n");
	put("gangway.conf", MINIMAL "[limits]\ndevices = 2\n");
	refuse("vendor.conf:2", "must be a number");
}

static void what_is_no_drop_in(void **state)
{
	put("gangway.conf", MINIMAL);
	put("gangway.conf.d/README", "x");
	put("gangway.conf.d/a.conf~", "x");
	put("gangway.conf.d/a.conf.dpkg-old", "x");
	put("gangway.conf.d/.a.conf", "x");
	put("gangway.conf.d/.conf", "x");
	take();
	put("gangway.conf.d/a.conf", "x");
	refuse("gangway.conf.d/a.conf:1", "neither");
}

static void too_many_drop_ins(void **state)
{
	char name[64];

	put("gangway.conf", MINIMAL);
	for (int i = 0; i < SETTINGS_DROP_IN_MAX; i++) {
		(void)snprintf(name, sizeof(name), "gangway.conf.d/%02d.conf", i);
		put(name, "");
	}
	take();
	put("gangway.conf.d/more.conf", "");
	refuse("gangway.conf.d", "more than 64 files");
}

/* --- what is no file --- */

static void things_in_the_place_of_a_file(void **state)
{
	static const char *const links[] = { "/dev/zero", "/dev/null", "/dev/tty", "/tmp" };

	put("gangway.conf", MINIMAL);
	assert_int_equal(mkfifo(at("gangway.conf.d/fifo.conf"), 0644), 0);
	refuse("gangway.conf.d/fifo.conf", "no regular file");
	assert_int_equal(unlink(at("gangway.conf.d/fifo.conf")), 0);

	for (size_t i = 0; i < GW_ELEMENTS(links); i++) {
		assert_int_equal(symlink(links[i], at("gangway.conf.d/link.conf")), 0);
		refuse("gangway.conf.d/link.conf", "");
		assert_int_equal(unlink(at("gangway.conf.d/link.conf")), 0);
	}

	assert_int_equal(symlink("nowhere", at("gangway.conf.d/link.conf")), 0);
	refuse("gangway.conf.d/link.conf", "No such file");
	assert_int_equal(unlink(at("gangway.conf.d/link.conf")), 0);
	assert_int_equal(symlink("link.conf", at("gangway.conf.d/link.conf")), 0);
	refuse("gangway.conf.d/link.conf", "leads nowhere");
	assert_int_equal(unlink(at("gangway.conf.d/link.conf")), 0);

	/* A regular file whose bytes cannot be had, as on a bad disk. */
	assert_int_equal(symlink("/proc/self/mem", at("gangway.conf.d/link.conf")), 0);
	refuse("gangway.conf.d/link.conf", "Input/output error");
	assert_int_equal(unlink(at("gangway.conf.d/link.conf")), 0);

	put("elsewhere", "[limits]\ndevices = 9\n");
	assert_int_equal(symlink("../elsewhere", at("gangway.conf.d/link.conf")), 0);
	take();
	assert_true(settings.devices_max == 9);
}

static void a_file_that_is_too_large(void **state)
{
	put("gangway.conf", MINIMAL);
	assert_int_equal(truncate(at("gangway.conf"), SETTINGS_FILE_MAX + 1), 0);
	refuse("gangway.conf", "larger than 64 KiB");
	assert_int_equal(truncate(at("gangway.conf"), 1ll << 40), 0);
	refuse("gangway.conf", "larger than 64 KiB");
}

/* --- a draft --- */

static void a_draft_is_the_last_drop_in(void **state)
{
	static const char data[] = "[limits]\ndevices = 9\n",
			  bad[] = "[limits]\ndevices = nine\n[ip\n";
	const struct settings_blob draft = { "<given>", data, strlen(data), false };
	const struct settings_blob wrong = { "<given>", bad, strlen(bad), false };

	put("gangway.conf", MINIMAL);
	put("gangway.conf.d/z.conf", "[limits]\ndevices = 8\n");
	assert_int_equal(settings_read(&paths, &draft, &settings, &report), 0);
	assert_true(settings.devices_max == 9);
	assert_string_equal(settings_find(&settings, "limits", "devices")->source, "<given>:2");
	settings_done(&settings);
	assert_int_equal(settings_read(&paths, &wrong, &settings, &report), -EINVAL);
	assert_int_equal(report.n, 2);
	assert_non_null(strstr(report.problems[0], "<given>:3: a section"));
	assert_non_null(strstr(report.problems[1], "<given>:2: [limits] devices must be"));
}

/* --- one after the other --- */

static void what_only_a_new_start_changes(void **state)
{
	const struct settings_key *kept[4];
	struct settings fresh = { 0 };

	put("gangway.conf", MINIMAL);
	take();
	put("gangway.conf",
	    "[gateway]\nid = gw-2\n[cloud]\nbroker = mqtts://b:1\n[limits]\njobs = 3\n");
	assert_int_equal(settings_read(&paths, NULL, &fresh, &report), 0);
	assert_int_equal(settings_keep(&fresh, &settings, kept, 4), 1);
	assert_string_equal(kept[0]->name, "id");
	assert_string_equal(fresh.gateway, "gw-1");
	assert_string_equal(settings_find(&fresh, "gateway", "id")->value, "gw-1");
	assert_string_equal(fresh.cloud_broker, "mqtts://b:1");
	assert_true(fresh.jobs_max == 3);
	settings_done(&fresh);
}

/* Only what a plugin uses is worth a new link. */
static void who_has_to_be_told(void **state)
{
	static const struct {
		const char *text, *plugin;
	} changes[] = {
		{ "", NULL },
		{ "[limits]\ndevices = 5\n", NULL },
		{ "[cloud]\nplain_secrets = yes\n", NULL },
		{ "[cloud]\nretry_max = 5\n", "cloud" },
		{ "[cloud]\nbroker = mqtts://c:1\n", "cloud" },
		{ "[ip]\ncoaps_port = 5\n", "ip" },
		{ "[ip]\ncoaps_port = 5684\n", NULL }, /* as it was */
		{ "[registrar]\nhandshake_timeout = 5\n", "registrar" },
		{ "[plugin acme]\nx = 1\n", "acme" },
	};
	static const char *const plugins[] = { "cloud", "ip", "registrar", "acme", "other" };

	put("gangway.conf", MINIMAL);
	take();
	for (size_t i = 0; i < GW_ELEMENTS(changes); i++) {
		struct settings fresh = { 0 };

		put("gangway.conf.d/a.conf", changes[i].text);
		assert_int_equal(settings_read(&paths, NULL, &fresh, &report), 0);
		for (size_t k = 0; k < GW_ELEMENTS(plugins); k++) {
			bool differs = changes[i].plugin && gw_streq(changes[i].plugin, plugins[k]);

			assert_int_equal(settings_differ_for_plugin(&fresh, &settings, plugins[k]),
					 differs);
			assert_int_equal(settings_differ_for_plugin(&settings, &fresh, plugins[k]),
					 differs);
		}
		settings_done(&fresh);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_later_prevails),
		TEST(without_a_vendor),
		TEST(all_in_drop_ins),
		TEST(a_bad_value_that_does_not_prevail),
		TEST(what_is_no_drop_in),
		TEST(too_many_drop_ins),
		TEST(things_in_the_place_of_a_file),
		TEST(a_file_that_is_too_large),
		TEST(a_draft_is_the_last_drop_in),
		TEST(what_only_a_new_start_changes),
		TEST(who_has_to_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
