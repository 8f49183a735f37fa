/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come with a certificate of which there is no record here: asked about once, served nothing until
 * the cloud has said where they are at home, and then as any other. And those that went elsewhere.
 */
#include "tests/unit/agent-world.h"

#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "lib/util.h"

#define DEVICE      "ACME-1"
#define CERTIFICATE 21

static uint8_t bytes[GW_HASH_LEN];

static struct gw_blob numbered(uint8_t number, size_t len)
{
	memset(bytes, number, sizeof(bytes));
	return (struct gw_blob){ bytes, len };
}

/* Comes with that certificate in its own name. Gives the verdict, and why; NULL: there is none. */
static bool come(uint64_t session, uint8_t certificate, const char *reason)
{
	uint8_t serial[8], hash[GW_HASH_LEN];
	const struct gw_msg *msg;
	struct gw_msg peer = { .type = GW_MSG_PEER,
			       .peer = { .session = session,
					 .channel = 1,
					 .proof = GW_PROOF_CERTIFICATE,
					 .identity = DEVICE,
					 .address = "[::1]:5001",
					 .suite = "ECDSA",
					 .serial = { serial, sizeof(serial) },
					 .fingerprint = { hash, sizeof(hash) },
					 .key = { hash, sizeof(hash) } } };

	memset(serial, certificate, sizeof(serial));
	memset(hash, certificate, sizeof(hash));
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &peer, -1), 0);
	world_turn();
	msg = world_hear(GW_ROLE_REGISTRAR, GW_MSG_VERDICT);
	assert_non_null(msg);
	assert_true(msg->verdict.session == session);
	assert_string_equal(msg->verdict.reason, reason);
	return msg->verdict.allow;
}

static void waits(uint64_t session, uint8_t certificate)
{
	assert_true(come(session, certificate, "asking"));
	assert_null(session_find_served(world_agent()->sessions, session));
}

static void keep_job(char job[GW_ID_MAX + 1])
{
	const struct gw_msg_request *request = world_request(GW_REQUEST_ADOPT);

	assert_string_equal(request->device, DEVICE);
	assert_int_equal(request->serial.len, 8);
	assert_int_equal(request->key.len, GW_HASH_LEN);
	assert_int_equal(request->csr.len, 0);
	(void)gw_copy(job, GW_ID_MAX + 1, request->job);
}

static void say_it_is_at_home(const char *job, uint8_t certificate, const char *tenant)
{
	struct gw_msg msg = { .type = GW_MSG_ANSWER,
			      .answer = { .job = job,
					  .outcome = GW_OUTCOME_DONE,
					  .certificate = numbered(certificate, 32),
					  .tenant = tenant,
					  .claim = "c-9" } };

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
}

static void adopt(uint64_t session, uint8_t certificate)
{
	const struct gw_msg *check;
	char job[GW_ID_MAX + 1];

	waits(session, certificate);
	keep_job(job);
	say_it_is_at_home(job, certificate, "t");
	check = world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK);
	assert_non_null(check);
	assert_string_equal(check->check.device, DEVICE);
	assert_string_equal(check->check.tenant, "t");
	assert_int_equal(check->check.key.data[0], certificate);
	world_checked(job, certificate, true);
	assert_non_null(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END));
	assert_null(session_find(world_agent()->sessions, session));
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_true(store_job_count(world_agent()->store) == 0);
}

static void command(enum gw_command_kind kind, const char *id, uint64_t seq, const char *reason)
{
	const struct gw_msg *answer;
	struct gw_msg msg = {
		.type = GW_MSG_COMMAND,
		.command = { .id = id, .seq = seq, .kind = (uint8_t)kind, .device = DEVICE }
	};

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
	answer = world_hear(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER);
	assert_non_null(answer);
	assert_string_equal(answer->command_answer.reason, reason);
}

static void taken_aboard(void **state)
{
	struct certificate_record certificate;
	struct device_record device;

	adopt(1, CERTIFICATE);
	assert_string_equal(world_reason(DEVICE), "");
	assert_int_equal(store_device_get(world_agent()->store, DEVICE, &device), 0);
	assert_string_equal(device.tenant, "t");
	assert_string_equal(device.claim, "c-9");
	assert_string_equal(device.method, "x509");
	assert_int_equal(store_certificate_of(world_agent()->store, DEVICE, CERTIFICATE_LIVE,
					      &certificate),
			 0);
	assert_int_equal(certificate.serial[0], CERTIFICATE);
	assert_int_equal(certificate.fingerprint[0], CERTIFICATE);
	assert_string_equal(certificate.claim, "c-9");
	assert_true(certificate.not_after > world_now_s());

	/* It is as any other from here on: served, and renewed. */
	assert_true(come(2, CERTIFICATE, ""));
	world_renew(2, 1, 31);
	assert_string_equal(world_request(GW_REQUEST_RENEW)->tenant, "t");
	assert_int_equal(world_recorded("adopt-asked"), 1);
	assert_int_equal(world_recorded("adopt"), 1);
	assert_true(world_record_is_whole());
}

