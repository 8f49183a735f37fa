/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud link between two who say anything: the agent by the link, the cloud by a broker that comes and
 * goes. What goes out by either side has its form (the dialect's there, lib/wire's here), nothing is
 * published on a topic that is not ours, and requests are repeated at a bounded rate.
 *
 * The broker is played where lib/mqtt.h, lib/resolve.h and the credential would be. The input is a list of
 * steps, each a byte and what it needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/endpoint.h"
#include "lib/log.h"
#include "lib/mqtt-tls.h"
#include "lib/mqtt.h"
#include "lib/plugin.h"
#include "lib/resolve.h"
#include "lib/util.h"
#include "plugins/mqtt/anchors.h"
#include "plugins/mqtt/broker.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/keyring.h"
#include "plugins/mqtt/presence.h"
#include "plugins/mqtt/relay.h"
#include "plugins/mqtt/wallet.h"
#include "tests/fuzz/fake-loop.h"
#include "tests/fuzz/input.h"
#include "tools/cloud/body.h"

#define STEPS_MAX     300
#define PUBLISHED_MAX 20000 /* in one run, whatever happens */
#define OUR_TOPICS    "gangway/v1/gw-1/"

enum step {
	STEP_AGENT,   /* bytes of the link: two of length, and so many */
	STEP_REQUEST, /* a request: kind and number */
	STEP_END,     /* the agent withdraws it: number */
	STEP_CLOUD,   /* a body: topic, two bytes of length, and so many */
	STEP_ANSWER,  /* to a request: its number, done or not */
	STEP_STATUS,  /* stands on our topic: whose */
	STEP_CLOSE,   /* the broker hangs up: how */
	STEP_TIME,
	STEP_ROOM,   /* the broker has room, or not */
	STEP_EVENT,  /* a record: its number, one behind the last or not */
	STEP_EVENTS, /* closes the batch: as it is, or not */
	_STEP_MAX,
};

static struct {
	struct relay *relay;
	struct presence presence;
	const struct gw_mqtt_ops *ops; /* of the connection there is; NULL: none */
	void *userdata;
	void (*resolved)(const struct gw_resolve_result *result, void *userdata);
	void *resolve_userdata;
	bool refuses, is_full, no_credential;
	char status[512];
	unsigned n_published;
} cloud;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
	memset(buf, 0x5a, len);
	return (ssize_t)len;
}

/* --- the broker --- */

/* There is what was given, and no folder to keep a certificate of its own in: so it never asks for one. */
struct keyring {
	char nothing;
};

