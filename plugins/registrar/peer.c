/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer's way through its states: what becomes of a datagram, of the agent's word and of time passing
 * depends on where it is.
 *
 * Nobody is told why a PSK handshake fails: with a wrong key wolfSSL drops the peer's Finished, as with
 * the dummy of an unknown identity, and the time limit ends both in silence.
 */
#include "plugins/registrar/peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "lib/bucket.h"
#include "lib/log.h"
#include "lib/util.h"
#include "plugins/registrar/account.h"
#include "plugins/registrar/backlog.h"
#include "plugins/registrar/channel.h"
#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/keying.h"
#include "plugins/registrar/leaf.h"
#include "plugins/registrar/path.h"
#include "plugins/registrar/ration.h"
#include "plugins/registrar/record.h"
#include "plugins/registrar/session.h"

#define SECOND_US       1000000ull
#define AFTERTHOUGHT_US (10 * SECOND_US)
#define REPEAT_US       250000 /* at the soonest; clients wait a second (RFC 6347 4.2.4.1) */

struct peer {
	const struct peer_shared *shared;
	struct channel *channel;
	struct path path;
	uint8_t random[CLIENT_RANDOM_LEN];
	enum gw_proof proof;
	uint16_t hello_sequence; /* of its ClientHello, as a message */

	enum peer_state state;
	struct account account;
	struct session *session;
	struct keying *keying; /* with PSK, until the handshake is over */
	struct backlog backlog;
	struct conversation *conversation;
	char device[GW_ID_MAX + 1]; /* once the agent has said which */

	uint64_t now_us; /* of the call at hand */
	bool sent;       /* a datagram, in the call at hand */
	bool changed;    /* a change of keys was fed */
	bool confirmed;  /* it has said something under the new keys, so needs no plain records */
	uint64_t deadline_us, retransmit_us, repeat_us;
	uint64_t heard_us; /* when it last said something as one who is served */
};

/* --- states --- */

#define TO(state) (1u << (state))

static const unsigned edges[_PEER_STATE_MAX] = {
	[PEER_HELLO] = TO(PEER_ASKING) | TO(PEER_KEYED) | TO(PEER_WAITING) | TO(PEER_OVER),
	[PEER_ASKING] = TO(PEER_KEYED) | TO(PEER_OVER),
	[PEER_KEYED] = TO(PEER_WAITING) | TO(PEER_OVER),
	[PEER_WAITING] = TO(PEER_SERVED) | TO(PEER_OVER),
	[PEER_SERVED] = TO(PEER_OVER),
	[PEER_OVER] = 0,
};

static const char *const state_names[_PEER_STATE_MAX] = {
	[PEER_HELLO] = "hello",     [PEER_ASKING] = "asking", [PEER_KEYED] = "keyed",
	[PEER_WAITING] = "waiting", [PEER_SERVED] = "served", [PEER_OVER] = "over",
};

static void log_peer(const struct peer *p, enum gw_log_level level, const char *what,
		     const char *detail)
{
	char session[24];
	struct gw_log_tags tags = { .device = *p->device ? p->device : NULL, .session = session };

	(void)snprintf(session, sizeof(session), "%llu", (unsigned long long)p->account.session);
	gw_log_tagged(level, &tags, "%s %s %s", p->account.address, what, detail);
}

static void enter(struct peer *p, enum peer_state state)
{
	char detail[48];

	assert(edges[p->state] & TO(state));
	(void)snprintf(detail, sizeof(detail), "%s -> %s", state_names[p->state],
		       state_names[state]);
	p->state = state;
	log_peer(p, GW_LOG_DEBUG, "is a peer:", detail);
}

/* Strangers must not fill the log: what came to nothing is told at a bounded rate. */
static enum gw_log_level level_of_complaint(struct peer *p)
{
	return gw_bucket_take(p->shared->complaints, 1, gw_now_monotonic_us()) ? GW_LOG_INFO
									       : GW_LOG_DEBUG;
}

/* Half a handshake is nobody's. Whose secret was asked for, and whose certificate is no good, may be one
 * that the operator misses. */
