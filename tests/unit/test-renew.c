/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renewal in the agent's heart: the live certificate stays until the next one is proved, and nothing that
 * comes between (other keys, a cloud that is away or says no, time) costs the device the one that it has.
 */
#include "tests/unit/agent-world.h"

#include "agent/approval.h"
#include "agent/operate.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/store-key.h"
#include "lib/util.h"

#define DEVICE "ACME-1"
#define OLD    21
#define NEXT   22
#define HOUR   3600u
#define DAY    (24 * HOUR)

static struct certificate_record get(uint8_t number)
{
	struct certificate_record record = { .state = _CERTIFICATE_STATE_MAX };
	uint8_t fingerprint[GW_HASH_LEN];

	memset(fingerprint, number, sizeof(fingerprint));
	(void)store_certificate_by_fingerprint(world_agent()->store, GW_BLOB_ARRAY(fingerprint),
					       &record);
	return record;
}

static void expect(uint8_t number, enum certificate_state state)
{
	assert_int_equal(get(number).state, state);
}

/* Aboard with OLD, and back with it in session 1. */
static void come_back(void)
{
	world_get_aboard(DEVICE, OLD);
	assert_true(world_peer_certificate(1, OLD));
}

/* What was asked for comes, and is checked. */
static void bring(const char *job, uint8_t certificate)
{
	world_answer(job, certificate);
	assert_non_null(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK));
	world_checked(job, certificate, true);
}

static void renew_to(uint64_t session, uint8_t key, uint8_t certificate)
{
	char job[GW_ID_MAX + 1];

	world_renew(session, 1, key);
	world_keep_request(GW_REQUEST_RENEW, job);
	bring(job, certificate);
	world_gets(session, certificate);
}

static void answer_next(enum gw_request_kind kind)
{
	char job[GW_ID_MAX + 1];

	(void)gw_copy(job, sizeof(job), world_request(kind)->job);
	world_answer_with(job, GW_OUTCOME_DONE, "");
}

static void from_old_to_new(void **state)
{
	const struct gw_msg_request *request;
	char job[GW_ID_MAX + 1];
	const struct gw_msg *msg;

	come_back();
	world_renew(1, 7, 31);
	request = world_request(GW_REQUEST_RENEW);
	assert_string_equal(request->device, DEVICE);
	assert_string_equal(request->tenant, "default");
	assert_string_equal(request->claim, "");
	assert_int_equal(request->serial.data[0], OLD);
	assert_int_equal(request->key.data[0], 31);
	assert_int_equal(request->csr.len, 100);
	(void)gw_copy(job, sizeof(job), request->job);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);

	world_answer(job, NEXT);
	msg = world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK);
	assert_string_equal(msg->check.device, DEVICE);
	assert_int_equal(msg->check.key.data[0], 31);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	world_checked(job, NEXT, true);
	world_gets(1, NEXT);
	expect(OLD, CERTIFICATE_LIVE);
	expect(NEXT, CERTIFICATE_CANDIDATE);
	assert_string_equal(get(NEXT).claim, get(OLD).claim);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_true(world_peer_certificate(2, OLD)); /* still good */

	assert_true(world_peer_certificate(3, NEXT));
	request = world_request(GW_REQUEST_PROVED);
	assert_int_equal(request->serial.data[0], NEXT);
	assert_string_equal(request->claim, get(OLD).claim);
	expect(OLD, CERTIFICATE_REVOKED);
	expect(NEXT, CERTIFICATE_LIVE);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* PROVED says it all */

	/* Who talks by the old one is cut off, and comes in no more. */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 3);
	assert_null(session_find(world_agent()->sessions, 1));
	assert_null(session_find(world_agent()->sessions, 2));
	assert_non_null(session_find_served(world_agent()->sessions, 3));
	assert_false(world_peer_certificate(4, OLD));
	assert_int_equal(world_recorded("csr"), 2);
	assert_int_equal(world_recorded("issued"), 2);
	assert_int_equal(world_recorded("proved"), 2);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_true(world_record_is_whole());
}

