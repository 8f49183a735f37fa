/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer: every event in every state, and what the agent is owed. Session, conversation and channel are
 * played by this file; what decides in between is the real thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/bucket.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/leaf.h"
#include "plugins/registrar/path.h"
#include "plugins/registrar/peer.h"
#include "plugins/registrar/ration.h"
#include "plugins/registrar/record.h"
#include "plugins/registrar/session.h"

#define START_US     1000000ull
#define HANDSHAKE_US 60000000ull
#define IDLE_US      200000000ull

static const uint8_t secret[] = "sixteen bytes ..";

/* --- the parts that are played --- */

static struct {
	const struct session_ops *ops;
	void *userdata;
	enum session_state next; /* that the next datagram leads to */
	struct leaf leaf;
	unsigned n_fed, n_retransmitted, n_closed;
	uint8_t fed[32]; /* first bytes of what was fed */
	bool alive;
} session;

static struct {
	unsigned n_received, n_answered;
	uint64_t due_us, settled_us;
	bool alive, busy;
} conversation;

static struct gw_msg told[8];
static char told_reason[GW_REASON_MAX + 1];
static unsigned n_told;

int session_new(const struct session_setup *setup, struct session **ret)
{
	memset(&session, 0, sizeof(session));
	session.ops = setup->ops;
	session.userdata = setup->userdata;
	session.alive = true;
	*ret = (struct session *)&session;
	return 0;
}

struct session *session_free(struct session *s)
{
	session.alive = false;
	return NULL;
}

/* As wolfSSL does: the key is asked for when the key exchange comes. */
void session_notice(struct session *s, struct gw_blob datagram)
{
}

enum session_state session_receive(struct session *s, struct gw_blob datagram)
{
	uint8_t key[GW_SECRET_MAX];

	session.fed[session.n_fed++ % sizeof(session.fed)] = datagram.data[0];
	if (datagram.data[0] == RECORD_HANDSHAKE && datagram.data[4] == 0 &&
	    datagram.data[13] == HANDSHAKE_CLIENT_KEY_EXCHANGE)
		(void)session.ops->key(session.userdata, "ACME-1", key, sizeof(key));
	if (datagram.data[0] == RECORD_APPLICATION_DATA)
		session.ops->deliver(session.userdata, datagram);
	return session.next;
}

int session_send(struct session *s, struct gw_blob plain)
{
	return 0;
}

void session_close(struct session *s)
{
	session.n_closed++;
}

unsigned session_timeout_s(const struct session *s)
{
	return 1;
}

enum session_state session_retransmit(struct session *s)
{
	session.n_retransmitted++;
	return session.next;
}

const char *session_why(const struct session *s)
{
	return "no signer";
}

const char *session_suite(const struct session *s)
{
	return "TLS_SUITE";
}

const struct leaf *session_leaf(const struct session *s)
{
	return &session.leaf;
}

size_t session_binding(const struct session *s, uint8_t buf[SESSION_BINDING_MAX])
{
	return 0;
}

uint16_t session_plain_max(const struct session *s)
{
	return 1000;
}

int conversation_new(const struct conversation_ops *ops, void *userdata,
		     const struct conversation_facts *facts, const struct conversation_peer *peer,
		     struct conversation **ret)
{
	memset(&conversation, 0, sizeof(conversation));
	conversation.due_us = conversation.settled_us = UINT64_MAX;
	conversation.alive = true;
	assert_string_equal(peer->device, "ACME-1");
	*ret = (struct conversation *)&conversation;
	return 0;
}

struct conversation *conversation_free(struct conversation *c)
{
	conversation.alive = false;
	return NULL;
}

void conversation_receive(struct conversation *c, struct gw_blob datagram, uint64_t now_us)
{
	conversation.n_received++;
}

void conversation_answer(struct conversation *c, const struct gw_msg *msg, uint64_t now_us)
{
	conversation.n_answered++;
}

void conversation_tick(struct conversation *c, uint64_t now_us)
{
}

uint64_t conversation_due(const struct conversation *c)
{
	return conversation.due_us;
}

uint64_t conversation_settled_us(const struct conversation *c)
{
	return conversation.settled_us;
}

bool conversation_is_idle(const struct conversation *c)
{
	return !conversation.busy;
}

struct channel;
uint16_t channel_mtu(const struct channel *channel);
void channel_send(struct channel *channel, const struct path *path, struct gw_blob datagram);

