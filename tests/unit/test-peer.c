/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer: every event in every state, and what the agent is owed. What is around it is played by peer-stage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/leaf.h"
#include "plugins/registrar/path.h"
#include "plugins/registrar/peer.h"
#include "plugins/registrar/ration.h"
#include "plugins/registrar/record.h"
#include "plugins/registrar/session.h"
#include "tests/unit/peer-stage.h"

static const uint8_t secret[] = "sixteen bytes ..";

static const uint8_t late_exchange[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12,
					 16, 0,    0,    8, 0, 2, 0, 0, 0, 0, 0, 0 };

/* --- every event in every state --- */

struct outcome {
	enum peer_state state;
	unsigned told; /* type of the one message to the agent, 0: none */
	unsigned n_fed;
};

#define STAYS(state)        \
	{                   \
		state, 0, 0 \
	}
#define FEEDS(state)        \
	{                   \
		state, 0, 1 \
	}
#define OVER                    \
	{                       \
		PEER_OVER, 0, 0 \
	}
#define OVER_AND_TELLS(msg)                \
	{                                  \
		PEER_OVER, GW_MSG_##msg, 0 \
	}

static const struct outcome outcomes[_PEER_STATE_MAX][_EVENT_MAX] = {
	[PEER_HELLO] = {
		[HELLO] = FEEDS(PEER_HELLO),
		[EXCHANGE] = { PEER_ASKING, GW_MSG_SECRET_QUERY, 0 },
		[CHANGE] = STAYS(PEER_HELLO),
		[FINISHED] = STAYS(PEER_HELLO),
		[DATA] = STAYS(PEER_HELLO),
		[ALERT] = STAYS(PEER_HELLO),
		[SECRET] = STAYS(PEER_HELLO),
		[NO_SECRET] = STAYS(PEER_HELLO),
		[ALLOW] = STAYS(PEER_HELLO),
		[DENY] = STAYS(PEER_HELLO),
		[SESSION_END] = OVER,
		[ANSWER] = STAYS(PEER_HELLO),
		[REPEAT] = STAYS(PEER_HELLO),
		[DEADLINE] = OVER,
		[IDLE] = OVER,
		[EVICT] = OVER,
		[STOP] = OVER,
	},
	[PEER_ASKING] = {
		[HELLO] = STAYS(PEER_ASKING),
		[EXCHANGE] = STAYS(PEER_ASKING),
		[CHANGE] = STAYS(PEER_ASKING),
		[FINISHED] = STAYS(PEER_ASKING),
		[DATA] = STAYS(PEER_ASKING),
		[ALERT] = STAYS(PEER_ASKING),
		[SECRET] = FEEDS(PEER_KEYED),
		[NO_SECRET] = FEEDS(PEER_KEYED),
		[ALLOW] = STAYS(PEER_ASKING),
		[DENY] = STAYS(PEER_ASKING),
		[SESSION_END] = OVER,
		[ANSWER] = STAYS(PEER_ASKING),
		[REPEAT] = STAYS(PEER_ASKING),
		[DEADLINE] = OVER_AND_TELLS(FAILED),
		[IDLE] = OVER_AND_TELLS(FAILED),
		[EVICT] = OVER_AND_TELLS(FAILED),
		[STOP] = OVER,
	},
	[PEER_KEYED] = {
		[HELLO] = FEEDS(PEER_KEYED),
		[EXCHANGE] = FEEDS(PEER_KEYED),
		[CHANGE] = FEEDS(PEER_KEYED),
		[FINISHED] = STAYS(PEER_KEYED), /* until the change of keys has come */
		[DATA] = STAYS(PEER_KEYED),
		[ALERT] = FEEDS(PEER_KEYED),
		[SECRET] = STAYS(PEER_KEYED),
		[NO_SECRET] = STAYS(PEER_KEYED),
		[ALLOW] = STAYS(PEER_KEYED),
		[DENY] = STAYS(PEER_KEYED),
		[SESSION_END] = OVER,
		[ANSWER] = STAYS(PEER_KEYED),
		[REPEAT] = STAYS(PEER_KEYED),
		[DEADLINE] = OVER_AND_TELLS(FAILED),
		[IDLE] = OVER_AND_TELLS(FAILED),
		[EVICT] = OVER_AND_TELLS(FAILED),
		[STOP] = OVER,
	},
	[PEER_WAITING] = {
		[HELLO] = FEEDS(PEER_WAITING),
		[EXCHANGE] = FEEDS(PEER_WAITING), /* so that the lost last flight is repeated */
		[CHANGE] = FEEDS(PEER_WAITING),
		[FINISHED] = FEEDS(PEER_WAITING),
		[DATA] = STAYS(PEER_WAITING),
		[ALERT] = FEEDS(PEER_WAITING),
		[SECRET] = STAYS(PEER_WAITING),
		[NO_SECRET] = STAYS(PEER_WAITING),
		[ALLOW] = STAYS(PEER_SERVED),
		[DENY] = OVER,
		[SESSION_END] = OVER,
		[ANSWER] = STAYS(PEER_WAITING),
		[REPEAT] = STAYS(PEER_WAITING),
		[DEADLINE] = OVER_AND_TELLS(SESSION_END),
		[IDLE] = OVER_AND_TELLS(SESSION_END),
		[EVICT] = OVER_AND_TELLS(SESSION_END),
		[STOP] = OVER,
	},
	[PEER_SERVED] = {
		[HELLO] = FEEDS(PEER_SERVED),
		[EXCHANGE] = FEEDS(PEER_SERVED),
		[CHANGE] = FEEDS(PEER_SERVED),
		[FINISHED] = FEEDS(PEER_SERVED),
		[DATA] = FEEDS(PEER_SERVED),
		[ALERT] = FEEDS(PEER_SERVED),
		[SECRET] = STAYS(PEER_SERVED),
		[NO_SECRET] = STAYS(PEER_SERVED),
		[ALLOW] = STAYS(PEER_SERVED),
		[DENY] = STAYS(PEER_SERVED),
		[SESSION_END] = OVER,
		[ANSWER] = STAYS(PEER_SERVED),
		[REPEAT] = STAYS(PEER_SERVED),
		[DEADLINE] = STAYS(PEER_SERVED),
		[IDLE] = OVER_AND_TELLS(SESSION_END),
		[EVICT] = OVER_AND_TELLS(SESSION_END),
		[STOP] = OVER,
	},
	[PEER_OVER] = {
		[HELLO] = OVER,	 [EXCHANGE] = OVER, [CHANGE] = OVER,	  [FINISHED] = OVER,
		[DATA] = OVER,	 [ALERT] = OVER,    [SECRET] = OVER,	  [NO_SECRET] = OVER,
		[ALLOW] = OVER,	 [DENY] = OVER,	    [SESSION_END] = OVER, [ANSWER] = OVER,
		[REPEAT] = OVER, [DEADLINE] = OVER, [IDLE] = OVER,	  [EVICT] = OVER,
		[STOP] = OVER,
	},
};