static void asked_once(void **state)
{
	char job[GW_ID_MAX + 1];

	waits(1, CERTIFICATE);
	keep_job(job);
	waits(2, CERTIFICATE);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);

	/* On disk: it goes on where it was. */
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_string_equal(world_request(GW_REQUEST_ADOPT)->job, job);
	say_it_is_at_home(job, CERTIFICATE, "t");
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.tenant, "t");
	world_checked(job, CERTIFICATE, true);
	assert_true(come(1, CERTIFICATE, ""));

	/* Answers cross repetitions: that one again voids nothing. */
	say_it_is_at_home(job, CERTIFICATE, "t");
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

static void refused(void **state)
{
	char job[GW_ID_MAX + 1], second[GW_ID_MAX + 1];

	waits(1, CERTIFICATE);
	keep_job(job);
	world_answer_with(job, GW_OUTCOME_REFUSED, "live-elsewhere");
	assert_string_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END)->session_end.reason,
			    "live-elsewhere");
	assert_int_equal(world_state(DEVICE), DEVICE_UNKNOWN);
	assert_true(store_job_count(world_agent()->store) == 0);
	assert_int_equal(world_recorded("adopt-refused"), 1);

	/* Not asked again at once, and later by another question. */
	assert_false(come(2, CERTIFICATE, "unknown-certificate"));
	world_pass(61);
	waits(3, CERTIFICATE);
	keep_job(second);
	assert_string_not_equal(job, second);
}

static void not_what_was_asked_for(void **state)
{
	char job[GW_ID_MAX + 1];

	waits(1, CERTIFICATE);
	keep_job(job);
	say_it_is_at_home(job, CERTIFICATE, "");
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CHECK), 0);
	say_it_is_at_home(job, CERTIFICATE, "t");
	world_checked(job, CERTIFICATE + 1, true); /* another serial number */
	assert_int_equal(world_state(DEVICE), DEVICE_UNKNOWN);
	say_it_is_at_home(job, CERTIFICATE, "t");
	world_checked(job, CERTIFICATE, false);
	assert_int_equal(world_state(DEVICE), DEVICE_UNKNOWN);
	assert_true(store_job_count(world_agent()->store) == 1);
	assert_int_equal(world_recorded("bad-certificate"), 3);
	say_it_is_at_home(job, CERTIFICATE, "t");
	world_checked(job, CERTIFICATE, true);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

static void limits(void **state)
{
	world_agent()->settings.devices_adopt = false;
	assert_false(come(1, CERTIFICATE, "unknown-certificate"));
	world_agent()->settings.devices_adopt = true;
	world_agent()->settings.jobs_max = 0;
	assert_false(come(2, CERTIFICATE, "queue-full"));
	world_agent()->settings.jobs_max = 9;
	world_agent()->settings.devices_max = 0;
	assert_false(come(3, CERTIFICATE, "limit"));
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

/* What was decided here goes before what the cloud may say. */
static void known_here(void **state)
{
	char job[GW_ID_MAX + 1];

	waits(1, CERTIFICATE);
	keep_job(job);
	assert_int_equal(world_claim(DEVICE, 7, /* replace= */ false), GW_REASON_NONE);
	assert_false(come(2, CERTIFICATE, "unknown-certificate"));
	say_it_is_at_home(job, CERTIFICATE, "t");
	world_checked(job, CERTIFICATE, true);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_true(store_job_count(world_agent()->store) == 0);
}

static void gone_and_back(void **state)
{
	world_get_aboard(DEVICE, CERTIFICATE);
	assert_true(come(1, CERTIFICATE, ""));
	command(GW_COMMAND_MOVED, "x-1", 1, "");
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "moved");
	assert_null(session_find(world_agent()->sessions, 1));
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* it stays good */
	command(GW_COMMAND_MOVED, "x-2", 2, "");
	world_forget();

	adopt(2, CERTIFICATE);
	assert_true(come(3, CERTIFICATE, ""));

	/* Renewed elsewhere meanwhile. */
	command(GW_COMMAND_MOVED, "x-3", 3, "");
	world_forget();
	adopt(4, CERTIFICATE + 1);
	assert_false(come(5, CERTIFICATE, "retired-certificate"));

	/* Out by a decision of somebody's: the cloud is not asked. */
	command(GW_COMMAND_REVOKE, "x-4", 4, "");
	assert_false(come(6, CERTIFICATE + 1, "revoked"));
	command(GW_COMMAND_MOVED, "x-5", 5, "not-possible");
}

static void claimed_while_gone(void **state)
{
	world_get_aboard(DEVICE, CERTIFICATE);
	command(GW_COMMAND_MOVED, "x-1", 1, "");
	assert_int_equal(world_claim(DEVICE, 7, /* replace= */ false), GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	command(GW_COMMAND_MOVED, "x-2", 2, "not-possible");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(taken_aboard),  TEST(asked_once),         TEST(refused),
		TEST(limits),        TEST(known_here),         TEST(not_what_was_asked_for),
		TEST(gone_and_back), TEST(claimed_while_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
