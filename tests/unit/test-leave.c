/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device leaves: what is wiped of it, what it is told and what it says, when that is over, what the cloud hears,
 * and how it comes back.
 */
#include "tests/unit/agent-world.h"

#include <sys/stat.h>

#include "agent/operate.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "lib/util.h"

#define DEVICE "ACME-1"
#define DAY_S  86400

static enum gw_reason decommission(void)
{
	const struct operate_wish wish = { DEVICE_EVENT_DECOMMISSION, DEVICE, "uid 7", "" };
	enum gw_reason refusal;

	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_turn();
	return refusal;
}

static enum gw_reason operate(enum device_event event)
{
	const struct operate_wish wish = { event, DEVICE, "uid 7", "" };
	enum gw_reason refusal;

	assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
	world_turn();
	return refusal;
}

/* The handshake with the certificate of that number; what the session may ask. */
static uint8_t come(uint64_t session, uint8_t certificate)
{
	uint8_t bytes[GW_HASH_LEN];
	const struct gw_msg msg = { .type = GW_MSG_PEER,
				    .peer = { .session = session,
					      .channel = 1,
					      .proof = GW_PROOF_CERTIFICATE,
					      .identity = DEVICE,
					      .address = "[fe80::1234%lab0]:4711",
					      .suite = "ECDSA",
					      .serial = { bytes, 8 },
					      .fingerprint = { bytes, GW_HASH_LEN },
					      .key = { bytes, GW_HASH_LEN } } };
	const struct gw_msg *verdict;

	memset(bytes, certificate, sizeof(bytes));
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), 0);
	world_turn();
	verdict = world_hear(GW_ROLE_REGISTRAR, GW_MSG_VERDICT);
	assert_non_null(verdict);
	assert_int_equal(verdict->verdict.session, session);
	return verdict->verdict.allow;
}

static void say(const struct gw_msg *msg)
{
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, msg, -1), 0);
	world_turn();
	assert_int_equal(world_breaks(), 0);
}

static void ask_settings(uint64_t session)
{
	const struct gw_msg msg = { .type = GW_MSG_SETTINGS_QUERY,
				    .settings_query = { session, 3 } };

	say(&msg);
}

static void confirm(uint64_t session)
{
	const struct gw_msg msg = { .type = GW_MSG_WIPED, .wiped = { session, 4 } };

	say(&msg);
}

static void expect_reason(const char *reason)
{
	assert_int_equal(world_state(DEVICE), DEVICE_DECOMMISSIONED);
	assert_string_equal(world_reason(DEVICE), reason);
}

static int64_t count(const char *sql)
{
	return store_number(world_agent()->store, -1, sql, "");
}

/* --- told, and confirmed --- */

static void told_and_confirmed(void **state)
{
	const struct gw_msg *reply;

	world_get_aboard(DEVICE, 21);
	world_forget();
	assert_int_equal(decommission(), GW_REASON_NONE);
	expect_reason("not-told");
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END), 1);

	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	expect_reason("not-told");
	ask_settings(5);
	reply = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SETTINGS);
	assert_non_null(reply);
	assert_int_equal(reply->settings.outcome, GW_OUTCOME_REFUSED);
	assert_string_equal(reply->settings.reason, "decommissioned");
	assert_string_equal(reply->settings.device, "");
	expect_reason("told");
	ask_settings(5);
	assert_int_equal(world_recorded("device-told"), 1);

	confirm(5);
	reply = world_hear(GW_ROLE_REGISTRAR, GW_MSG_REPORTED);
	assert_non_null(reply);
	assert_int_equal(reply->reported.request, 4);
	assert_int_equal(reply->reported.outcome, GW_OUTCOME_DONE);
	expect_reason("wiped");
	confirm(5);
	assert_int_equal(world_recorded("device-wiped"), 1);
	assert_int_equal(count("SELECT count(*) FROM certificate"), 0);
	assert_int_equal(come(6, 21), GW_ALLOW_NOTHING);
	assert_true(world_record_is_whole());
}