static void test_every_event_in_every_state(void **state)
{
	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		for (unsigned event = 0; event < _EVENT_MAX; event++) {
			const struct outcome *expected = &outcomes[at][event];

			stage_reach((enum peer_state)at);
			stage_happen((enum event)event);
			if (peer_state(stage.peer) != expected->state ||
			    stage.n_told != (expected->told ? 1 : 0) ||
			    (stage.n_told && stage.told[0].type != expected->told) ||
			    stage.session.n_fed != expected->n_fed)
				fail_msg("state %u, event %u: now %u, told %u (%x), fed %u", at,
					 event, peer_state(stage.peer), stage.n_told,
					 stage.n_told ? stage.told[0].type : 0,
					 stage.session.n_fed);
			stage_end();
		}
	}
}

static void test_retransmits_only_while_the_peer_is_awaited(void **state)
{
	static const bool expected[_PEER_STATE_MAX] = { [PEER_HELLO] = true, [PEER_KEYED] = true };

	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		stage_reach((enum peer_state)at);
		stage_happen(REPEAT);
		assert_int_equal(stage.session.n_retransmitted, expected[at]);
		stage_end();
	}
}

/* While its device may be about to begin anew. Whoever waits for something else goes on waiting for that. */
static void test_holds_back(void **state)
{
	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		bool repeats = at == PEER_HELLO || at == PEER_KEYED;
		uint64_t due_us;

		stage_reach((enum peer_state)at);
		due_us = peer_due(stage.peer);
		peer_hold_back(stage.peer, START_US + 999999);
		assert_int_equal(peer_due(stage.peer), repeats ? START_US + 1999999 : due_us);
		stage_happen(REPEAT);
		assert_int_equal(stage.session.n_retransmitted, 0);
		stage_end();
	}
}

