/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway forgets its devices: all of them or, if the store fails, none; and the cloud hears of each, once. */
#include "tests/unit/agent-world.h"

#include "agent/discovered.h"
#include "agent/operate.h"
#include "agent/reset.h"
#include "agent/sessions.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"

static unsigned reset(void)
{
	unsigned n = 0;

	assert_int_equal(reset_to_factory(world_agent(), "uid 0", &n), 0);
	world_turn();
	return n;
}

static void decommission(const char *device)
{
	const struct operate_wish wish = { DEVICE_EVENT_DECOMMISSION, device, "uid 0", "" };
	enum gw_reason refusal;

	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_turn();
}

static void expect_empty(void)
{
	assert_true(
		store_number(world_agent()->store, -1,
			     "SELECT (SELECT count(*) FROM device) + (SELECT count(*) FROM claim)"
			     " + (SELECT count(*) FROM tried_key)"
			     " + (SELECT count(*) FROM certificate)"
			     " + (SELECT count(*) FROM anchors) + (SELECT count(*) FROM command)",
			     "") == 0);
}

/* One aboard, one on its way, one claimed, one that has left, and one that nobody knows. */
static void fill(void)
{
	world_get_aboard("ABOARD", 21);
	world_get_aboard("LEFT", 22);
	decommission("LEFT");
	assert_int_equal(world_claim("CLAIMED", 7, false), GW_REASON_NONE);
	assert_int_equal(world_claim("COMING", 8, false), GW_REASON_NONE);
	world_enter(31, "COMING");
	world_csr(31, 1, 12);
	assert_int_equal(world_knock(32, "STRANGER"), 0);
}

static void everything_is_forgotten(void **state)
{
	fill();
	assert_true(world_peer_certificate(33, 21));
	world_forget();
	assert_int_equal(reset(), 3);
	expect_empty();
	assert_null(discovered_after(world_agent()->discovered, ""));
	assert_null(session_find(world_agent()->sessions, 31));
	assert_null(session_find(world_agent()->sessions, 33));
	assert_true(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END) >= 2);
	assert_false(world_peer_certificate(34, 21));
	assert_false(world_peer_certificate(35, 22)); /* nor for the notice */
	assert_int_equal(world_knock(36, "CLAIMED"), 0);
	assert_int_equal(world_recorded("factory-reset"), 1);
	assert_true(world_record_is_whole());
}

/* Of each that had not left, and of the one whose leaving it had not heard of yet. */
static void the_cloud_is_told_of_each(void **state)
{
	static const char *const all[] = { "ABOARD", "LEFT", "CLAIMED", "COMING" };
	bool told[GW_ELEMENTS(all)] = { false };
	unsigned n = 0;

	fill();
	world_lose(GW_ROLE_CLOUD);
	assert_int_equal(reset(), 3);
	assert_int_equal(store_job_count(world_agent()->store), 4);
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	while (store_job_has_kind(world_agent()->store, GW_REQUEST_DECOMMISSIONED)) {
		const struct gw_msg_request *request = world_request(GW_REQUEST_DECOMMISSIONED);
		char job[GW_ID_MAX + 1];

		for (size_t i = 0; i < GW_ELEMENTS(all); i++)
			told[i] |= gw_streq(request->device, all[i]);
		(void)gw_copy(job, sizeof(job), request->job);
		world_answer(job, 0);
		n++;
	}
	assert_int_equal(n, 4);
	for (size_t i = 0; i < GW_ELEMENTS(all); i++)
		assert_true(told[i]);
	assert_int_equal(world_recorded("cloud-acknowledged"), 4);
}

static void answer_relinquished(void)
{
	char job[GW_ID_MAX + 1];

	(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_RELINQUISHED)->job);
	world_answer(job, 0);
	assert_int_equal(world_recorded("credential-forgotten"), 1);
	assert_int_equal(store_job_count(world_agent()->store), 0);
}

/* It is by its own certificate that the cloud is told of the others. */
static void the_gateways_own_goes_last(void **state)
{
	fill();
	world_lose(GW_ROLE_CLOUD);
	assert_int_equal(reset(), 3);
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	while (store_job_has_kind(world_agent()->store, GW_REQUEST_DECOMMISSIONED)) {
		char job[GW_ID_MAX + 1];

		assert_false(store_job_has_kind(world_agent()->store, GW_REQUEST_RELINQUISHED));
		(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_DECOMMISSIONED)->job);
		world_answer(job, 0);
	}
	answer_relinquished();
}

static void a_gateway_without_devices(void **state)
{
	world_forget();
	assert_int_equal(reset(), 0);
	answer_relinquished();
}

static void twice(void **state)
{
	fill();
	assert_int_equal(reset(), 3);
	assert_int_equal(reset(), 0);
	expect_empty();
}

static void all_or_nothing(void **state)
{
	unsigned n;

	fill();
	world_forget();
	assert_int_equal(reset_to_factory(world_agent(), "uid 0", &n), 0);
	world_spoil_store();
	world_turn();
	assert_int_equal(world_state("ABOARD"), DEVICE_ONBOARDED);
	assert_int_equal(world_state("CLAIMED"), DEVICE_CLAIMED);
	assert_int_equal(world_recorded("factory-reset"), 0);
}

static void it_begins_again(void **state)
{
	fill();
	assert_int_equal(reset(), 3);
	world_lose(GW_ROLE_CLOUD); /* what it is told is no matter here */
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	while (world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST))
		;
	assert_int_equal(world_claim("ABOARD", 7, false), GW_REASON_NONE);
	assert_int_equal(world_knock(41, "ABOARD"), 7);
}

/* Many: more than are looked at at a time. */
static void many(void **state)
{
	char id[16];

	world_agent()->settings.devices_max = 1000;
	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(id, sizeof(id), "M-%u", i);
		assert_int_equal(world_claim(id, 7, false), GW_REASON_NONE);
	}
	assert_int_equal(reset(), 300);
	expect_empty();
	assert_int_equal(store_job_count(world_agent()->store), 300);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(everything_is_forgotten),
		TEST(the_cloud_is_told_of_each),
		TEST(the_gateways_own_goes_last),
		TEST(a_gateway_without_devices),
		TEST(twice),
		TEST(all_or_nothing),
		TEST(it_begins_again),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