uint16_t channel_mtu(const struct channel *channel)
{
	return 1400;
}

void channel_send(struct channel *channel, const struct path *path, struct gw_blob datagram)
{
}

/* --- a peer in any state --- */

static struct ration *secrets;
static struct gw_bucket complaints;
static struct conversation_facts facts;
static const uint8_t dummy_key[GW_KEY_LEN];
static struct peer_shared shared;
static struct peer *peer;

static void on_tell(void *userdata, const struct gw_msg *msg)
{
	const char *reason = msg->type == GW_MSG_FAILED        ? msg->failed.reason
			     : msg->type == GW_MSG_SESSION_END ? msg->session_end.reason
							       : "";

	(void)strncpy(told_reason, reason, sizeof(told_reason) - 1);
	told[n_told++ % 8] = *msg;
}

static void begin(enum gw_proof proof)
{
	static const uint8_t random[32], cookie_secret[32];
	const struct front_result admission = { .proof = proof,
						.random = random,
						.message_sequence = 1,
						.cookie_secret = cookie_secret };
	const struct path path = { .channel = 7, .peer.any.sa_family = AF_INET };

	shared = (struct peer_shared){
		.tell = on_tell,
		.facts = &facts,
		.dummy_key = dummy_key,
		.complaints = &complaints,
		.handshake_timeout_us = HANDSHAKE_US,
		.idle_timeout_us = IDLE_US,
	};
	assert_int_equal(ration_new(40, /* seed= */ 0, START_US, &secrets), 0);
	shared.secrets = secrets;
	gw_bucket_init(&complaints, 10, 10, START_US);
	assert_int_equal(peer_new(&shared, NULL, &path, 42, NULL, &admission, START_US, &peer), 0);
	n_told = 0;
}

static void end(void)
{
	peer = peer_free(peer);
	secrets = ration_free(secrets);
	assert_false(session.alive);
	assert_false(conversation.alive);
}

enum event {
	HELLO,    /* a repetition of the ClientHello */
	EXCHANGE, /* the key exchange, with the identity */
	CHANGE,
	FINISHED, /* or whatever else is encrypted and no data */
	DATA,
	ALERT, /* in clear */
	SECRET,
	NO_SECRET,
	ALLOW,
	DENY,
	SESSION_END,
	ANSWER,
	REPEAT, /* it is time to retransmit */
	DEADLINE,
	IDLE,
	EVICT,
	STOP,
	_EVENT_MAX,
};

static void receive(uint8_t type, uint8_t epoch, const void *data, size_t len)
{
	static uint8_t sequence;
	uint8_t datagram[64] = { type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, ++sequence };

	datagram[12] = (uint8_t)len;
	memcpy(datagram + 13, data, len);
	peer_receive(peer, (struct gw_blob){ datagram, 13 + len }, START_US);
}

static void take(struct gw_msg msg)
{
	peer_take(peer, &msg, START_US);
}

static void verdict(bool allow)
{
	take((struct gw_msg){ .type = GW_MSG_VERDICT,
			      .verdict = { 42, allow, allow ? "ACME-1" : "", "suspended" } });
}

static void happen(enum event event)
{
	static const uint8_t hello[] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t exchange[] = { 16, 0, 0, 8, 0,   2,   0,   0,   0,   0,
					    0,  8, 0, 6, 'A', 'C', 'M', 'E', '-', '1' };

	switch (event) {
	case HELLO: receive(RECORD_HANDSHAKE, 0, hello, sizeof(hello)); break;
	case EXCHANGE: receive(RECORD_HANDSHAKE, 0, exchange, sizeof(exchange)); break;
	case CHANGE: receive(RECORD_CHANGE_CIPHER_SPEC, 0, "\1", 1); break;
	case FINISHED: receive(RECORD_HANDSHAKE, 1, "encrypted", 9); break;
	case DATA: receive(RECORD_APPLICATION_DATA, 1, "encrypted", 9); break;
	case ALERT: receive(RECORD_ALERT, 0, "\2\50", 2); break;
	case SECRET:
		take((struct gw_msg){ .type = GW_MSG_SECRET,
				      .secret = { 42, GW_BLOB_ARRAY(secret) } });
		break;
	case NO_SECRET:
		take((struct gw_msg){ .type = GW_MSG_SECRET, .secret = { .session = 42 } });
		break;
	case ALLOW: verdict(true); break;
	case DENY: verdict(false); break;
	case SESSION_END:
		take((struct gw_msg){ .type = GW_MSG_SESSION_END,
				      .session_end = { 42, "revoked" } });
		break;
	case ANSWER:
		take((struct gw_msg){ .type = GW_MSG_SETTINGS, .settings = { .session = 42 } });
		break;
	case REPEAT: peer_tick(peer, START_US + 1000000); break;
	case DEADLINE: peer_tick(peer, START_US + HANDSHAKE_US); break;
	case IDLE: peer_tick(peer, START_US + IDLE_US); break;
	case EVICT: peer_end(peer, GW_REASON_EVICTED); break;
	case STOP: peer_stop(peer); break;
	case _EVENT_MAX: break;
	}
}