static void test_due(void **state)
{
	static const uint64_t expected[_PEER_STATE_MAX] = {
		[PEER_HELLO] = START_US + 1000000,  [PEER_ASKING] = START_US + HANDSHAKE_US,
		[PEER_KEYED] = START_US + 1000000,  [PEER_WAITING] = START_US + HANDSHAKE_US,
		[PEER_SERVED] = START_US + IDLE_US, [PEER_OVER] = UINT64_MAX,
	};

	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		stage_reach((enum peer_state)at);
		assert_int_equal(peer_due(stage.peer), expected[at]);
		stage_end();
	}

	stage_reach(PEER_SERVED);
	stage.conversation.due_us = START_US + 5;
	assert_int_equal(peer_due(stage.peer), START_US + 5);
	stage_end();
}

/* --- what the session comes to --- */

static void test_session_outcomes(void **state)
{
	static const struct {
		enum peer_state state;
		enum session_state session;
		unsigned n_told;
		enum gw_msg_type last;
		const char *reason;
	} cases[] = {
		{ PEER_HELLO, SESSION_FAILED, 0, 0, "" },
		{ PEER_KEYED, SESSION_FAILED, 1, GW_MSG_FAILED, "handshake-failed" },
		{ PEER_WAITING, SESSION_FAILED, 1, GW_MSG_SESSION_END, "closed" },
		{ PEER_SERVED, SESSION_FAILED, 1, GW_MSG_SESSION_END, "closed" },
		{ PEER_WAITING, SESSION_CLOSED, 1, GW_MSG_SESSION_END, "closed" },
		{ PEER_SERVED, SESSION_CLOSED, 1, GW_MSG_SESSION_END, "closed" },
		/* complete and closed at once: it was there */
		{ PEER_KEYED, SESSION_CLOSED, 2, GW_MSG_SESSION_END, "closed" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_reach(cases[i].state);
		stage.session.next = cases[i].session;
		stage_happen(HELLO);
		assert_int_equal(peer_state(stage.peer), PEER_OVER);
		assert_int_equal(stage.n_told, cases[i].n_told);
		if (stage.n_told) {
			assert_int_equal(stage.told[stage.n_told - 1].type, cases[i].last);
			assert_string_equal(stage.told_reason, cases[i].reason);
		}
		stage_end();
	}
}

static void test_peer_is_reported(void **state)
{
	stage_reach(PEER_KEYED);
	stage_happen(CHANGE);
	stage.session.next = SESSION_OPEN;
	stage_happen(FINISHED);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(stage.told[0].type, GW_MSG_PEER);
	assert_int_equal(stage.told[0].peer.session, 42);
	assert_int_equal(stage.told[0].peer.channel, 7);
	assert_int_equal(stage.told[0].peer.proof, GW_PROOF_PSK);
	assert_int_equal(stage.told[0].peer.fingerprint.len, 0);
	stage_end();
}

/* The library says that all is well, but the key was a dummy: nobody is let in by that. */
static void test_dummy_proves_nothing(void **state)
{
	stage_reach(PEER_ASKING);
	stage_happen(NO_SECRET);
	stage_happen(CHANGE);
	stage.session.next = SESSION_OPEN;
	stage_happen(FINISHED);
	assert_int_equal(peer_state(stage.peer), PEER_OVER);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(stage.told[0].type, GW_MSG_FAILED);
	assert_string_equal(stage.told_reason, "handshake-failed");
	stage_end();
}

static void test_certificate(void **state)
{
	stage_begin(GW_PROOF_CERTIFICATE);
	stage_happen(HELLO);
	stage_happen(EXCHANGE); /* nobody is asked for anything */
	stage_happen(CHANGE);
	assert_int_equal(stage.session.n_fed, 3);
	assert_int_equal(peer_state(stage.peer), PEER_HELLO);
	stage.session.leaf = (struct leaf){ .verified = true, .name = "ACME-1", .serial_len = 3 };
	stage.session.next = SESSION_OPEN;
	stage_happen(FINISHED);
	assert_int_equal(peer_state(stage.peer), PEER_WAITING);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(stage.told[0].type, GW_MSG_PEER);
	assert_int_equal(stage.told[0].peer.proof, GW_PROOF_CERTIFICATE);
	assert_string_equal(stage.told[0].peer.identity, "ACME-1");
	assert_int_equal(stage.told[0].peer.serial.len, 3);
	assert_int_equal(stage.told[0].peer.fingerprint.len, GW_HASH_LEN);
	assert_int_equal(stage.told[0].peer.key.len, GW_HASH_LEN);
	stage_end();
}

static void test_unverified_certificate_proves_nothing(void **state)
{
	stage_begin(GW_PROOF_CERTIFICATE);
	stage.session.next = SESSION_OPEN;
	stage_happen(HELLO);
	assert_int_equal(peer_state(stage.peer), PEER_OVER);
	assert_int_equal(stage.n_told, 0);
	stage_end();
}

/* --- what waits --- */

static void test_flight_waits_for_the_secret_in_order(void **state)
{
	stage_begin(GW_PROOF_PSK);
	stage_happen(HELLO);
	stage_happen(FINISHED);
	stage_happen(CHANGE);
	stage_happen(EXCHANGE);
	assert_int_equal(stage.session.n_fed, 1);
	assert_int_equal(peer_state(stage.peer), PEER_ASKING);
	stage_happen(SECRET);
	assert_int_equal(stage.session.n_fed, 4);
	assert_int_equal(stage.session.fed[1], RECORD_HANDSHAKE);
	assert_int_equal(stage.session.fed[2], RECORD_CHANGE_CIPHER_SPEC);
	assert_int_equal(stage.session.fed[3], RECORD_HANDSHAKE);
	stage_end();
}

/* Somebody who sends old messages in its name gets it no more answers than a client would ask for. */
static void test_last_flight_is_not_repeated_for_ever(void **state)
{
	for (int is_served = 0; is_served < 2; is_served++) {
		stage_reach(is_served ? PEER_SERVED : PEER_WAITING);
		for (int i = 0; i < 100; i++)
			stage_happen(EXCHANGE);
		assert_int_equal(stage.session.n_fed, 1);
		peer_receive(stage.peer, (struct gw_blob){ late_exchange, sizeof(late_exchange) },
			     START_US + 250000);
		assert_int_equal(stage.session.n_fed, 2);
		stage_end();
	}
}

static void test_goodbye(void **state)
{
	stage_reach(PEER_SERVED);
	peer_end(stage.peer, GW_REASON_IDLE);
	assert_int_equal(stage.session.n_closed, 1);
	stage_end();

	/* its device has other keys by now */
	stage_reach(PEER_SERVED);
	peer_end(stage.peer, GW_REASON_RESTARTED);
	assert_int_equal(stage.session.n_closed, 0);
	assert_string_equal(stage.told_reason, "restarted");
	stage_end();
}

/* How long the agent took to look is not to be seen. */
static void test_repeats_from_the_question_on(void **state)
{
	static const bool is_there[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct gw_msg answer = { .type = GW_MSG_SECRET, .secret = { .session = 42 } };

		if (is_there[i])
			answer.secret.secret = GW_BLOB_ARRAY(secret);
		stage_reach(PEER_ASKING);
		peer_take(stage.peer, &answer, START_US + 300000);
		assert_int_equal(peer_due(stage.peer), START_US + 1000000);
		stage_end();
	}
}

static void test_requests_wait_for_the_verdict(void **state)
{
	stage_reach(PEER_WAITING);
	stage_happen(DATA);
	stage_happen(DATA);
	assert_int_equal(stage.session.n_fed, 0);
	stage_happen(ALLOW);
	assert_int_equal(stage.session.n_fed, 2);
	assert_int_equal(stage.conversation.n_received, 2);
	stage_happen(ANSWER);
	assert_int_equal(stage.conversation.n_answered, 1);
	stage_end();
}

static void test_no_plain_records_once_it_has_spoken(void **state)
{
	stage_reach(PEER_SERVED);
	stage_happen(DATA);
	stage.session.n_fed = 0;
	stage_happen(HELLO);
	stage_happen(EXCHANGE);
	stage_happen(CHANGE);
	stage_happen(ALERT);
	assert_int_equal(stage.session.n_fed, 0);
	stage_happen(FINISHED);
	assert_int_equal(stage.session.n_fed, 1);
	stage_end();
}

/* --- what the operator is told --- */

static int kept_stderr;

static void listen_to_log(void)
{
	int log = memfd_create("log", MFD_CLOEXEC);

	assert_true(log >= 0);
	kept_stderr = dup(STDERR_FILENO);
	(void)dup2(log, STDERR_FILENO);
	(void)close(log);
	gw_log_set_level(GW_LOG_INFO);
}

static bool log_had(const char *text)
{
	char log[4096] = "";

	(void)!pread(STDERR_FILENO, log, sizeof(log) - 1, 0);
	gw_log_set_level(GW_LOG_ERROR);
	(void)dup2(kept_stderr, STDERR_FILENO);
	(void)close(kept_stderr);
	return strstr(log, text);
}

static void test_bad_certificate_is_told(void **state)
{
	stage_begin(GW_PROOF_CERTIFICATE);
	stage_happen(HELLO);
	stage.session.next = SESSION_FAILED;
	listen_to_log();
	stage_happen(EXCHANGE);
	assert_true(log_had("does not get in: handshake-failed (no signer)"));
	assert_int_equal(peer_state(stage.peer), PEER_OVER);
	stage_end();
}

static void test_too_many_secrets_are_told(void **state)
{
	stage_begin(GW_PROOF_PSK);
	stage_happen(HELLO);
	while (ration_take(stage.secrets, peer_path(stage.peer), START_US))
		;
	listen_to_log();
	stage_happen(EXCHANGE);
	assert_true(log_had("secret_rate"));
	stage_end();
}

static void test_secrets_have_a_rate(void **state)
{
	stage_begin(GW_PROOF_PSK);
	stage_happen(HELLO);
	while (ration_take(stage.secrets, peer_path(stage.peer), START_US))
		;
	stage_happen(EXCHANGE);
	assert_int_equal(peer_state(stage.peer), PEER_HELLO);
	assert_int_equal(stage.n_told, 0);
	stage.secrets = ration_free(stage.secrets);
	assert_int_equal(ration_new(1, /* seed= */ 0, START_US, &stage.secrets), 0);
	stage.shared.secrets = stage.secrets;
	stage_happen(EXCHANGE);
	assert_int_equal(peer_state(stage.peer), PEER_ASKING);
	assert_int_equal(stage.n_told, 1);
	stage_happen(SECRET);
	assert_int_equal(stage.session.n_fed, 2); /* the one that came too soon is not among them */
	stage_end();
}

/* Only a right key is: not one that was asked for, nor one that nobody has. */
static void test_who_has_the_key_is_forgiven(void **state)
{
	static const struct {
		enum event answer;
		enum peer_state end;
		bool forgiven;
	} cases[] = { { SECRET, PEER_WAITING, true }, { NO_SECRET, PEER_OVER, false } };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		stage_reach(PEER_ASKING);
		while (ration_take(stage.secrets, peer_path(stage.peer), START_US))
			;
		stage_happen(cases[i].answer);
		stage_happen(CHANGE);
		stage.session.next = SESSION_OPEN;
		stage_happen(FINISHED);
		assert_int_equal(peer_state(stage.peer), cases[i].end);
		assert_int_equal(ration_take(stage.secrets, peer_path(stage.peer), START_US),
				 cases[i].forgiven);
		stage_end();
	}
}

