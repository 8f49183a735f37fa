/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a device through the agent's heart, from the knock to the proof, who is not let in, and what happens to
 * it when a plugin or the agent begins anew, when it is claimed once more, and when the store fails.
 */
#include "tests/unit/agent-world.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

/* --- the way --- */

static void from_knock_to_onboarded(void **state)
{
	char job[GW_ID_MAX + 1];
	char under[GW_ID_MAX + 1];
	const struct gw_msg *check;
	const struct gw_msg_request *request;

	world_make_claim(DEVICE);
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
	assert_true(world_claim_is_open(DEVICE));
	world_expect_certificate(21, CERTIFICATE_CANDIDATE);

	assert_true(world_peer_certificate(2, 21));
	request = world_request(GW_REQUEST_PROVED);
	assert_string_equal(request->device, DEVICE);
	assert_string_equal(request->claim, under);
	assert_int_equal(request->serial.data[0], 21);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_false(world_claim_is_open(DEVICE));
	world_expect_certificate(21, CERTIFICATE_LIVE);

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

	world_ask(DEVICE, job);
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

	world_make_claim(DEVICE);
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

	world_make_claim(DEVICE);
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
	world_make_claim(DEVICE);
	assert_false(world_peer_psk(1, DEVICE)); /* never asked for */
	assert_int_equal(world_claim("OTHER", 9, false), GW_REASON_NONE);
	assert_int_equal(world_knock(2, "OTHER"), 9);
	assert_false(world_peer_psk(2, DEVICE));             /* asked for another */
	assert_int_equal(world_recorded("peer-refused"), 1); /* once an hour is enough to know */
}

static void an_unknown_certificate_opens_nothing(void **state)
{
	world_make_claim(DEVICE);
	assert_false(world_peer_certificate(1, 99));
	assert_null(session_find(world_agent()->sessions, 1));
}

static void nothing_is_asked_before_the_verdict(void **state)
{
	world_make_claim(DEVICE);
	assert_int_equal(world_knock(1, DEVICE), 7);
	world_csr(1, 1, 11);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

static void a_failed_handshake_is_forgotten(void **state)
{
	world_make_claim(DEVICE);
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
	world_make_claim(DEVICE);
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

/* --- the registrar starts again --- */

static void a_new_registrar_begins_anew(void **state)
{
	char job[GW_ID_MAX + 1];

	world_ask(DEVICE, job);
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

	world_ask(DEVICE, job);

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

	world_ask(DEVICE, job);
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
	world_expect_certificate(21, CERTIFICATE_REVOKED);
	world_expect_certificate(22, CERTIFICATE_LIVE);
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
	world_expect_certificate(21, CERTIFICATE_LIVE);
	world_expect_certificate(22, CERTIFICATE_REVOKED);
	assert_int_equal(world_request(GW_REQUEST_REVOKED)->serial.data[0], 22);
	assert_int_equal(world_knock(2, DEVICE), 0);
	assert_true(world_peer_certificate(3, 21));
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	assert_int_equal(reason, GW_REASON_NO_CLAIM);
}

static void the_label_is_good_again(void **state)
{
	enum gw_reason reason;

	world_make_claim(DEVICE);
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();
	assert_int_equal(world_knock(1, DEVICE), 0);
	world_make_claim(DEVICE);
	world_issue(2, DEVICE, 11, 21);
}

/* --- what the store cannot do --- */

static void what_is_not_kept_is_not_told(void **state)
{
	world_make_claim(DEVICE);
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
		TEST(a_new_registrar_begins_anew),
		TEST(a_check_that_is_not_asked_breaks_the_links),
		TEST(the_agent_starts_again),
		TEST(replace_keeps_the_old_certificate_until_the_new_one_is_proved),
		TEST(a_replacement_that_is_withdrawn),
		TEST(the_label_is_good_again),
		TEST(what_is_not_kept_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
