/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent finds when it examines itself: one trouble at a time, and each word of every verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/doctor.h"
#include "agent/outlook.h"
#include "lib/util.h"

#define NOW 1900000000ull
#define DAY 86400ull

static struct doctor_facts facts;
static struct outlook_view view;
static struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
static size_t n_findings;

static int set_up(void **state)
{
	view = (struct outlook_view){ 0 };
	facts = (struct doctor_facts){
		.renewals = &view,
		.now_s = NOW,
		.clock = CLOCK_TRUSTED_BY_SYSTEM,
		.clock_for_s = 360,
		.store_trouble = "",
		.state_folder = "/var/lib/gangway",
		.disk_is_known = true,
		.disk_free = 1ull << 40,
		.disk_files = 1000000,
		.disk_files_free = 900000,
		.credential_is_known = true,
		.credential_is_ok = true,
		.credential_text = "",
		.credential = { NOW - 100 * DAY, NOW + 200 * DAY, NOW + 1000 * DAY },
		.cloud = GW_CLOUD_ONLINE,
		.cloud_text = "Connected to the broker.",
		.cloud_for_s = 180,
		.cloud_retry_s = DOCTOR_NEVER,
		.care = { .source = "given", .trouble = "" },
		.cloud_heard_s = 42,
		.jobs_most = 1000,
		.record_is_sealed = true,
		.record_most = 1000,
		.record_refusal = "",
		.record_why = "",
		.version = "1.2.3",
		.n_plugins = 3,
		.plugins = { { "mqtt", "1.2.3", GW_ROLE_CLOUD, true, "", 180 },
			     { "registrar", "1.2.3", GW_ROLE_REGISTRAR, true, "", 180 },
			     { "ip", "1.2.3", GW_ROLE_TRANSPORT, true, "", 180 } },
	};
	return 0;
}

static const struct doctor_finding *examine(const char *check)
{
	const struct doctor_finding *found = NULL;

	n_findings = doctor_examine(&facts, findings);
	assert_true(n_findings <= DOCTOR_FINDINGS_MAX);
	for (size_t i = 0; i < n_findings; i++) {
		assert_true(*findings[i].text);
		/* A sentence; and where something is to be done, what. */
		assert_non_null(strchr(".!?", findings[i].text[strlen(findings[i].text) - 1]));
		if (findings[i].verdict == DOCTOR_OK)
			assert_string_equal(findings[i].advice, "");
		if (!gw_streq(findings[i].check, check))
			continue;
		assert_null(found);
		found = &findings[i];
	}
	assert_non_null(found);
	return found;
}

static void expect(const char *check, enum doctor_verdict verdict, const char *text,
		   const char *advice)
{
	const struct doctor_finding *finding = examine(check);

	assert_int_equal(finding->verdict, verdict);
	if (!strstr(finding->text, text))
		fail_msg("'%s' is not in '%s'", text, finding->text);
	if (!strstr(finding->advice, advice))
		fail_msg("'%s' is not in '%s'", advice, finding->advice);
	if (verdict == DOCTOR_WRONG)
		assert_true(*finding->advice);
}

static void expect_no(const char *check, const char *advice)
{
	assert_null(strstr(examine(check)->advice, advice));
}

static void all_is_well(void **state)
{
	static const char *const checks[] = { "disk",
					      "store",
					      "store key",
					      "link",
					      "plugin mqtt",
					      "plugin ip",
					      "plugin registrar",
					      "credentials",
					      "broker",
					      "cloud",
					      "clock",
					      "queue",
					      "record",
					      "renewals",
					      "revocation" };

	for (size_t i = 0; i < GW_ELEMENTS(checks); i++)
		expect(checks[i], DOCTOR_OK, "", "");
	assert_int_equal(n_findings, GW_ELEMENTS(checks));
}