static void test_full_backlog_makes_way_for_the_exchange(void **state)
{
	stage_begin(GW_PROOF_PSK);
	stage_happen(HELLO);
	for (unsigned i = 0; i < 30; i++)
		stage_happen(FINISHED);
	stage_happen(EXCHANGE);
	assert_int_equal(peer_state(stage.peer), PEER_ASKING);
	stage_happen(SECRET);
	assert_int_equal(stage.session.fed[1], RECORD_HANDSHAKE);
	assert_int_equal(peer_state(stage.peer), PEER_KEYED);
	stage_end();
}

static void test_idle_counts_from_the_last_word(void **state)
{
	stage_reach(PEER_SERVED);
	peer_receive(stage.peer,
		     (struct gw_blob){
			     (const uint8_t[]){ 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 1, 0 },
			     14 },
		     START_US + 500);
	assert_int_equal(peer_due(stage.peer), START_US + 500 + IDLE_US);
	peer_tick(stage.peer, START_US + IDLE_US);
	assert_int_equal(peer_state(stage.peer), PEER_SERVED);
	stage_end();
}

static void hear_of_it_at(uint64_t now_us)
{
	static const uint8_t data[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 1, 0 };

	peer_receive(stage.peer, GW_BLOB_ARRAY(data), now_us);
}

