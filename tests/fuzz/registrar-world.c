/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent of this world. It stands where lib/plugin.c is (local.mk), remembers its questions, oldest
 * first, and one entry for each session: a secret is owed a PEER or a FAILED, a PEER is owed its end,
 * and nothing is asked for a session that was not let in.
 */
#include "tests/fuzz/registrar-world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/plugin.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "plugins/registrar/registrar.h"
#include "tests/fuzz/fake-loop.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mini-ca.h"

#define SESSIONS_MAX  256
#define QUESTIONS_MAX 64
#define LONG_US       (2 * 3600 * 1000000ull) /* outlasts every session */

enum account {
	ACCOUNT_NONE,
	ACCOUNT_ASKED, /* for the secret */
	ACCOUNT_GIVEN, /* the secret of its identity */
	ACCOUNT_PEER,
	ACCOUNT_LET_IN,
	ACCOUNT_OVER,
};

struct entry {
	uint64_t session;
	enum account account;
};

struct question {
	enum gw_msg_type type;
	uint64_t session;
	uint32_t request;
	bool known; /* the identity is the device's */
};

static struct {
	const struct world_setup *setup;
	struct registrar *registrar;
	struct entry entries[SESSIONS_MAX]; /* the last ones */
	size_t n_entries;
	struct question questions[QUESTIONS_MAX];
	size_t n_questions;
} world;

/* --- accounts --- */

static struct entry *find(uint64_t session)
{
	for (size_t i = 0; i < world.n_entries && i < SESSIONS_MAX; i++)
		if (world.entries[i].session == session)
			return &world.entries[i];
	return NULL;
}

static struct entry *begin_session(uint64_t session)
{
	struct entry *entry = &world.entries[world.n_entries++ % SESSIONS_MAX];

	require(!find(session));
	*entry = (struct entry){ .session = session };
	return entry;
}

static void note(struct question question)
{
	if (world.n_questions < QUESTIONS_MAX)
		world.questions[world.n_questions++] = question;
}

/* Of so many sessions that the first ones are forgotten, the rest is not judged. */
static bool is_forgotten(uint64_t session)
{
	return world.n_entries > SESSIONS_MAX && !find(session);
}

static void take_query(const struct gw_msg_secret_query *query)
{
	require(gw_device_id_is_valid(query->identity));
	begin_session(query->session)->account = ACCOUNT_ASKED;
	note((struct question){ .type = GW_MSG_SECRET_QUERY,
				.session = query->session,
				.known = gw_streq(query->identity, WORLD_DEVICE) });
}

static void take_peer(const struct gw_msg_peer *peer)
{
	struct entry *entry = find(peer->session);

	require(!world.setup->nobody_proves);
	require(gw_streq(peer->identity, WORLD_DEVICE));
	if (peer->proof == GW_PROOF_PSK) {
		require(entry && entry->account == ACCOUNT_GIVEN);
	} else {
		require(!entry && peer->fingerprint.len && peer->key.len);
		entry = begin_session(peer->session);
	}
	entry->account = ACCOUNT_PEER;
	note((struct question){ .type = GW_MSG_PEER, .session = peer->session });
}

static void take_end(uint64_t session, bool was_peer)
{
	struct entry *entry = find(session);

	if (is_forgotten(session))
		return;
	require(entry != NULL);
	if (was_peer)
		require(entry->account == ACCOUNT_PEER || entry->account == ACCOUNT_LET_IN);
	else
		require(entry->account == ACCOUNT_ASKED || entry->account == ACCOUNT_GIVEN);
	entry->account = ACCOUNT_OVER;
}

static void take_request(enum gw_msg_type type, uint64_t session, uint32_t request)
{
	const struct entry *entry = find(session);

	if (is_forgotten(session))
		return;
	require(entry && entry->account == ACCOUNT_LET_IN);
	if (type != GW_MSG_REJECTED)
		note((struct question){ .type = type, .session = session, .request = request });
}

static void take_server_csr(const struct gw_msg_server_csr *msg);

static void take(const struct gw_msg *msg)
{
	if (msg->type == GW_MSG_SECRET_QUERY)
		take_query(&msg->secret_query);
	else if (msg->type == GW_MSG_PEER)
		take_peer(&msg->peer);
	else if (msg->type == GW_MSG_FAILED)
		take_end(msg->failed.session, false);
	else if (msg->type == GW_MSG_SESSION_END)
		take_end(msg->session_end.session, true);
	else if (msg->type == GW_MSG_ENROLL)
		take_request(msg->type, msg->enroll.session, msg->enroll.request);
	else if (msg->type == GW_MSG_SETTINGS_QUERY)
		take_request(msg->type, msg->settings_query.session, msg->settings_query.request);
	else if (msg->type == GW_MSG_REPORT)
		take_request(msg->type, msg->report.session, msg->report.request);
	else if (msg->type == GW_MSG_WIPED)
		take_request(msg->type, msg->wiped.session, msg->wiped.request);
	else if (msg->type == GW_MSG_REJECTED)
		take_request(msg->type, msg->rejected.session, 0);
	else if (msg->type == GW_MSG_SERVER_CSR)
		take_server_csr(&msg->server_csr);
	else
		require(msg->type == GW_MSG_CHECKED || msg->type == GW_MSG_HEALTH ||
			msg->type == GW_MSG_CRL_CHECKED || msg->type == GW_MSG_ISSUERS);
}

