/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What boxes and gateways write to the cloud to get certificates of their own, with the cloud's real desk and
 * registry: any topic with any body, and, so that it gets deep, steps of boxes, gateways and an operator. Whatever
 * comes: the answer goes beside its request, is read by a gateway, and is the same if it is asked for again; a
 * certificate is the gateway's in whose name it was asked for; one is live; a claim lets in as many as it may,
 * those on its list, and nobody when it is closed or over.
 *
 * The input is a list of steps. All of an input is one transaction, which is taken back.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/dialect.h"
#include "tests/fuzz/input.h"
#include "tools/cloud/authority.h"
#include "tools/cloud/body.h"
#include "tools/cloud/desk.h"
#include "tools/cloud/home.h"
#include "tools/cloud/members.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/topic.h"

#define STEPS_MAX      24
#define CANDIDATES_MAX 3
#define N_KEYS         2

static const char *const gateways[] = { "gw-1", "gw-2", "gw-3", "gw-4" };
static const struct gateway_claim claims[] = {
	{ .name = "batch", .uses = 2 },
	{ .name = "listed", .uses = 4, .is_listed = true }, /* of gw-1 */
	{ .name = "closed", .uses = 4, .is_closed = true },
	{ .name = "over", .uses = 4, .expires = 1 },
};

/* A signing request of each gateway with each key. */
static struct {
	uint8_t *csr;
	size_t len;
	char key[BODY_HASH_LEN + 1];
} requests[GW_ELEMENTS(gateways)][N_KEYS];

static char folder[] = "/tmp/gangway-fuzz-XXXXXX";
static struct home home = HOME_NONE;
static struct registry *registry;
static struct desk *desk;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the cloud ------------------------------------------------------------------------------- */

static void remove_folder(void)
{
	static const char *const files[] = {
		"registry.db",      "registry.db-wal",  "registry.db-shm",     "doorbell",
		"gateway-ca.crt",   "gateway-ca.key",   "device-ca.crt",       "device-ca.key",
		"registrar-ca.crt", "registrar-ca.key", MEMBER_BROKER_ANCHORS,
	};

	desk = desk_free(desk);
	registry = registry_free(registry);
	for (size_t i = 0; i < GW_ELEMENTS(files); i++)
		(void)unlinkat(home.fd, files[i], 0);
	(void)unlinkat(home.fd, HOME_BROKER, AT_REMOVEDIR);
	home_close(&home);
	(void)rmdir(folder);
}

static void make_authorities(void)
{
	static const char *const names[] = { AUTHORITY_GATEWAY, AUTHORITY_DEVICE,
					     AUTHORITY_REGISTRAR };
	uint8_t *pem = NULL;
	size_t len = 0;

	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		struct authority authority = { 0 };

		require(authority_ensure(&home, names[i], &authority) == 0);
		authority_done(&authority);
	}
	require(gw_read_file(home.fd, AUTHORITY_GATEWAY ".crt", 1 << 16, &pem, &len) == 0);
	require(home_make_folder(&home, HOME_BROKER) == 0);
	require(gw_write_file(home.fd, MEMBER_BROKER_ANCHORS, (struct gw_blob){ pem, len }, 0644) ==
		0);
	free(pem);
}

static void make_request(size_t gateway, size_t key)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	unsigned char *spki = NULL, *der = NULL;
	uint8_t hash[BODY_HASH_LEN / 2];
	unsigned hash_len = sizeof(hash);
	int len;

	require(pair && request);
	require(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC,
					   (const unsigned char *)gateways[gateway], -1, -1,
					   0) == 1);
	require(X509_REQ_set_pubkey(request, pair) == 1);
	require(X509_REQ_sign(request, pair, EVP_sha256()) > 0);
	len = i2d_X509_REQ(request, &der);
	require(len > 0);
	requests[gateway][key].csr = der;
	requests[gateway][key].len = (size_t)len;
	len = i2d_PUBKEY(pair, &spki);
	require(len > 0 && EVP_Digest(spki, (size_t)len, hash, &hash_len, EVP_sha256(), NULL) == 1);
	gw_hex_encode(hash, sizeof(hash), requests[gateway][key].key);
	OPENSSL_free(spki);
	X509_REQ_free(request);
	EVP_PKEY_free(pair);
}

static void make_cloud(void)
{
	const struct desk_lifetimes lifetimes = { 3600, 3600 };
	const char *what;

	require(mkdtemp(folder) && atexit(remove_folder) == 0);
	require(home_open(folder, &home) == 0 && registry_create(&home) == 0 &&
		registry_open(&home, &registry) == 0);
	make_authorities();
	for (size_t i = 0; i < GW_ELEMENTS(gateways); i++)
		for (size_t k = 0; k < N_KEYS; k++)
			make_request(i, k);
	require(desk_new(&home, registry, &lifetimes, &desk, &what) == 0);
	dialect_init();
	gw_log_set_level(GW_LOG_ERROR);
}

