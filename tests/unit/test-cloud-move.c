/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that move and gateways that are replaced, in the registry: a device is live at one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/util.h"
#include "tests/unit/cloud-home.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define NOW 1900000000ull

static struct cloud_home world;

static int set_up(void **state)
{
	static const char *const gateways[] = { "gw-1", "gw-2", "gw-3" };

	cloud_home_make(&world);
	for (size_t i = 0; i < GW_ELEMENTS(gateways); i++)
		assert_int_equal(registry_gateway_add(world.registry, gateways[i], "t"), 0);
	return 0;
}

static int tear_down(void **state)
{
	cloud_home_remove(&world);
	return 0;
}

static void add_claim(const char *id, const char *gateway, const char *device)
{
	struct claim claim = { .state = CLAIM_OPEN, .tenant = "t" };

	(void)gw_copy(claim.id, sizeof(claim.id), id);
	(void)gw_copy(claim.gateway, sizeof(claim.gateway), gateway);
	(void)gw_copy(claim.device, sizeof(claim.device), device);
	assert_int_equal(registry_claim_add(world.registry, &claim), 0);
}

static struct claim get_claim(const char *id)
{
	struct claim claim;

	assert_int_equal(registry_claim_get(world.registry, id, &claim), 0);
	return claim;
}

static struct record get(const char *serial)
{
	struct record record;

	assert_int_equal(registry_certificate_get(world.registry, serial, &record), 0);
	return record;
}

static struct record add(const char *serial, const char *gateway, const char *device,
			 const char *claim)
{
	struct record record = {
		.tenant = "t", .state = CERTIFICATE_CANDIDATE, .not_before = 100, .not_after = 1000
	};

	(void)gw_copy(record.serial, sizeof(record.serial), serial);
	(void)gw_copy(record.gateway, sizeof(record.gateway), gateway);
	(void)gw_copy(record.device, sizeof(record.device), device);
	(void)gw_copy(record.claim, sizeof(record.claim), claim);
	(void)gw_copy(record.key, sizeof(record.key), serial);
	(void)snprintf(record.job, sizeof(record.job), "job-%s", serial);
	assert_int_equal(
		registry_certificate_add(world.registry, &record, (const uint8_t *)"der", 3), 0);
	return record;
}

static struct record add_live(const char *serial, const char *gateway, const char *device,
			      const char *claim)
{
	struct record record;

	add_claim(claim, gateway, device);
	record = add(serial, gateway, device, claim);
	assert_int_equal(registry_certificate_prove(world.registry, &record), 0);
	return get(serial);
}

/* --- gateways --- */

static bool has_place_of(const char *new, const char *old)
{
	bool is;

	assert_int_equal(registry_gateway_is_replaced_by(world.registry, old, new, &is), 0);
	return is;
}

static bool may_use(const char *gateway, const char *tenant)
{
	bool is;

	assert_int_equal(registry_tenant_is_allowed(world.registry, gateway, tenant, &is), 0);
	return is;
}

static void one_takes_anothers_place(void **state)
{
	assert_int_equal(registry_gateway_add(world.registry, "gw-1", "u"), 0);
	assert_false(may_use("gw-2", "u"));
	assert_int_equal(registry_gateway_replace(world.registry, "gw-1", "gw-2"), 0);
	assert_true(has_place_of("gw-2", "gw-1"));
	assert_false(has_place_of("gw-1", "gw-2"));
	assert_false(has_place_of("gw-3", "gw-1"));
	assert_true(may_use("gw-2", "u"));
	assert_false(may_use("gw-3", "u"));
}

static void both_must_be_on_record(void **state)
{
	assert_int_equal(registry_gateway_replace(world.registry, "gw-1", "gw-9"), -ENOENT);
	assert_int_equal(registry_gateway_replace(world.registry, "gw-9", "gw-1"), -ENOENT);
	assert_false(has_place_of("gw-9", "gw-1"));
}

/* Whose predecessor had one itself has the places of both; and who comes back has its own again. */
static void one_after_the_other(void **state)
{
	assert_int_equal(registry_gateway_replace(world.registry, "gw-1", "gw-2"), 0);
	assert_int_equal(registry_gateway_replace(world.registry, "gw-2", "gw-3"), 0);
	assert_true(has_place_of("gw-3", "gw-2"));
	assert_true(has_place_of("gw-3", "gw-1"));
	assert_false(has_place_of("gw-2", "gw-1"));

	assert_int_equal(registry_gateway_replace(world.registry, "gw-3", "gw-1"), 0);
	assert_true(has_place_of("gw-1", "gw-3"));
	assert_true(has_place_of("gw-1", "gw-2"));
	assert_false(has_place_of("gw-1", "gw-1"));
	assert_false(has_place_of("gw-3", "gw-1"));
}

static void a_tenant_roams(void **state)
{
	bool may;

	assert_int_equal(registry_tenant_set_roaming(world.registry, "t", true), 0);
	assert_int_equal(registry_tenant_set_roaming(world.registry, "t", true), 0);
	assert_int_equal(registry_tenant_may_roam(world.registry, "t", &may), 0);
	assert_true(may);
	assert_int_equal(registry_tenant_may_roam(world.registry, "u", &may), 0);
	assert_false(may);
	assert_int_equal(registry_tenant_set_roaming(world.registry, "t", false), 0);
	assert_int_equal(registry_tenant_may_roam(world.registry, "t", &may), 0);
	assert_false(may);
}