/* --- in place of lib/plugin.c --- */

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd);
void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text);

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct gw_msg copy;
	size_t len;

	require(gw_wire_encode(msg, buf, sizeof(buf), &len) == 0);
	require(gw_wire_decode(buf, len, &copy, &error) == 0);
	take(&copy);
	return 0;
}

void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text)
{
}

/* --- the agent speaks --- */

static void welcome(void)
{
	const struct gw_msg_welcome msg = { .gateway = "gw-1", .settings = world.setup->settings };
	static const int families[] = { AF_INET, AF_INET6 };

	require(registrar_welcome(world.registrar, &msg) == 0);
	for (size_t i = 0; i < GW_ELEMENTS(families); i++) {
		const struct gw_msg channel = {
			.type = GW_MSG_CHANNEL,
			.channel = { .channel = (uint32_t)i + 1,
				     .kind = GW_CHANNEL_DATAGRAM,
				     .mtu = world.setup->mtu,
				     .transport = "ip",
				     .label = "here" },
		};
		_cleanup_close_ int fd = fake_loop_socket(families[i]);

		require(registrar_take(world.registrar, &channel, &fd) == 0);
	}
	world_set_cloud(true);
}

/* The link is gone, and there is another one at once. */
static void reconnect(void)
{
	registrar_lost(world.registrar);
	for (size_t i = 0; i < GW_ELEMENTS(world.entries); i++)
		world.entries[i].account = ACCOUNT_OVER;
	world.n_questions = 0;
	welcome();
}

static void note_what_is_told(const struct gw_msg *msg)
{
	struct entry *entry = msg->type == GW_MSG_SECRET        ? find(msg->secret.session)
			      : msg->type == GW_MSG_VERDICT     ? find(msg->verdict.session)
			      : msg->type == GW_MSG_SESSION_END ? find(msg->session_end.session)
								: NULL;

	if (!entry)
		return;
	if (msg->type == GW_MSG_SECRET && msg->secret.secret.len > 0 &&
	    entry->account == ACCOUNT_ASKED)
		entry->account = ACCOUNT_GIVEN;
	if (msg->type == GW_MSG_VERDICT && entry->account == ACCOUNT_PEER)
		entry->account = msg->verdict.allow ? ACCOUNT_LET_IN : ACCOUNT_OVER;
	if (msg->type == GW_MSG_SESSION_END)
		entry->account = ACCOUNT_OVER;
}

static void tell_with_fd(const struct gw_msg *msg, int *fd)
{
	note_what_is_told(msg);
	if (registrar_take(world.registrar, msg, fd) < 0)
		reconnect();
}

void world_tell(const struct gw_msg *msg)
{
	_cleanup_close_ int fd = gw_wire_has_fd(msg->type) ? fake_loop_socket(AF_INET) : -1;

	tell_with_fd(msg, &fd);
}

void world_tell_bytes(struct gw_blob bytes)
{
	struct gw_wire_error error;
	struct gw_msg msg;

	if (gw_wire_decode(bytes.data, bytes.len, &msg, &error) == 0)
		world_tell(&msg);
}

void world_set_cloud(bool online)
{
	world_tell(&(struct gw_msg){
		.type = GW_MSG_CLOUD_STATE,
		.cloud_state = { .state = online ? GW_CLOUD_ONLINE : GW_CLOUD_OFFLINE } });
}

void world_lose_agent(void)
{
	reconnect();
}

/* --- answers --- */

static void answer_query(const struct question *q, enum world_word word)
{
	static const uint8_t secret[] = WORLD_SECRET, other[] = "another secret...";
	struct gw_msg msg = { .type = GW_MSG_SECRET, .secret.session = q->session };

	if (word == WORLD_LATER)
		msg.secret.secret = (struct gw_blob){ other, sizeof(other) - 1 };
	else if (word == WORLD_YES && q->known)
		msg.secret.secret = (struct gw_blob){ secret, sizeof(secret) - 1 };
	world_tell(&msg);
}

static void answer_peer(const struct question *q, enum world_word word)
{
	world_tell(
		&(struct gw_msg){ .type = GW_MSG_VERDICT,
				  .verdict = { .session = q->session,
					       .allow = word != WORLD_NO,
					       .device = WORLD_DEVICE,
					       .reason = word == WORLD_NO ? "suspended" : "" } });
}