/* gw-4 was given its certificate ready-made. */
static void begin(void)
{
	require(registry_begin(registry) == 0);
	for (size_t i = 0; i < GW_ELEMENTS(claims); i++) {
		require(registry_gateway_claim_set(registry, &claims[i]) == 0);
		require(registry_gateway_claim_allow(registry, claims[i].name, "default") == 0);
	}
	require(registry_gateway_claim_list(registry, "listed", "gw-1") == 0);
	require(registry_gateway_add(registry, "gw-4", "default") == 0);
}

/* --- what has to hold ------------------------------------------------------------------------ */

static int check_record(const struct record *record, void *userdata)
{
	unsigned(*live)[GW_ELEMENTS(gateways)] = userdata;

	for (size_t i = 0; i < GW_ELEMENTS(gateways); i++)
		if (gw_streq(record->gateway, gateways[i]))
			(*live)[i] += record->state == CERTIFICATE_LIVE;
	require(!gw_streq(record->claim, "closed") && !gw_streq(record->claim, "over"));
	require(!gw_streq(record->claim, "listed") || gw_streq(record->gateway, "gw-1"));
	return 0;
}

static void check_registry(void)
{
	unsigned live[GW_ELEMENTS(gateways)] = { 0 }, n;

	require(registry_gateway_certificates_each(registry, check_record, &live) == 0);
	for (size_t i = 0; i < GW_ELEMENTS(gateways); i++) {
		require(live[i] <= 1);
		require(registry_gateway_certificate_candidates(registry, gateways[i], &n) == 0);
		require(n <= CANDIDATES_MAX);
	}
	for (size_t i = 0; i < GW_ELEMENTS(claims); i++) {
		struct gateway_claim claim;

		require(registry_gateway_claim_get(registry, claims[i].name, &claim) == 0);
		require(claim.n_used <= claim.uses);
	}
}

/* What the others have. */
struct others {
	const char *but;
	uint64_t hash;
};

static int add_other(const struct record *record, void *userdata)
{
	struct others *others = userdata;

	if (gw_streq(record->gateway, others->but))
		return 0;
	for (const char *letter = record->serial; *letter; letter++)
		others->hash = (others->hash ^ (uint8_t)*letter) * 1099511628211u;
	others->hash = (others->hash ^ (unsigned)record->state) * 1099511628211u;
	return 0;
}

static uint64_t others_of(const char *gateway)
{
	struct others others = { gateway, 0 };

	require(registry_gateway_certificates_each(registry, add_other, &others) == 0);
	return others.hash;
}

static void check_certificate(struct gw_blob der, const char *gateway)
{
	const unsigned char *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
	char name[128] = "";

	require(certificate && at == der.data + der.len);
	require(X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
					  sizeof(name)) > 0);
	require(gw_streq(name, gateway));
	X509_free(certificate);
}

static void check_answer(const char *body, const struct request *request, const char *gateway,
			 bool barred)
{
	char *text = body_stamp(body, 1800000000);
	struct dialect_body read = { 0 };
	struct dialect_error error;

	require(text && dialect_read(DIALECT_RESPONSE,
				     (struct gw_blob){ (const uint8_t *)text, strlen(text) }, &read,
				     &error) == 0);
	require(gw_streq(read.msg.answer.job, request->id));
	require(!barred || read.msg.answer.outcome != GW_OUTCOME_DONE);
	if (request->kind == REQUEST_PROVISION && read.msg.answer.certificate.len)
		check_certificate(read.msg.answer.certificate, gateway);
	dialect_body_done(&read);
	free(text);
}

static void check_topic(const char *text, const struct topic *topic)
{
	char answer[TOPIC_SIZE];
	size_t len = (size_t)(strrchr(text, '/') - text);

	topic_response(topic, answer);
	require(strncmp(answer, text, len) == 0 && gw_streq(answer + len, "/response"));
}

/* --- steps ----------------------------------------------------------------------------------- */

static char *answer_once(const struct topic *from, const struct request *request)
{
	const char *step = NULL;
	char *body = NULL;
	int r;

	require(registry_part_begin(registry) == 0);
	r = *from->claim
		    ? desk_answer_claim(desk, from->claim, from->gateway, request, &body, &step)
		    : desk_answer(desk, from->gateway, request, &body, &step);
	require(r == 0 && body);
	require(registry_part_end(registry, /* keep= */ true) == 0);
	return body;
}

