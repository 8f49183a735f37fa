/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a device through the agent's heart, from the knock to the proof, and all that may come
 * between: other keys, lost plugins, late and repeated answers, refusals, time.
 */
#include "tests/unit/agent-world.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/audit.h"
#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/due.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

static void keep_job(char job[GW_ID_MAX + 1])
{
	(void)gw_copy(job, GW_ID_MAX + 1, world_request(GW_REQUEST_ENROLL)->job);
}

static void expect_certificate(uint8_t number, enum certificate_state expected)
{
	struct certificate_record record;
	uint8_t fingerprint[GW_HASH_LEN];

	memset(fingerprint, number, sizeof(fingerprint));
	assert_int_equal(store_certificate_by_fingerprint(world_agent()->store,
							  GW_BLOB_ARRAY(fingerprint), &record),
			 0);
	assert_int_equal(record.state, expected);
}

static bool claim_is_open(void)
{
	struct claim_record claim;

	return store_claim_open_of(world_agent()->store, DEVICE, &claim) >= 0;
}

static void claim(void)
{
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
}

/* --- the way --- */

static void from_knock_to_onboarded(void **state)
{
	char job[GW_ID_MAX + 1];
	char under[GW_ID_MAX + 1];
	const struct gw_msg *check;
	const struct gw_msg_request *request;

	claim();
	assert_string_equal(world_news(), "ACME-1:  -> claimed ()");
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);

	assert_int_equal(world_knock(1, DEVICE), 7);
	assert_true(world_peer_psk(1, DEVICE));
	world_csr(1, 5, 11);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	request = world_request(GW_REQUEST_ENROLL);
	assert_string_equal(request->device, DEVICE);
	assert_string_equal(request->tenant, "default");
	assert_string_equal(request->method, "qr");
	(void)gw_copy(under, sizeof(under), request->claim);
	assert_true(*under);
	assert_int_equal(request->key.data[0], 11);
	assert_int_equal(request->csr.len, 100);
	(void)gw_copy(job, sizeof(job), request->job);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);

	world_answer(job, 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	check = world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK);
	assert_non_null(check);
	assert_string_equal(check->check.job, job);
	assert_string_equal(check->check.device, DEVICE);
	assert_string_equal(check->check.tenant, "default");
	assert_int_equal(check->check.key.data[0], 11);
	assert_int_equal(check->check.certificate.data[0], 21);

	world_checked(job, 21, true);
	world_gets(1, 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_true(claim_is_open());
	expect_certificate(21, CERTIFICATE_CANDIDATE);

	assert_true(world_peer_certificate(2, 21));
	request = world_request(GW_REQUEST_PROVED);
	assert_string_equal(request->device, DEVICE);
	assert_string_equal(request->claim, under);
	assert_int_equal(request->serial.data[0], 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_false(claim_is_open());
	expect_certificate(21, CERTIFICATE_LIVE);

	(void)gw_copy(job, sizeof(job), request->job);
	world_answer(job, 0);
	assert_int_equal(store_job_count(world_agent()->store), 0);
	assert_string_equal(world_news(), "ACME-1: claimed -> enrolling ()");
	assert_string_equal(world_news(), "ACME-1: enrolling -> issued ()");
	assert_string_equal(world_news(), "ACME-1: issued -> onboarded ()");
	assert_string_equal(world_news(), "");
	assert_true(world_record_is_whole());
}

/* A registrar that finds a certificate right must say which. */
static void right_but_nameless(void **state)
{
	static const uint8_t serial[] = { 21 }, fingerprint[GW_HASH_LEN] = { 21 };
	struct gw_msg msg = { .type = GW_MSG_CHECKED, .checked = { .ok = 1, .reason = "" } };
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	msg.checked.job = job;
	msg.checked.serial = GW_BLOB_ARRAY(serial);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), -EBADMSG);
	msg.checked.serial = (struct gw_blob){ 0 };
	msg.checked.fingerprint = GW_BLOB_ARRAY(fingerprint);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), -EBADMSG);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
}

