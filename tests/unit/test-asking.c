/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device asks for a certificate, with one key or several, and the cloud answers: at once, late, twice, no, not yet,
 * or not at all.
 */
#include "tests/unit/agent-world.h"

#include <stdio.h>

#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

/* --- keys --- */

static void the_same_key_joins(void **state)
{
	char job[GW_ID_MAX + 1];

	world_make_claim(DEVICE);
	world_enter(1, DEVICE);
	world_enter(2, DEVICE);
	world_csr(1, 1, 11);
	world_csr(2, 8, 11);
	world_keep_request(GW_REQUEST_ENROLL, job);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* one job */
	world_answer(job, 21);
	world_checked(job, 21, true);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 2);
	for (int i = 0; i < 2; i++) {
		const struct gw_msg *msg = world_hear(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED);

		assert_int_equal(msg->enrolled.outcome, GW_OUTCOME_DONE);
		assert_int_equal(msg->enrolled.certificate.data[0], 21);
		assert_int_equal(msg->enrolled.request, msg->enrolled.session == 1 ? 1 : 8);
	}
}

static void the_same_key_gets_the_same_certificate(void **state)
{
	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	world_enter(2, DEVICE);
	world_csr(2, 1, 11);
	world_gets(2, 21);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
}

static void another_key_supersedes_what_is_pending(void **state)
{
	const struct gw_msg_request *request;
	char first[GW_ID_MAX + 1], second[GW_ID_MAX + 1];

	world_ask(DEVICE, first);
	world_enter(2, DEVICE);
	world_csr(2, 1, 12);

	world_is_refused(1, GW_REASON_SUPERSEDED); /* who waited waits no more */
	assert_string_equal(world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)->request_end.job, first);
	request = world_request(GW_REQUEST_REVOKED);
	assert_string_equal(request->of, first);
	assert_string_equal(request->reason, "superseded");
	world_answer_with(request->job, GW_OUTCOME_DONE, "");
	world_keep_request(GW_REQUEST_ENROLL, second);
	assert_string_not_equal(first, second);

	world_answer(first, 21); /* too late: never delivered */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 0);
	world_answer(second, 22);
	world_checked(second, 22, true);
	world_gets(2, 22);
}

static void another_key_supersedes_what_is_unproved(void **state)
{
	const struct gw_msg_request *request;

	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	world_enter(2, DEVICE);
	world_csr(2, 1, 12);
	world_expect_certificate(21, CERTIFICATE_REVOKED);
	request = world_request(GW_REQUEST_REVOKED);
	assert_int_equal(request->serial.data[0], 21);
	assert_string_equal(request->of, "");
	assert_false(world_peer_certificate(3, 21));
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
}

static void a_key_left_behind_is_not_taken_up_again(void **state)
{
	world_make_claim(DEVICE);
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	world_csr(1, 2, 12);
	world_forget();
	world_csr(1, 3, 11);
	world_is_refused(1, GW_REASON_SUPERSEDED);
}

static void the_fourth_key_is_one_too_many(void **state)
{
	world_make_claim(DEVICE);
	world_enter(1, DEVICE);
	for (uint8_t key = 11; key < 14; key++)
		world_csr(1, key, key);
	(void)world_request(GW_REQUEST_ENROLL);
	for (int i = 0; i < 2; i++)
		world_answer_with(world_request(GW_REQUEST_REVOKED)->job, GW_OUTCOME_DONE, "");
	world_forget();
	world_csr(1, 14, 14);
	world_is_refused(1, GW_REASON_TOO_MANY_KEYS);
	assert_string_equal(world_reason(DEVICE), "too-many-keys");
	world_csr(1, 15, 13); /* the third still waits */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);

	/* The label is good again after a new claim. */
	world_forget();
	assert_int_equal(world_claim(DEVICE, 7, true), GW_REASON_NONE);
	world_enter(2, DEVICE);
	world_csr(2, 1, 14);
	world_answer_with(world_request(GW_REQUEST_REVOKED)->job, GW_OUTCOME_DONE, "");
	(void)world_request(GW_REQUEST_ENROLL);
}

/* --- answers --- */

static void late_answers_are_revoked(void **state)
{
	char job[GW_ID_MAX + 1];
	enum gw_reason reason;

	world_ask(DEVICE, job);
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();
	world_is_refused(1, GW_REASON_WITHDRAWN);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 1);
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->of, job);

	world_answer(job, 21);
	assert_int_equal(world_recorded("stray-answer"), 1);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* it is told already */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
}

static void repeated_answers_are_not(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_answer(job, 21);
	world_answer(job, 21); /* while it is checked */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 1);
	world_checked(job, 21, true);
	world_answer(job, 21); /* when it is issued */
	world_prove(2, 21);
	world_answer(job, 21); /* and when it is proved */
	assert_int_equal(world_recorded("stray-answer"), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	world_expect_certificate(21, CERTIFICATE_LIVE);
}