/* Who has what it came for need not stay: but for a moment, and as long as it could miss something. */
static void test_who_is_settled_goes_early(void **state)
{
	uint64_t afterthought_us = START_US + 10000000;

	stage_reach(PEER_SERVED);
	hear_of_it_at(START_US);
	assert_int_equal(peer_due(stage.peer), START_US + IDLE_US);
	stage.conversation.settled_us = START_US;
	assert_int_equal(peer_due(stage.peer), afterthought_us);
	stage.conversation.settled_us = afterthought_us + 7;
	assert_int_equal(peer_due(stage.peer), afterthought_us + 7);
	stage.conversation.settled_us = START_US + 2 * IDLE_US;
	assert_int_equal(peer_due(stage.peer), START_US + IDLE_US);

	stage.conversation.settled_us = START_US;
	hear_of_it_at(START_US + 5);
	peer_tick(stage.peer, afterthought_us);
	assert_int_equal(peer_state(stage.peer), PEER_SERVED);
	peer_tick(stage.peer, afterthought_us + 5);
	assert_int_equal(peer_state(stage.peer), PEER_OVER);
	assert_int_equal(stage.session.n_closed, 1);
	assert_int_equal(stage.told[(stage.n_told - 1) % 8].type, GW_MSG_SESSION_END);
	assert_string_equal(stage.told_reason, "idle");
	stage_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_in_every_state),
		cmocka_unit_test(test_retransmits_only_while_the_peer_is_awaited),
		cmocka_unit_test(test_holds_back),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_session_outcomes),
		cmocka_unit_test(test_peer_is_reported),
		cmocka_unit_test(test_dummy_proves_nothing),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_unverified_certificate_proves_nothing),
		cmocka_unit_test(test_flight_waits_for_the_secret_in_order),
		cmocka_unit_test(test_last_flight_is_not_repeated_for_ever),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_repeats_from_the_question_on),
		cmocka_unit_test(test_requests_wait_for_the_verdict),
		cmocka_unit_test(test_no_plain_records_once_it_has_spoken),
		cmocka_unit_test(test_bad_certificate_is_told),
		cmocka_unit_test(test_too_many_secrets_are_told),
		cmocka_unit_test(test_secrets_have_a_rate),
		cmocka_unit_test(test_who_has_the_key_is_forgiven),
		cmocka_unit_test(test_full_backlog_makes_way_for_the_exchange),
		cmocka_unit_test(test_idle_counts_from_the_last_word),
		cmocka_unit_test(test_who_is_settled_goes_early),
	};

	gw_log_set_level(GW_LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