/* Whatever it asks for, it hears of it; the registrar says so. */
static void told_by_a_refusal(void **state)
{
	const struct gw_msg msg = { .type = GW_MSG_REJECTED, .rejected = { 5, "decommissioned" } };

	world_get_aboard(DEVICE, 21);
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	say(&msg);
	expect_reason("told");
}

/* Nothing else is served on such a session, whatever the registrar passes on. */
static void nothing_else(void **state)
{
	const struct gw_msg report = { .type = GW_MSG_REPORT, .report = { 5, 1, 1, "" } };

	world_get_aboard(DEVICE, 21);
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	world_forget();
	world_csr(5, 1, 12);
	say(&report);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_REPORTED), 0);
	assert_int_equal(world_recorded("device-reports-success"), 0);
	expect_reason("not-told");
	assert_int_equal(world_knock(6, DEVICE), 0);
}

/* Who is served cannot say it, nor who is not there. */
static void a_word_out_of_place(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(come(5, 21), GW_ALLOW_ALL);
	confirm(5);
	confirm(99);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_REPORTED), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

/* --- from every state --- */

static void claimed(void)
{
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
}

static void enrolling(void)
{
	claimed();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
}

static void issued(void)
{
	claimed();
	world_issue(1, DEVICE, 11, 21);
}

static void onboarded(void)
{
	world_get_aboard(DEVICE, 21);
}

static void suspended(void)
{
	onboarded();
	assert_int_equal(operate(DEVICE_EVENT_SUSPEND), GW_REASON_NONE);
}

static void revoked(void)
{
	onboarded();
	assert_int_equal(operate(DEVICE_EVENT_REVOKE), GW_REASON_NONE);
}

static void rejected(void)
{
	claimed();
	assert_int_equal(operate(DEVICE_EVENT_REJECT), GW_REASON_NONE);
}

static void from_every_state(void **state)
{
	static const struct {
		void (*begin)(void);
		const char *reason;
		uint8_t allow;
	} ways[] = {
		{ claimed, "decommissioned", GW_ALLOW_NOTHING },
		{ enrolling, "decommissioned", GW_ALLOW_NOTHING },
		{ issued, "not-told", GW_ALLOW_NOTICE }, /* it may have the certificate */
		{ onboarded, "not-told", GW_ALLOW_NOTICE },
		{ suspended, "not-told", GW_ALLOW_NOTICE },
		{ revoked, "decommissioned", GW_ALLOW_NOTHING }, /* its key may be anybody's */
		{ rejected, "decommissioned", GW_ALLOW_NOTHING },
	};

	assert_int_equal(decommission(), GW_REASON_NOT_FOUND);
	for (size_t i = 0; i < GW_ELEMENTS(ways); i++) {
		ways[i].begin();
		assert_int_equal(decommission(), GW_REASON_NONE);
		expect_reason(ways[i].reason);
		assert_int_equal(come(9, 21), ways[i].allow);
		assert_int_equal(world_knock(10, DEVICE), 0);
		world_tear_down(NULL);
		assert_int_equal(world_set_up(NULL), 0);
	}
}

static void asked_twice_is_done_once(void **state)
{
	onboarded();
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(world_recorded("decommission"), 1);
	assert_int_equal(store_job_count(world_agent()->store), 1);
}

/* --- the cloud --- */

static void the_cloud_is_told_and_acknowledges(void **state)
{
	const struct gw_msg_request *request;
	char job[GW_ID_MAX + 1];

	onboarded();
	world_lose(GW_ROLE_CLOUD);
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	confirm(5);
	expect_reason("wiped");
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_turn();
	request = world_request(GW_REQUEST_DECOMMISSIONED);
	assert_string_equal(request->device, DEVICE);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0); /* one word, no other */
	(void)gw_copy(job, sizeof(job), request->job);
	world_answer(job, 0);
	assert_int_equal(world_recorded("cloud-acknowledged"), 1);
	assert_int_equal(store_job_count(world_agent()->store), 0);
}