static void clock_s(void **state)
{
	static const struct {
		enum clock_verdict verdict;
		const char *advice;
	} untrusted[] = {
		{ CLOCK_BELOW_FLOOR, "timedatectl" },  { CLOCK_NOT_SYNCHRONISED, "timedatectl" },
		{ CLOCK_CLOUD_SILENT, "timedatectl" }, { CLOCK_CLOUD_EARLY, "--forget-time" },
		{ CLOCK_CLOUD_UNSTEADY, "by itself" }, { CLOCK_DISPUTED, "[clock] trust" },
	};

	facts.clock = CLOCK_TRUSTED_BY_CLOUD;
	expect("clock", DOCTOR_OK, "the cloud agrees", "");
	facts.clock = CLOCK_TRUSTED_ALONE;
	expect("clock", DOCTOR_WARNING, "clock is wrong", "timedatectl");
	for (size_t i = 0; i < GW_ELEMENTS(untrusted); i++) {
		facts.clock = untrusted[i].verdict;
		expect("clock", DOCTOR_WRONG, clock_verdict_text(facts.clock), untrusted[i].advice);
		expect("clock", DOCTOR_WRONG, "not trusted, for 6 min: ", "");
	}
}

static void disks(void **state)
{
	facts.disk_free = (64ull << 20) - 1;
	expect("disk", DOCTOR_WARNING, "Only 63 MiB", "Make room");
	facts.disk_free = (1ull << 20) - 1;
	expect("disk", DOCTOR_WRONG, "is full", "Make room");
	facts.disk_is_read_only = true;
	expect("disk", DOCTOR_WRONG, "read-only", "mount it writable");
	facts.disk_is_known = false;
	expect("disk", DOCTOR_WARNING, "does not say", "");

	(void)set_up(state);
	facts.disk_files_free = 255;
	expect("disk", DOCTOR_WARNING, "Only 255 inodes", "df -i");
	facts.disk_files_free = 7;
	expect("disk", DOCTOR_WRONG, "no inodes left", "df -i");
	facts.disk_files = facts.disk_files_free = 0; /* it does not count them */
	expect("disk", DOCTOR_OK, "MiB are free", "");
}

static void the_link(void **state)
{
	facts.link_lost = "/run/gangway/link";
	facts.link_lost_s = 200;
	expect("link", DOCTOR_WRONG, "socket /run/gangway/link away, 3 min ago: plugins",
	       "restart gangwayd.socket");
	facts.link_lost_s = DOCTOR_NEVER;
	expect("link", DOCTOR_WRONG, "socket /run/gangway/link away: plugins", "");
}

static void store(void **state)
{
	facts.store_trouble = "The store cannot be written (No space left on device); make room";
	expect("store", DOCTOR_WRONG, "No space left on device", "goes on by itself");
	expect("store key", DOCTOR_OK, "/var/lib/gangway/store.key", "");
	facts.key_is_given = true;
	expect("store key", DOCTOR_OK, "the credential store-key", "");
}

static void credentials(void **state)
{
	facts.credential.not_after = NOW + 30 * DAY + 1;
	expect("credentials", DOCTOR_OK, "for another 30 days", "");
	facts.credential.not_after = NOW + 30 * DAY;
	expect("credentials", DOCTOR_WARNING, "ends in 30 days", "cloud-cert");
	facts.credential.not_after = NOW;
	expect("credentials", DOCTOR_WRONG, "has expired, 0 s ago", "cloud-cert");
	facts.clock = CLOCK_CLOUD_SILENT; /* who knows */
	expect("credentials", DOCTOR_OK, "once the clock is trusted", "");

	(void)set_up(state);
	facts.credential.not_before = NOW + 1;
	expect("credentials", DOCTOR_WRONG, "not good yet; it will be in 1 s.", "cloud-cert");
	(void)set_up(state);
	facts.credential.ca_not_after = NOW;
	expect("credentials", DOCTOR_WRONG, "broker's CA has expired, 0 s ago", "cloud-ca");
	facts.credential.ca_not_after = 0;
	expect("credentials", DOCTOR_OK, "", "");

	facts.care.source = "claim";
	expect("credentials", DOCTOR_OK, "A claim, by which", "");
	facts.care.source = "given";
	facts.care.renew_at_s = NOW + 5 * DAY;
	expect("credentials", DOCTOR_OK, "for another 200 days; it is renewed in 5 days.", "");
	facts.care.renew_at_s = NOW - 1;
	expect("credentials", DOCTOR_OK, "for another 200 days.", "");
	facts.care.source = "own";
	facts.credential.not_after = NOW;
	expect("credentials", DOCTOR_WRONG, "has expired", "a claim");

	facts.credential_is_ok = false;
	facts.credential_text = "/creds/cloud-key is missing.";
	expect("credentials", DOCTOR_WRONG, "/creds/cloud-key is missing.", "Do what it says");
	facts.credential_is_known = false;
	expect("credentials", DOCTOR_WARNING, "Nobody has looked", "gangway-mqtt");
}

