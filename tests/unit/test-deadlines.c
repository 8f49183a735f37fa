/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has an end: claims, certificates that nobody proves, secrets given out; and what time it is, without which
 * nothing ends.
 */
#include "tests/unit/agent-world.h"

#include "agent/audit.h"
#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/due.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

/* --- time --- */

static void claims_expire(void **state)
{
	world_make_claim(DEVICE);
	world_enter(1, DEVICE);
	world_pass(30 * 86400 - 1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	world_trust_clock(false);
	world_pass(2);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED); /* nobody knows what time it is */
	assert_int_equal(world_knock(2, DEVICE), 7);
	world_trust_clock(true);
	world_pass(0);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "claim-expired");
	assert_false(world_claim_is_open(DEVICE));
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END)->session_end.reason,
			    "claim-expired");
}

static void an_expired_claim_opens_nothing_even_before_it_is_looked_at(void **state)
{
	const struct gw_msg *reply;

	world_make_claim(DEVICE);
	world_pass(30 * 86400);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR,
				   &(struct gw_msg){ .type = GW_MSG_SECRET_QUERY,
						     .secret_query = { 1, 1, DEVICE, "::1" } },
				   -1),
			 0);
	world_turn();
	reply = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SECRET);
	assert_int_equal(reply->secret.secret.len, 0);
}

static void not_proved_while_the_claim_lives(void **state)
{
	const struct gw_msg_request *revoked;
	char before[GW_ID_MAX + 1];
	struct claim_record now;

	world_make_claim(DEVICE);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &now), 0);
	(void)gw_copy(before, sizeof(before), now.id);
	world_issue(1, DEVICE, 11, 21);
	world_pass(86399);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	world_pass(1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_string_equal(world_reason(DEVICE), "not-proved");
	world_expect_certificate(21, CERTIFICATE_REVOKED);
	revoked = world_request(GW_REQUEST_REVOKED);
	assert_int_equal(revoked->serial.data[0], 21);
	world_answer_with(revoked->job, GW_OUTCOME_DONE, "");
	assert_false(world_peer_certificate(2, 21));

	world_csr(1, 2, 11); /* what began under the old generation is over */
	world_is_refused(1, GW_REASON_NO_CLAIM);

	/* A new generation: the same secret, and the same key may be used again. */
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &now), 0);
	assert_string_not_equal(now.id, before);
	world_issue(3, DEVICE, 11, 22);
	world_prove(4, 22);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

