/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided of a device that is there: from that turn on nothing of it is served, whatever was under
 * way; and the cloud hears of it once, whenever that can be.
 */
#include "tests/unit/agent-world.h"

#include "agent/operate.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

static enum gw_reason operate_with(enum device_event event, const char *reason)
{
	const struct operate_wish wish = { event, DEVICE, "uid 7", reason };
	enum gw_reason refusal;

	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_turn();
	return refusal;
}

static enum gw_reason operate(enum device_event event)
{
	return operate_with(event, "");
}

static void expect(enum device_event event, enum device_state state)
{
	assert_int_equal(operate(event), GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), state);
}

static void expect_end(uint64_t session, const char *reason)
{
	const struct gw_msg *end = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END);

	assert_non_null(end);
	assert_int_equal(end->session_end.session, session);
	assert_string_equal(end->session_end.reason, reason);
	assert_null(session_find(world_agent()->sessions, session));
}

/* The cloud is told of that next, and takes it. */
static void expect_told(enum gw_request_kind kind, const char *reason)
{
	const struct gw_msg_request *request = world_request(kind);
	char job[GW_ID_MAX + 1];

	assert_string_equal(request->device, DEVICE);
	assert_string_equal(request->reason, reason);
	(void)gw_copy(job, sizeof(job), request->job);
	world_answer(job, 0);
}

static void expect_nothing_to_tell(void)
{
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_int_equal(store_job_count(world_agent()->store), 0);
}

static void ask_settings(uint64_t session)
{
	const struct gw_msg msg = { .type = GW_MSG_SETTINGS_QUERY,
				    .settings_query = { session, 1 } };

	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
}

/* --- suspended, resumed --- */

static void suspended_and_back(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(5, 21));
	world_forget();

	expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
	assert_string_equal(world_reason(DEVICE), "suspended");
	assert_true(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END) >= 1);
	assert_null(session_find(world_agent()->sessions, 5));
	expect_told(GW_REQUEST_SUSPENDED, "suspended");
	assert_false(world_peer_certificate(6, 21));

	expect(DEVICE_EVENT_RESUME, DEVICE_ONBOARDED);
	assert_string_equal(world_reason(DEVICE), "");
	expect_told(GW_REQUEST_RESUMED, "");
	assert_true(world_peer_certificate(7, 21));
	expect_nothing_to_tell();
	assert_true(world_record_is_whole());
}

static void asked_twice_is_done_once(void **state)
{
	world_get_aboard(DEVICE, 21);
	expect(DEVICE_EVENT_RESUME, DEVICE_ONBOARDED);
	expect_nothing_to_tell();
	expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
	expect_told(GW_REQUEST_SUSPENDED, "suspended");
	expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
	expect_nothing_to_tell();
	assert_int_equal(world_recorded("suspend"), 1);
	assert_int_equal(world_recorded("resume"), 0);
}

/* Each is news to the cloud, though it is the same device and the same word. */
static void again_and_again(void **state)
{
	world_get_aboard(DEVICE, 21);
	for (int i = 0; i < 3; i++) {
		expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
		expect_told(GW_REQUEST_SUSPENDED, "suspended");
		expect(DEVICE_EVENT_RESUME, DEVICE_ONBOARDED);
		expect_told(GW_REQUEST_RESUMED, "");
	}
	expect_nothing_to_tell();
}

static void who_is_not_aboard_is_not_suspended(void **state)
{
	static const enum device_event events[] = { DEVICE_EVENT_SUSPEND, DEVICE_EVENT_RESUME };

	for (size_t i = 0; i < GW_ELEMENTS(events); i++)
		assert_int_equal(operate(events[i]), GW_REASON_NOT_FOUND);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	for (size_t i = 0; i < GW_ELEMENTS(events); i++)
		assert_int_equal(operate(events[i]), GW_REASON_NOT_POSSIBLE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	expect_nothing_to_tell();
}

/* Its new claim is over, and what was asked under it is void. */
static void suspended_while_it_starts_over(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_enter(5, DEVICE);
	world_csr(5, 1, 12);
	(void)world_request(GW_REQUEST_ENROLL);

	expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
	world_is_refused(5, GW_REASON_SUSPENDED);
	assert_false(*world_request(GW_REQUEST_REVOKED)->reason == 0);
	assert_int_equal(world_knock(6, DEVICE), 0);
	expect(DEVICE_EVENT_RESUME, DEVICE_ONBOARDED);
	assert_true(world_peer_certificate(7, 21));
	assert_int_equal(world_knock(8, DEVICE), 0);
}

/* --- revoked --- */

static void revoked_for_good(void **state)
{
	world_get_aboard(DEVICE, 21);
	world_forget();
	assert_true(world_peer_certificate(5, 21));
	world_forget();

	assert_int_equal(operate_with(DEVICE_EVENT_REVOKE, "stolen"), GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_string_equal(world_reason(DEVICE), "stolen");
	assert_null(session_find(world_agent()->sessions, 5));
	expect_told(GW_REQUEST_REVOKED, "stolen");
	assert_false(world_peer_certificate(6, 21));
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_REVOKED);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_REVOKED);
	assert_int_equal(operate(DEVICE_EVENT_RESUME), GW_REASON_NOT_POSSIBLE);

	expect(DEVICE_EVENT_REVOKE, DEVICE_REVOKED);
	assert_string_equal(world_reason(DEVICE), "stolen");
	expect_nothing_to_tell();
}

