/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registrar says who proved what; which device that is, and whether it is served, is decided
 * here from our own records. An identity without a claim is answered like one with a claim: after
 * one look-up and one write, by the same message.
 */
#include "agent/door.h"

#include <errno.h>
#include <stdio.h>

#include "agent/adopt.h"
#include "agent/agent.h"
#include "agent/channels.h"
#include "agent/crl-watch.h"
#include "agent/discovered.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/refusals.h"
#include "agent/renewal.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/log.h"
#include "lib/util.h"

#define KNOCKS_META "knocks"

/* Says of a device on record that somebody is not let in as it; once in a while, strangers do not tire. */
static bool record_refusal(struct agent *agent, const char *event, const char *device,
			   enum gw_reason reason, const char *address)
{
	if (!refusals_is_news(agent->refusals, device, reason, /* most= */ 1))
		return false;
	gw_log_tagged(GW_LOG_NOTICE,
		      GW_LOG_TAGS(.event = GW_EVENT_DEVICE_REFUSED, .device = device,
				  .address = address, .cause = event,
				  .reason = gw_reason_code(reason)),
		      "Somebody at %s is not let in: %s", address, gw_reason_text(reason));
	/* Of who has left no address is kept. */
	lifecycle_record(agent, event, device, "device", gw_reason_code(reason),
			 reason == GW_REASON_DECOMMISSIONED ? NULL : address);
	return true;
}

/* --- a knock --- */

