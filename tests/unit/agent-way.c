/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a device in the words of its plugins, and what became of it: the second half of agent-world.h,
 * made of the first. Keys, certificates and secrets are known by a number, which fills all their bytes.
 */
#include "tests/unit/agent-world.h"

#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/claim.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/util.h"

static void say(enum gw_role role, const struct gw_msg *msg)
{
	assert_int_equal(world_say(role, msg, /* fd= */ -1), 0);
	world_turn();
}

static const struct gw_msg *hear(enum gw_role role, enum gw_msg_type type)
{
	const struct gw_msg *msg = world_hear(role, type);

	if (!msg)
		fail_msg("role %d was not sent '%s'", role, gw_wire_name(type));
	return msg;
}

/* A thing of so many bytes that is known by its number. */
static struct gw_blob numbered(uint8_t number, uint8_t *buf, size_t len)
{
	memset(buf, number, len);
	return (struct gw_blob){ buf, len };
}

enum gw_reason world_claim(const char *device, uint8_t secret, bool replace)
{
	uint8_t bytes[16];
	const struct claim_wish wish = {
		.device = device,
		.secret = numbered(secret, bytes, sizeof(bytes)),
		.tenant = "default",
		.vendor = "ACME",
		.model = "",
		.replace = replace,
		.may_replace = true,
		.who = "uid 0",
	};
	enum gw_reason reason = _GW_REASON_MAX;

	assert_int_equal(claim_make(world_agent(), &wish, &reason), 0);
	world_turn();
	return reason;
}

void world_make_claim(const char *device)
{
	assert_int_equal(world_claim(device, 7, /* replace= */ false), GW_REASON_NONE);
}

uint8_t world_knock(uint64_t session, const char *device)
{
	const struct gw_msg *reply;

	say(GW_ROLE_REGISTRAR,
	    &(struct gw_msg){ .type = GW_MSG_SECRET_QUERY,
			      .secret_query = { session, 1, device, "[::1]:5000" } });
	reply = hear(GW_ROLE_REGISTRAR, GW_MSG_SECRET);
	assert_int_equal(reply->secret.session, session);
	return reply->secret.secret.len ? reply->secret.secret.data[0] : 0;
}

static bool verdict(uint64_t session)
{
	const struct gw_msg *reply = hear(GW_ROLE_REGISTRAR, GW_MSG_VERDICT);

	assert_int_equal(reply->verdict.session, session);
	return reply->verdict.allow;
}

bool world_peer_psk(uint64_t session, const char *device)
{
	say(GW_ROLE_REGISTRAR, &(struct gw_msg){ .type = GW_MSG_PEER,
						 .peer = { .session = session,
							   .channel = 1,
							   .proof = GW_PROOF_PSK,
							   .identity = device,
							   .address = "[::1]:5000",
							   .suite = "PSK" } });
	return verdict(session);
}

bool world_peer_certificate(uint64_t session, uint8_t certificate)
{
	uint8_t serial[8], fingerprint[GW_HASH_LEN], key[GW_HASH_LEN], issuer[GW_HASH_LEN];

	say(GW_ROLE_REGISTRAR,
	    &(struct gw_msg){
		    .type = GW_MSG_PEER,
		    .peer = { .session = session,
			      .channel = 1,
			      .proof = GW_PROOF_CERTIFICATE,
			      .identity = "whatever it says",
			      .address = "[::1]:5001",
			      .suite = "ECDSA",
			      .serial = numbered(certificate, serial, sizeof(serial)),
			      .fingerprint =
				      numbered(certificate, fingerprint, sizeof(fingerprint)),
			      .key = numbered(certificate, key, sizeof(key)),
			      .issuer = numbered(WORLD_ISSUER, issuer, sizeof(issuer)) } });
	return verdict(session);
}

void world_enter(uint64_t session, const char *device)
{
	assert_int_not_equal(world_knock(session, device), 0);
	assert_true(world_peer_psk(session, device));
}

