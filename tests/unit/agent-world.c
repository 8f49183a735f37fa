/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The linker puts the functions here in place of the links, the bus, and the clocks (local.mk). Messages
 * are kept as bytes: what the agent left in its own memory is gone when a test looks at them, as on
 * a real link.
 */
#include "tests/unit/agent-world.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/adopt.h"
#include "agent/audit-export.h"
#include "agent/audit-retention.h"
#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/bus-revocation.h"
#include "agent/bus.h"
#include "agent/channels.h"
#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/dispatch.h"
#include "agent/due.h"
#include "agent/neighbours.h"
#include "agent/outlook.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/refusals.h"
#include "agent/revocation.h"
#include "agent/sessions.h"
#include "agent/store-device.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/vault.h"
#include "lib/log.h"
#include "lib/util.h"

struct plugin {
	const char *name;
	enum gw_role role;
	bool is_there;
};

struct letter {
	struct letter *next;
	enum gw_role to;
	bool kept;  /* its turn was committed */
	bool heard; /* by the test */
	struct gw_msg msg;
	uint8_t bytes[];
};

struct news {
	struct news *next;
	char text[256];
};

static struct {
	char folder[64];
	struct agent *agent;
	uint64_t realtime_us, monotonic_us, alarm_s;
	bool synchronised;
	struct letter *letters, **last_letter;
	struct news *news, **last_news;
	unsigned n_breaks;
	char trouble[256];
	uint64_t list; /* of which the verdict is */
	struct revocation_verdict verdict;
	char verdict_text[GW_TEXT_MAX + 1];
	struct plugin plugins[_GW_ROLE_MAX];
} world;

/* --- in place of the clocks --- */

uint64_t __wrap_gw_now_realtime_us(void);
uint64_t __wrap_gw_now_monotonic_us(void);
uint64_t __wrap_gw_now_boottime_us(void);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

uint64_t __wrap_gw_now_realtime_us(void)
{
	return world.realtime_us;
}

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return world.monotonic_us;
}

int __wrap_access(const char *path, int mode)
{
	if (!gw_streq(path, "/run/systemd/timesync/synchronized"))
		return __real_access(path, mode);
	return world.synchronised ? 0 : -1;
}

uint64_t __wrap_gw_now_boottime_us(void)
{
	return world.monotonic_us;
}

int __real_sd_event_source_set_time(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec);

int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
	world.alarm_s = usec ? (world.realtime_us + usec - world.monotonic_us) / 1000000 : 0;
	/* Later never comes by itself: the loop goes by the machine's clock, not the world's. */
	return __real_sd_event_source_set_time(source, usec ? UINT64_MAX : 0);
}

uint64_t world_alarm_s(void)
{
	return world.alarm_s;
}

uint64_t world_now_s(void)
{
	return world.realtime_us / 1000000;
}

void world_pass(uint64_t seconds)
{
	world.realtime_us += seconds * 1000000;
	world.monotonic_us += seconds * 1000000;
	due_look(world.agent->due);
}

void world_step(int64_t seconds)
{
	world.realtime_us += (uint64_t)(seconds * 1000000);
	due_look(world.agent->due);
}

void world_trust_clock(bool trusted)
{
	world.synchronised = trusted;
}

/* --- in place of plugins.c --- */

void __wrap_plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd);
struct plugin *__wrap_plugins_find(struct plugins *plugins, enum gw_role role);
struct plugin *__wrap_plugins_next(struct plugins *plugins, const struct plugin *after);
void __wrap_plugin_get_info(const struct plugin *plugin, struct plugin_info *ret);
const char *__wrap_plugin_name(const struct plugin *plugin);
void __wrap_plugins_release(struct plugins *plugins);
void __wrap_plugins_discard(struct plugins *plugins);
void __wrap_plugins_break_all(struct plugins *plugins, const char *why);

void __wrap_plugin_send(struct plugin *plugin, const struct gw_msg *msg, int fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct letter *letter;
	size_t len;

	if (!plugin)
		return;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(fd >= 0, gw_wire_has_fd(msg->type));
	letter = calloc(1, sizeof(*letter) + len);
	assert_non_null(letter);
	memcpy(letter->bytes, buf, len);
	assert_int_equal(gw_wire_decode(letter->bytes, len, &letter->msg, &error), 0);
	letter->to = plugin->role;
	*world.last_letter = letter;
	world.last_letter = &letter->next;
	turn_wake(world.agent->turn);
}