static const uint8_t late_exchange[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12,
					 16, 0,    0,    8, 0, 2, 0, 0, 0, 0, 0, 0 };

/* Takes a PSK peer from its start to a state. */
static void reach(enum peer_state state)
{
	begin(GW_PROOF_PSK);
	happen(HELLO);
	if (state >= PEER_ASKING)
		happen(EXCHANGE);
	if (state >= PEER_KEYED)
		happen(SECRET);
	if (state >= PEER_WAITING) {
		happen(CHANGE);
		session.next = SESSION_OPEN;
		happen(FINISHED);
	}
	if (state >= PEER_SERVED)
		happen(ALLOW);
	if (state >= PEER_OVER)
		happen(STOP);
	assert_int_equal(peer_state(peer), state);
	n_told = session.n_fed = session.n_retransmitted = session.n_closed = 0;
}

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

			reach((enum peer_state)at);
			happen((enum event)event);
			if (peer_state(peer) != expected->state ||
			    n_told != (expected->told ? 1 : 0) ||
			    (n_told && told[0].type != expected->told) ||
			    session.n_fed != expected->n_fed)
				fail_msg("state %u, event %u: now %u, told %u (%x), fed %u", at,
					 event, peer_state(peer), n_told, n_told ? told[0].type : 0,
					 session.n_fed);
			end();
		}
	}
}

static void test_retransmits_only_while_the_peer_is_awaited(void **state)
{
	static const bool expected[_PEER_STATE_MAX] = { [PEER_HELLO] = true, [PEER_KEYED] = true };

	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		reach((enum peer_state)at);
		happen(REPEAT);
		assert_int_equal(session.n_retransmitted, expected[at]);
		end();
	}
}

/* While its device may be about to begin anew. Whoever waits for something else goes on waiting for that. */
static void test_holds_back(void **state)
{
	for (unsigned at = 0; at < _PEER_STATE_MAX; at++) {
		bool repeats = at == PEER_HELLO || at == PEER_KEYED;
		uint64_t due_us;

		reach((enum peer_state)at);
		due_us = peer_due(peer);
		peer_hold_back(peer, START_US + 999999);
		assert_int_equal(peer_due(peer), repeats ? START_US + 1999999 : due_us);
		happen(REPEAT);
		assert_int_equal(session.n_retransmitted, 0);
		end();
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
		reach((enum peer_state)at);
		assert_int_equal(peer_due(peer), expected[at]);
		end();
	}

	reach(PEER_SERVED);
	conversation.due_us = START_US + 5;
	assert_int_equal(peer_due(peer), START_US + 5);
	end();
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
		reach(cases[i].state);
		session.next = cases[i].session;
		happen(HELLO);
		assert_int_equal(peer_state(peer), PEER_OVER);
		assert_int_equal(n_told, cases[i].n_told);
		if (n_told) {
			assert_int_equal(told[n_told - 1].type, cases[i].last);
			assert_string_equal(told_reason, cases[i].reason);
		}
		end();
	}
}

static void test_peer_is_reported(void **state)
{
	reach(PEER_KEYED);
	happen(CHANGE);
	session.next = SESSION_OPEN;
	happen(FINISHED);
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].type, GW_MSG_PEER);
	assert_int_equal(told[0].peer.session, 42);
	assert_int_equal(told[0].peer.channel, 7);
	assert_int_equal(told[0].peer.proof, GW_PROOF_PSK);
	assert_int_equal(told[0].peer.fingerprint.len, 0);
	end();
}

/* The library says that all is well, but the key was a dummy: nobody is let in by that. */
static void test_dummy_proves_nothing(void **state)
{
	reach(PEER_ASKING);
	happen(NO_SECRET);
	happen(CHANGE);
	session.next = SESSION_OPEN;
	happen(FINISHED);
	assert_int_equal(peer_state(peer), PEER_OVER);
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].type, GW_MSG_FAILED);
	assert_string_equal(told_reason, "handshake-failed");
	end();
}