static void with_the_same_key(void **state)
{
	char job[GW_ID_MAX + 1];

	come_back();
	renew_to(1, OLD, NEXT); /* the key of OLD has its number */
	assert_true(world_peer_certificate(2, NEXT));
	answer_next(GW_REQUEST_PROVED);
	expect(NEXT, CERTIFICATE_LIVE);

	/* And once more: another certificate, so another generation, so another job. */
	world_renew(2, 2, OLD);
	world_keep_request(GW_REQUEST_RENEW, job);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	bring(job, 23);
	world_gets(2, 23);
}

static void the_same_key_gets_the_same(void **state)
{
	char job[GW_ID_MAX + 1];

	come_back();
	world_renew(1, 1, 31);
	world_keep_request(GW_REQUEST_RENEW, job);
	world_renew(1, 2, 31); /* repeated */
	assert_true(world_peer_certificate(2, OLD));
	world_renew(2, 3, 31); /* and from another session */
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_true(store_job_count(world_agent()->store) == 1);
	bring(job, NEXT);
	world_gets(1, NEXT);
	world_gets(2, NEXT);

	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(world_peer_certificate(1, OLD));
	world_renew(1, 1, 31);
	world_gets(1, NEXT);
}

static void another_key_supersedes(void **state)
{
	char first[GW_ID_MAX + 1];

	come_back();
	world_renew(1, 1, 31);
	world_keep_request(GW_REQUEST_RENEW, first);
	assert_true(world_peer_certificate(2, OLD));
	world_renew(2, 1, 32);
	world_is_refused(1, GW_REASON_SUPERSEDED);
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->of, first);
	world_answer(first, NEXT); /* late */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 0);
	assert_int_equal(world_recorded("stray-answer"), 1);
	expect(OLD, CERTIFICATE_LIVE);
	world_renew(2, 2, 31); /* what was left behind is not taken up again */
	world_is_refused(2, GW_REASON_SUPERSEDED);
}

static void three_keys_and_no_more(void **state)
{
	char job[GW_ID_MAX + 1];

	come_back();
	for (uint8_t n = 0; n < 3; n++) {
		uint8_t certificate = (uint8_t)(NEXT + n);

		world_renew(1, 1, (uint8_t)(31 + n));
		if (n > 0) { /* the cloud hears of one thing after the other */
			expect((uint8_t)(certificate - 1), CERTIFICATE_REVOKED);
			answer_next(GW_REQUEST_REVOKED);
		}
		world_keep_request(GW_REQUEST_RENEW, job);
		bring(job, certificate);
		world_gets(1, certificate);
	}
	world_renew(1, 9, 34);
	world_is_refused(1, GW_REASON_TOO_MANY_KEYS);
	expect(OLD, CERTIFICATE_LIVE);
	expect(24, CERTIFICATE_CANDIDATE);
	assert_true(world_peer_certificate(2, 24));
	expect(24, CERTIFICATE_LIVE);
	answer_next(GW_REQUEST_PROVED);

	/* The new one begins a generation of its own. */
	renew_to(2, 34, 25);
}

static void never_proved(void **state)
{
	const struct gw_msg_request *request;
	char first[GW_ID_MAX + 1], again[GW_ID_MAX + 1];

	come_back();
	world_renew(1, 1, 31);
	world_keep_request(GW_REQUEST_RENEW, first);
	bring(first, NEXT);
	world_gets(1, NEXT);

	world_pass(DAY - 1);
	world_turn();
	expect(NEXT, CERTIFICATE_CANDIDATE);
	world_pass(2);
	world_turn();
	expect(NEXT, CERTIFICATE_REVOKED);
	expect(OLD, CERTIFICATE_LIVE);
	request = world_request(GW_REQUEST_REVOKED);
	assert_int_equal(request->serial.data[0], NEXT);
	assert_string_equal(request->reason, "not-proved");
	assert_string_equal(world_reason(DEVICE), "not-proved");
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	world_answer_with(request->job, GW_OUTCOME_DONE, "");
	assert_false(world_peer_certificate(2, NEXT));

	/* The same key once more: not the same job, since the cloud would give the same answer. */
	assert_true(world_peer_certificate(3, OLD));
	world_renew(3, 1, 31);
	world_keep_request(GW_REQUEST_RENEW, again);
	assert_string_not_equal(first, again);
	bring(again, 23);
	world_gets(3, 23);
	assert_string_equal(world_reason(DEVICE), "");
}