struct plugin *__wrap_plugins_find(struct plugins *plugins, enum gw_role role)
{
	return world.plugins[role].is_there ? &world.plugins[role] : NULL;
}

struct plugin *__wrap_plugins_next(struct plugins *plugins, const struct plugin *after)
{
	size_t i = after ? (size_t)(after - world.plugins) + 1 : 0;

	while (i < _GW_ROLE_MAX && !world.plugins[i].is_there)
		i++;
	return i < _GW_ROLE_MAX ? &world.plugins[i] : NULL;
}

void __wrap_plugin_get_info(const struct plugin *plugin, struct plugin_info *ret)
{
	*ret = (struct plugin_info){ .name = plugin->name, .role = plugin->role };
}

const char *__wrap_plugin_name(const struct plugin *plugin)
{
	return plugin->name;
}

void __wrap_plugins_release(struct plugins *plugins)
{
	for (struct letter *letter = world.letters; letter; letter = letter->next)
		letter->kept = true;
}

void __wrap_plugins_discard(struct plugins *plugins)
{
	struct letter **at = &world.letters;

	while (*at) {
		struct letter *letter = *at;

		if (letter->kept) {
			at = &letter->next;
		} else {
			*at = letter->next;
			free(letter);
		}
	}
	world.last_letter = at;
}

void __wrap_plugins_break_all(struct plugins *plugins, const char *why)
{
	world.n_breaks++;
}

unsigned world_breaks(void)
{
	return world.n_breaks;
}

/* --- in place of the bus --- */

void __wrap_bus_tell_change(struct bus *bus, const struct turn_change *change);
void __wrap_bus_tell_cloud(struct bus *bus);
void __wrap_bus_tell_clock(struct bus *bus);
void __wrap_bus_tell_transport(struct bus *bus, const char *name);
void __wrap_bus_set_trouble(struct bus *bus, const char *text);
void __wrap_bus_revocation_tell(struct agent *agent, uint64_t number,
				const struct revocation_verdict *verdict);

void __wrap_bus_tell_change(struct bus *bus, const struct turn_change *change)
{
	struct news *news = calloc(1, sizeof(*news));

	assert_non_null(news);
	(void)snprintf(news->text, sizeof(news->text), "%s: %s -> %s (%s)", change->device,
		       device_state_name(change->from), device_state_name(change->to),
		       change->reason);
	*world.last_news = news;
	world.last_news = &news->next;
}

void __wrap_bus_tell_cloud(struct bus *bus)
{
}

void __wrap_bus_tell_clock(struct bus *bus)
{
}

void __wrap_bus_tell_transport(struct bus *bus, const char *name)
{
}

void __wrap_bus_set_trouble(struct bus *bus, const char *text)
{
	(void)gw_copy(world.trouble, sizeof(world.trouble), text ? text : "");
}

/* Answered at once: the turn's letters are for the bus. */
void __wrap_bus_revocation_tell(struct agent *agent, uint64_t number,
				const struct revocation_verdict *verdict)
{
	world.list = number;
	world.verdict = *verdict;
	(void)gw_copy(world.verdict_text, sizeof(world.verdict_text), verdict->text);
	world.verdict.text = world.verdict_text;
}

const struct revocation_verdict *world_verdict(uint64_t number)
{
	return world.list == number ? &world.verdict : NULL;
}

const char *world_trouble(void)
{
	return world.trouble;
}

const char *world_news(void)
{
	static char text[256];
	struct news *news = world.news;

	*text = 0;
	if (news) {
		(void)gw_copy(text, sizeof(text), news->text);
		world.news = news->next;
		if (!world.news)
			world.last_news = &world.news;
		free(news);
	}
	return text;
}

/* --- life --- */