int keyring_new(const char *gateway, const char *given, const char *state, struct keyring **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

struct keyring *keyring_free(struct keyring *keyring)
{
	free(keyring);
	return NULL;
}

const char *keyring_check(struct keyring *keyring)
{
	return "";
}

const char *keyring_folder(const struct keyring *keyring)
{
	return "/";
}

void keyring_look(const struct keyring *keyring, struct identity *identity)
{
	identity->has_given = true;
}

int keyring_load(struct keyring *keyring, enum identity_pass pass, struct ssl_ctx_st **ret,
		 struct credential_facts *ret_facts, char *why, size_t size)
{
	*ret = NULL;
	*ret_facts = (struct credential_facts){ 0 };
	(void)gw_copy(why, size, "There is no credential.");
	return cloud.no_credential ? -ENOENT : 0;
}

int keyring_make_key(struct keyring *keyring)
{
	require(false);
	return -ENOSYS;
}

int keyring_reuse_key(struct keyring *keyring)
{
	require(false);
	return -ENOSYS;
}

int keyring_request(const struct keyring *keyring, struct keypair_request *ret)
{
	require(false);
	return -ENOSYS;
}

int keyring_keep(struct keyring *keyring, struct gw_blob certificate, struct gw_blob chain,
		 const char **ret_why)
{
	require(false);
	return -ENOSYS;
}

int keyring_promote(struct keyring *keyring)
{
	require(false);
	return -ENOSYS;
}

int keyring_drop(struct keyring *keyring)
{
	require(false);
	return -ENOSYS;
}

bool anchors_are_certificates(struct gw_blob list)
{
	return !list.len || *list.data == 0x30;
}

int keyring_forget(struct keyring *keyring)
{
	return 0;
}

int keyring_take_anchors(struct keyring *keyring, uint64_t seq, struct gw_blob list,
			 struct gw_blob in_use)
{
	require(list.len == 0 || list.data);
	return list.len % 3 ? 0 : -EIO;
}

int keyring_verified_by(struct keyring *keyring, struct gw_blob in_use)
{
	return 0;
}

int gw_mqtt_anchor(const struct gw_mqtt *c, uint8_t **ret, size_t *ret_len)
{
	return -ENOENT;
}

int gw_mqtt_tls_new(struct ssl_ctx_st *ctx, const struct gw_endpoint *endpoint,
		    const struct gw_mqtt_clock *clock, struct gw_mqtt_tls **ret)
{
	*ret = malloc(1);
	return 0;
}

bool gw_mqtt_tls_is_current(const struct gw_mqtt_tls *tls)
{
	return true;
}

struct gw_mqtt_tls *gw_mqtt_tls_free(struct gw_mqtt_tls *tls)
{
	free(tls);
	return NULL;
}

int gw_resolve_start(struct sd_event *event, const char *host,
		     void (*done)(const struct gw_resolve_result *result, void *userdata),
		     void *userdata, struct gw_resolve **ret)
{
	require(!cloud.resolved);
	cloud.resolved = done;
	cloud.resolve_userdata = userdata;
	*ret = malloc(1);
	return 0;
}

struct gw_resolve *gw_resolve_free(struct gw_resolve *resolve)
{
	free(resolve);
	cloud.resolved = NULL;
	return NULL;
}

int gw_mqtt_new(struct sd_event *event, struct gw_mqtt_tls *tls,
		const struct gw_mqtt_config *config, const struct gw_mqtt_ops *ops, void *userdata,
		struct gw_mqtt **ret)
{
	require(!cloud.ops && gw_streq(config->will_topic, OUR_TOPICS "status"));
	gw_mqtt_tls_free(tls);
	cloud.ops = ops;
	cloud.userdata = userdata;
	*ret = malloc(1);
	return 0;
}

struct gw_mqtt *gw_mqtt_free(struct gw_mqtt *c)
{
	if (c)
		cloud.ops = NULL;
	free(c);
	return NULL;
}

static bool leaves;

void gw_mqtt_leave(struct gw_mqtt *c)
{
	leaves = true;
}

bool gw_mqtt_has_room(const struct gw_mqtt *c)
{
	return !cloud.is_full;
}

/* Read by whoever reads them: the reference cloud. */
static void require_events(struct gw_blob text)
{
	static struct events events;
	struct body_error error;

	require(body_read_events(text, &events, &error) == 0);
}

int gw_mqtt_publish(struct gw_mqtt *c, const char *topic, const char *body, bool retain)
{
	struct gw_blob text = { (const uint8_t *)body, strlen(body) };
	struct dialect_body read = { 0 };
	struct dialect_error error;
	char id[GW_ID_MAX + 1];

	if (cloud.is_full)
		return -EAGAIN;
	require(cloud.ops && ++cloud.n_published < PUBLISHED_MAX);
	if (gw_streq(topic, OUR_TOPICS "status")) {
		require(retain && dialect_read_status_id(text, id) == 0);
		(void)gw_copy(cloud.status, sizeof(cloud.status), body);
		return 0;
	}
	require(!retain && text.len <= DIALECT_BODY_MAX);
	if (gw_streq(topic, OUR_TOPICS "request"))
		require(dialect_read(DIALECT_REQUEST, text, &read, &error) == 0);
	else if (gw_streq(topic, OUR_TOPICS "event"))
		require_events(text);
	else
		require(gw_streq(topic, OUR_TOPICS "answer") &&
			dialect_read(DIALECT_ANSWER, text, &read, &error) == 0);
	dialect_body_done(&read);
	return 0;
}

/* --- the agent --- */

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd);
void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text);

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	size_t len;

	require(gw_wire_encode(msg, buf, sizeof(buf), &len) == 0);
	require(msg->type == GW_MSG_CLOUD_STATE || msg->type == GW_MSG_ANSWER ||
		msg->type == GW_MSG_COMMAND || msg->type == GW_MSG_ANCHORS ||
		msg->type == GW_MSG_CLOUD_RETRY || msg->type == GW_MSG_CREDENTIAL ||
		msg->type == GW_MSG_CRL || msg->type == GW_MSG_REQUEST_SENT);
	require(gw_wire_has_fd(msg->type) == (fd >= 0));
	return 0;
}