/* What the registrar had sent before it heard is not answered. */
static void what_comes_after_is_not_served(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(5, 21));
	world_forget();
	assert_int_equal(operate(DEVICE_EVENT_REVOKE), GW_REASON_NONE);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END),
			 2); /* the one of its proof */
	assert_null(session_find(world_agent()->sessions, 2));
	assert_null(session_find(world_agent()->sessions, 5));

	ask_settings(5);
	world_csr(5, 1, 12);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SETTINGS), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_breaks(), 0);
}

/* Both in one turn, in either order: the device is out, and the agent never says anything else. */
static void a_request_in_the_same_turn(void **state)
{
	const struct gw_msg msg = { .type = GW_MSG_SETTINGS_QUERY, .settings_query = { 5, 1 } };
	const struct operate_wish wish = { DEVICE_EVENT_REVOKE, DEVICE, "uid 7", "" };
	enum gw_reason refusal;

	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(5, 21));
	world_forget();
	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SETTINGS), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 2);
}

/* The cloud's certificate comes when nobody may have it any more. */
static void an_answer_that_comes_too_late(void **state)
{
	char job[GW_ID_MAX + 1];
	const struct gw_msg_request *request;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_ENROLL)->job);

	assert_int_equal(operate(DEVICE_EVENT_REVOKE), GW_REASON_NONE);
	world_is_refused(1, GW_REASON_REVOKED);
	request = world_request(GW_REQUEST_REVOKED);
	assert_string_equal(request->of, job);
	world_answer(job, 21); /* crossed */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_int_equal(store_job_count(world_agent()->store),
			 1); /* that very word, no second one */
	assert_int_equal(world_knock(2, DEVICE), 0);
}

/* The certificate is here, and the registrar is asked whether it is right. */
static void revoked_while_an_answer_is_checked(void **state)
{
	char job[GW_ID_MAX + 1];

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_ENROLL)->job);
	world_answer(job, 21);
	assert_int_equal(operate(DEVICE_EVENT_REVOKE), GW_REASON_NONE);
	world_is_refused(1, GW_REASON_REVOKED);
	world_checked(job, 21, true);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_false(world_peer_certificate(2, 21));
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->of, job);
}

/* --- the cloud is away --- */

static void told_when_it_can_be(void **state)
{
	world_get_aboard(DEVICE, 21);
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	expect(DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED);
	expect(DEVICE_EVENT_RESUME, DEVICE_ONBOARDED);
	expect(DEVICE_EVENT_REVOKE, DEVICE_REVOKED);
	assert_false(world_peer_certificate(5, 21));
	assert_int_equal(store_job_count(world_agent()->store), 3);

	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_false(world_peer_certificate(5, 21));
	expect_told(GW_REQUEST_SUSPENDED, "suspended"); /* in order */
	expect_told(GW_REQUEST_RESUMED, "");
	expect_told(GW_REQUEST_REVOKED, "revoked");
	expect_nothing_to_tell();

	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	expect_nothing_to_tell();
}

/* Nothing is half done. */
static void a_store_that_fails(void **state)
{
	const struct operate_wish wish = { DEVICE_EVENT_REVOKE, DEVICE, "uid 7", "" };
	enum gw_reason refusal;

	world_get_aboard(DEVICE, 21);
	world_forget();
	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_spoil_store();
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	expect_nothing_to_tell();
}

/* --- rejected --- */

static void rejected(void **state)
{
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	world_forget();
	assert_int_equal(operate(DEVICE_EVENT_REJECT), GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "rejected");
	expect_end(1, "rejected");
	assert_int_equal(world_knock(2, DEVICE), 0);
	expect(DEVICE_EVENT_REJECT, DEVICE_REJECTED);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
}

static void who_is_aboard_is_not_rejected(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(operate(DEVICE_EVENT_REJECT), GW_REASON_NOT_POSSIBLE);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void reasons(void **state)
{
	char longest[GW_REASON_MAX + 2];

	memset(longest, 'a', sizeof(longest));
	longest[GW_REASON_MAX + 1] = 0;
	assert_false(operate_reason_is_valid(longest));
	longest[GW_REASON_MAX] = 0;
	assert_true(operate_reason_is_valid(longest));
	assert_true(operate_reason_is_valid(""));
	for (int c = 1; c < 256; c++) {
		const char text[] = { 'a', (char)c, 0 };
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';

		assert_int_equal(operate_reason_is_valid(text), good);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(suspended_and_back),
		TEST(asked_twice_is_done_once),
		TEST(again_and_again),
		TEST(who_is_not_aboard_is_not_suspended),
		TEST(suspended_while_it_starts_over),
		TEST(revoked_for_good),
		TEST(what_comes_after_is_not_served),
		TEST(a_request_in_the_same_turn),
		TEST(an_answer_that_comes_too_late),
		TEST(revoked_while_an_answer_is_checked),
		TEST(told_when_it_can_be),
		TEST(a_store_that_fails),
		TEST(rejected),
		TEST(who_is_aboard_is_not_rejected),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