static void send_csr(uint64_t session, uint32_t request, uint8_t key, bool renew)
{
	uint8_t hash[GW_HASH_LEN], csr[100];

	say(GW_ROLE_REGISTRAR,
	    &(struct gw_msg){ .type = GW_MSG_ENROLL,
			      .enroll = { .session = session,
					  .request = request,
					  .renew = renew,
					  .key = numbered(key, hash, sizeof(hash)),
					  .csr = numbered(key, csr, sizeof(csr)) } });
}

void world_csr(uint64_t session, uint32_t request, uint8_t key)
{
	send_csr(session, request, key, /* renew= */ false);
}

void world_renew(uint64_t session, uint32_t request, uint8_t key)
{
	send_csr(session, request, key, /* renew= */ true);
}

const struct gw_msg_request *world_request(enum gw_request_kind kind)
{
	const struct gw_msg *msg = hear(GW_ROLE_CLOUD, GW_MSG_REQUEST);

	while (msg->request.kind == GW_REQUEST_TIME && kind != GW_REQUEST_TIME) /* now and then */
		msg = hear(GW_ROLE_CLOUD, GW_MSG_REQUEST);
	assert_int_equal(msg->request.kind, kind);
	assert_true(*msg->request.job);
	return &msg->request;
}

void world_keep_request(enum gw_request_kind kind, char job[GW_ID_MAX + 1])
{
	(void)gw_copy(job, GW_ID_MAX + 1, world_request(kind)->job);
}

void world_ask(const char *device, char job[GW_ID_MAX + 1])
{
	world_make_claim(device);
	world_enter(1, device);
	world_csr(1, 1, 11);
	world_keep_request(GW_REQUEST_ENROLL, job);
}

void world_answer(const char *job, uint8_t certificate)
{
	uint8_t bytes[300], chain[200];

	say(GW_ROLE_CLOUD,
	    &(struct gw_msg){ .type = GW_MSG_ANSWER,
			      .answer = { .job = job,
					  .outcome = GW_OUTCOME_DONE,
					  .certificate = numbered(certificate, bytes,
								  certificate ? sizeof(bytes) : 0),
					  .chain = numbered(certificate, chain,
							    certificate ? sizeof(chain) : 0) } });
}

void world_answer_with(const char *job, enum gw_outcome outcome, const char *reason)
{
	say(GW_ROLE_CLOUD, &(struct gw_msg){ .type = GW_MSG_ANSWER,
					     .answer = { .job = job,
							 .outcome = (uint8_t)outcome,
							 .retry_after_s = 30,
							 .reason = reason,
							 .text = "because" } });
}

void world_checked(const char *job, uint8_t certificate, bool ok)
{
	uint8_t serial[8], fingerprint[GW_HASH_LEN], issuer[GW_HASH_LEN];

	say(GW_ROLE_REGISTRAR,
	    &(struct gw_msg){
		    .type = GW_MSG_CHECKED,
		    .checked = { .job = job,
				 .ok = ok,
				 .reason = ok ? "" : "wrong key",
				 .serial = numbered(certificate, serial, sizeof(serial)),
				 .fingerprint =
					 numbered(certificate, fingerprint, sizeof(fingerprint)),
				 .not_before = world_now_s(),
				 .not_after = world_now_s() + WORLD_LIFE_S,
				 .issuer = numbered(WORLD_ISSUER, issuer, sizeof(issuer)) } });
}

uint8_t world_enrolled(uint64_t session, enum gw_outcome *ret_outcome, char *reason)
{
	const struct gw_msg *msg = hear(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED);

	assert_int_equal(msg->enrolled.session, session);
	*ret_outcome = (enum gw_outcome)msg->enrolled.outcome;
	(void)gw_copy(reason, GW_REASON_MAX + 1, msg->enrolled.reason);
	assert_int_equal(msg->enrolled.certificate.len > 0,
			 msg->enrolled.outcome == GW_OUTCOME_DONE);
	return msg->enrolled.certificate.len ? msg->enrolled.certificate.data[0] : 0;
}