/* What began with the secret, handshakes too, ends with the claim; what began with a certificate stays. */
static void proof_ends_what_the_secret_began(void **state)
{
	const struct gw_msg *end;

	claim();
	world_issue(1, DEVICE, 11, 21);
	assert_int_equal(world_knock(2, DEVICE), 7); /* the next one's handshake is under way */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 0);

	assert_true(world_peer_certificate(3, 21));
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 2);
	end = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END);
	assert_int_equal(end->session_end.session, 1);
	assert_string_equal(end->session_end.reason, "restarted");
	end = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END);
	assert_int_equal(end->session_end.session, 2);
	assert_null(session_find(world_agent()->sessions, 1));
	assert_non_null(session_find_served(world_agent()->sessions, 3));
}

/* A second session of an onboarded device proves nothing anew. */
static void aboard_is_aboard(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(3, 21));
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_string_equal(world_news(), "");
	assert_int_equal(world_knock(4, DEVICE), 0); /* the claim is burned */
}

static void a_stranger_is_discovered(void **state)
{
	assert_int_equal(world_knock(1, "STRANGER"), 0);
	assert_string_equal(world_news(), "STRANGER:  -> discovered ()");
	assert_int_equal(world_knock(2, "STRANGER"), 0);
	assert_string_equal(world_news(), "");
	assert_int_equal(world_state("STRANGER"), DEVICE_UNKNOWN); /* nothing on disk */
	assert_non_null(discovered_find(world_agent()->discovered, "STRANGER"));

	assert_int_equal(world_claim("STRANGER", 7, false), GW_REASON_NONE);
	assert_string_equal(world_news(), "STRANGER: discovered -> claimed ()");
	assert_null(discovered_find(world_agent()->discovered, "STRANGER"));
}

/* A store that cannot be read has not said that it does not know a device. */
static void an_unread_record_makes_no_stranger(void **state)
{
	static const struct gw_msg knock = {
		.type = GW_MSG_SECRET_QUERY,
		.secret_query = { 1, 1, DEVICE, "[::1]:5000" },
	};

	claim();
	assert_int_equal(turn_open(world_agent()->turn), 0);
	assert_true(store_exec(world_agent()->store, "ALTER TABLE device RENAME TO away", "") >= 0);
	world_turn();
	assert_int_equal(world_breaks(), 0);

	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &knock, -1), 0);
	world_turn();
	assert_int_equal(world_breaks(), 1);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SECRET), 0);
	assert_null(discovered_find(world_agent()->discovered, DEVICE));
}

static void a_stranger_who_stays_away_is_forgotten(void **state)
{
	assert_int_equal(world_knock(1, "STRANGER"), 0);
	assert_string_equal(world_news(), "STRANGER:  -> discovered ()");
	world_pass(3600);
	world_turn();
	assert_string_equal(world_news(), "");
	world_pass(1);
	world_turn();
	assert_string_equal(world_news(), "STRANGER: discovered ->  ()");
}

/* Of as many as there is room for each is told; of all the others one line tells. */
static void strangers_do_not_fill_the_log(void **state)
{
	_cleanup_close_ int log = memfd_create("log", MFD_CLOEXEC), kept = dup(STDERR_FILENO);
	char name[16], text[4096];
	ssize_t len;
	int lines = 0;

	assert_true(log >= 0 && kept >= 0);
	gw_log_set_level(GW_LOG_INFO);
	(void)dup2(log, STDERR_FILENO);
	for (unsigned i = 1; i <= 40; i++) {
		(void)snprintf(name, sizeof(name), "STRANGER-%u", i);
		(void)world_knock(i, name);
	}
	(void)dup2(kept, STDERR_FILENO);
	gw_log_set_level(GW_LOG_ERROR);

	len = pread(log, text, sizeof(text), 0);
	for (ssize_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 4 + 1);
}

/* --- who is not let in --- */

static void a_secret_that_was_not_given_opens_nothing(void **state)
{
	claim();
	assert_false(world_peer_psk(1, DEVICE)); /* never asked for */
	assert_int_equal(world_claim("OTHER", 9, false), GW_REASON_NONE);
	assert_int_equal(world_knock(2, "OTHER"), 9);
	assert_false(world_peer_psk(2, DEVICE));             /* asked for another */
	assert_int_equal(world_recorded("peer-refused"), 1); /* once an hour is enough to know */
}

static void an_unknown_certificate_opens_nothing(void **state)
{
	claim();
	assert_false(world_peer_certificate(1, 99));
	assert_null(session_find(world_agent()->sessions, 1));
}