/* --- time --- */

static void the_days_are_over(void **state)
{
	onboarded();
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_true(world_alarm_s() == world_now_s() + 3600); /* nothing is due for long */
	world_pass(90 * DAY_S - 100);
	world_turn();
	assert_true(world_alarm_s() == world_now_s() + 100);
	world_pass(99);
	world_turn();
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	expect_reason("not-told");
	world_pass(1);
	world_turn();
	expect_reason("never-came-back");
	assert_int_equal(world_recorded("notice-over"), 1);
	assert_int_equal(count("SELECT count(*) FROM certificate"), 0);
	assert_int_equal(come(6, 21), GW_ALLOW_NOTHING);
}

static void told_but_never_heard_of_again(void **state)
{
	onboarded();
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	ask_settings(5);
	world_pass(90 * DAY_S);
	world_turn();
	expect_reason("told");
	assert_int_equal(come(6, 21), GW_ALLOW_NOTHING);
}

/* The days begin when the clock is right. */
static void a_clock_that_is_wrong(void **state)
{
	onboarded();
	world_trust_clock(false);
	world_step(-(int64_t)(1000 * DAY_S));
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	world_forget();
	assert_int_equal(decommission(), GW_REASON_NONE);
	world_step(1000 * DAY_S);
	world_trust_clock(true);
	world_pass(60);
	world_turn();
	expect_reason("not-told");
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	world_pass(90 * DAY_S);
	world_turn();
	expect_reason("never-came-back");
}

static void over_a_restart(void **state)
{
	onboarded();
	assert_int_equal(decommission(), GW_REASON_NONE);
	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	assert_int_equal(come(5, 21), GW_ALLOW_NOTICE);
	world_pass(90 * DAY_S);
	world_turn();
	expect_reason("never-came-back");
}

/* --- coming back --- */

static void a_new_claim_lets_it_in(void **state)
{
	onboarded();
	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_string_equal(world_reason(DEVICE), "");
	assert_int_equal(come(5, 21), GW_ALLOW_NOTHING); /* not by what it had */
	world_answer(world_request(GW_REQUEST_DECOMMISSIONED)->job, 0);
	world_issue(6, DEVICE, 12, 22);
	world_prove(7, 22);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
}

/* --- the bytes on the disk --- */

static const char *const names[] = { "gangway.db", "gangway.db-wal", "gangway.db-shm" };

static bool is_on_disk(const void *bytes, size_t n)
{
	bool found = false;

	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		_cleanup_free_ uint8_t *contents = NULL;
		char path[256];
		size_t len;

		(void)snprintf(path, sizeof(path), "%s/%s", world_folder(), names[i]);
		if (gw_read_file(-1, path, 64u << 20, &contents, &len) >= 0)
			found |= memmem(contents, len, bytes, n) != NULL;
	}
	return found;
}

/* As the world makes certificates, keys and secrets, each is a row of equal bytes: its number. */
static bool row_is_on_disk(uint8_t number, size_t n)
{
	uint8_t bytes[100];

	memset(bytes, number, sizeof(bytes));
	return is_on_disk(bytes, n);
}

static void expect_sealed(uint8_t *sealed, size_t *len)
{
	struct claim_record claim;

	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &claim), 0);
	memcpy(sealed, claim.secret, claim.secret_len);
	*len = claim.secret_len;
}