/* A life of hours ends soon in its last third. */
static void credentials_of_a_short_life(void **state)
{
	const struct credential_dates dates = { 1000, 4000, 0 };

	assert_int_equal(credential_judge(&dates, 999), CREDENTIAL_NOT_YET);
	assert_int_equal(credential_judge(&dates, 1000), CREDENTIAL_GOOD);
	assert_int_equal(credential_judge(&dates, 2999), CREDENTIAL_GOOD);
	assert_int_equal(credential_judge(&dates, 3000), CREDENTIAL_ENDS_SOON);
	assert_int_equal(credential_judge(&dates, 3999), CREDENTIAL_ENDS_SOON);
	assert_int_equal(credential_judge(&dates, 4000), CREDENTIAL_ENDED);
	assert_int_equal(credential_next_s(&dates, 0), 1000);
	assert_int_equal(credential_next_s(&dates, 1000), 3000);
	assert_int_equal(credential_next_s(&dates, 3000), 4000);
	assert_int_equal(credential_next_s(&dates, 4000), 0);

	assert_int_equal(credential_judge(&(struct credential_dates){ 0 }, 1), CREDENTIAL_UNKNOWN);
	assert_int_equal(credential_next_s(&(struct credential_dates){ 0, 0, 9 }, 1), 0);
	assert_int_equal(credential_next_s(&(struct credential_dates){ 1, 4000, 7 }, 5), 7);
	assert_int_equal(credential_judge(&(struct credential_dates){ 1, 4000, 7 }, 7),
			 CREDENTIAL_CA_ENDED);
}

static void broker_and_cloud(void **state)
{
	facts.cloud = GW_CLOUD_OFFLINE;
	facts.cloud_text = "No broker at b:8883: Connection refused.";
	facts.cloud_retry_s = 12;
	expect("broker", DOCTOR_WRONG,
	       "Not connected, for 3 min, trying again in 12 s: No broker at b:8883", "network");
	expect("cloud", DOCTOR_WARNING, "shows when the broker is there", "");
	expect_no("broker", "Do what it says");
	facts.plugins[0].healthy = false;
	facts.plugins[0].text = "The cloud sends what is no use"; /* that is another matter */
	expect("broker", DOCTOR_WRONG, "No broker at b:8883", "network");
	facts.plugins[0].text = facts.cloud_text = "Another machine uses the identity of gw-1.";
	expect("broker", DOCTOR_WRONG, "for 3 min, trying again in 12 s: Another machine uses",
	       "Do what it says");
	expect_no("broker", "network");
	facts.n_plugins = 0;
	facts.cloud_text = "nothing to speak through";
	expect("broker", DOCTOR_WRONG, ": nothing to speak through.",
	       "systemctl start gangway-mqtt");

	(void)set_up(state);
	facts.cloud = GW_CLOUD_UNPROVISIONED;
	facts.cloud_text = "cloud-key is missing.";
	expect("broker", DOCTOR_WRONG, "for 3 min: cloud-key is missing.", "Do what it says");
	facts.cloud = GW_CLOUD_CONNECTING;
	expect("broker", DOCTOR_WARNING, "Connecting", "");

	(void)set_up(state);
	expect("cloud", DOCTOR_OK, "last spoke 42 s ago", "");
	facts.cloud_heard_s = DOCTOR_NEVER;
	expect("cloud", DOCTOR_OK, "not asked anything yet", "");
	facts.cloud = GW_CLOUD_SILENT;
	expect("broker", DOCTOR_OK, "connected to the broker", "");
	expect("cloud", DOCTOR_WRONG, "not answered for 3 min", "service behind the broker");
}