void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text)
{
}

/* --- the relay --- */

static void begin(void)
{
	static const uint8_t box_key[DIALECT_BOX_KEY_LEN] = { 1 };
	static const struct gw_endpoint endpoint = { .host = "broker.example", .port = 8883 };
	const struct broker_config broker = {
		.endpoints = &endpoint,
		.n_endpoints = 1,
		.gateway = "gw-1",
		.folder = "/nowhere",
		.box_key = GW_BLOB_ARRAY(box_key),
		.presence = &cloud.presence,
	};
	const struct wallet_config wallet = {
		.gateway = "gw-1",
		.given = "/nowhere",
		.renew_percent = 66,
		.retry_first_us = 2000000,
		.retry_max_us = 300000000,
	};
	const struct relay_config config = {
		.retry_first_us = 2000000,
		.retry_max_us = 300000000,
		.silent_after_us = 15000000,
		.per_second = 50,
		.broker = &broker,
		.wallet = &wallet,
	};

	require(relay_new(/* plugin= */ NULL, /* event= */ NULL, &config, &cloud.relay) == 0);
}

/* What a plugin's frame does when a message is refused: the link breaks, and comes back. */
static void tell(const struct gw_msg *msg)
{
	if (relay_message(cloud.relay, msg) >= 0)
		return;
	cloud.relay = relay_free(cloud.relay);
	begin();
}

static void tell_bytes(struct gw_blob bytes)
{
	struct gw_wire_error error;
	struct gw_msg msg;

	if (gw_wire_decode(bytes.data, bytes.len, &msg, &error) == 0 && !gw_wire_has_fd(msg.type))
		tell(&msg);
}

/* Name look-up and connection happen here, between the steps. */
static void settle(void)
{
	struct gw_resolve_result found = { .n = 2, .addresses = { "192.0.2.1", "192.0.2.2" } };
	void (*resolved)(const struct gw_resolve_result *result, void *userdata) = cloud.resolved;

	if (resolved) {
		found.error = cloud.refuses ? "no such name" : NULL;
		cloud.resolved = NULL;
		resolved(&found, cloud.resolve_userdata);
		if (cloud.ops)
			cloud.ops->up(cloud.userdata);
	}
	if (leaves && cloud.ops)
		cloud.ops->closed(GW_MQTT_LEFT, "we left", cloud.userdata);
	leaves = false;
}

/* --- the input --- */

static void request(uint8_t kind, uint8_t number)
{
	static const uint8_t thing[GW_HASH_LEN] = { 7 };
	char job[16];
	const struct gw_msg msg = {
		.type = GW_MSG_REQUEST,
		.request = { .job = job,
			     .kind = kind % _GW_REQUEST_MAX,
			     .device = "ACME-1",
			     .tenant = "default",
			     .claim = "claim-1",
			     .method = kind % _GW_REQUEST_MAX == GW_REQUEST_ENROLL ? "qr" : "",
			     .serial = { thing, kind & 0x80 ? 8 : 0 },
			     .key = GW_BLOB_ARRAY(thing),
			     .csr = GW_BLOB_ARRAY(thing) },
	};

	(void)snprintf(job, sizeof(job), "j-%u", number);
	tell(&msg);
}

/* Records of the longest and worst that there can be, numbered as it comes. */
static void event(uint8_t n)
{
	static const uint8_t mac[GW_HASH_LEN] = { 9 };
	char text[GW_TEXT_MAX + 1];
	const char *id = text + GW_TEXT_MAX - (n & 0x80 ? GW_ID_MAX : 8);

	memset(text, n & 0x40 ? '"' : 'a', GW_TEXT_MAX);
	text[GW_TEXT_MAX] = 0;
	tell(&(struct gw_msg){ .type = GW_MSG_EVENT,
			       .event = { .n = n & 0x3f,
					  .time = n,
					  .event = id,
					  .device = id,
					  .who = id,
					  .reason = id,
					  .detail = text,
					  .mac = GW_BLOB_ARRAY(mac) } });
}