static enum gw_outcome outcome_of(enum world_word word)
{
	return word == WORLD_YES  ? GW_OUTCOME_DONE
	       : word == WORLD_NO ? GW_OUTCOME_REFUSED
				  : GW_OUTCOME_PENDING;
}

static void answer_enroll(const struct question *q, enum world_word word)
{
	static uint8_t certificate[900] = { 0x30, 0x82, 0x03, 0x80 };

	world_tell(
		&(struct gw_msg){ .type = GW_MSG_ENROLLED,
				  .enrolled = { .session = q->session,
						.request = q->request,
						.outcome = outcome_of(word),
						.retry_after_s = 30,
						.reason = word == WORLD_NO ? "too-many-keys" : "",
						.certificate = GW_BLOB_ARRAY(certificate),
						.chain = GW_BLOB_ARRAY(certificate) } });
}

static void answer_settings(const struct question *q, enum world_word word)
{
	world_tell(&(struct gw_msg){ .type = GW_MSG_SETTINGS,
				     .settings = { .session = q->session,
						   .request = q->request,
						   .outcome = outcome_of(word),
						   .reason = word == WORLD_NO ? "suspended" : "",
						   .device = WORLD_DEVICE,
						   .tenant = "default",
						   .cloud = "mqtts://cloud.example" } });
}

static void answer_report(const struct question *q, enum world_word word)
{
	world_tell(&(struct gw_msg){
		.type = GW_MSG_REPORTED,
		.reported = { .session = q->session,
			      .request = q->request,
			      .outcome = outcome_of(word),
			      .reason = word == WORLD_NO ? "not-possible" : "" } });
}

bool world_answer(enum world_word word)
{
	struct question q;

	if (world.n_questions == 0)
		return false;
	q = world.questions[0];
	memmove(world.questions, world.questions + 1,
		--world.n_questions * sizeof(world.questions[0]));

	if (word == WORLD_SILENCE)
		return true;
	if (q.type == GW_MSG_SECRET_QUERY)
		answer_query(&q, word);
	else if (q.type == GW_MSG_PEER)
		answer_peer(&q, word);
	else if (q.type == GW_MSG_ENROLL)
		answer_enroll(&q, word);
	else if (q.type == GW_MSG_SETTINGS_QUERY)
		answer_settings(&q, word);
	else
		answer_report(&q, word);
	return true;
}

/* --- certificates --- */

static void tell_anchors(enum gw_anchors_purpose purpose)
{
	const struct gw_msg msg = { .type = GW_MSG_ANCHORS, .anchors.purpose = (uint8_t)purpose };
	const struct mini_ca *ca = world.setup->ca;
	_cleanup_close_ int fd = memfd_create("anchors", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	require(fd >= 0 && write(fd, ca->cert, ca->len) == (ssize_t)ca->len);
	require(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
		0);
	tell_with_fd(&msg, &fd);
}

static struct gw_msg_server_csr csr; /* the last one, for when the anchors are there */
static uint8_t csr_bytes[GW_CSR_MAX], csr_key[GW_HASH_LEN];

static void take_server_csr(const struct gw_msg_server_csr *msg)
{
	memcpy(csr_bytes, msg->csr.data, msg->csr.len);
	memcpy(csr_key, msg->key.data, sizeof(csr_key));
	csr = (struct gw_msg_server_csr){ { csr_key, sizeof(csr_key) },
					  { csr_bytes, msg->csr.len } };
}

static void tell_server_cert(void)
{
	struct gw_msg msg = { .type = GW_MSG_SERVER_CERT, .server_cert.key = csr.key };
	uint8_t cert[MINI_CA_CERT_MAX];
	struct gw_x509_request request;

	require(gw_x509_parse_request(csr.csr, &request) == 0);
	msg.server_cert.certificate =
		(struct gw_blob){ cert,
				  mini_ca_issue(world.setup->ca, request.spki, "gw-1",
						GW_X509_USE_SERVER | GW_X509_USE_REGISTRAR, cert) };
	world_tell(&msg);
}

/* --- life --- */

void world_begin(const struct world_setup *setup)
{
	gw_log_set_level(GW_LOG_ERROR);
	memset(&world, 0, sizeof(world));
	world.setup = setup;
	fake_random_begin(/* seed= */ 4711);
	fake_loop_begin(setup->sent);
	require(registrar_new(/* plugin= */ NULL, /* event= */ NULL, &world.registrar) == 0);
	welcome();
	if (setup->ca) {
		tell_anchors(GW_ANCHORS_DEVICE);
		tell_anchors(GW_ANCHORS_REGISTRAR);
		tell_server_cert();
	}
}

void world_end(void)
{
	while (world_answer(WORLD_SILENCE))
		;
	fake_loop_pass(LONG_US);
	for (size_t i = 0; i < GW_ELEMENTS(world.entries); i++)
		require(world.entries[i].account == ACCOUNT_NONE ||
			world.entries[i].account == ACCOUNT_OVER);
	world.registrar = registrar_free(world.registrar);
}
