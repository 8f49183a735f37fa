/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what. The methods are read from the XML of dbus/, so that one that is added there
 * without a right is found here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/rights.h"
#include "lib/util.h"
#include "lib/wire.h"

static const struct {
	const char *interface, *member;
	enum right right;
} expected[] = {
	{ "org.gangway1.Manager", "Claim", RIGHT_CLAIM },
	{ "org.gangway1.Manager", "Withdraw", RIGHT_CLAIM },
	{ "org.gangway1.Manager", "GetDevice", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListDevices", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListJobs", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListJobsAfter", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ReadAudit", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "VerifyAudit", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "ListSettings", RIGHT_INSPECT },
	{ "org.gangway1.Manager", "CheckConfig", RIGHT_CONFIGURE },
	{ "org.gangway1.Manager", "LoadRevocationList", RIGHT_OPERATE },
	{ "org.gangway1.Manager", "Reload", RIGHT_CONFIGURE },
	{ "org.gangway1.Manager", "FactoryReset", RIGHT_CONFIGURE },
	{ "org.gangway1.Manager", "Doctor", RIGHT_INSPECT },
	{ "org.gangway1.Device", "Renew", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Approve", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Reject", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Suspend", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Resume", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Revoke", RIGHT_OPERATE },
	{ "org.gangway1.Device", "Decommission", RIGHT_OPERATE },
	{ "org.freedesktop.DBus.Properties", "Get", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Properties", "GetAll", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Properties", "Set", RIGHT_CONFIGURE },
	{ "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Introspectable", "Introspect", RIGHT_INSPECT },
	{ "org.freedesktop.DBus.Peer", "Ping", RIGHT_NONE },
	{ "org.freedesktop.DBus.Peer", "GetMachineId", RIGHT_NONE },
};

static const char *const files[] = { "Manager", "Device", "Transport" };

static void as_written(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(expected); i++)
		assert_int_equal(right_needed(expected[i].interface, expected[i].member),
				 expected[i].right);
}

/* What reads files or the record keeps everybody waiting, and what changes something waits for the disk. */
static void what_is_dear(void **state)
{
	static const char *const walks[] = { "ReadAudit", "ListSettings", "CheckConfig", "Reload",
					     "LoadRevocationList" };

	for (size_t i = 0; i < GW_ELEMENTS(walks); i++)
		assert_int_equal(rights_find("org.gangway1.Manager", walks[i])->cost, COST_WALK);
	for (size_t i = 0; i < GW_ELEMENTS(expected); i++)
		if ((expected[i].right == RIGHT_CLAIM || expected[i].right == RIGHT_OPERATE) &&
		    !gw_streq(expected[i].member, "LoadRevocationList"))
			assert_int_equal(
				rights_find(expected[i].interface, expected[i].member)->cost,
				COST_WRITE);
}

/* Two methods, and none besides, take what a file holds. */
static void what_brings_much(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(expected); i++) {
		const char *member = expected[i].member;
		unsigned bytes = gw_streq(member, "CheckConfig")          ? 65536
				 : gw_streq(member, "LoadRevocationList") ? GW_CRL_MAX
									  : 0;

		assert_int_equal(rights_bytes(rights_find(expected[i].interface, member)), bytes);
	}
}

static bool is_expected(const char *interface, const char *member)
{
	for (size_t i = 0; i < GW_ELEMENTS(expected); i++)
		if (gw_streq(expected[i].interface, interface) &&
		    gw_streq(expected[i].member, member))
			return true;
	return false;
}

/* The value of name="..." in a line, or false. */
static bool read_name(const char *line, const char *element, char *name, size_t size)
{
	const char *at = strstr(line, element);
	size_t len;

	if (!at)
		return false;
	at += strlen(element);
	len = strcspn(at, "\"");
	assert_true(len < size);
	memcpy(name, at, len);
	name[len] = 0;
	return true;
}

static unsigned check_file(const char *interface)
{
	char path[4096], line[1024], member[128], full[128];
	unsigned n = 0;
	FILE *file;

	(void)snprintf(full, sizeof(full), "org.gangway1.%s", interface);
	(void)snprintf(path, sizeof(path), "%s/dbus/%s.xml", getenv("top_srcdir"), full);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (!read_name(line, "<method name=\"", member, sizeof(member)))
			continue;
		n++;
		if (!is_expected(full, member))
			fail_msg("%s: this test does not know who may call %s", path, member);
		assert_int_not_equal(right_needed(full, member), RIGHT_NOBODY);
	}
	(void)fclose(file);
	return n;
}