static void events(uint8_t first, uint8_t count)
{
	static const uint8_t mac[GW_HASH_LEN];

	tell(&(struct gw_msg){ .type = GW_MSG_EVENTS,
			       .events = { .job = "record.1",
					   .first = first,
					   .count = count,
					   .before = GW_BLOB_ARRAY(mac),
					   .broken = count & 1 ? "old-copy" : "" } });
}

static void hear(const char *topic, struct gw_blob body)
{
	if (cloud.ops)
		cloud.ops->message(topic, body, cloud.userdata);
}

static void answer(uint8_t number, uint8_t how)
{
	char body[160];
	int len = snprintf(body, sizeof(body),
			   "{\"v\":1,\"kind\":\"%s\",\"id\":\"j-%u\",\"outcome\":\"%s\"%s}",
			   how & 1 ? "proved" : "time", number,
			   how & 2   ? "done"
			   : how & 4 ? "refused"
				     : "pending",
			   how & 8 ? ",\"reason\":\"claim-used\"" : "");

	hear(OUR_TOPICS "response", (struct gw_blob){ (const uint8_t *)body, (size_t)len });
}

static void hear_body(uint8_t which, struct gw_blob body)
{
	static const char *const topics[] = { OUR_TOPICS "response",      OUR_TOPICS "command",
					      OUR_TOPICS "status",        OUR_TOPICS "request",
					      "gangway/v1/gw-2/response", "" };
	struct gw_blob copy = { gw_blob_dup(body), body.len };

	hear(topics[which % GW_ELEMENTS(topics)], copy);
	free((void *)(uintptr_t)copy.data);
}

static void hear_status(uint8_t whose)
{
	static const char other[] = "{\"v\":1,\"kind\":\"status\",\"id\":\"0123-1\"}";
	const char *body = whose & 1 ? other : cloud.status;

	hear(OUR_TOPICS "status", (struct gw_blob){ (const uint8_t *)body, strlen(body) });
}

static void hang_up(uint8_t how)
{
	if (cloud.ops)
		cloud.ops->closed((enum gw_mqtt_end)(how % GW_MQTT_LEFT), "it hung up",
				  cloud.userdata);
	cloud.refuses = how & 0x40;
	cloud.no_credential = how & 0x80;
}

static void take_step(struct gw_blob *in)
{
	enum step step = (enum step)(take_byte(in) % _STEP_MAX);
	uint8_t arg;

	switch (step) {
	case STEP_AGENT: tell_bytes(take_long(in)); break;
	case STEP_REQUEST:
		arg = take_byte(in);
		request(arg, take_byte(in));
		break;
	case STEP_END:
		tell(&(struct gw_msg){ .type = GW_MSG_REQUEST_END,
				       .request_end.job = take_byte(in) & 1 ? "j-1" : "j-0" });
		break;
	case STEP_CLOUD:
		arg = take_byte(in);
		hear_body(arg, take_long(in));
		break;
	case STEP_ANSWER:
		arg = take_byte(in);
		answer(arg, take_byte(in));
		break;
	case STEP_STATUS: hear_status(take_byte(in)); break;
	case STEP_CLOSE: hang_up(take_byte(in)); break;
	case STEP_TIME: fake_loop_pass(1000ull << (take_byte(in) % 24)); break;
	case STEP_ROOM:
		cloud.is_full = !cloud.is_full;
		if (cloud.ops && !cloud.is_full)
			cloud.ops->room(cloud.userdata);
		break;
	case STEP_EVENT: event(take_byte(in)); break;
	case STEP_EVENTS:
		arg = take_byte(in);
		events(arg, take_byte(in));
		break;
	case _STEP_MAX: break;
	}
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob in = { data, size };

	gw_log_set_level(GW_LOG_ERROR);
	memset(&cloud, 0, sizeof(cloud));
	leaves = false;
	fake_loop_begin(/* sent= */ NULL);
	presence_init(&cloud.presence, /* process= */ 0xabcdef);
	dialect_init();
	begin();
	fake_loop_pass(1000);
	settle();
	for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++)
		take_step(&in);
	relay_free(cloud.relay);
	require(!cloud.ops);
	return 0;
}