static void log_end(struct peer *p, enum gw_reason reason)
{
	bool was_served = p->account.state == ACCOUNT_REPORTED;
	bool has_bad_certificate = p->proof == GW_PROOF_CERTIFICATE && !was_served &&
				   reason == GW_REASON_HANDSHAKE_FAILED;
	enum gw_log_level level = GW_LOG_DEBUG;
	char why[160];

	(void)gw_copy(why, sizeof(why), gw_reason_code(reason));
	if (has_bad_certificate)
		(void)snprintf(why, sizeof(why), "%s (%s)", gw_reason_code(reason),
			       session_why(p->session));
	if (was_served)
		level = GW_LOG_INFO;
	else if (has_bad_certificate || p->account.state == ACCOUNT_ASKED)
		level = level_of_complaint(p);
	log_peer(p, level, was_served ? "ends its session:" : "does not get in:", why);
}

/* --- the end --- */

void peer_end(struct peer *p, enum gw_reason reason)
{
	if (p->state == PEER_OVER)
		return;

	log_end(p, reason);
	account_close(&p->account, reason);
	/* Who began anew has lost the keys to read a goodbye with. */
	if (reason != GW_REASON_RESTARTED)
		session_close(p->session);
	enter(p, PEER_OVER);
}

void peer_stop(struct peer *p)
{
	if (p->state == PEER_OVER)
		return;

	account_cancel(&p->account);
	session_close(p->session);
	enter(p, PEER_OVER);
}

/* --- from and to the session --- */

static void on_transmit(void *userdata, struct gw_blob datagram)
{
	struct peer *p = userdata;

	p->sent = true;
	channel_send(p->channel, &p->path, datagram);
}

static size_t on_key(void *userdata, const char *identity, uint8_t *key, size_t size)
{
	struct peer *p = userdata;

	return p->keying ? keying_use(p->keying, identity, key, size) : 0;
}

static void on_deliver(void *userdata, struct gw_blob plain)
{
	struct peer *p = userdata;

	p->confirmed = true;
	p->heard_us = p->now_us;
	if (p->conversation)
		conversation_receive(p->conversation, plain, p->now_us);
}

static void on_say(void *userdata, struct gw_blob plain)
{
	struct peer *p = userdata;

	if (session_send(p->session, plain) < 0)
		log_peer(p, GW_LOG_DEBUG, "cannot be sent", "a datagram, ignoring");
}

static void on_ask(void *userdata, const struct gw_msg *question)
{
	struct peer *p = userdata;

	account_pass(&p->account, question);
}

/* The handshake is complete. A peer that did not prove itself by what its context is for is no peer,
 * whatever the library says. */
static void complete(struct peer *p)
{
	bool by_secret = p->proof == GW_PROOF_PSK;
	const struct leaf *leaf = session_leaf(p->session);
	const char *suite = session_suite(p->session);

	if (by_secret ? !keying_is_real(p->keying) : !leaf->verified) {
		peer_end(p, GW_REASON_HANDSHAKE_FAILED);
		return;
	}

	log_peer(p, GW_LOG_DEBUG, "has proved itself by", suite);
	if (by_secret) {
		ration_forgive(p->shared->secrets, &p->path, p->now_us);
		account_report(&p->account, keying_identity(p->keying), suite, /* leaf= */ NULL);
	} else {
		account_report(&p->account, leaf->name, suite, leaf);
	}
	p->keying = keying_free(p->keying);
	enter(p, PEER_WAITING);
}

static void settle_session(struct peer *p, enum session_state state)
{
	bool under_way = p->state == PEER_HELLO || p->state == PEER_KEYED;

	switch (state) {
	case SESSION_HANDSHAKE: break;
	case SESSION_OPEN:
		if (under_way)
			complete(p);
		break;
	case SESSION_CLOSED:
		if (under_way)
			complete(p);
		peer_end(p, GW_REASON_CLOSED);
		break;
	case SESSION_FAILED:
		log_peer(p, GW_LOG_DEBUG, "has failed at DTLS:", session_why(p->session));
		peer_end(p, under_way ? GW_REASON_HANDSHAKE_FAILED : GW_REASON_CLOSED);
		break;
	case _SESSION_STATE_MAX: break;
	}
}