static void test_certificate(void **state)
{
	begin(GW_PROOF_CERTIFICATE);
	happen(HELLO);
	happen(EXCHANGE); /* nobody is asked for anything */
	happen(CHANGE);
	assert_int_equal(session.n_fed, 3);
	assert_int_equal(peer_state(peer), PEER_HELLO);
	session.leaf = (struct leaf){ .verified = true, .name = "ACME-1", .serial_len = 3 };
	session.next = SESSION_OPEN;
	happen(FINISHED);
	assert_int_equal(peer_state(peer), PEER_WAITING);
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].type, GW_MSG_PEER);
	assert_int_equal(told[0].peer.proof, GW_PROOF_CERTIFICATE);
	assert_string_equal(told[0].peer.identity, "ACME-1");
	assert_int_equal(told[0].peer.serial.len, 3);
	assert_int_equal(told[0].peer.fingerprint.len, GW_HASH_LEN);
	assert_int_equal(told[0].peer.key.len, GW_HASH_LEN);
	end();
}

static void test_unverified_certificate_proves_nothing(void **state)
{
	begin(GW_PROOF_CERTIFICATE);
	session.next = SESSION_OPEN;
	happen(HELLO);
	assert_int_equal(peer_state(peer), PEER_OVER);
	assert_int_equal(n_told, 0);
	end();
}

/* --- what waits --- */

static void test_flight_waits_for_the_secret_in_order(void **state)
{
	begin(GW_PROOF_PSK);
	happen(HELLO);
	happen(FINISHED);
	happen(CHANGE);
	happen(EXCHANGE);
	assert_int_equal(session.n_fed, 1);
	assert_int_equal(peer_state(peer), PEER_ASKING);
	happen(SECRET);
	assert_int_equal(session.n_fed, 4);
	assert_int_equal(session.fed[1], RECORD_HANDSHAKE);
	assert_int_equal(session.fed[2], RECORD_CHANGE_CIPHER_SPEC);
	assert_int_equal(session.fed[3], RECORD_HANDSHAKE);
	end();
}

/* Somebody who sends old messages in its name gets it no more answers than a client would ask for. */
static void test_last_flight_is_not_repeated_for_ever(void **state)
{
	for (int is_served = 0; is_served < 2; is_served++) {
		reach(is_served ? PEER_SERVED : PEER_WAITING);
		for (int i = 0; i < 100; i++)
			happen(EXCHANGE);
		assert_int_equal(session.n_fed, 1);
		peer_receive(peer, (struct gw_blob){ late_exchange, sizeof(late_exchange) },
			     START_US + 250000);
		assert_int_equal(session.n_fed, 2);
		end();
	}
}

static void test_goodbye(void **state)
{
	reach(PEER_SERVED);
	peer_end(peer, GW_REASON_IDLE);
	assert_int_equal(session.n_closed, 1);
	end();

	/* its device has other keys by now */
	reach(PEER_SERVED);
	peer_end(peer, GW_REASON_RESTARTED);
	assert_int_equal(session.n_closed, 0);
	assert_string_equal(told_reason, "restarted");
	end();
}

/* How long the agent took to look is not to be seen. */
static void test_repeats_from_the_question_on(void **state)
{
	static const bool is_there[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct gw_msg answer = { .type = GW_MSG_SECRET, .secret = { .session = 42 } };

		if (is_there[i])
			answer.secret.secret = GW_BLOB_ARRAY(secret);
		reach(PEER_ASKING);
		peer_take(peer, &answer, START_US + 300000);
		assert_int_equal(peer_due(peer), START_US + 1000000);
		end();
	}
}

static void test_requests_wait_for_the_verdict(void **state)
{
	reach(PEER_WAITING);
	happen(DATA);
	happen(DATA);
	assert_int_equal(session.n_fed, 0);
	happen(ALLOW);
	assert_int_equal(session.n_fed, 2);
	assert_int_equal(conversation.n_received, 2);
	happen(ANSWER);
	assert_int_equal(conversation.n_answered, 1);
	end();
}

