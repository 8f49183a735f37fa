/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gateways' own certificates and the claims that they come by, in the registry: at most one is live, a use is a gateway's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/util.h"
#include "tests/unit/cloud-home.h"
#include "tools/cloud/registry.h"

static struct cloud_home world;

static int set_up(void **state)
{
	cloud_home_make(&world);
	return 0;
}

static int tear_down(void **state)
{
	cloud_home_remove(&world);
	return 0;
}

static struct record add(const char *serial, const char *gateway, const char *claim)
{
	struct record record = { .state = CERTIFICATE_CANDIDATE,
				 .not_before = 100,
				 .not_after = 1000 };

	(void)gw_copy(record.serial, sizeof(record.serial), serial);
	(void)gw_copy(record.gateway, sizeof(record.gateway), gateway);
	(void)gw_copy(record.claim, sizeof(record.claim), claim);
	(void)snprintf(record.key, sizeof(record.key), "key-%s", serial);
	(void)snprintf(record.job, sizeof(record.job), "job-%s", serial);
	assert_int_equal(registry_gateway_admit(world.registry, claim, gateway), 0);
	assert_int_equal(registry_gateway_certificate_add(world.registry, &record,
							  (const uint8_t *)serial, strlen(serial)),
			 0);
	return record;
}

static struct record get(const char *serial)
{
	struct record record;

	assert_int_equal(registry_gateway_certificate_get(world.registry, serial, &record), 0);
	return record;
}

static void expect(const char *serial, enum certificate_state state, const char *reason)
{
	assert_int_equal(get(serial).state, state);
	assert_string_equal(get(serial).reason, reason);
}

static unsigned candidates(const char *gateway)
{
	unsigned n;

	assert_int_equal(registry_gateway_certificate_candidates(world.registry, gateway, &n), 0);
	return n;
}

/* --- certificates --- */

static void what_is_kept_of_one(void **state)
{
	struct record record = add("s-1", "gw-1", "batch"), found;
	uint8_t *der = NULL;
	size_t len = 0;

	found = get("s-1");
	assert_memory_equal(&found, &record, sizeof(found));
	assert_int_equal(registry_gateway_certificate_get(world.registry, "s-2", &found), -ENOENT);
	assert_int_equal(registry_gateway_certificate_of_job(world.registry, "gw-1", "job-s-1",
							     &found, &der, &len),
			 0);
	assert_memory_equal(&found, &record, sizeof(found));
	assert_int_equal(len, 3);
	assert_memory_equal(der, "s-1", 3);
	free(der);
	assert_int_equal(registry_gateway_certificate_of_job(world.registry, "gw-2", "job-s-1",
							     &found, &der, &len),
			 -ENOENT);
}

static void one_is_live(void **state)
{
	struct record first = add("s-1", "gw-1", "batch"), second, live;

	(void)add("o-1", "gw-2", "batch");
	assert_int_equal(registry_gateway_certificate_live(world.registry, "gw-1", &live), -ENOENT);
	assert_int_equal(registry_gateway_certificate_prove(world.registry, &first), 0);
	assert_int_equal(registry_gateway_certificate_live(world.registry, "gw-1", &live), 0);
	assert_string_equal(live.serial, "s-1");

	second = add("s-2", "gw-1", "");
	(void)add("s-3", "gw-1", "");
	assert_int_equal(candidates("gw-1"), 2);
	expect("s-1", CERTIFICATE_LIVE, ""); /* a candidate unseats nothing */
	assert_int_equal(registry_gateway_certificate_prove(world.registry, &second), 0);
	expect("s-1", CERTIFICATE_REVOKED, "superseded");
	expect("s-2", CERTIFICATE_LIVE, "");
	expect("s-3", CERTIFICATE_REVOKED, "superseded");
	expect("o-1", CERTIFICATE_CANDIDATE, ""); /* another gateway's */
	assert_int_equal(candidates("gw-1"), 0);
	assert_true(registry_gateway_certificate_prove(world.registry, &first) < 0);
	expect("s-1", CERTIFICATE_REVOKED, "superseded");
}