static void set_retransmission(struct peer *p)
{
	p->retransmit_us = p->now_us + session_timeout_s(p->session) * SECOND_US;
}

void peer_hold_back(struct peer *p, uint64_t now_us)
{
	p->now_us = now_us;
	set_retransmission(p);
}

static void feed(struct peer *p, struct gw_blob datagram)
{
	p->sent = false;
	settle_session(p, session_receive(p->session, datagram));
	if (p->sent)
		set_retransmission(p);
}

/* --- datagrams --- */

/* NOLINTBEGIN(misc-no-recursion): what is let out was taken off the backlog before, and that is bounded */

static void route(struct peer *p, struct gw_blob datagram);

/* Lets out what was held back, each to where it belongs by now. */
static void release(struct peer *p)
{
	struct backlog held = p->backlog;
	uint8_t *data;
	size_t len;

	p->backlog = (struct backlog){ 0 };
	while (backlog_take(&held, &data, &len)) {
		route(p, (struct gw_blob){ data, len });
		free(data);
	}
}

static void take_key(struct peer *p, struct gw_blob key)
{
	if (keying_set(p->keying, key) < 0) {
		peer_end(p, GW_REASON_HANDSHAKE_FAILED);
		return;
	}
	enter(p, PEER_KEYED);
	release(p);
}

/* An identity that can be no device's goes on at once, with a key that fits nobody. When we repeat
 * ourselves does not tell how long the agent had to look. */
static void ask_for_key(struct peer *p)
{
	set_retransmission(p);
	if (!keying_identity(p->keying)) {
		take_key(p, (struct gw_blob){ 0 });
		return;
	}
	if (!ration_take(p->shared->secrets, &p->path, p->now_us)) {
		log_peer(p, level_of_complaint(p), "has to ask again:",
			 "there is more asked for than [registrar] secret_rate");
		keying_forget(p->keying);
		backlog_clear(&p->backlog);
		return;
	}
	account_ask(&p->account, keying_identity(p->keying));
	enter(p, PEER_ASKING);
}

static void hold(struct peer *p, struct gw_blob datagram)
{
	session_notice(p->session, datagram);
	(void)backlog_add(&p->backlog, datagram);
}

/* The flight that names the identity and uses its key: wolfSSL must not see it before the key is there. */
static void look_for_identity(struct peer *p, struct gw_blob datagram)
{
	session_notice(p->session, datagram);
	if (backlog_add(&p->backlog, datagram) == -ENOSPC) {
		backlog_clear(&p->backlog);
		hold(p, datagram);
	}
	if (keying_look(p->keying, datagram))
		ask_for_key(p);
}

/* What is encrypted waits for the change of keys, which may be repeated without it. */
static void feed_early(struct peer *p, struct gw_blob datagram)
{
	bool changes = record_datagram_has(datagram, RECORD_CHANGE_CIPHER_SPEC);

	if (record_first(datagram).epoch > 0 && !p->changed) {
		hold(p, datagram);
		return;
	}
	p->changed |= changes;
	feed(p, datagram);
	if (changes)
		release(p);
}

/* Whether what is in clear may have the last flight repeated: anybody can send it, in the peer's name,
 * as often as he likes. */
static bool may_repeat(struct peer *p)
{
	if (p->now_us < p->repeat_us)
		return false;
	p->repeat_us = p->now_us + REPEAT_US;
	return true;
}

/* Requests wait until the agent has judged the peer; repetitions of the handshake do not. Once the peer
 * speaks under the new keys it has no use for plain records, and only others send them. */
static void feed_late(struct peer *p, struct gw_blob datagram)
{
	struct record record = record_first(datagram);

	if (record.epoch == 0 && (p->confirmed || !may_repeat(p)))
		return;
	if (p->state == PEER_WAITING && record.type == RECORD_APPLICATION_DATA)
		hold(p, datagram);
	else
		feed(p, datagram);
}