static void strays_cannot_fill_the_disk(void **state)
{
	world_agent()->settings.jobs_max = 3;
	for (int i = 0; i < 6; i++) {
		char job[GW_ID_MAX + 1];

		(void)snprintf(job, sizeof(job), "stray-%d", i);
		world_answer(job, 21);
	}
	assert_int_equal(world_recorded("stray-answer"), 6);
	assert_int_equal(store_job_count(world_agent()->store), 3);
}

static void the_cloud_puts_off(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_answer_with(job, GW_OUTCOME_PENDING, "needs-approval");
	world_is_put_off(1);
	world_pass(29);
	world_turn();
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	world_pass(8); /* up to a quarter later */
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);

	/* Who was put off and comes again joins. */
	world_csr(1, 2, 11);
	world_answer(job, 21);
	world_checked(job, 21, true);
	world_gets(1, 21);
}

static void the_cloud_says_no_for_good(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_answer_with(job, GW_OUTCOME_REFUSED, "live-elsewhere");
	world_is_refused(1, GW_REASON_LIVE_ELSEWHERE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "live-elsewhere");
	assert_false(world_claim_is_open(DEVICE));
	assert_int_equal(world_knock(2, DEVICE), 0);
}

static void a_bad_certificate_is_given_back(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_answer(job, 21);
	world_checked(job, 21, false);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_string_equal(world_reason(DEVICE), "bad-certificate");
	assert_true(world_claim_is_open(DEVICE));

	/* Nothing is lost: the same request goes again, and a good answer ends it. */
	world_pass(75);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);
	world_csr(1, 2, 11);
	world_answer(job, 22);
	world_checked(job, 22, true);
	world_gets(1, 22);
	assert_string_equal(world_reason(DEVICE), "");
}

/* A cloud that sends the same certificate twice must not stop the agent at every start. */
static void a_certificate_on_record_is_a_bad_one(void **state)
{
	char job[GW_ID_MAX + 1];

	world_get_aboard("FIRST", 21);
	world_ask(DEVICE, job);
	world_answer(job, 21);
	world_checked(job, 21, true);
	assert_int_equal(world_breaks(), 0);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_string_equal(world_reason(DEVICE), "bad-certificate");
	assert_int_equal(world_state("FIRST"), DEVICE_ONBOARDED);
	world_expect_certificate(21, CERTIFICATE_LIVE);
}

static void done_without_a_certificate_is_a_bad_one(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_answer(job, 0);
	assert_int_equal(world_breaks(), 0);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_string_equal(world_reason(DEVICE), "bad-certificate");
}

/* --- the cloud is away --- */

static void the_cloud_is_away(void **state)
{
	char job[GW_ID_MAX + 1];

	world_make_claim(DEVICE);
	cloud_set_state(world_agent(), GW_CLOUD_OFFLINE, "no broker");
	world_turn();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	world_keep_request(GW_REQUEST_ENROLL, job);
	world_answer(job, 21);
	world_checked(job, 21, true);
	world_gets(1, 21); /* PENDING may be followed by the final one */
}

/* Else the proof of the old certificate might reach the cloud behind the new one, and revoke that. */
static void a_device_s_requests_go_in_order(void **state)
{
	char proved[GW_ID_MAX + 1];

	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	assert_true(world_peer_certificate(2, 21));
	(void)world_request(GW_REQUEST_PROVED); /* and no answer */
	assert_int_equal(world_claim(DEVICE, 7, true), GW_REASON_NONE);
	world_enter(3, DEVICE);
	world_csr(3, 1, 12);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);

	/* Nor when it is all told anew; and nobody else waits for it. */
	world_lose(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	(void)gw_copy(proved, sizeof(proved), world_request(GW_REQUEST_PROVED)->job);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_int_equal(world_claim("ACME-2", 8, false), GW_REASON_NONE);
	world_enter(4, "ACME-2");
	world_csr(4, 1, 13);
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->device, "ACME-2");

	world_answer_with(proved, GW_OUTCOME_PENDING, "");
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	world_pass(60);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_PROVED)->job, proved);
	world_answer_with(proved, GW_OUTCOME_DONE, "");
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->device, DEVICE);
}

static void a_new_cloud_link_gets_it_all_again(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_same_key_joins),
		TEST(the_same_key_gets_the_same_certificate),
		TEST(another_key_supersedes_what_is_pending),
		TEST(another_key_supersedes_what_is_unproved),
		TEST(a_key_left_behind_is_not_taken_up_again),
		TEST(the_fourth_key_is_one_too_many),
		TEST(late_answers_are_revoked),
		TEST(repeated_answers_are_not),
		TEST(strays_cannot_fill_the_disk),
		TEST(the_cloud_puts_off),
		TEST(the_cloud_says_no_for_good),
		TEST(a_bad_certificate_is_given_back),
		TEST(a_certificate_on_record_is_a_bad_one),
		TEST(done_without_a_certificate_is_a_bad_one),
		TEST(the_cloud_is_away),
		TEST(a_device_s_requests_go_in_order),
		TEST(a_new_cloud_link_gets_it_all_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