/* The newest are kept, whatever their serial numbers. */
static void too_many_candidates(void **state)
{
	struct record record;

	(void)add("s-9", "gw-1", "");
	(void)add("s-1", "gw-1", "");
	(void)add("s-5", "gw-1", "");
	(void)add("o-1", "gw-2", "");
	assert_int_equal(registry_gateway_certificate_trim(world.registry, "gw-1", 2, "trimmed"),
			 0);
	expect("s-9", CERTIFICATE_REVOKED, "trimmed");
	expect("s-1", CERTIFICATE_CANDIDATE, "");
	expect("s-5", CERTIFICATE_CANDIDATE, "");
	expect("o-1", CERTIFICATE_CANDIDATE, "");
	assert_int_equal(registry_gateway_certificate_trim(world.registry, "gw-1", 0, "trimmed"),
			 0);
	assert_int_equal(candidates("gw-1"), 0);
	(void)add("s-6", "gw-1", "");
	record = get("s-6");
	assert_int_equal(registry_gateway_certificate_prove(world.registry, &record), 0);
	expect("s-9", CERTIFICATE_REVOKED, "trimmed"); /* it was no good before */
	assert_int_equal(candidates("gw-2"), 1);
}

static void retired(void **state)
{
	struct record first = add("s-1", "gw-1", "batch");

	(void)add("o-1", "gw-2", "batch");
	assert_int_equal(registry_gateway_certificate_prove(world.registry, &first), 0);
	(void)add("s-2", "gw-1", "");
	assert_int_equal(registry_gateway_retire(world.registry, "gw-1", "revoked"), 0);
	expect("s-1", CERTIFICATE_REVOKED, "revoked");
	expect("s-2", CERTIFICATE_REVOKED, "revoked");
	expect("o-1", CERTIFICATE_CANDIDATE, "");
	(void)add("s-3", "gw-1", "");
	expect("s-3", CERTIFICATE_CANDIDATE, "");
	assert_int_equal(registry_gateway_retire(world.registry, "gw-1", "lost"), 0);
	expect("s-1", CERTIFICATE_REVOKED, "revoked"); /* why it was at first */
}

static int note(const struct record *record, void *userdata)
{
	char *all = userdata;

	(void)snprintf(all + strlen(all), 64 - strlen(all), "%s %s;", record->gateway,
		       record->serial);
	return 0;
}

static int stop(const struct record *record, void *userdata)
{
	return -ECANCELED;
}

static void all_of_them(void **state)
{
	char all[64] = "";

	(void)add("s-9", "gw-2", "");
	(void)add("s-5", "gw-1", "");
	(void)add("s-1", "gw-1", "");
	assert_int_equal(registry_gateway_certificates_each(world.registry, note, all), 0);
	assert_string_equal(all, "gw-1 s-5;gw-1 s-1;gw-2 s-9;");
	assert_int_equal(registry_gateway_certificates_each(world.registry, stop, NULL),
			 -ECANCELED);
}

static void barred(void **state)
{
	char reason[32] = "";

	assert_int_equal(registry_gateway_bar(world.registry, "gw-1", "stolen"), -ENOENT);
	assert_int_equal(registry_gateway_is_barred(world.registry, "gw-1", reason, sizeof(reason)),
			 0);
	(void)add("s-1", "gw-1", "batch");
	assert_int_equal(registry_gateway_is_barred(world.registry, "gw-1", reason, sizeof(reason)),
			 0);
	assert_int_equal(registry_gateway_bar(world.registry, "gw-1", "stolen"), 0);
	assert_int_equal(registry_gateway_is_barred(world.registry, "gw-1", reason, sizeof(reason)),
			 1);
	assert_string_equal(reason, "stolen");
	assert_int_equal(registry_gateway_bar(world.registry, "gw-1", ""), 0);
	assert_int_equal(registry_gateway_is_barred(world.registry, "gw-1", reason, sizeof(reason)),
			 0);
}

/* --- claims --- */

static struct gateway_claim get_claim(const char *name)
{
	struct gateway_claim claim;

	assert_int_equal(registry_gateway_claim_get(world.registry, name, &claim), 0);
	return claim;
}

static bool lists(const char *gateway)
{
	bool is;

	assert_int_equal(registry_gateway_claim_lists(world.registry, "batch", gateway, &is), 0);
	return is;
}

static bool was_used_by(const char *gateway)
{
	bool is;

	assert_int_equal(registry_gateway_claim_was_used_by(world.registry, "batch", gateway, &is),
			 0);
	return is;
}