static void route(struct peer *p, struct gw_blob datagram)
{
	switch (p->state) {
	case PEER_HELLO:
		if (p->proof == GW_PROOF_CERTIFICATE)
			feed_early(p, datagram);
		else if (client_hello_is_one(datagram))
			feed(p, datagram);
		else
			look_for_identity(p, datagram);
		break;
	case PEER_ASKING: hold(p, datagram); break;
	case PEER_KEYED: feed_early(p, datagram); break;
	case PEER_WAITING:
	case PEER_SERVED: feed_late(p, datagram); break;
	case PEER_OVER:
	case _PEER_STATE_MAX: break;
	}
}

/* NOLINTEND(misc-no-recursion) */

void peer_receive(struct peer *p, struct gw_blob datagram, uint64_t now_us)
{
	p->now_us = now_us;
	route(p, datagram);
}

/* --- the agent's word --- */

/* Served, but later. */
static bool is_put_off(const struct gw_msg_verdict *verdict)
{
	return verdict->allow == GW_ALLOW_ALL && *verdict->reason;
}

static int begin_conversation(struct peer *p, const struct gw_msg_verdict *verdict)
{
	static const struct conversation_ops ops = { on_say, on_ask };
	uint8_t binding[SESSION_BINDING_MAX];
	struct conversation_peer about = {
		.device = p->device,
		.by_certificate = p->proof == GW_PROOF_CERTIFICATE,
		.waits = is_put_off(verdict),
		.for_notice = verdict->allow == GW_ALLOW_NOTICE,
		.binding = { binding, session_binding(p->session, binding) },
		.datagram_max = session_plain_max(p->session),
	};

	return conversation_new(&ops, p, p->shared->facts, &about, &p->conversation);
}

static void take_verdict(struct peer *p, const struct gw_msg_verdict *verdict)
{
	if (p->state != PEER_WAITING)
		return;

	(void)gw_copy(p->device, sizeof(p->device), verdict->device);
	if (verdict->allow == GW_ALLOW_NOTHING) {
		log_peer(p, GW_LOG_INFO, "is not served:", verdict->reason);
		peer_stop(p);
		return;
	}
	if (begin_conversation(p, verdict) < 0) {
		peer_end(p, GW_REASON_LIMIT);
		return;
	}

	if (is_put_off(verdict))
		log_peer(p, GW_LOG_INFO, "has to wait:", verdict->reason);
	else if (verdict->allow == GW_ALLOW_NOTICE)
		log_peer(p, GW_LOG_INFO, "is let in to be told that it left, by",
			 session_suite(p->session));
	else
		log_peer(p, GW_LOG_INFO, "is served, by", session_suite(p->session));
	p->heard_us = p->now_us;
	enter(p, PEER_SERVED);
	release(p);
}

static void take_secret(struct peer *p, const struct gw_msg_secret *secret)
{
	if (p->state == PEER_ASKING)
		take_key(p, secret->secret);
}

static void take_end(struct peer *p, const struct gw_msg_session_end *end)
{
	log_peer(p, GW_LOG_INFO, "is sent away:", end->reason);
	peer_stop(p);
}

void peer_take(struct peer *p, const struct gw_msg *msg, uint64_t now_us)
{
	p->now_us = now_us;
	if (msg->type == GW_MSG_SECRET)
		take_secret(p, &msg->secret);
	else if (msg->type == GW_MSG_VERDICT)
		take_verdict(p, &msg->verdict);
	else if (msg->type == GW_MSG_SESSION_END)
		take_end(p, &msg->session_end);
	else if (p->conversation)
		conversation_answer(p->conversation, msg, now_us);
}

/* --- time --- */

/* Who has what it came for gets a moment to ask for more; whoever comes later begins anew. */
static uint64_t end_of_session_us(const struct peer *p)
{
	uint64_t settled_us = conversation_settled_us(p->conversation);
	uint64_t idle_us = p->heard_us + p->shared->idle_timeout_us;

	return GW_MIN(idle_us, GW_MAX(settled_us, p->heard_us + AFTERTHOUGHT_US));
}