static void start(void)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	char error[512] = "";

	assert_non_null(agent);
	world.agent = agent;
	assert_int_equal(sd_event_new(&agent->event), 0);
	agent->settings = (struct settings){
		.gateway = WORLD_GATEWAY,
		.cloud_broker = "mqtts://broker.example:8883",
		.registrar_handshake_timeout_s = 60,
		.claim_lifetime_s = 30 * 86400,
		.prove_within_s = 86400,
		.devices_renew_after = 66,
		.devices_grace_days = 30,
		.devices_notice_days = 90,
		.devices_max = 100,
		.devices_adopt = true,
		.jobs_max = 1000,
		.discovered_max = 4,
		.discovered_age_s = 3600,
		.audit_keep_records = 100000,
		.audit_waiting_max = 100000,
	};
	assert_int_equal(store_open(world.folder, &agent->store, error, sizeof(error)), 0);
	assert_int_equal(vault_open(world.folder, agent->store, VAULT_KEY_AUTO, &agent->vault,
				    error, sizeof(error)),
			 0);
	clock_init(&agent->clock, agent->store, /* trusts_cloud= */ true);
	assert_int_equal(turn_new(agent, &agent->turn), 0);
	assert_int_equal(channels_new(&agent->channels), 0);
	assert_int_equal(cloud_new(&agent->cloud), 0);
	assert_int_equal(neighbours_new(&agent->neighbours), 0);
	assert_int_equal(sessions_new(agent, &agent->sessions), 0);
	assert_int_equal(discovered_new(agent->settings.discovered_max,
					agent->settings.discovered_age_s, &agent->discovered),
			 0);
	assert_int_equal(refusals_new(&agent->refusals), 0);
	assert_int_equal(adopt_new(&agent->adopt), 0);
	assert_int_equal(queue_new(agent, &agent->queue), 0);
	assert_int_equal(due_new(agent, &agent->due), 0);
	assert_int_equal(outlook_new(agent, &agent->outlook), 0);
	assert_int_equal(audit_begin(agent->store, agent->vault, world_now_s()), 0);
	assert_int_equal(revocation_new(&agent->revocation), 0);
	assert_int_equal(audit_export_new(agent, &agent->audit_export), 0);
	assert_int_equal(audit_retention_new(agent, &agent->audit_retention), 0);
}