static void nothing_is_asked_before_the_verdict(void **state)
{
	claim();
	assert_int_equal(world_knock(1, DEVICE), 7);
	world_csr(1, 1, 11);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

static void a_failed_handshake_is_forgotten(void **state)
{
	claim();
	assert_int_equal(world_knock(1, DEVICE), 7);
	assert_int_equal(
		world_say(GW_ROLE_REGISTRAR,
			  &(struct gw_msg){ .type = GW_MSG_FAILED, .failed = { 1, "bad-key" } },
			  -1),
		0);
	assert_false(world_peer_psk(1, DEVICE));
}

static void end_handshake(uint64_t session, enum gw_reason reason)
{
	const struct gw_msg msg = { .type = GW_MSG_FAILED,
				    .failed = { session, gw_reason_code(reason) } };

	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
}

/* The peer learns nothing; whoever wonders why the device does not come does. */
static void a_wrong_secret_is_shown(void **state)
{
	claim();
	assert_int_equal(world_knock(1, DEVICE), 7);
	end_handshake(1, GW_REASON_EVICTED);
	assert_int_equal(world_recorded("knock-refused"), 0);
	assert_string_equal(world_reason(DEVICE), "");

	for (uint64_t session = 2; session < 10; session++) {
		assert_int_equal(world_knock(session, DEVICE), 7);
		end_handshake(session,
			      session % 2 ? GW_REASON_TIMEOUT : GW_REASON_HANDSHAKE_FAILED);
		assert_int_equal(world_recorded("knock-refused"), 1);
		assert_string_equal(world_reason(DEVICE), "wrong-secret");
	}
	world_pass(3600);
	assert_int_equal(world_knock(10, DEVICE), 7);
	end_handshake(10, GW_REASON_TIMEOUT);
	assert_int_equal(world_recorded("knock-refused"), 2);
}

static void a_burned_claim_is_on_record(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_knock(4, DEVICE), 0);
	assert_int_equal(world_knock(5, DEVICE), 0);
	assert_int_equal(world_recorded("knock-refused"), 1);
	assert_string_equal(world_reason(DEVICE), "");
}

/* --- keys --- */

static void the_same_key_joins(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_enter(2, DEVICE);
	world_csr(1, 1, 11);
	world_csr(2, 8, 11);
	keep_job(job);
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
	claim();
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(first);
	world_enter(2, DEVICE);
	world_csr(2, 1, 12);

	world_is_refused(1, GW_REASON_SUPERSEDED); /* who waited waits no more */
	assert_string_equal(world_hear(GW_ROLE_CLOUD, GW_MSG_REQUEST_END)->request_end.job, first);
	request = world_request(GW_REQUEST_REVOKED);
	assert_string_equal(request->of, first);
	assert_string_equal(request->reason, "superseded");
	world_answer_with(request->job, GW_OUTCOME_DONE, "");
	keep_job(second);
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

	claim();
	world_issue(1, DEVICE, 11, 21);
	world_enter(2, DEVICE);
	world_csr(2, 1, 12);
	expect_certificate(21, CERTIFICATE_REVOKED);
	request = world_request(GW_REQUEST_REVOKED);
	assert_int_equal(request->serial.data[0], 21);
	assert_string_equal(request->of, "");
	assert_false(world_peer_certificate(3, 21));
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
}

static void a_key_left_behind_is_not_taken_up_again(void **state)
{
	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	world_csr(1, 2, 12);
	world_forget();
	world_csr(1, 3, 11);
	world_is_refused(1, GW_REASON_SUPERSEDED);
}

static void the_fourth_key_is_one_too_many(void **state)
{
	claim();
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	world_answer(job, 21); /* while it is checked */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 1);
	world_checked(job, 21, true);
	world_answer(job, 21); /* when it is issued */
	world_prove(2, 21);
	world_answer(job, 21); /* and when it is proved */
	assert_int_equal(world_recorded("stray-answer"), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	expect_certificate(21, CERTIFICATE_LIVE);
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer_with(job, GW_OUTCOME_REFUSED, "live-elsewhere");
	world_is_refused(1, GW_REASON_LIVE_ELSEWHERE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "live-elsewhere");
	assert_false(claim_is_open());
	assert_int_equal(world_knock(2, DEVICE), 0);
}