static void nothing_stays_on_the_disk(void **state)
{
	static const char address[] = "[fe80::1234%lab0]";
	uint8_t sealed[GW_SEALED_MAX];
	size_t sealed_len;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	expect_sealed(sealed, &sealed_len);
	world_issue(1, DEVICE, 141, 151);
	assert_int_equal(come(2, 151), GW_ALLOW_ALL);
	world_answer(world_request(GW_REQUEST_PROVED)->job, 0);
	assert_true(row_is_on_disk(141, GW_HASH_LEN)); /* the key's hash */
	assert_true(row_is_on_disk(151, 10));          /* the certificate */
	assert_true(is_on_disk(address, strlen(address)));

	/* A second one is on its way: a claim that starts over, with a request of its own. */
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_enter(3, DEVICE);
	world_csr(3, 1, 142);
	assert_true(row_is_on_disk(142, GW_HASH_LEN));

	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_false(row_is_on_disk(141, GW_HASH_LEN));
	assert_false(row_is_on_disk(142, 16));
	assert_false(is_on_disk(sealed, sealed_len));
	assert_false(is_on_disk(address, strlen(address)));
	assert_true(row_is_on_disk(151, GW_HASH_LEN)); /* its fingerprint, for the notice */
	assert_false(row_is_on_disk(151, GW_HASH_LEN + 21));

	assert_int_equal(come(5, 151), GW_ALLOW_NOTICE);
	confirm(5);
	assert_false(row_is_on_disk(151, 10));
	assert_false(is_on_disk(address, strlen(address)));
	assert_true(is_on_disk(DEVICE, strlen(DEVICE))); /* the tombstone */
}

/* The key of a renewal is kept by the serial number of the certificate before it. */
static void nothing_stays_of_a_renewal(void **state)
{
	world_get_aboard("ACME-2", 152);
	world_get_aboard(DEVICE, 151);
	assert_true(world_peer_certificate(11, 152));
	world_renew(11, 1, 144);
	assert_true(world_peer_certificate(12, 151));
	world_renew(12, 1, 143);
	assert_true(row_is_on_disk(143, GW_HASH_LEN));

	assert_int_equal(decommission(), GW_REASON_NONE);
	assert_false(row_is_on_disk(143, 16));
	assert_int_equal(count("SELECT count(*) FROM tried_key"), 1); /* the other one's */
}

/* With a tree of many pages that is balanced, cut and joined meanwhile. */
static void nothing_of_many_stays(void **state)
{
	char name[16];

	for (unsigned i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "D-%u", i);
		world_get_aboard(name, (uint8_t)(100 + i));
	}
	for (unsigned i = 0; i < 60; i++) {
		struct operate_wish wish = { DEVICE_EVENT_DECOMMISSION, name, "uid 7", "" };
		enum gw_reason refusal;

		(void)snprintf(name, sizeof(name), "D-%u", (i * 7) % 60);
		assert_int_equal(operate_device(world_agent(), &wish, &refusal), 0);
		world_turn();
	}
	world_pass(90 * DAY_S);
	world_turn();
	assert_int_equal(count("SELECT count(*) FROM certificate"), 0);
	for (unsigned i = 0; i < 60; i++)
		assert_false(row_is_on_disk((uint8_t)(100 + i), 10));
}

/* The agent died before it could empty the log: it does at its next start. */
static void a_start_empties_the_log(void **state)
{
	struct stat st;
	char path[256];

	onboarded();
	(void)snprintf(path, sizeof(path), "%s/gangway.db-wal", world_folder());
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 0);
	world_restart();
	assert_true(stat(path, &st) < 0 || st.st_size == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(told_and_confirmed),
		TEST(told_by_a_refusal),
		TEST(nothing_else),
		TEST(a_word_out_of_place),
		TEST(from_every_state),
		TEST(asked_twice_is_done_once),
		TEST(the_cloud_is_told_and_acknowledges),
		TEST(the_days_are_over),
		TEST(told_but_never_heard_of_again),
		TEST(a_clock_that_is_wrong),
		TEST(over_a_restart),
		TEST(a_new_claim_lets_it_in),
		TEST(nothing_stays_on_the_disk),
		TEST(nothing_stays_of_a_renewal),
		TEST(nothing_of_many_stays),
		TEST(a_start_empties_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