static void stop(void)
{
	struct agent *agent = world.agent;

	turn_finish(agent->turn);
	agent->revocation = revocation_free(agent->revocation);
	agent->audit_retention = audit_retention_free(agent->audit_retention);
	agent->audit_export = audit_export_free(agent->audit_export);
	agent->due = due_free(agent->due);
	agent->outlook = outlook_free(agent->outlook);
	agent->queue = queue_free(agent->queue);
	agent->refusals = refusals_free(agent->refusals);
	agent->adopt = adopt_free(agent->adopt);
	agent->discovered = discovered_free(agent->discovered);
	agent->sessions = sessions_free(agent->sessions);
	agent->neighbours = neighbours_free(agent->neighbours);
	agent->cloud = cloud_free(agent->cloud);
	agent->channels = channels_free(agent->channels);
	agent->turn = turn_free(agent->turn);
	agent->vault = vault_close(agent->vault);
	agent->store = store_close(agent->store);
	sd_event_unref(agent->event);
	free(agent);
	world.agent = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int world_set_up(void **state)
{
	gw_log_set_level(GW_LOG_ERROR);
	memset(&world, 0, sizeof(world));
	world.last_letter = &world.letters;
	world.last_news = &world.news;
	world.realtime_us = WORLD_START_S * 1000000;
	world.monotonic_us = 5000000;
	world.synchronised = true;
	world.plugins[GW_ROLE_TRANSPORT] = (struct plugin){ "ip", GW_ROLE_TRANSPORT, false };
	world.plugins[GW_ROLE_REGISTRAR] = (struct plugin){ "registrar", GW_ROLE_REGISTRAR, false };
	world.plugins[GW_ROLE_CLOUD] = (struct plugin){ "mqtt", GW_ROLE_CLOUD, false };
	(void)strcpy(world.folder, "/tmp/gangway-world-XXXXXX");
	if (!mkdtemp(world.folder))
		return -1;

	start();
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		world_connect((enum gw_role)role);
	cloud_set_state(world.agent, GW_CLOUD_ONLINE, "");
	world_turn();
	world_forget();
	return 0;
}

int world_tear_down(void **state)
{
	stop();
	__wrap_plugins_release(NULL);
	world_forget();
	while (*world_news())
		;
	return nftw(world.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void stop_all(void)
{
	stop();
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		world.plugins[role].is_there = false;
	__wrap_plugins_release(NULL);
	world_forget();
}

void world_restart(void)
{
	stop_all();
	start();
}

void world_restart_on(const char *folder)
{
	static const char *const names[] = { "gangway.db", "gangway.db-wal", "gangway.db-shm" };
	char from[128], to[128];

	stop_all();
	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		(void)snprintf(from, sizeof(from), "%s/%s", folder, names[i]);
		(void)snprintf(to, sizeof(to), "%s/%s", world.folder, names[i]);
		(void)unlink(to);
		(void)rename(from, to);
	}
	start();
}

struct agent *world_agent(void)
{
	return world.agent;
}

const char *world_folder(void)
{
	return world.folder;
}

void world_turn(void)
{
	int r;

	while ((r = sd_event_run(world.agent->event, 0)) > 0)
		;
	assert_int_equal(r, 0);
	assert_false(store_in_transaction(world.agent->store));
}

void world_spoil_store(void)
{
	assert_int_equal(turn_open(world.agent->turn), 0);
	assert_true(store_exec(world.agent->store, "INSERT INTO meta (key, value) VALUES ('a', 1)",
			       "") > 0);
	assert_int_equal(store_exec(world.agent->store,
				    "INSERT INTO meta (key, value) VALUES ('a', 1)", ""),
			 -EEXIST);
}

void world_connect(enum gw_role role)
{
	world.plugins[role].is_there = true;
	dispatch_welcome(world.agent, &world.plugins[role]);
}

void world_lose(enum gw_role role)
{
	world.plugins[role].is_there = false;
	dispatch_lost(world.agent, &world.plugins[role]);
}

int world_say(enum gw_role role, const struct gw_msg *msg, int fd)
{
	struct gw_wire_error error;
	struct gw_msg copy;
	uint8_t *buf = malloc(GW_WIRE_MAX);
	size_t len;
	int r;

	assert_non_null(buf);
	assert_int_equal(gw_wire_encode(msg, buf, GW_WIRE_MAX, &len), 0);
	assert_int_equal(gw_wire_decode(buf, len, &copy, &error), 0);
	r = dispatch_message(world.agent, &world.plugins[role], &copy, &fd);
	free(buf);
	return r;
}

/* --- listening --- */

static struct letter *find_letter(enum gw_role role, enum gw_msg_type type)
{
	struct letter *letter = world.letters;

	while (letter &&
	       (letter->heard || !letter->kept || letter->to != role || letter->msg.type != type))
		letter = letter->next;
	return letter;
}

const struct gw_msg *world_hear(enum gw_role role, enum gw_msg_type type)
{
	struct letter *letter = find_letter(role, type);

	if (!letter)
		return NULL;
	letter->heard = true;
	return &letter->msg;
}

/* What time it is, the cloud is asked now and then; that is of no test's count. */
static bool asks_time(const struct gw_msg *msg)
{
	return msg->type == GW_MSG_REQUEST && msg->request.kind == GW_REQUEST_TIME;
}

unsigned world_count(enum gw_role role, enum gw_msg_type type)
{
	unsigned n = 0;

	for (struct letter *letter = world.letters; letter; letter = letter->next)
		n += letter->kept && !letter->heard && letter->to == role &&
		     letter->msg.type == type && !asks_time(&letter->msg);
	return n;
}

void world_forget(void)
{
	while (world.letters) {
		struct letter *letter = world.letters;

		assert_true(letter->kept);
		world.letters = letter->next;
		free(letter);
	}
	world.last_letter = &world.letters;
}

/* --- the way of a device --- */

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

	assert_int_equal(claim_make(world.agent, &wish, &reason), 0);
	world_turn();
	return reason;
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
	(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_ENROLL)->job);
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
	(void)gw_copy(job, sizeof(job), world_request(GW_REQUEST_PROVED)->job);
	world_answer(job, 0);
}

void world_get_aboard(const char *device, uint8_t certificate)
{
	assert_int_equal(world_claim(device, 7, /* replace= */ false), GW_REASON_NONE);
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
	if (store_device_get(world.agent->store, device, &record) < 0)
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

unsigned world_recorded(const char *event)
{
	struct audit_record record;
	unsigned n = 0;

	for (uint64_t from = 1; audit_get(world.agent->store, from, &record) >= 0;
	     from = record.n + 1)
		n += gw_streq(record.event, event);
	return n;
}

bool world_record_is_whole(void)
{
	uint64_t first_bad = UINT64_MAX;
	const char *why;

	assert_int_equal(audit_verify(world.agent->store, world.agent->vault, &first_bad, &why), 0);
	return first_bad == 0;
}