static void the_cloud_says_no(void **state)
{
	char first[GW_ID_MAX + 1], again[GW_ID_MAX + 1];

	come_back();
	world_renew(1, 1, 31);
	world_keep_request(GW_REQUEST_RENEW, first);
	world_answer_with(first, GW_OUTCOME_REFUSED, "live-elsewhere");
	world_is_refused(1, GW_REASON_LIVE_ELSEWHERE);
	expect(OLD, CERTIFICATE_LIVE);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_string_equal(world_reason(DEVICE), "live-elsewhere");
	answer_next(GW_REQUEST_REVOKED);
	assert_true(store_job_count(world_agent()->store) == 0);

	/* Not at once, and then as if it was the first time. */
	world_renew(1, 2, 31);
	world_is_put_off(1);
	world_pass(301);
	world_renew(1, 3, 31);
	world_keep_request(GW_REQUEST_RENEW, again);
	assert_string_not_equal(first, again);
	assert_string_equal(world_reason(DEVICE), "");
	bring(again, NEXT);
	world_gets(1, NEXT);
}

static void with_the_cloud_away(void **state)
{
	char job[GW_ID_MAX + 1];

	come_back();
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	world_renew(1, 1, 31);
	world_is_put_off(1);
	world_renew(1, 2, 31);
	world_is_put_off(1);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	world_keep_request(GW_REQUEST_RENEW, job);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	bring(job, NEXT);
	world_forget();
	world_renew(1, 3, 31);
	world_gets(1, NEXT);
}

/* sen is for the secret, sren for the certificate. */
static void each_by_its_own_door(void **state)
{
	come_back();
	world_csr(1, 1, 31);
	world_is_refused(1, GW_REASON_NOT_POSSIBLE);

	assert_int_equal(world_claim("ACME-2", 9, false), GW_REASON_NONE);
	world_enter(2, "ACME-2");
	world_renew(2, 1, 32);
	world_is_refused(2, GW_REASON_NOT_POSSIBLE);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

/* A claim that starts over ends the renewal, and while it is open there is none. */
static void claimed_anew(void **state)
{
	come_back();
	renew_to(1, 31, NEXT);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	expect(NEXT, CERTIFICATE_REVOKED);
	expect(OLD, CERTIFICATE_LIVE);
	assert_int_equal(world_request(GW_REQUEST_REVOKED)->serial.data[0], NEXT);
	assert_true(world_peer_certificate(2, OLD));
	world_renew(2, 1, 32);
	world_is_refused(2, GW_REASON_NOT_POSSIBLE);
	assert_false(world_peer_certificate(3, NEXT));
}

static void without_a_clock(void **state)
{
	come_back();
	world_trust_clock(false);
	world_renew(1, 1, 31);
	world_is_put_off(1);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	world_trust_clock(true);
	renew_to(1, 31, NEXT);
}

static uint64_t told_renew_at(uint64_t session)
{
	const struct gw_msg question = { .type = GW_MSG_SETTINGS_QUERY,
					 .settings_query = { session, 3 } };
	const struct gw_msg *reply;

	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &question, -1), 0);
	world_turn();
	reply = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SETTINGS);
	assert_non_null(reply);
	return reply->settings.outcome == GW_OUTCOME_DONE ? reply->settings.renew_at : 0;
}

