/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session, conversation and channel are played here, in place of the real ones; what decides in between is the
 * real thing. What they are told is counted, what they say is what the test has laid down.
 */
#include "tests/unit/peer-stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/bucket.h"
#include "lib/crypto.h"
#include "lib/util.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/path.h"
#include "plugins/registrar/ration.h"
#include "plugins/registrar/record.h"

static const uint8_t secret[] = "sixteen bytes ..";

struct stage stage;

/* --- the parts that are played --- */

int session_new(const struct session_setup *setup, struct session **ret)
{
	memset(&stage.session, 0, sizeof(stage.session));
	stage.session.ops = setup->ops;
	stage.session.userdata = setup->userdata;
	stage.session.alive = true;
	*ret = (struct session *)&stage.session;
	return 0;
}

struct session *session_free(struct session *s)
{
	stage.session.alive = false;
	return NULL;
}

/* As wolfSSL does: the key is asked for when the key exchange comes. */
void session_notice(struct session *s, struct gw_blob datagram)
{
}

enum session_state session_receive(struct session *s, struct gw_blob datagram)
{
	uint8_t key[GW_SECRET_MAX];

	stage.session.fed[stage.session.n_fed++ % sizeof(stage.session.fed)] = datagram.data[0];
	if (datagram.data[0] == RECORD_HANDSHAKE && datagram.data[4] == 0 &&
	    datagram.data[13] == HANDSHAKE_CLIENT_KEY_EXCHANGE)
		(void)stage.session.ops->key(stage.session.userdata, "ACME-1", key, sizeof(key));
	if (datagram.data[0] == RECORD_APPLICATION_DATA)
		stage.session.ops->deliver(stage.session.userdata, datagram);
	return stage.session.next;
}

int session_send(struct session *s, struct gw_blob plain)
{
	return 0;
}

void session_close(struct session *s)
{
	stage.session.n_closed++;
}

unsigned session_timeout_s(const struct session *s)
{
	return 1;
}

enum session_state session_retransmit(struct session *s)
{
	stage.session.n_retransmitted++;
	return stage.session.next;
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
	return &stage.session.leaf;
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
	memset(&stage.conversation, 0, sizeof(stage.conversation));
	stage.conversation.due_us = stage.conversation.settled_us = UINT64_MAX;
	stage.conversation.alive = true;
	assert_string_equal(peer->device, "ACME-1");
	*ret = (struct conversation *)&stage.conversation;
	return 0;
}

struct conversation *conversation_free(struct conversation *c)
{
	stage.conversation.alive = false;
	return NULL;
}

void conversation_receive(struct conversation *c, struct gw_blob datagram, uint64_t now_us)
{
	stage.conversation.n_received++;
}

void conversation_answer(struct conversation *c, const struct gw_msg *msg, uint64_t now_us)
{
	stage.conversation.n_answered++;
}

void conversation_tick(struct conversation *c, uint64_t now_us)
{
}

uint64_t conversation_due(const struct conversation *c)
{
	return stage.conversation.due_us;
}

uint64_t conversation_settled_us(const struct conversation *c)
{
	return stage.conversation.settled_us;
}

bool conversation_is_idle(const struct conversation *c)
{
	return !stage.conversation.busy;
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

static struct gw_bucket complaints;
static struct conversation_facts facts;
static const uint8_t dummy_key[GW_KEY_LEN];

static void on_tell(void *userdata, const struct gw_msg *msg)
{
	const char *reason = msg->type == GW_MSG_FAILED        ? msg->failed.reason
			     : msg->type == GW_MSG_SESSION_END ? msg->session_end.reason
							       : "";

	(void)strncpy(stage.told_reason, reason, sizeof(stage.told_reason) - 1);
	stage.told[stage.n_told++ % 8] = *msg;
}

void stage_begin(enum gw_proof proof)
{
	static const uint8_t random[32], cookie_secret[32];
	const struct front_result admission = { .proof = proof,
						.random = random,
						.message_sequence = 1,
						.cookie_secret = cookie_secret };
	const struct path path = { .channel = 7, .peer.any.sa_family = AF_INET };

	stage.shared = (struct peer_shared){
		.tell = on_tell,
		.facts = &facts,
		.dummy_key = dummy_key,
		.complaints = &complaints,
		.handshake_timeout_us = HANDSHAKE_US,
		.idle_timeout_us = IDLE_US,
	};
	assert_int_equal(ration_new(40, /* seed= */ 0, START_US, &stage.secrets), 0);
	stage.shared.secrets = stage.secrets;
	gw_bucket_init(&complaints, 10, 10, START_US);
	assert_int_equal(peer_new(&stage.shared, NULL, &path, 42, NULL, &admission, START_US,
				  &stage.peer),
			 0);
	stage.n_told = 0;
}

void stage_end(void)
{
	stage.peer = peer_free(stage.peer);
	stage.secrets = ration_free(stage.secrets);
	assert_false(stage.session.alive);
	assert_false(stage.conversation.alive);
}

static void receive(uint8_t type, uint8_t epoch, const void *data, size_t len)
{
	static uint8_t sequence;
	uint8_t datagram[64] = { type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, ++sequence };

	datagram[12] = (uint8_t)len;
	memcpy(datagram + 13, data, len);
	peer_receive(stage.peer, (struct gw_blob){ datagram, 13 + len }, START_US);
}

static void take(struct gw_msg msg)
{
	peer_take(stage.peer, &msg, START_US);
}

static void verdict(bool allow)
{
	take((struct gw_msg){ .type = GW_MSG_VERDICT,
			      .verdict = { 42, allow, allow ? "ACME-1" : "", "suspended" } });
}

void stage_happen(enum event event)
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
	case REPEAT: peer_tick(stage.peer, START_US + 1000000); break;
	case DEADLINE: peer_tick(stage.peer, START_US + HANDSHAKE_US); break;
	case IDLE: peer_tick(stage.peer, START_US + IDLE_US); break;
	case EVICT: peer_end(stage.peer, GW_REASON_EVICTED); break;
	case STOP: peer_stop(stage.peer); break;
	case _EVENT_MAX: break;
	}
}

void stage_reach(enum peer_state state)
{
	stage_begin(GW_PROOF_PSK);
	stage_happen(HELLO);
	if (state >= PEER_ASKING)
		stage_happen(EXCHANGE);
	if (state >= PEER_KEYED)
		stage_happen(SECRET);
	if (state >= PEER_WAITING) {
		stage_happen(CHANGE);
		stage.session.next = SESSION_OPEN;
		stage_happen(FINISHED);
	}
	if (state >= PEER_SERVED)
		stage_happen(ALLOW);
	if (state >= PEER_OVER)
		stage_happen(STOP);
	assert_int_equal(peer_state(stage.peer), state);
	stage.n_told = stage.session.n_fed = stage.session.n_retransmitted =
		stage.session.n_closed = 0;
}