static void queue(void **state)
{
	facts.jobs = 1;
	expect("queue", DOCTOR_OK, "1 request waits", "");
	facts.jobs = 900;
	expect("queue", DOCTOR_OK, "900 requests wait", "");
	facts.jobs = 901;
	expect("queue", DOCTOR_WARNING, "901 requests wait", "gangwayctl jobs");
	facts.jobs = 1000;
	expect("queue", DOCTOR_WRONG, "no more are taken", "[limits] jobs");
}

static void the_record(void **state)
{
	facts.record_waiting = 901;
	expect("record", DOCTOR_WARNING, "901 records wait", "[audit] waiting");
	facts.record_refusal = "not-allowed";
	facts.record_refused_s = 600;
	expect("record", DOCTOR_WRONG, "will not take the record, for 10 min: not-allowed",
	       "operator why");
	facts.record_lost_from = 17;
	facts.record_lost_to = 42;
	facts.record_lost_s = 180;
	facts.record_common_s = 7200;
	expect("record", DOCTOR_WRONG,
	       "(noticed 3 min ago): the cloud has records 17 to 42, made within the last 2 h, "
	       "that",
	       "revocation list");
	facts.record_common_s = DOCTOR_NEVER;
	expect("record", DOCTOR_WRONG, "records 17 to 42 that are not here",
	       "(gangway-cloud events)");
	facts.record_bad = 17; /* so says who verified it since */
	expect("record", DOCTOR_WRONG, "records 17 to 42 that are not here", "revocation list");
	facts.record_bad = 0;
	facts.record_is_sealed = false;
	expect("record", DOCTOR_WRONG, "cannot be opened", "who could write the store");
	facts.record_bad = 7;
	facts.record_bad_s = 7200;
	facts.record_why = "a record is missing";
	expect("record", DOCTOR_WRONG, "(found 2 h ago), at record 7: a record is missing",
	       "the cloud's copy");

	facts.record_is_sealed = true;
	facts.record_bad = facts.record_lost_to = 0;
	facts.record_refusal = "";
	facts.record_waiting = 1;
	expect("record", DOCTOR_OK, "1 record waits", "");
}

static void renewals(void **state)
{
	view = (struct outlook_view){ .overdue = 7 }; /* they may come yet */
	expect("renewals", DOCTOR_OK, "", "");
	view.late = 2;
	view.late_since_s = NOW - 5 * DAY;
	view.late_ends_s = NOW + 3 * DAY;
	expect("renewals", DOCTOR_WARNING,
	       "2 device(s) should have renewed long ago, the first for 5 days; its certificate "
	       "ends "
	       "in 3 days.",
	       "gangwayctl show ID");
	view.orphaned = 4; /* these are not awaited */
	expect("renewals", DOCTOR_WARNING,
	       "4 device(s) are of an authority that is trusted no more", "--replace");
	view.expired = 3;
	view.expired_since_s = NOW - 40;
	expect("renewals", DOCTOR_WARNING, "3 device(s) have expired, the first 40 s ago",
	       "--replace");
	view.asking = 1;
	expect("renewals", DOCTOR_WARNING, "1 device(s) ask", "gangwayctl approve");
}