uint64_t peer_due(const struct peer *p)
{
	switch (p->state) {
	case PEER_HELLO:
	case PEER_KEYED: return GW_MIN(p->deadline_us, p->retransmit_us);
	case PEER_ASKING:
	case PEER_WAITING: return p->deadline_us;
	case PEER_SERVED: return GW_MIN(end_of_session_us(p), conversation_due(p->conversation));
	case PEER_OVER:
	case _PEER_STATE_MAX: break;
	}
	return UINT64_MAX;
}

static void tick_handshake(struct peer *p)
{
	if (p->now_us >= p->deadline_us) {
		peer_end(p, GW_REASON_TIMEOUT);
		return;
	}
	if (p->now_us < p->retransmit_us || p->state == PEER_ASKING || p->state == PEER_WAITING)
		return;

	/* Doubles the library's own patience, whether or not anything goes out. */
	settle_session(p, session_retransmit(p->session));
	set_retransmission(p);
}

void peer_tick(struct peer *p, uint64_t now_us)
{
	p->now_us = now_us;
	switch (p->state) {
	case PEER_HELLO:
	case PEER_ASKING:
	case PEER_KEYED:
	case PEER_WAITING: tick_handshake(p); break;
	case PEER_SERVED:
		if (now_us >= end_of_session_us(p))
			peer_end(p, GW_REASON_IDLE);
		else if (now_us >= conversation_due(p->conversation))
			conversation_tick(p->conversation, now_us);
		break;
	case PEER_OVER:
	case _PEER_STATE_MAX: break;
	}
}

/* --- life --- */

struct peer *peer_free(struct peer *p)
{
	if (!p)
		return NULL;

	p->conversation = conversation_free(p->conversation);
	p->session = session_free(p->session);
	p->keying = keying_free(p->keying);
	backlog_clear(&p->backlog);
	free(p);
	return NULL;
}

GW_DEFINE_CLEANUP(struct peer *, peer_free)

static int begin_session(struct peer *p, struct WOLFSSL_CTX *context,
			 const struct front_result *admission)
{
	static const struct session_ops ops = { on_transmit, on_key, on_deliver };
	const struct session_setup setup = {
		.ops = &ops,
		.userdata = p,
		.context = context,
		.address = path_peer(&p->path),
		.cookie_secret = admission->cookie_secret,
		.record_sequence = admission->record_sequence,
		.mtu = channel_mtu(p->channel),
		.dates_matter = p->shared->dates_matter,
	};

	return session_new(&setup, &p->session);
}

int peer_new(const struct peer_shared *shared, struct channel *channel, const struct path *path,
	     uint64_t session, struct WOLFSSL_CTX *context, const struct front_result *admission,
	     uint64_t now_us, struct peer **ret)
{
	_cleanup_(peer_freep) struct peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;

	*p = (struct peer){
		.shared = shared,
		.channel = channel,
		.path = *path,
		.proof = admission->proof,
		.hello_sequence = admission->message_sequence,
		.deadline_us = now_us + shared->handshake_timeout_us,
		.retransmit_us = now_us + SECOND_US,
	};
	account_init(&p->account, session, path, shared->tell, shared->userdata);
	memcpy(p->random, admission->random, sizeof(p->random));
	if (p->proof == GW_PROOF_PSK) {
		r = keying_new((uint16_t)(admission->message_sequence + 1), shared->dummy_key,
			       &p->keying);
		if (r < 0)
			return r;
	}
	r = begin_session(p, context, admission);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(p);
	return 0;
}

enum peer_state peer_state(const struct peer *p)
{
	return p->state;
}

const struct channel *peer_channel(const struct peer *p)
{
	return p->channel;
}

const struct path *peer_path(const struct peer *p)
{
	return &p->path;
}

uint64_t peer_session(const struct peer *p)
{
	return p->account.session;
}

bool peer_is_busy(const struct peer *p)
{
	return p->state == PEER_WAITING ||
	       (p->state == PEER_SERVED && !conversation_is_idle(p->conversation));
}

void peer_describe(const struct peer *p, struct front_known *ret)
{
	*ret = (struct front_known){
		.random = p->random,
		.proof = p->proof,
		.message_sequence = p->hello_sequence,
		.is_complete = p->state >= PEER_WAITING,
	};
}