static void every_method_of_the_contract(void **state)
{
	unsigned n = 0;

	assert_non_null(getenv("top_srcdir"));
	for (size_t i = 0; i < GW_ELEMENTS(files); i++)
		n += check_file(files[i]);
	assert_true(n >= 7);
}

static void what_is_not_in_the_table_nobody_has(void **state)
{
	assert_int_equal(right_needed("org.gangway1.Manager", "OpenWindow"), RIGHT_NOBODY);
	assert_int_equal(right_needed("org.gangway1.Manager", "claim"), RIGHT_NOBODY);
	assert_int_equal(right_needed("org.gangway1.Manager", ""), RIGHT_NOBODY);
	assert_int_equal(right_needed("", "Claim"), RIGHT_NOBODY);
	assert_int_equal(right_needed("org.gangway1.Device", "Claim"), RIGHT_NOBODY);
	assert_int_equal(right_needed("org.freedesktop.DBus.Peer", "Claim"), RIGHT_NOBODY);
}

static void who_has_what(void **state)
{
	static const struct {
		enum right right;
		bool root, group, others;
	} cases[] = {
		{ RIGHT_NONE, true, true, true },      { RIGHT_INSPECT, true, true, false },
		{ RIGHT_CLAIM, true, true, false },    { RIGHT_OPERATE, true, true, false },
		{ RIGHT_REPLACE, true, false, false }, { RIGHT_CONFIGURE, true, false, false },
		{ RIGHT_NOBODY, false, false, false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		assert_int_equal(right_is_held(cases[i].right, 0, false), cases[i].root);
		assert_int_equal(right_is_held(cases[i].right, 0, true), cases[i].root);
		assert_int_equal(right_is_held(cases[i].right, 1000, true), cases[i].group);
		assert_int_equal(right_is_held(cases[i].right, 1000, false), cases[i].others);
		assert_int_equal(right_is_held(cases[i].right, UINT32_MAX, false), cases[i].others);
	}
}

/* Sets are what the single answers say, and nobody ever has what is not in the table. */
static void sets_of_rights(void **state)
{
	static const unsigned uids[] = { 0, 1000, UINT32_MAX };

	for (size_t i = 0; i < GW_ELEMENTS(uids); i++) {
		for (int in_group = 0; in_group < 2; in_group++) {
			unsigned held = rights_held(uids[i], in_group);

			assert_false(held & ~RIGHTS_ALL);
			for (enum right right = RIGHT_NONE; right < RIGHT_NOBODY; right++)
				assert_int_equal(!!(held & RIGHT_BIT(right)),
						 right_is_held(right, uids[i], in_group));
		}
	}
	assert_int_equal(rights_held(0, false), RIGHTS_ALL);
	assert_false(RIGHTS_ALL & RIGHT_BIT(RIGHT_NOBODY));
}

static void a_claim_that_replaces_needs_more(void **state)
{
	const struct rights_line *claim = rights_find("org.gangway1.Manager", "Claim");
	const struct rights_option *option = rights_option(claim);

	assert_non_null(option);
	assert_string_equal(option->name, "replace");
	assert_int_equal(option->right, RIGHT_REPLACE);
	assert_null(rights_option(rights_find("org.gangway1.Manager", "Withdraw")));
	assert_null(rights_option(rights_find("org.freedesktop.DBus.Properties", "Set")));
}

static void every_right_has_an_action(void **state)
{
	char action[64];

	for (enum right right = RIGHT_NONE + 1; right < RIGHT_NOBODY; right++) {
		(void)snprintf(action, sizeof(action), "org.gangway1.%s", right_name(right));
		assert_string_equal(right_action(right), action);
	}
	assert_null(right_action(RIGHT_NONE));
	assert_null(right_action(RIGHT_NOBODY));
	assert_null(right_name(RIGHT_NOBODY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_written),
		cmocka_unit_test(what_is_dear),
		cmocka_unit_test(what_brings_much),
		cmocka_unit_test(every_method_of_the_contract),
		cmocka_unit_test(what_is_not_in_the_table_nobody_has),
		cmocka_unit_test(who_has_what),
		cmocka_unit_test(sets_of_rights),
		cmocka_unit_test(a_claim_that_replaces_needs_more),
		cmocka_unit_test(every_right_has_an_action),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