static void a_claim(void **state)
{
	struct gateway_claim claim = {
		.name = "batch",
		.uses = 3,
		.expires = 500,
		.is_listed = true,
	};

	assert_int_equal(registry_gateway_claim_get(world.registry, "batch", &claim), -ENOENT);
	assert_int_equal(registry_gateway_claim_set(world.registry, &claim), 0);
	assert_int_equal(registry_gateway_claim_list(world.registry, "batch", "gw-1"), 0);
	assert_int_equal(registry_gateway_claim_list(world.registry, "batch", "gw-1"), 0);
	claim = get_claim("batch");
	assert_int_equal(claim.uses, 3);
	assert_int_equal(claim.expires, 500);
	assert_int_equal(claim.n_listed, 1);
	assert_int_equal(claim.n_used, 0);
	assert_true(claim.is_listed && !claim.is_closed);
	assert_true(lists("gw-1"));
	assert_false(lists("gw-2"));

	claim.is_closed = true;
	claim.is_listed = false;
	claim.uses = 4;
	claim.expires = 0;
	assert_int_equal(registry_gateway_claim_set(world.registry, &claim), 0);
	claim = get_claim("batch");
	assert_true(claim.is_closed && !claim.is_listed);
	assert_int_equal(claim.uses, 4);
	assert_int_equal(claim.expires, 0);
}

/* However often a gateway comes by it, and whatever becomes of its certificates. */
static void a_use_is_a_gateway_s(void **state)
{
	const struct gateway_claim claim = { .name = "batch", .uses = 3 };

	assert_int_equal(registry_gateway_claim_set(world.registry, &claim), 0);
	(void)add("s-1", "gw-1", "batch");
	(void)add("s-2", "gw-1", "batch");
	(void)add("s-3", "gw-2", "other");
	assert_int_equal(get_claim("batch").n_used, 1);
	assert_true(was_used_by("gw-1"));
	assert_false(was_used_by("gw-2"));
	assert_int_equal(registry_gateway_retire(world.registry, "gw-1", "revoked"), 0);
	(void)add("s-4", "gw-3", "batch");
	assert_int_equal(get_claim("batch").n_used, 2);
}

static void who_comes_by_it_has_its_tenants(void **state)
{
	const struct gateway_claim claims[] = { { .name = "batch" }, { .name = "other" } };
	bool may;

	for (size_t i = 0; i < GW_ELEMENTS(claims); i++)
		assert_int_equal(registry_gateway_claim_set(world.registry, &claims[i]), 0);
	assert_int_equal(registry_gateway_claim_allow(world.registry, "batch", "t"), 0);
	assert_int_equal(registry_gateway_claim_allow(world.registry, "batch", "t"), 0);
	assert_int_equal(registry_gateway_claim_allow(world.registry, "other", "u"), 0);
	assert_int_equal(registry_gateway_admit(world.registry, "batch", "gw-1"), 0);
	assert_int_equal(registry_gateway_admit(world.registry, "batch", "gw-1"), 0);
	assert_int_equal(registry_tenant_is_allowed(world.registry, "gw-1", "t", &may), 0);
	assert_true(may);
	assert_int_equal(registry_tenant_is_allowed(world.registry, "gw-1", "u", &may), 0);
	assert_false(may);
}

static int note_claim(const struct gateway_claim *claim, void *userdata)
{
	char *all = userdata;

	(void)snprintf(all + strlen(all), 64 - strlen(all), "%s;", claim->name);
	return gw_streq(claim->name, "c") ? -ECANCELED : 0;
}

static void all_claims(void **state)
{
	static const char *const names[] = { "b", "a", "c" };
	char all[64] = "";

	assert_int_equal(registry_gateway_claims_each(world.registry, note_claim, all), 0);
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		struct gateway_claim claim = { .uses = 1 };

		(void)gw_copy(claim.name, sizeof(claim.name), names[i]);
		assert_int_equal(registry_gateway_claim_set(world.registry, &claim), 0);
	}
	assert_int_equal(registry_gateway_claims_each(world.registry, note_claim, all), -ECANCELED);
	assert_string_equal(all, "a;b;c;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_kept_of_one),
		TEST(one_is_live),
		TEST(too_many_candidates),
		TEST(retired),
		TEST(all_of_them),
		TEST(barred),
		TEST(a_claim),
		TEST(a_use_is_a_gateway_s),
		TEST(all_claims),
		TEST(who_comes_by_it_has_its_tenants),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