/* --- devices --- */

static void it_takes_its_certificate_and_its_claim_along(void **state)
{
	struct record record = add_live("s-1", "gw-1", "D", "c-1");

	assert_int_equal(registry_device_move(world.registry, &record, "gw-2", "job-9", NOW), 0);
	record = get("s-1");
	assert_int_equal(record.state, CERTIFICATE_LIVE);
	assert_string_equal(record.gateway, "gw-2");
	assert_string_equal(record.job, "job-9");
	assert_string_equal(get_claim("c-1").gateway, "gw-2");
	assert_int_equal(get_claim("c-1").state, CLAIM_SPENT);
}

/* One that was never proved counts as soon as the device has shown that it holds it. */
static void with_a_candidate(void **state)
{
	struct record candidate;

	(void)add_live("s-1", "gw-1", "D", "c-1");
	candidate = add("s-2", "gw-1", "D", "c-1");
	assert_int_equal(registry_device_move(world.registry, &candidate, "gw-2", "job-9", NOW), 0);
	assert_int_equal(get("s-2").state, CERTIFICATE_LIVE);
	assert_int_equal(get("s-1").state, CERTIFICATE_REVOKED);
	assert_string_equal(get("s-1").reason, "moved");

	add_claim("c-2", "gw-1", "E"); /* not even its claim is spent yet */
	candidate = add("s-3", "gw-1", "E", "c-2");
	assert_int_equal(registry_device_move(world.registry, &candidate, "gw-2", "job-8", NOW), 0);
	assert_int_equal(get("s-3").state, CERTIFICATE_LIVE);
	assert_int_equal(get_claim("c-2").state, CLAIM_SPENT);
}

static void nothing_of_it_is_good_elsewhere(void **state)
{
	struct record record = add_live("s-1", "gw-1", "D", "c-1");

	(void)add("s-2", "gw-1", "D", "c-1");
	add_claim("c-2", "gw-3", "D");
	(void)add_live("s-3", "gw-1", "E", "c-3");
	add_claim("c-4", "gw-3", "E");
	add_claim("c-5", "gw-3", "D");
	assert_int_equal(registry_claim_spend(world.registry, "c-5"), 0);
	assert_int_equal(registry_certificate_revoke(world.registry, "s-2", "superseded"), 0);
	(void)add("s-4", "gw-1", "D", "c-1");
	assert_int_equal(registry_device_move(world.registry, &record, "gw-2", "job-9", NOW), 0);

	assert_int_equal(get("s-4").state, CERTIFICATE_REVOKED);
	assert_string_equal(get("s-4").reason, "moved");
	assert_string_equal(get("s-2").reason, "superseded"); /* it was no good before */
	assert_int_equal(get_claim("c-2").state, CLAIM_CLOSED);
	assert_string_equal(get_claim("c-2").reason, "moved");
	assert_int_equal(get_claim("c-5").state, CLAIM_SPENT);
	assert_int_equal(get("s-3").state, CERTIFICATE_LIVE); /* another device's */
	assert_int_equal(get_claim("c-4").state, CLAIM_OPEN);
}

static void not_with_a_revoked_one(void **state)
{
	struct record record = add_live("s-1", "gw-1", "D", "c-1");

	assert_int_equal(registry_certificate_revoke(world.registry, "s-1", "revoked"), 0);
	assert_true(registry_device_move(world.registry, &record, "gw-2", "job-9", NOW) < 0);
	assert_int_equal(get("s-1").state, CERTIFICATE_REVOKED);
}

static unsigned moves(const char *device, uint64_t since)
{
	unsigned n;

	assert_int_equal(registry_device_moves(world.registry, device, since, &n), 0);
	return n;
}

static void move_at(const char *serial, const char *to, uint64_t now)
{
	struct record record = get(serial);
	char job[32];

	(void)snprintf(job, sizeof(job), "%s-%llu", serial, (unsigned long long)now);
	assert_int_equal(registry_device_move(world.registry, &record, to, job, now), 0);
}

/* Kept as long as the policy asks for them, and no longer. */
static void its_moves_are_counted(void **state)
{
	(void)add_live("s-1", "gw-1", "D", "c-1");
	(void)add_live("s-2", "gw-1", "E", "c-2");
	move_at("s-2", "gw-3", NOW);
	move_at("s-1", "gw-2", NOW);
	move_at("s-1", "gw-3", NOW + 10);
	assert_int_equal(moves("D", NOW - 1), 2);
	assert_int_equal(moves("D", NOW), 1);
	assert_int_equal(moves("D", NOW + 10), 0);
	assert_int_equal(moves("E", 0), 1);

	move_at("s-1", "gw-1", NOW + POLICY_MOVES_S);
	assert_int_equal(moves("D", 0), 2);
	assert_int_equal(moves("E", 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(one_takes_anothers_place),
		TEST(both_must_be_on_record),
		TEST(one_after_the_other),
		TEST(a_tenant_roams),
		TEST(it_takes_its_certificate_and_its_claim_along),
		TEST(with_a_candidate),
		TEST(nothing_of_it_is_good_elsewhere),
		TEST(not_with_a_revoked_one),
		TEST(its_moves_are_counted),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