static void a_bad_certificate_is_given_back(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	world_checked(job, 21, false);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_string_equal(world_reason(DEVICE), "bad-certificate");
	assert_true(claim_is_open());

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
	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	world_checked(job, 21, true);
	assert_int_equal(world_breaks(), 0);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_string_equal(world_reason(DEVICE), "bad-certificate");
	assert_int_equal(world_state("FIRST"), DEVICE_ONBOARDED);
	expect_certificate(21, CERTIFICATE_LIVE);
}

static void done_without_a_certificate_is_a_bad_one(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
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

	claim();
	cloud_set_state(world_agent(), GW_CLOUD_OFFLINE, "no broker");
	world_turn();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	world_is_put_off(1);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	keep_job(job);
	world_answer(job, 21);
	world_checked(job, 21, true);
	world_gets(1, 21); /* PENDING may be followed by the final one */
}

/* Else the proof of the old certificate might reach the cloud behind the new one, and revoke that. */
static void a_device_s_requests_go_in_order(void **state)
{
	char proved[GW_ID_MAX + 1];

	claim();
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

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_lose(GW_ROLE_CLOUD);
	world_turn();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);
}

/* --- the registrar starts again --- */

static void a_new_registrar_begins_anew(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	world_forget();
	world_lose(GW_ROLE_REGISTRAR);
	assert_null(session_find(world_agent()->sessions, 1));
	world_turn();

	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, job);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CLOCK), 1);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CLOUD_STATE), 1);
	assert_int_equal(world_count(GW_ROLE_TRANSPORT, GW_MSG_OFFER), 1);
	world_checked(job, 21, true);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0); /* nobody waits */

	world_enter(1, DEVICE); /* numbers begin anew too */
	world_csr(1, 1, 11);
	world_gets(1, 21);
}

static int answer_error; /* of store_job_answer() */

int __real_store_job_answer(struct store *store, const char *id, struct job_answer *ret);
int __wrap_store_job_answer(struct store *store, const char *id, struct job_answer *ret);

int __wrap_store_job_answer(struct store *store, const char *id, struct job_answer *ret)
{
	return answer_error < 0 ? answer_error : __real_store_job_answer(store, id, ret);
}

/* What the registrar could not be asked when it came is asked when it comes again; so it has to. */
static void a_check_that_is_not_asked_breaks_the_links(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);

	answer_error = -ENOMEM;
	world_answer(job, 21);
	assert_int_equal(world_breaks(), 1);
	answer_error = 0;
	world_answer(job, 21);
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, job);

	answer_error = -ENOMEM;
	world_lose(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	answer_error = 0;
	assert_int_equal(world_breaks(), 2);
	world_lose(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, job);
}

static void the_agent_starts_again(void **state)
{
	char job[GW_ID_MAX + 1];

	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_answer(job, 21);
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* it is answered */
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, job);
	world_checked(job, 21, true);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	world_prove(2, 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

/* --- starting over --- */

static void replace_keeps_the_old_certificate_until_the_new_one_is_proved(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_claim(DEVICE, 8, false), GW_REASON_ALREADY_ABOARD);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_true(world_peer_certificate(1, 21));
	assert_int_equal(world_knock(2, DEVICE), 8);
	assert_true(world_peer_psk(2, DEVICE));
	world_csr(2, 1, 12);
	world_answer(world_request(GW_REQUEST_ENROLL)->job, 22);
	world_checked(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, 22, true);
	world_gets(2, 22);
	assert_true(world_peer_certificate(3, 21));
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED); /* the old one proves nothing */

	assert_true(world_peer_certificate(4, 22));
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	expect_certificate(21, CERTIFICATE_REVOKED);
	expect_certificate(22, CERTIFICATE_LIVE);
	assert_false(world_peer_certificate(5, 21));
	/* One word to the cloud says both. */
	(void)world_request(GW_REQUEST_PROVED);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

static void a_replacement_that_is_withdrawn(void **state)
{
	enum gw_reason reason;

	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_issue(1, DEVICE, 12, 22);
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_string_equal(world_reason(DEVICE), "");
	expect_certificate(21, CERTIFICATE_LIVE);
	expect_certificate(22, CERTIFICATE_REVOKED);
	assert_int_equal(world_request(GW_REQUEST_REVOKED)->serial.data[0], 22);
	assert_int_equal(world_knock(2, DEVICE), 0);
	assert_true(world_peer_certificate(3, 21));
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NO_CLAIM);
}