static void plugins(void **state)
{
	facts.plugins[0].healthy = false;
	facts.plugins[0].text = "[cloud] broker is not set.";
	expect("plugin mqtt", DOCTOR_WRONG, "is not well, for 3 min: [cloud] broker is not set.",
	       "journalctl -u gangway-mqtt");
	facts.plugins[2].program = "1.2.2";
	expect("plugin ip", DOCTOR_WARNING, "version 1.2.2, the agent of 1.2.3",
	       "systemctl restart gangway-ip");

	facts.plugins[1].healthy = facts.plugins[2].healthy = false;
	facts.plugins[1].text = facts.plugins[2].text = "This and that";
	expect("plugin registrar", DOCTOR_WRONG, "for 3 min: This and that.",
	       "It goes on by itself. ");
	facts.cloud = GW_CLOUD_OFFLINE;
	expect("plugin registrar", DOCTOR_WRONG, "", "once the cloud has answered");
	expect("plugin ip", DOCTOR_WRONG, "", "correct the configuration");

	facts.n_plugins = 0;
	facts.missing_for_s[GW_ROLE_TRANSPORT] = 240;
	expect("plugin ip", DOCTOR_WRONG,
	       "No transport is connected, for 4 min: devices find no door.",
	       "systemctl start gangway-ip");
	expect("plugin registrar", DOCTOR_WRONG, "The registrar is not connected, for 0 s", "");
	expect("plugin registrar", DOCTOR_WRONG, "no device", "systemctl start gangway-registrar");
	expect("plugin mqtt", DOCTOR_WRONG, "wait on disk", "systemctl start gangway-mqtt");

	/* As many as there can be, each with the longest words that it can say. */
	for (size_t i = 0; i < DOCTOR_PLUGINS_MAX; i++) {
		static char name[GW_NAME_MAX + 1], text[GW_TEXT_MAX + 2];

		memset(name, 'n', GW_NAME_MAX);
		memset(text, 't', GW_TEXT_MAX);
		text[GW_TEXT_MAX] = '.';
		facts.plugins[i] =
			(struct doctor_plugin){ name, "1", GW_ROLE_TRANSPORT, false, text, 9 };
	}
	facts.n_plugins = DOCTOR_PLUGINS_MAX;
	assert_int_equal(doctor_examine(&facts, findings), DOCTOR_PLUGINS_MAX + 14);
	assert_true(strlen(findings[5].text) > GW_TEXT_MAX + GW_NAME_MAX);
}

static void revocation_lists(void **state)
{
	expect("revocation", DOCTOR_OK, "No revocation list", "");
	facts.lists = 1;
	expect("revocation", DOCTOR_OK, "1 revocation list is on record", "");
	facts.lists = 2;
	expect("revocation", DOCTOR_OK, "2 revocation lists are on record", "");
	facts.lists_stale = 1;
	facts.list_name = "Devices";
	facts.list_stale_s = 7200;
	expect("revocation", DOCTOR_WARNING,
	       "The revocation list of Devices is out of date for 2 h: ",
	       "gangwayctl revoke --crl FILE");
	expect("revocation", DOCTOR_WARNING, "served as before", "");
	facts.stale_list_closes = true;
	facts.lists_stale = 2;
	expect("revocation", DOCTOR_WRONG, "2 h (and others): ", "gangwayctl revoke --crl FILE");
	expect("revocation", DOCTOR_WRONG, "told to come again later", "");
}

static void durations(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },       { 1, "1 s" },         { 119, "119 s" },
		{ 120, "2 min" },   { 7199, "119 min" },  { 7200, "2 h" },
		{ 172799, "47 h" }, { 172800, "2 days" }, { UINT64_MAX, "213503982334601 days" },
	};
	char text[32];

	for (size_t i = 0; i < GW_ELEMENTS(rows); i++) {
		doctor_duration(rows[i].seconds, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_is_well, set_up),
		cmocka_unit_test_setup(clock_s, set_up),
		cmocka_unit_test_setup(disks, set_up),
		cmocka_unit_test_setup(the_link, set_up),
		cmocka_unit_test_setup(store, set_up),
		cmocka_unit_test_setup(credentials, set_up),
		cmocka_unit_test_setup(credentials_of_a_short_life, set_up),
		cmocka_unit_test_setup(broker_and_cloud, set_up),
		cmocka_unit_test_setup(queue, set_up),
		cmocka_unit_test_setup(the_record, set_up),
		cmocka_unit_test_setup(renewals, set_up),
		cmocka_unit_test_setup(revocation_lists, set_up),
		cmocka_unit_test_setup(plugins, set_up),
		cmocka_unit_test_setup(durations, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