static void test_no_plain_records_once_it_has_spoken(void **state)
{
	reach(PEER_SERVED);
	happen(DATA);
	session.n_fed = 0;
	happen(HELLO);
	happen(EXCHANGE);
	happen(CHANGE);
	happen(ALERT);
	assert_int_equal(session.n_fed, 0);
	happen(FINISHED);
	assert_int_equal(session.n_fed, 1);
	end();
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
	begin(GW_PROOF_CERTIFICATE);
	happen(HELLO);
	session.next = SESSION_FAILED;
	listen_to_log();
	happen(EXCHANGE);
	assert_true(log_had("does not get in: handshake-failed (no signer)"));
	assert_int_equal(peer_state(peer), PEER_OVER);
	end();
}

static void test_too_many_secrets_are_told(void **state)
{
	begin(GW_PROOF_PSK);
	happen(HELLO);
	while (ration_take(secrets, peer_path(peer), START_US))
		;
	listen_to_log();
	happen(EXCHANGE);
	assert_true(log_had("secret_rate"));
	end();
}

static void test_secrets_have_a_rate(void **state)
{
	begin(GW_PROOF_PSK);
	happen(HELLO);
	while (ration_take(secrets, peer_path(peer), START_US))
		;
	happen(EXCHANGE);
	assert_int_equal(peer_state(peer), PEER_HELLO);
	assert_int_equal(n_told, 0);
	secrets = ration_free(secrets);
	assert_int_equal(ration_new(1, /* seed= */ 0, START_US, &secrets), 0);
	shared.secrets = secrets;
	happen(EXCHANGE);
	assert_int_equal(peer_state(peer), PEER_ASKING);
	assert_int_equal(n_told, 1);
	happen(SECRET);
	assert_int_equal(session.n_fed, 2); /* the one that came too soon is not among them */
	end();
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
		reach(PEER_ASKING);
		while (ration_take(secrets, peer_path(peer), START_US))
			;
		happen(cases[i].answer);
		happen(CHANGE);
		session.next = SESSION_OPEN;
		happen(FINISHED);
		assert_int_equal(peer_state(peer), cases[i].end);
		assert_int_equal(ration_take(secrets, peer_path(peer), START_US),
				 cases[i].forgiven);
		end();
	}
}

static void test_full_backlog_makes_way_for_the_exchange(void **state)
{
	begin(GW_PROOF_PSK);
	happen(HELLO);
	for (unsigned i = 0; i < 30; i++)
		happen(FINISHED);
	happen(EXCHANGE);
	assert_int_equal(peer_state(peer), PEER_ASKING);
	happen(SECRET);
	assert_int_equal(session.fed[1], RECORD_HANDSHAKE);
	assert_int_equal(peer_state(peer), PEER_KEYED);
	end();
}

static void test_idle_counts_from_the_last_word(void **state)
{
	reach(PEER_SERVED);
	peer_receive(peer,
		     (struct gw_blob){
			     (const uint8_t[]){ 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 1, 0 },
			     14 },
		     START_US + 500);
	assert_int_equal(peer_due(peer), START_US + 500 + IDLE_US);
	peer_tick(peer, START_US + IDLE_US);
	assert_int_equal(peer_state(peer), PEER_SERVED);
	end();
}

static void hear_of_it_at(uint64_t now_us)
{
	static const uint8_t data[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 1, 0 };

	peer_receive(peer, GW_BLOB_ARRAY(data), now_us);
}

/* Who has what it came for need not stay: but for a moment, and as long as it could miss something. */
static void test_who_is_settled_goes_early(void **state)
{
	uint64_t afterthought_us = START_US + 10000000;

	reach(PEER_SERVED);
	hear_of_it_at(START_US);
	assert_int_equal(peer_due(peer), START_US + IDLE_US);
	conversation.settled_us = START_US;
	assert_int_equal(peer_due(peer), afterthought_us);
	conversation.settled_us = afterthought_us + 7;
	assert_int_equal(peer_due(peer), afterthought_us + 7);
	conversation.settled_us = START_US + 2 * IDLE_US;
	assert_int_equal(peer_due(peer), START_US + IDLE_US);

	conversation.settled_us = START_US;
	hear_of_it_at(START_US + 5);
	peer_tick(peer, afterthought_us);
	assert_int_equal(peer_state(peer), PEER_SERVED);
	peer_tick(peer, afterthought_us + 5);
	assert_int_equal(peer_state(peer), PEER_OVER);
	assert_int_equal(session.n_closed, 1);
	assert_int_equal(told[(n_told - 1) % 8].type, GW_MSG_SESSION_END);
	assert_string_equal(told_reason, "idle");
	end();
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