/* One that has ended is in the way of the next, however much time is left to prove it. */
static void a_certificate_that_ends_unproved(void **state)
{
	world_make_claim(DEVICE);
	world_agent()->settings.claim_lifetime_s = 0;
	world_agent()->settings.prove_within_s = 2 * WORLD_LIFE_S;
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_issue(1, DEVICE, 11, 21);
	world_pass(WORLD_LIFE_S - 1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_true(world_alarm_s() == world_now_s() + 1);
	world_pass(1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	world_expect_certificate(21, CERTIFICATE_REVOKED);
	world_answer_with(world_request(GW_REQUEST_REVOKED)->job, GW_OUTCOME_DONE, "");
	world_issue(2, DEVICE, 11, 22);
	world_prove(3, 22);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void not_proved_and_the_claim_is_over(void **state)
{
	world_agent()->settings.claim_lifetime_s = 3600;
	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	world_pass(3601); /* the claim is over; the device still has its time */
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	world_pass(86400);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "not-proved");
	world_expect_certificate(21, CERTIFICATE_REVOKED);
	assert_false(world_claim_is_open(DEVICE));
}

static void proved_after_the_claim_is_over(void **state)
{
	world_agent()->settings.claim_lifetime_s = 3600;
	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	world_pass(3601);
	world_turn();
	world_prove(2, 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void a_replacement_never_proved(void **state)
{
	world_agent()->settings.claim_lifetime_s = 3600;
	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_issue(1, DEVICE, 12, 22);
	world_pass(86401);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	world_expect_certificate(21, CERTIFICATE_LIVE);
	world_expect_certificate(22, CERTIFICATE_REVOKED);
}

static void a_secret_whose_end_is_never_told(void **state)
{
	world_make_claim(DEVICE);
	assert_int_equal(world_knock(1, DEVICE), 7);
	world_pass(71);
	world_turn();
	assert_null(session_find(world_agent()->sessions, 1));
	assert_int_equal(world_recorded("secret-unaccounted"), 1);
}

/* Nobody else wakes the agent when something is due. */
static void the_alarm_is_set(void **state)
{
	char job[GW_ID_MAX + 1];

	world_agent()->settings.claim_lifetime_s = 3000;
	world_agent()->settings.prove_within_s = 1000;
	assert_true(world_alarm_s() == world_now_s() + 3600); /* at least */
	world_make_claim(DEVICE);
	assert_true(world_alarm_s() == world_now_s() + 3000);
	assert_int_equal(world_knock(1, "STRANGER"), 0);
	world_pass(1500);
	world_turn();
	assert_true(world_alarm_s() == world_now_s() + 1500);
	assert_int_equal(world_knock(2, DEVICE), 7);
	assert_true(world_alarm_s() == world_now_s() + 70); /* for its end */
	assert_true(world_peer_psk(2, DEVICE));
	world_csr(2, 1, 11);
	world_keep_request(GW_REQUEST_ENROLL, job);
	world_answer_with(job, GW_OUTCOME_PENDING, "");
	assert_in_range(world_alarm_s() - world_now_s(), 30, 37);
	world_pass(37);
	world_turn();
	world_answer(job, 21);
	world_checked(job, 21, true);
	assert_true(world_alarm_s() == world_now_s() + 1000);
	world_trust_clock(false);
	world_pass(0);
	world_turn();
	assert_true(world_alarm_s() == world_now_s() + 60); /* to see whether it is trusted now */
}

static void answer_time(const char *job)
{
	struct gw_msg msg = {
		.type = GW_MSG_ANSWER,
		.answer = { .job = job, .outcome = GW_OUTCOME_DONE, .time = world_now_s() }
	};

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
}

/* What the cloud said to somebody else, or before, is not what time it is now. */
static void only_a_fresh_answer_tells_the_time(void **state)
{
	char first[GW_ID_MAX + 1], second[GW_ID_MAX + 1];

	world_trust_clock(false);
	world_pass(61);
	world_turn();
	(void)gw_copy(first, sizeof(first), world_request(GW_REQUEST_TIME)->job);
	answer_time("time");
	answer_time("");
	assert_false(clock_is_trusted(&world_agent()->clock));

	world_pass(61); /* too long: it is asked anew */
	world_turn();
	(void)gw_copy(second, sizeof(second), world_request(GW_REQUEST_TIME)->job);
	assert_string_not_equal(first, second);
	answer_time(first);
	assert_false(clock_is_trusted(&world_agent()->clock));
	answer_time(second);
	assert_int_equal(clock_verdict(&world_agent()->clock), CLOCK_TRUSTED_BY_CLOUD);
	world_step(315360000);
	world_turn();
	assert_int_equal(clock_verdict(&world_agent()->clock), CLOCK_TRUSTED_ALONE);
	answer_time(second); /* once */
	assert_int_equal(clock_verdict(&world_agent()->clock), CLOCK_TRUSTED_ALONE);
}

/* At once, and not by the question from before: that came too late, or comes whenever it is repeated. */
static void a_cloud_that_is_back_is_asked_at_once(void **state)
{
	char first[GW_ID_MAX + 1], second[GW_ID_MAX + 1];

	world_trust_clock(false);
	world_pass(61);
	world_turn();
	(void)gw_copy(first, sizeof(first), world_request(GW_REQUEST_TIME)->job);
	world_forget();
	cloud_set_state(world_agent(), GW_CLOUD_OFFLINE, "no broker");
	world_turn();
	world_pass(5);
	cloud_set_state(world_agent(), GW_CLOUD_ONLINE, "");
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)->request_end.job, first);
	(void)gw_copy(second, sizeof(second), world_request(GW_REQUEST_TIME)->job);
	answer_time(first);
	assert_false(clock_is_trusted(&world_agent()->clock));

	/* Nobody noticed that it was away, and nothing is due: its answer tells that it is there. */
	world_pass(30);
	due_look(world_agent()->due);
	world_turn();
	world_pass(31);
	answer_time(second);
	assert_false(clock_is_trusted(&world_agent()->clock));
	answer_time(world_request(GW_REQUEST_TIME)->job);
	assert_int_equal(clock_verdict(&world_agent()->clock), CLOCK_TRUSTED_BY_CLOUD);
}

/* A machine without a battery: what happened when is told by the time that is known, not by its own clock. */
static void the_record_goes_by_the_time_that_is_known(void **state)
{
	const uint64_t years = 315360000;
	struct audit_record last;
	struct audit_point head;

	world_trust_clock(false);
	world_pass(61);
	world_turn();
	answer_time(world_request(GW_REQUEST_TIME)->job);
	world_step((int64_t)years);
	world_turn();
	world_make_claim(DEVICE);
	world_turn();
	assert_int_equal(audit_head(world_agent()->store, world_agent()->vault, &head), 0);
	assert_int_equal(audit_get(world_agent()->store, head.n, &last), 0);
	assert_string_equal(last.event, "claim");
	assert_true(last.time == world_now_s() - years);
}

static void expect_told_the_time(enum gw_role role)
{
	const struct gw_msg *told = world_hear(role, GW_MSG_CLOCK);

	assert_non_null(told);
	assert_true(told->clock.trusted && told->clock.time == world_now_s());
}

/* Nobody knows the time: what was to last for a while begins when somebody does. */
static void what_lasts_begins_when_time_is_known(void **state)
{
	struct claim_record record;

	world_trust_clock(false);
	world_step(-1000000);
	world_turn();
	world_make_claim(DEVICE);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &record), 0);
	assert_true(record.expires == 0 && record.lifetime_s == 30 * 86400);
	world_issue(1, DEVICE, 11, 21);
	world_forget();
	world_step(1000000);
	world_trust_clock(true);
	world_pass(0);
	world_turn();
	expect_told_the_time(GW_ROLE_REGISTRAR);
	expect_told_the_time(GW_ROLE_CLOUD);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &record), 0);
	assert_true(record.expires == world_now_s() + 30 * 86400 && !record.lifetime_s);
	world_pass(86399);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	world_pass(1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
}