/* Nobody gets anything for another, or does to him; who has left is not known any more when he asks again. */
static void answer(const struct topic *from, const struct request *request)
{
	char reason[REGISTRY_ID_MAX + 1];
	int barred = registry_gateway_is_barred(registry, from->gateway, reason, sizeof(reason));
	uint64_t others = others_of(from->gateway);
	char *first = answer_once(from, request), *second = answer_once(from, request);

	require(others_of(from->gateway) == others);
	check_answer(first, request, from->gateway, barred);
	check_answer(second, request, from->gateway, barred);
	require(request->kind == REQUEST_RELINQUISHED || gw_streq(first, second));
	free(first);
	free(second);
}

static void take_message(struct gw_blob text, struct gw_blob body)
{
	char topic_text[256];
	struct body_error error;
	struct request request;
	struct topic topic;

	text.len = GW_MIN(text.len, sizeof(topic_text) - 1);
	memcpy(topic_text, text.data, text.len);
	topic_text[text.len] = 0;
	if (!topic_read(topic_text, &topic))
		return;
	check_topic(topic_text, &topic);
	if (topic.leaf == TOPIC_REQUEST && body_read_request(body, &request, &error) == 0)
		answer(&topic, &request);
}

static void live_serial(const char *gateway, char serial[BODY_HEX_MAX + 1])
{
	struct record record;

	if (registry_gateway_certificate_live(registry, gateway, &record) == 0)
		(void)gw_copy(serial, BODY_HEX_MAX + 1, record.serial);
}

/* The certificate that the job before got, so that it can be proved. */
static void issued_serial(const char *gateway, const char *job, char serial[BODY_HEX_MAX + 1])
{
	struct record record;
	uint8_t *der = NULL;
	size_t len;

	if (registry_gateway_certificate_of_job(registry, gateway, job, &record, &der, &len) == 0)
		(void)gw_copy(serial, BODY_HEX_MAX + 1, record.serial);
	free(der);
}

/* whom: the one it says it is, and, now and then, the one whose signing request it sends. */
static void ask(uint8_t claim, uint8_t whom, uint8_t how)
{
	static const enum request_kind kinds[] = { REQUEST_PROVISION, REQUEST_PROVISIONED,
						   REQUEST_RELINQUISHED, REQUEST_PROVISION };
	size_t self = whom % GW_ELEMENTS(gateways), other = whom / 4 % GW_ELEMENTS(gateways);
	size_t key = how % N_KEYS, signer = whom & 0x80 ? other : self;
	struct request request = { .kind = kinds[how / 2 % GW_ELEMENTS(kinds)] };
	struct topic topic = { .leaf = TOPIC_REQUEST };
	char job[BODY_NAME_MAX + 1];

	if (claim < GW_ELEMENTS(claims))
		(void)gw_copy(topic.claim, sizeof(topic.claim), claims[claim].name);
	(void)gw_copy(topic.gateway, sizeof(topic.gateway), gateways[self]);
	(void)snprintf(job, sizeof(job), "job-%zu-%zu-%d", signer, key, how / 8 % 4);
	if (request.kind == REQUEST_PROVISION) {
		(void)gw_copy(request.id, sizeof(request.id), job);
		(void)gw_copy(request.key, sizeof(request.key), requests[signer][key].key);
		request.csr.len = requests[signer][key].len;
		memcpy(request.csr.data, requests[signer][key].csr, request.csr.len);
		if (!*topic.claim && how & 0x40)
			live_serial(gateways[other], request.serial);
	} else {
		(void)snprintf(request.id, sizeof(request.id), "end-%d-%zu-%zu-%d", how / 2 % 4,
			       signer, key, how / 8 % 4);
		issued_serial(gateways[signer], job, request.serial);
		if (!*request.serial)
			live_serial(gateways[other], request.serial);
		if (!*request.serial)
			(void)gw_copy(request.serial, sizeof(request.serial), "00");
	}
	answer(&topic, &request);
}

/* As revoke-gateway does it, with --readmit and without. */
static void operate(uint8_t what, uint8_t whom)
{
	const char *gateway = gateways[whom % GW_ELEMENTS(gateways)];
	int r = registry_gateway_bar(registry, gateway, what & 1 ? "revoked" : "");

	if (r >= 0)
		r = registry_gateway_retire(registry, gateway, "revoked");
	require(r == 0 || r == -ENOENT);
}

static void step(struct gw_blob *in)
{
	uint8_t what = take_byte(in), claim, whom;

	if (what < 0x20) {
		struct gw_blob topic = take_bytes(in, take_byte(in));

		take_message(topic, take_long(in));
	} else if (what < 0xe0) {
		claim = what % (GW_ELEMENTS(claims) + 2); /* most ask by a claim */
		whom = take_byte(in);
		ask(claim, whom, take_byte(in));
	} else {
		operate(what, take_byte(in));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob in = { data, size };

	if (!desk)
		make_cloud();
	begin();
	for (unsigned i = 0; i < STEPS_MAX && in.len; i++) {
		step(&in);
		check_registry();
	}
	registry_rollback(registry);
	return 0;
}