void world_gets(uint64_t session, uint8_t certificate)
{
	char reason[GW_REASON_MAX + 1];
	enum gw_outcome outcome;

	assert_int_equal(world_enrolled(session, &outcome, reason), certificate);
	assert_int_equal(outcome, GW_OUTCOME_DONE);
}

void world_is_refused(uint64_t session, enum gw_reason expected)
{
	char reason[GW_REASON_MAX + 1];
	enum gw_outcome outcome;

	(void)world_enrolled(session, &outcome, reason);
	assert_int_equal(outcome, GW_OUTCOME_REFUSED);
	assert_string_equal(reason, gw_reason_code(expected));
}

void world_is_put_off(uint64_t session)
{
	char reason[GW_REASON_MAX + 1];
	enum gw_outcome outcome;

	(void)world_enrolled(session, &outcome, reason);
	assert_int_equal(outcome, GW_OUTCOME_PENDING);
}

void world_issue(uint64_t session, const char *device, uint8_t key, uint8_t certificate)
{
	char job[GW_ID_MAX + 1];

	world_enter(session, device);
	world_csr(session, 1, key);
	world_keep_request(GW_REQUEST_ENROLL, job);
	world_answer(job, certificate);
	assert_string_equal(hear(GW_ROLE_REGISTRAR, GW_MSG_CHECK)->check.job, job);
	world_checked(job, certificate, true);
	world_gets(session, certificate);
	assert_int_equal(world_state(device), DEVICE_ISSUED);
}

void world_prove(uint64_t session, uint8_t certificate)
{
	char job[GW_ID_MAX + 1];

	assert_true(world_peer_certificate(session, certificate));
	world_keep_request(GW_REQUEST_PROVED, job);
	world_answer(job, 0);
}

void world_get_aboard(const char *device, uint8_t certificate)
{
	world_make_claim(device);
	world_issue(100u + certificate, device, certificate, certificate);
	world_prove(200u + certificate, certificate);
	assert_int_equal(world_state(device), DEVICE_ONBOARDED);
	world_forget();
	while (*world_news())
		;
}

/* --- looking --- */

static struct device_record *look_up(const char *device)
{
	static struct device_record record;

	memset(&record, 0, sizeof(record));
	if (store_device_get(world_agent()->store, device, &record) < 0)
		return NULL;
	return &record;
}

enum device_state world_state(const char *device)
{
	const struct device_record *record = look_up(device);

	return record ? record->state : DEVICE_UNKNOWN;
}

const char *world_reason(const char *device)
{
	const struct device_record *record = look_up(device);

	return record ? record->reason : "";
}

bool world_claim_is_open(const char *device)
{
	struct claim_record claim;

	return store_claim_open_of(world_agent()->store, device, &claim) >= 0;
}

void world_expect_certificate(uint8_t number, enum certificate_state expected)
{
	struct certificate_record record;
	uint8_t fingerprint[GW_HASH_LEN];

	(void)numbered(number, fingerprint, sizeof(fingerprint));
	assert_int_equal(store_certificate_by_fingerprint(world_agent()->store,
							  GW_BLOB_ARRAY(fingerprint), &record),
			 0);
	assert_int_equal(record.state, expected);
}

unsigned world_recorded(const char *event)
{
	struct audit_record record;
	unsigned n = 0;

	for (uint64_t from = 1; audit_get(world_agent()->store, from, &record) >= 0;
	     from = record.n + 1)
		n += gw_streq(record.event, event);
	return n;
}

bool world_record_is_whole(void)
{
	uint64_t first_bad = UINT64_MAX;
	const char *why;

	assert_int_equal(audit_verify(world_agent()->store, world_agent()->vault, &first_bad, &why),
			 0);
	return first_bad == 0;
}