/* The disk was full in just that moment: nothing is kept of the turn, and nothing may be missed. */
static void what_lasts_begins_though_a_turn_was_lost(void **state)
{
	struct claim_record record;

	world_trust_clock(false);
	world_step(-1000000);
	world_turn();
	world_make_claim(DEVICE);
	world_issue(1, DEVICE, 11, 21);
	world_step(1000000);
	world_trust_clock(true);
	world_pass(0);
	world_spoil_store();
	world_turn();
	assert_int_equal(world_breaks(), 1);
	assert_true(world_alarm_s() == world_now_s() + 60);
	world_pass(60);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &record), 0);
	assert_true(record.expires == world_now_s() + 30 * 86400 && !record.lifetime_s);
}

/* By the time that it has learned the agent may have been started anew. */
static void what_lasts_begins_with_the_next_start(void **state)
{
	struct claim_record record;

	world_trust_clock(false);
	world_step(-1000000);
	world_turn();
	world_make_claim(DEVICE);
	world_step(1000000);
	world_trust_clock(true);
	world_restart();
	world_turn();
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &record), 0);
	assert_true(record.expires == world_now_s() + 30 * 86400 && !record.lifetime_s);
}

/* A job that a clock of the future put off must not wait for that future. */
static void a_job_put_off_by_a_wrong_clock(void **state)
{
	char job[GW_ID_MAX + 1];

	world_agent()->settings.claim_lifetime_s = 0;
	world_ask(DEVICE, job);
	world_step(315360000); /* the flag of timesyncd knows nothing of it */
	world_answer_with(job, GW_OUTCOME_PENDING, "");
	world_step(-315360000);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(claims_expire),
		TEST(an_expired_claim_opens_nothing_even_before_it_is_looked_at),
		TEST(not_proved_while_the_claim_lives),
		TEST(a_certificate_that_ends_unproved),
		TEST(not_proved_and_the_claim_is_over),
		TEST(proved_after_the_claim_is_over),
		TEST(a_replacement_never_proved),
		TEST(a_secret_whose_end_is_never_told),
		TEST(the_alarm_is_set),
		TEST(only_a_fresh_answer_tells_the_time),
		TEST(a_cloud_that_is_back_is_asked_at_once),
		TEST(the_record_goes_by_the_time_that_is_known),
		TEST(what_lasts_begins_when_time_is_known),
		TEST(what_lasts_begins_though_a_turn_was_lost),
		TEST(what_lasts_begins_with_the_next_start),
		TEST(a_job_put_off_by_a_wrong_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