static void the_label_is_good_again(void **state)
{
	enum gw_reason reason;

	claim();
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();
	assert_int_equal(world_knock(1, DEVICE), 0);
	claim();
	world_issue(2, DEVICE, 11, 21);
}

/* --- time --- */

static void claims_expire(void **state)
{
	claim();
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
	assert_false(claim_is_open());
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END)->session_end.reason,
			    "claim-expired");
}

static void an_expired_claim_opens_nothing_even_before_it_is_looked_at(void **state)
{
	const struct gw_msg *reply;

	claim();
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

	claim();
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
	expect_certificate(21, CERTIFICATE_REVOKED);
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
	claim();
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
	expect_certificate(21, CERTIFICATE_REVOKED);
	world_answer_with(world_request(GW_REQUEST_REVOKED)->job, GW_OUTCOME_DONE, "");
	world_issue(2, DEVICE, 11, 22);
	world_prove(3, 22);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void not_proved_and_the_claim_is_over(void **state)
{
	world_agent()->settings.claim_lifetime_s = 3600;
	claim();
	world_issue(1, DEVICE, 11, 21);
	world_pass(3601); /* the claim is over; the device still has its time */
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	world_pass(86400);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "not-proved");
	expect_certificate(21, CERTIFICATE_REVOKED);
	assert_false(claim_is_open());
}

static void proved_after_the_claim_is_over(void **state)
{
	world_agent()->settings.claim_lifetime_s = 3600;
	claim();
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
	expect_certificate(21, CERTIFICATE_LIVE);
	expect_certificate(22, CERTIFICATE_REVOKED);
}

static void a_secret_whose_end_is_never_told(void **state)
{
	claim();
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
	claim();
	assert_true(world_alarm_s() == world_now_s() + 3000);
	assert_int_equal(world_knock(1, "STRANGER"), 0);
	world_pass(1500);
	world_turn();
	assert_true(world_alarm_s() == world_now_s() + 1500);
	assert_int_equal(world_knock(2, DEVICE), 7);
	assert_true(world_alarm_s() == world_now_s() + 70); /* for its end */
	assert_true(world_peer_psk(2, DEVICE));
	world_csr(2, 1, 11);
	keep_job(job);
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
	claim();
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
	claim();
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
	claim();
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
	claim();
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
	claim();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	keep_job(job);
	world_step(315360000); /* the flag of timesyncd knows nothing of it */
	world_answer_with(job, GW_OUTCOME_PENDING, "");
	world_step(-315360000);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ENROLL)->job, job);
}

/* --- what the store cannot do --- */

static void what_is_not_kept_is_not_told(void **state)
{
	claim();
	assert_int_equal(world_knock(1, DEVICE), 7);
	assert_true(world_peer_psk(1, DEVICE));
	world_forget();
	while (*world_news())
		;

	world_spoil_store();
	world_csr(1, 1, 11);
	assert_int_equal(world_breaks(), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_int_equal(store_job_count(world_agent()->store), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_string_equal(world_news(), "");
	assert_true(world_record_is_whole());

	/* As the broken links do it. */
	world_lose(GW_ROLE_CLOUD);
	world_lose(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	cloud_set_state(world_agent(), GW_CLOUD_ONLINE, "");
	world_turn();
	world_forget();
	world_issue(1, DEVICE, 11, 21);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(from_knock_to_onboarded),
		TEST(right_but_nameless),
		TEST(proof_ends_what_the_secret_began),
		TEST(aboard_is_aboard),
		TEST(a_stranger_is_discovered),
		TEST(an_unread_record_makes_no_stranger),
		TEST(strangers_do_not_fill_the_log),
		TEST(a_stranger_who_stays_away_is_forgotten),
		TEST(a_secret_that_was_not_given_opens_nothing),
		TEST(an_unknown_certificate_opens_nothing),
		TEST(nothing_is_asked_before_the_verdict),
		TEST(a_failed_handshake_is_forgotten),
		TEST(a_wrong_secret_is_shown),
		TEST(a_burned_claim_is_on_record),
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
		TEST(a_new_registrar_begins_anew),
		TEST(a_check_that_is_not_asked_breaks_the_links),
		TEST(the_agent_starts_again),
		TEST(replace_keeps_the_old_certificate_until_the_new_one_is_proved),
		TEST(a_replacement_that_is_withdrawn),
		TEST(the_label_is_good_again),
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
		TEST(what_is_not_kept_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