static void early_since_somebody_wants_it(void **state)
{
	enum gw_reason reason;
	uint64_t regular;

	come_back();
	regular = told_renew_at(1);
	assert_true(regular > world_now_s() + 30 * DAY);
	world_pass(10);
	assert_int_equal(approval_ask_renewal(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	world_turn();
	assert_true(told_renew_at(1) == world_now_s());
	assert_int_equal(world_recorded("renewal-asked"), 1);

	renew_to(1, 31, NEXT);
	assert_true(world_peer_certificate(2, NEXT));
	assert_true(told_renew_at(2) > world_now_s() + 30 * DAY); /* it was for that one */

	assert_int_equal(approval_ask_renewal(world_agent(), "NOBODY", "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NOT_FOUND);
	assert_int_equal(world_claim("ACME-2", 9, false), GW_REASON_NONE);
	assert_int_equal(approval_ask_renewal(world_agent(), "ACME-2", "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NOT_POSSIBLE);
}

/* A clock that is wrong by years puts what was asked for off by none. */
static void early_though_nobody_knows_the_time(void **state)
{
	enum gw_reason reason;
	const int64_t years = 10 * 365 * DAY;

	come_back();
	world_trust_clock(false);
	world_step(years);
	world_turn();
	assert_int_equal(approval_ask_renewal(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	world_turn();
	world_step(-years);
	world_trust_clock(true);
	world_turn();
	assert_true(told_renew_at(1) <= world_now_s());
}

/* --- too late --- */

static void decide(bool approve, enum gw_reason expected)
{
	enum gw_reason reason;

	assert_int_equal(
		approval_decide(world_agent(), DEVICE, approve, "because", "uid 0", &reason), 0);
	assert_int_equal(reason, expected);
	world_turn();
}

static void expired_and_refused(void **state)
{
	world_get_aboard(DEVICE, OLD);
	world_pass(WORLD_LIFE_S);
	assert_false(world_peer_certificate(1, OLD));
	assert_string_equal(world_reason(DEVICE), "certificate-expired");
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_int_equal(world_claim(DEVICE, 9, false), GW_REASON_ALREADY_ABOARD);
	assert_int_equal(world_claim(DEVICE, 9, true), GW_REASON_NONE);

	world_trust_clock(false); /* nobody knows what time it is: nothing has expired */
	assert_true(world_peer_certificate(2, OLD));
}

/* By a clock that was wrong. What was said of it goes when it is served by the right one. */
static void expired_and_good_again(void **state)
{
	world_get_aboard(DEVICE, OLD);
	world_pass(WORLD_LIFE_S);
	assert_false(world_peer_certificate(1, OLD));
	assert_string_equal(world_reason(DEVICE), "certificate-expired");
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_GRACE;
	assert_true(world_peer_certificate(2, OLD));
	assert_string_equal(world_reason(DEVICE), "certificate-expired"); /* it still is */
	world_trust_clock(false);
	world_step(-(int64_t)DAY);
	world_turn();
	world_trust_clock(true);
	world_pass(1);
	world_turn();
	assert_true(world_peer_certificate(3, OLD));
	assert_string_equal(world_reason(DEVICE), "");
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void expired_while_it_talks(void **state)
{
	come_back();
	assert_true(told_renew_at(1) > 0);
	world_pass(WORLD_LIFE_S);
	assert_true(told_renew_at(1) == 0);
	world_renew(1, 1, 31);
	world_is_refused(1, GW_REASON_CERTIFICATE_EXPIRED);
}

static void expired_and_claimed_again(void **state)
{
	world_get_aboard(DEVICE, OLD);
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_CLAIM;
	assert_int_equal(world_claim(DEVICE, 9, false), GW_REASON_ALREADY_ABOARD);
	world_pass(WORLD_LIFE_S);
	assert_false(world_peer_certificate(1, OLD));
	assert_string_equal(world_reason(DEVICE), "claim-again");
	assert_int_equal(world_claim(DEVICE, 9, false), GW_REASON_NONE);
	world_issue(2, DEVICE, 31, NEXT);
	world_prove(3, NEXT);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_string_equal(world_reason(DEVICE), "");
	expect(OLD, CERTIFICATE_REVOKED);
}

static void expired_with_grace(void **state)
{
	char job[GW_ID_MAX + 1];

	world_get_aboard(DEVICE, OLD);
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_GRACE;
	decide(true, GW_REASON_NOT_POSSIBLE); /* it has not asked */
	world_pass(WORLD_LIFE_S + 29 * DAY);
	assert_true(world_peer_certificate(1, OLD));
	assert_true(told_renew_at(1) == 0); /* nothing but its renewal */
	world_renew(1, 1, 31);
	world_is_put_off(1);
	assert_string_equal(world_reason(DEVICE), "needs-approval");
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	world_renew(1, 2, 31);
	world_is_put_off(1);
	assert_int_equal(world_recorded("approval-asked"), 1);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);

	decide(false, GW_REASON_NONE);
	assert_string_equal(world_reason(DEVICE), "not-approved");
	world_renew(1, 3, 31);
	world_is_refused(1, GW_REASON_NOT_APPROVED);

	decide(true, GW_REASON_NONE);
	assert_string_equal(world_reason(DEVICE), "");
	world_restart();
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_GRACE;
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_true(world_peer_certificate(1, OLD));
	world_renew(1, 1, 31);
	world_is_put_off(1); /* the cloud is not back yet */
	world_keep_request(GW_REQUEST_RENEW, job);
	bring(job, NEXT);
	world_gets(1, NEXT);
	assert_true(world_peer_certificate(2, NEXT));
	expect(OLD, CERTIFICATE_REVOKED);
	assert_int_equal(get(NEXT).approval, APPROVAL_NONE);
}

/* What was decided of one that is suspended would be forgotten by the time it is aboard again. */
static void decided_only_while_it_is_aboard(void **state)
{
	const struct operate_wish suspend = { DEVICE_EVENT_SUSPEND, DEVICE, "uid 0", "" };
	enum gw_reason reason;

	world_get_aboard(DEVICE, OLD);
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_GRACE;
	world_pass(WORLD_LIFE_S);
	assert_true(world_peer_certificate(1, OLD));
	world_renew(1, 1, 31);
	world_is_put_off(1);
	assert_int_equal(operate_device(world_agent(), &suspend, &reason), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	world_turn();

	decide(true, GW_REASON_NOT_POSSIBLE);
	assert_int_equal(approval_ask_renewal(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NOT_POSSIBLE);
	assert_int_equal(approval_decide(world_agent(), "NOBODY", true, "", "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NOT_FOUND);
	world_turn();
	assert_int_equal(get(OLD).approval, APPROVAL_ASKED);
	assert_int_equal(get(OLD).renew_asked, 0);
}

static void grace_ends(void **state)
{
	world_get_aboard(DEVICE, OLD);
	world_agent()->settings.devices_expired = RENEWAL_EXPIRED_GRACE;
	world_pass(WORLD_LIFE_S + 30 * DAY);
	assert_false(world_peer_certificate(1, OLD));
	assert_string_equal(world_reason(DEVICE), "certificate-expired");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(from_old_to_new),
		TEST(with_the_same_key),
		TEST(the_same_key_gets_the_same),
		TEST(another_key_supersedes),
		TEST(three_keys_and_no_more),
		TEST(never_proved),
		TEST(the_cloud_says_no),
		TEST(with_the_cloud_away),
		TEST(each_by_its_own_door),
		TEST(claimed_anew),
		TEST(without_a_clock),
		TEST(early_since_somebody_wants_it),
		TEST(early_though_nobody_knows_the_time),
		TEST(expired_and_refused),
		TEST(expired_and_good_again),
		TEST(expired_while_it_talks),
		TEST(expired_and_claimed_again),
		TEST(expired_with_grace),
		TEST(decided_only_while_it_is_aboard),
		TEST(grace_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