static void send_secret(struct agent *agent, uint64_t session, struct gw_blob secret)
{
	struct gw_msg msg = { .type = GW_MSG_SECRET, .secret = { session, secret } };

	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

/* Who was pushed out comes again: strangers with names without end would fill the log. */
static void tell_sighting(struct agent *agent, const char *id, const char *pushed_out)
{
	bool is_list_full = *pushed_out;

	if (is_list_full) {
		(void)turn_tell(agent->turn, &(struct turn_change){ .device = pushed_out,
								    .from = DEVICE_DISCOVERED,
								    .to = DEVICE_UNKNOWN,
								    .reason = "",
								    .is_unlogged = true });
		if (refusals_is_news(agent->refusals, "", GW_REASON_EVICTED, /* most= */ 1))
			gw_log_event(NOTICE, DISCOVERED_FULL,
				     "More devices are seen than [limits] discovered keeps: each "
				     "new one pushes out another, and is not told here");
	}
	(void)turn_tell(agent->turn, &(struct turn_change){ .device = id,
							    .from = DEVICE_UNKNOWN,
							    .to = DEVICE_DISCOVERED,
							    .reason = "",
							    .is_unlogged = is_list_full });
}

static void note_sighting(struct agent *agent, const struct gw_msg_secret_query *msg)
{
	struct sighting sighting = { .last_seen = clock_now_s(&agent->clock) };
	char gone[GW_ID_MAX + 1];

	(void)gw_copy(sighting.id, sizeof(sighting.id), msg->identity);
	(void)gw_copy(sighting.address, sizeof(sighting.address), msg->address);
	(void)gw_copy(sighting.transport, sizeof(sighting.transport),
		      channels_transport(agent, msg->channel));

	if (discovered_note(agent->discovered, &sighting, gone) <= 0)
		return;
	tell_sighting(agent, sighting.id, gone);
}

static int give_nothing(struct agent *agent, const struct gw_msg_secret_query *msg)
{
	int64_t n = store_meta_number(agent->store, KNOCKS_META, 0) + 1;

	send_secret(agent, msg->session, (struct gw_blob){ 0 });
	return store_meta_set_number(agent->store, KNOCKS_META, n);
}

/* Opens the claim's secret. The session owes its end from here on. */
static int give_secret(struct agent *agent, const struct gw_msg_secret_query *msg,
		       const struct claim_record *claim)
{
	const struct vault_name name = { claim->tenant, claim->device, "claim-secret" };
	uint8_t secret[GW_SEALED_MAX];
	struct session *session;
	size_t len;
	int r;

	r = vault_unseal(agent->vault, &name, (struct gw_blob){ claim->secret, claim->secret_len },
			 secret, &len);
	if (r >= 0)
		r = session_add(agent->sessions, msg->session, &session);
	if (r < 0) { /* its own misfortune, not that of all who are at the door */
		explicit_bzero(secret, sizeof(secret));
		gw_log_device(ERROR, claim->device, "Its secret cannot be given out: %s",
			      strerror(-r));
		return give_nothing(agent, msg);
	}

	(void)gw_copy(session->device, sizeof(session->device), claim->device);
	(void)gw_copy(session->claim, sizeof(session->claim), claim->id);
	(void)gw_copy(session->address, sizeof(session->address), msg->address);
	session->secret_given = true;
	turn_step(agent->turn, STEP_SECRET);
	send_secret(agent, msg->session, (struct gw_blob){ secret, len });
	explicit_bzero(secret, sizeof(secret));
	return store_claim_count_secret(agent->store, claim->id, clock_now_s(&agent->clock));
}

/* A look-up that went wrong is no answer: nobody is taken for a stranger because of it. */
static bool is_error(int r)
{
	return r < 0 && r != -ENOENT;
}

static int look_up_knock(struct agent *agent, const char *identity,
			 struct policy_secret_facts *facts, struct claim_record *claim)
{
	struct device_record device;
	int r;

	r = store_device_get(agent->store, identity, &device);
	if (is_error(r))
		return r;
	if (r >= 0)
		facts->state = device.state;

	r = store_claim_open_of(agent->store, identity, claim);
	if (r < 0)
		return is_error(r) ? r : 0;
	facts->claim_open = true;
	facts->claim_expired = claim->expires && clock_is_trusted(&agent->clock) &&
			       claim->expires <= clock_now_s(&agent->clock);
	return 0;
}

int door_take_secret_query(struct agent *agent, const struct gw_msg_secret_query *msg)
{
	struct policy_secret_facts facts = { .state = DEVICE_UNKNOWN };
	struct claim_record claim;
	enum gw_reason reason;
	int r;

	if (!gw_device_id_is_valid(msg->identity))
		return -EBADMSG;
	if (session_find(agent->sessions, msg->session))
		return -EPROTO; /* a number is used once */
	r = turn_open(agent->turn);
	if (r >= 0)
		r = look_up_knock(agent, msg->identity, &facts, &claim);
	if (r < 0)
		return r;

	if (policy_secret(&facts, &reason))
		return give_secret(agent, msg, &claim);

	if (facts.state == DEVICE_UNKNOWN)
		note_sighting(agent, msg);
	else
		(void)record_refusal(agent, "knock-refused", msg->identity, reason, msg->address);
	return give_nothing(agent, msg);
}

/* --- a peer --- */

static enum policy_certificate certificate_fact(enum certificate_state state)
{
	switch (state) {
	case CERTIFICATE_CANDIDATE: return POLICY_CERTIFICATE_CANDIDATE;
	case CERTIFICATE_LIVE: return POLICY_CERTIFICATE_LIVE;
	case CERTIFICATE_REVOKED: return POLICY_CERTIFICATE_REVOKED;
	case CERTIFICATE_LEFT: return POLICY_CERTIFICATE_LEFT;
	case _CERTIFICATE_STATE_MAX: break;
	}
	return POLICY_CERTIFICATE_UNKNOWN;
}

/* What our records say of a peer. */
struct visitor {
	char id[GW_ID_MAX + 1];      /* of its device; "": of none */
	struct device_record device; /* if there is one */
	struct certificate_record
		certificate; /* with which it came; serial empty: with none of ours */
};

static bool is_moved(const struct device_record *device)
{
	return device->state == DEVICE_REJECTED &&
	       gw_streq(device->reason, gw_reason_code(GW_REASON_MOVED));
}

static bool can_ask(struct agent *agent, const struct gw_msg_peer *msg)
{
	return agent->settings.devices_adopt && gw_device_id_is_valid(msg->identity) &&
	       msg->serial.len && msg->key.len == GW_HASH_LEN;
}

/* Its certificate is not on record; the device that it names may be. */
static int look_up_stranger(struct agent *agent, const struct gw_msg_peer *msg,
			    struct policy_peer_facts *facts)
{
	struct device_record device;
	int r = store_device_get(agent->store, msg->identity, &device);

	facts->may_ask = can_ask(agent, msg);
	if (r < 0)
		return is_error(r) ? r : 0;
	facts->state = device.state;
	facts->is_moved = is_moved(&device);
	return 0;
}

static int look_up_certificate(struct agent *agent, const struct gw_msg_peer *msg,
			       struct policy_peer_facts *facts, struct visitor *visitor)
{
	const struct settings *settings = &agent->settings;
	struct certificate_record *certificate = &visitor->certificate;
	uint64_t now = clock_now_s(&agent->clock);
	int r;

	facts->by_certificate = true;
	facts->clock_trusted = clock_is_trusted(&agent->clock);
	r = crl_watch_look_up(agent, msg, &facts->is_listed, &facts->list_is_stale);
	if (r < 0)
		return r;
	r = store_certificate_by_fingerprint(agent->store, msg->fingerprint, certificate);
	if (r == -ENOENT)
		return look_up_stranger(agent, msg, facts);
	if (r < 0)
		return r;
	facts->certificate = certificate_fact(certificate->state);
	facts->is_expired = facts->clock_trusted && renewal_is_too_late(certificate, now);
	facts->expired = settings->devices_expired;
	facts->grace_is_over =
		renewal_grace_is_over(certificate, settings->devices_grace_days, now);
	(void)gw_copy(visitor->id, sizeof(visitor->id), certificate->device);
	return 0;
}

static int look_up_psk(struct agent *agent, const struct gw_msg_peer *msg,
		       const struct session *session, struct policy_peer_facts *facts,
		       struct visitor *visitor)
{
	struct claim_record claim;
	int r;

	(void)gw_copy(visitor->id, sizeof(visitor->id), msg->identity);
	facts->secret_was_given =
		session && session->secret_given && gw_streq(session->device, msg->identity);
	if (!facts->secret_was_given)
		return 0;

	r = store_claim_open_of(agent->store, session->device, &claim);
	facts->claim_open = r >= 0 && gw_streq(claim.id, session->claim);
	return is_error(r) ? r : 0;
}

static int look_up_peer(struct agent *agent, const struct gw_msg_peer *msg,
			const struct session *session, struct policy_peer_facts *facts,
			struct visitor *visitor)
{
	int r;

	if (msg->proof == GW_PROOF_CERTIFICATE)
		r = look_up_certificate(agent, msg, facts, visitor);
	else
		r = look_up_psk(agent, msg, session, facts, visitor);
	if (r < 0 || !*visitor->id)
		return r;

	r = store_device_get(agent->store, visitor->id, &visitor->device);
	if (r < 0)
		return is_error(r) ? r : 0;
	facts->state = visitor->device.state;
	facts->may_ask = msg->proof == GW_PROOF_CERTIFICATE && can_ask(agent, msg);
	facts->is_moved = is_moved(&visitor->device);
	return 0;
}

static void send_verdict(struct agent *agent, uint64_t session, enum gw_allow allow,
			 const char *device, const char *reason)
{
	struct gw_msg msg = { .type = GW_MSG_VERDICT,
			      .verdict = { session, (uint8_t)allow, device, reason } };

	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

/* Who has proved its certificate has all that its secret, or the certificate before it, was good for. */
static int prove(struct agent *agent, struct device_record *device, uint64_t session)
{
	turn_step(agent->turn, STEP_PROVED);
	sessions_end_others(agent->sessions, device->id, session,
			    gw_reason_code(GW_REASON_RESTARTED));
	return lifecycle_apply(agent, device,
			       &(struct lifecycle_cause){ DEVICE_EVENT_PROVED, "device", "",
							  device->transport });
}

/* What its owner can do something about is shown with the device, which is aboard otherwise. */
static int show_expired(struct agent *agent, struct device_record *device, enum gw_reason reason)
{
	if (device->state != DEVICE_ONBOARDED ||
	    (reason != GW_REASON_CERTIFICATE_EXPIRED && reason != GW_REASON_CLAIM_AGAIN) ||
	    gw_streq(device->reason, gw_reason_code(reason)))
		return 0;
	return lifecycle_show_reason(agent, device, "certificate-expired", "device", reason,
				     /* detail= */ NULL);
}

static bool shows_expired(const struct device_record *device)
{
	return gw_streq(device->reason, gw_reason_code(GW_REASON_CERTIFICATE_EXPIRED)) ||
	       gw_streq(device->reason, gw_reason_code(GW_REASON_CLAIM_AGAIN));
}

/* It had expired by a clock that was wrong: there is nothing to be done about it any more. */
static int show_good(struct agent *agent, struct device_record *device,
		     const struct certificate_record *certificate)
{
	int r;

	if (!shows_expired(device) || !certificate->serial_len ||
	    renewal_is_too_late(certificate, clock_now_s(&agent->clock)))
		return 0;

	*device->reason = 0;
	r = store_device_put(agent->store, device);
	return r < 0 ? r
		     : turn_tell(agent->turn, &(struct turn_change){ .device = device->id,
								     .from = device->state,
								     .to = device->state,
								     .reason = "",
								     .is_unlogged = true });
}

/* A device that came aboard with its certificate after that was put on the list. */
static int revoke_listed(struct agent *agent, struct visitor *visitor)
{
	const struct lifecycle_cause cause = { DEVICE_EVENT_REVOKE, "gangway",
					       gw_reason_code(GW_REASON_CERTIFICATE_REVOKED),
					       NULL };

	return *visitor->device.id ? lifecycle_apply(agent, &visitor->device, &cause) : 0;
}

static int turn_away(struct agent *agent, const struct gw_msg_peer *msg, struct session *session,
		     struct visitor *visitor, enum gw_reason reason)
{
	(void)record_refusal(agent, "peer-refused", visitor->id, reason, msg->address);
	send_verdict(agent, msg->session, GW_ALLOW_NOTHING, "", gw_reason_code(reason));
	if (session)
		session_drop(agent->sessions, session);
	if (reason == GW_REASON_CERTIFICATE_REVOKED)
		return revoke_listed(agent, visitor);
	return show_expired(agent, &visitor->device, reason);
}

/* Its session ends when time is trusted (due.c), or when the cloud has said whether it is at home here
 * (adopt.c): it proves itself anew, and is judged by what holds then. */
static int let_wait(struct agent *agent, const struct gw_msg_peer *msg, struct session *session,
		    const char *device, enum gw_reason reason)
{
	session->waits = true;
	session->by_certificate = true;
	(void)gw_copy(session->device, sizeof(session->device), device);
	(void)gw_copy(session->address, sizeof(session->address), msg->address);
	(void)gw_copy(session->transport, sizeof(session->transport),
		      channels_transport(agent, msg->channel));
	gw_log_device(INFO, device, "Waits at %s: %s", msg->address, gw_reason_text(reason));
	send_verdict(agent, msg->session, GW_ALLOW_ALL, device, gw_reason_code(reason));
	return 0;
}

static int let_in(struct agent *agent, const struct gw_msg_peer *msg, struct session *session,
		  struct visitor *visitor, bool proves)
{
	struct device_record *device = &visitor->device;
	int r;

	session->served = true;
	session->secret_given = false; /* this is the end that it owed */
	session->by_certificate = msg->proof == GW_PROOF_CERTIFICATE;
	memcpy(session->serial, visitor->certificate.serial, visitor->certificate.serial_len);
	session->serial_len = visitor->certificate.serial_len;
	(void)gw_copy(session->device, sizeof(session->device), device->id);
	(void)gw_copy(session->address, sizeof(session->address), msg->address);
	(void)gw_copy(session->transport, sizeof(session->transport),
		      channels_transport(agent, msg->channel));

	(void)gw_copy(device->transport, sizeof(device->transport), session->transport);
	(void)gw_copy(device->address, sizeof(device->address), session->address);
	device->last_seen = clock_now_s(&agent->clock);
	send_verdict(agent, msg->session, GW_ALLOW_ALL, device->id, "");
	if (proves)
		return prove(agent, device, session->id);
	r = show_good(agent, device, &visitor->certificate);
	if (r < 0)
		return r;
	return store_device_seen(agent->store, device->id, device->transport, device->address,
				 device->last_seen);
}

/* Its tombstone stays as it is: where it came from, and when, is nothing that we keep. */
static void let_in_for_notice(struct agent *agent, const struct gw_msg_peer *msg,
			      struct session *session, const struct device_record *device)
{
	session->for_notice = true;
	session->by_certificate = true;
	(void)gw_copy(session->device, sizeof(session->device), device->id);
	send_verdict(agent, msg->session, GW_ALLOW_NOTICE, device->id,
		     gw_reason_code(GW_REASON_DECOMMISSIONED));
}

int door_take_peer(struct agent *agent, const struct gw_msg_peer *msg)
{
	struct session *session = session_find(agent->sessions, msg->session);
	struct policy_peer_facts facts = { .state = DEVICE_UNKNOWN };
	struct visitor visitor = { 0 };
	enum policy_peer verdict;
	enum gw_reason reason;
	int r;

	r = turn_open(agent->turn);
	if (r >= 0)
		r = look_up_peer(agent, msg, session, &facts, &visitor);
	if (r < 0)
		return r;

	if (session && (session->served || session->waits || session->for_notice))
		return -EPROTO; /* one session, one peer */

	verdict = policy_peer(&facts, &reason);
	if (verdict == POLICY_PEER_ASKS) {
		r = adopt_ask(agent, msg, &reason);
		if (r < 0)
			return r;
		verdict = reason == GW_REASON_ASKING ? POLICY_PEER_WAITS : POLICY_PEER_REFUSED;
		(void)gw_copy(visitor.id, sizeof(visitor.id), msg->identity);
	}
	if (verdict != POLICY_PEER_REFUSED && !session &&
	    session_add(agent->sessions, msg->session, &session) < 0) {
		verdict = POLICY_PEER_REFUSED;
		reason = GW_REASON_LIMIT;
	}
	if (verdict == POLICY_PEER_REFUSED)
		return turn_away(agent, msg, session, &visitor, reason);
	if (verdict == POLICY_PEER_WAITS)
		return let_wait(agent, msg, session, visitor.id, reason);
	if (verdict == POLICY_PEER_NOTICE) {
		let_in_for_notice(agent, msg, session, &visitor.device);
		return 0;
	}
	return let_in(agent, msg, session, &visitor, verdict == POLICY_PEER_PROVES);
}

/* --- the end --- */

/* Silence is all that a peer with another secret is answered with, so silence is how it ends. */
static bool is_wrong_secret(const struct session *session, const char *reason)
{
	return session->secret_given &&
	       (gw_streq(reason, gw_reason_code(GW_REASON_TIMEOUT)) ||
		gw_streq(reason, gw_reason_code(GW_REASON_HANDSHAKE_FAILED)));
}

/* Shown with the device while it has done nothing else since its claim. */
static int note_wrong_secret(struct agent *agent, const struct session *session)
{
	struct device_record device;
	int r = turn_open(agent->turn);

	if (r < 0 || !record_refusal(agent, "knock-refused", session->device,
				     GW_REASON_WRONG_SECRET, session->address))
		return r;
	r = store_device_get(agent->store, session->device, &device);
	if (r < 0 || device.state != DEVICE_CLAIMED)
		return r == -ENOENT ? 0 : r;

	(void)gw_copy(device.reason, sizeof(device.reason), gw_reason_code(GW_REASON_WRONG_SECRET));
	return store_device_put(agent->store, &device);
}

int door_take_failed(struct agent *agent, const struct gw_msg_failed *msg)
{
	struct session *session = session_find(agent->sessions, msg->session);
	int r = 0;

	if (!session)
		return 0;

	gw_log_device(DEBUG, session->device, "A handshake in its name failed: %s", msg->reason);
	if (is_wrong_secret(session, msg->reason))
		r = note_wrong_secret(agent, session);
	session_drop(agent->sessions, session);
	return r;
}

int door_take_end(struct agent *agent, const struct gw_msg_session_end *msg)
{
	struct session *session = session_find(agent->sessions, msg->session);

	if (session)
		session_drop(agent->sessions, session);
	return 0;
}
