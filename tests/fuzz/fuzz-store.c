/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store that was damaged, or written to by somebody else, under an agent at work: values of the wrong
 * size and kind in any row, and pages with wrong bytes. The agent goes on, or fails with a word; what it
 * sends has its form; a secret that was not sealed by it for that device is never given out; and the
 * record shows that it was touched.
 *
 * The input is a list of damages, each a byte and what it needs, then what the agent is made to do.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/audit-verify.h"
#include "agent/audit.h"
#include "agent/claim.h"
#include "agent/queue.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tests/fuzz/agent-room.h"
#include "tests/fuzz/input.h"

#define STEPS_MAX  24
#define VALUE_MAX  70000
#define DEVICE     "ACME-1"
#define OTHER      "ACME-2"
#define N_SESSIONS 3

static const char plain_secret[] = "only for fuzzing";

static struct agent *agent;
static int registrar, cloud; /* our ends of the links; -1: the agent has closed it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the links --- */

static void hear(int *fd)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct gw_wire_error error;
	struct gw_msg msg;
	ssize_t len;

	while (*fd >= 0 && (len = recv(*fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if (len == 0) {
			gw_closep(fd);
			*fd = -1;
			return;
		}
		require(gw_wire_decode(buf, (size_t)len, &msg, &error) == 0);
		if (msg.type == GW_MSG_SECRET && msg.secret.secret.len > 0)
			require(gw_blob_equal(msg.secret.secret,
					      (struct gw_blob){ (const uint8_t *)plain_secret,
								sizeof(plain_secret) - 1 }));
	}
}

static void run(void)
{
	room_run();
	hear(&registrar);
	hear(&cloud);
}

static void say(int *fd, const struct gw_msg *msg)
{
	static uint8_t buf[GW_WIRE_MAX];
	size_t len;

	require(gw_wire_encode(msg, buf, sizeof(buf), &len) == 0);
	if (*fd >= 0)
		(void)send(*fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	run();
}

static int connect_as(const char *name)
{
	const struct gw_msg hello = {
		.type = GW_MSG_HELLO,
		.hello = { .version_min = 1, .version_max = 1, .name = name, .program = "1" }
	};
	int fd = room_connect(name);

	say(&fd, &hello);
	return fd;
}

/* --- an agent that has something to lose --- */

static void add_certificate(void)
{
	const struct certificate_record record = {
		.serial = { 1, 2, 3 },
		.serial_len = 3,
		.fingerprint = { 4 },
		.key = { 5 },
		.device = OTHER,
		.claim = "claim-2",
		.job = "job-2",
		.state = CERTIFICATE_CANDIDATE,
		.not_before = ROOM_START_S,
		.not_after = ROOM_START_S + 86400,
		.issued = ROOM_START_S,
	};
	static const uint8_t der[] = { 0x30, 0 };

	require(store_certificate_add(agent->store, &record, GW_BLOB_ARRAY(der),
				      GW_BLOB_ARRAY(der)) == 0);
}

static void add_jobs(void)
{
	const struct job_record job = {
		.id = "job-1",
		.kind = GW_REQUEST_ENROLL,
		.device = OTHER,
		.tenant = "default",
		.claim = "claim-2",
		.method = "qr",
		.key_len = GW_HASH_LEN,
		.csr = { 0x30, 0 },
		.csr_len = 2,
		.created = ROOM_START_S * 1000000,
	};
	const struct job_record told = {
		.id = "job-3",
		.kind = GW_REQUEST_PROVED,
		.device = DEVICE,
		.tenant = "default",
		.claim = "claim-3",
		.serial = { 1, 2, 3 },
		.serial_len = 3,
		.created = ROOM_START_S * 1000000 + 1,
	};

	require(store_job_add(agent->store, &job) == 0);
	require(store_job_add(agent->store, &told) == 0);
}

static void claim(const char *device)
{
	const struct claim_wish wish = {
		.device = device,
		.secret = { (const uint8_t *)plain_secret, sizeof(plain_secret) - 1 },
		.tenant = "default",
		.vendor = "ACME",
		.model = "",
		.who = "uid 0",
	};
	enum gw_reason reason;

	(void)claim_make(agent, &wish, &reason);
	run();
}

static void fill(void)
{
	claim(DEVICE);
	claim(OTHER);
	require(turn_open(agent->turn) == 0);
	add_certificate();
	add_jobs();
	run();
}

/* --- damage --- */

static const struct {
	const char *table, *columns[18];
} tables[] = {
	{ "meta", { "key", "value" } },
	{ "device",
	  { "id", "state", "reason", "method", "tenant", "claim", "transport", "address", "vendor",
	    "model", "last_seen", "changed" } },
	{ "claim",
	  { "id", "device", "tenant", "state", "secret", "claimed_by", "created", "expires",
	    "n_secrets", "secret_given" } },
	{ "claim_key", { "claim", "key" } },
	{ "certificate",
	  { "serial", "fingerprint", "key", "device", "claim", "job", "state", "not_before",
	    "not_after", "issued", "certificate", "chain" } },
	{ "job",
	  { "id", "kind", "state", "device", "tenant", "claim", "of", "method", "reason", "serial",
	    "key", "csr", "certificate", "chain", "created", "due", "attempts" } },
	{ "audit", { "n", "time", "event", "device", "who", "reason", "detail", "mac" } },
	{ "anchors", { "purpose", "certificates" } },
	{ "command", { "id", "seq", "outcome", "reason" } },
};

/* What the column is set to: words that mean something elsewhere, sizes at the limits, numbers. */
static void make_value(struct gw_blob *in, char *sql, size_t size)
{
	static const char *const words[] = { "onboarded", "issued",  "enrolling",    "claimed",
					     "open",      "burned",  "candidate",    "live",
					     "waiting",   "ACME-2",  "no such word", "",
					     "checking",  "revoked", "a\nb",         "claim-2" };
	static const unsigned sizes[] = { 0,  1,   20,  21,   32,   33,    64,
					  65, 192, 193, 4097, 8193, 24577, VALUE_MAX };
	uint8_t how = take_byte(in), what = take_byte(in);

	switch (how & 3) {
	case 0: (void)snprintf(sql, size, "'%s'", words[what % GW_ELEMENTS(words)]); break;
	case 1:
		(void)snprintf(sql, size, how & 4 ? "zeroblob(%u)" : "printf('%%.*c', %u, 'x')",
			       sizes[what % GW_ELEMENTS(sizes)]);
		break;
	case 2: (void)snprintf(sql, size, "%lld", (long long)((uint64_t)what << (how >> 2))); break;
	default: (void)snprintf(sql, size, "-%u", what); break;
	}
}

/* The agent's own connection: a second one could not see a database in memory. */
static sqlite3 *database(void)
{
	sqlite3_stmt *any;
	sqlite3 *db;

	require(store_select(agent->store, &any, "SELECT 1", "") == 0);
	db = sqlite3_db_handle(any);
	store_done(any);
	return db;
}

/* Sets one column of one row, or of all. */
static void damage_value(struct gw_blob *in)
{
	uint8_t t = take_byte(in) % GW_ELEMENTS(tables), c = take_byte(in);
	char sql[512], value[128];
	size_t n = 0;

	while (n < GW_ELEMENTS(tables[t].columns) && tables[t].columns[n])
		n++;
	make_value(in, value, sizeof(value));
	(void)snprintf(sql, sizeof(sql), "UPDATE OR IGNORE %s SET %s = %s%s", tables[t].table,
		       tables[t].columns[(c & 0x3f) % n], value,
		       c & 0x40 && t < 6 ? " WHERE device = 'ACME-2' OR 1 = 0" : "");
	(void)sqlite3_exec(database(), sql, NULL, NULL, NULL);
}

/* Changes bytes of the file, as a bad disk does. */
static void damage_page(struct gw_blob *in)
{
	size_t at = take_u16(in), step = take_byte(in);
	uint8_t change = take_byte(in);
	sqlite3_int64 size = 0;
	uint8_t *image = sqlite3_serialize(database(), "main", &size, 0);

	if (!image)
		return;
	/* The first page says what tables there are: without it there is no store to speak of. */
	if (size > 4096)
		image[4096 + (at * (step + 1)) % (size_t)(size - 4096)] ^= change;
	(void)sqlite3_deserialize(database(), "main", image, size, size,
				  SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
}

/* --- work --- */

static void knock(uint64_t session, const char *device)
{
	static const uint8_t key[GW_HASH_LEN] = { 5 }, csr[] = { 0x30, 0 };

	say(&registrar, &(struct gw_msg){ .type = GW_MSG_SECRET_QUERY,
					  .secret_query = { session, 1, device, "[::1]:5000" } });
	say(&registrar, &(struct gw_msg){ .type = GW_MSG_PEER,
					  .peer = { .session = session,
						    .channel = 1,
						    .proof = GW_PROOF_PSK,
						    .identity = device,
						    .address = "[::1]:5000",
						    .suite = "PSK" } });
	say(&registrar, &(struct gw_msg){ .type = GW_MSG_ENROLL,
					  .enroll = { .session = session,
						      .request = 1,
						      .key = GW_BLOB_ARRAY(key),
						      .csr = GW_BLOB_ARRAY(csr) } });
	say(&registrar,
	    &(struct gw_msg){ .type = GW_MSG_SETTINGS_QUERY, .settings_query = { session, 2 } });
}

static void come_back(uint64_t session)
{
	static const uint8_t serial[] = { 1, 2, 3 }, fingerprint[GW_HASH_LEN] = { 4 },
			     key[GW_HASH_LEN] = { 5 };

	say(&registrar, &(struct gw_msg){ .type = GW_MSG_PEER,
					  .peer = { .session = session,
						    .channel = 1,
						    .proof = GW_PROOF_CERTIFICATE,
						    .identity = OTHER,
						    .address = "[::1]:5001",
						    .suite = "ECDSA",
						    .serial = GW_BLOB_ARRAY(serial),
						    .fingerprint = GW_BLOB_ARRAY(fingerprint),
						    .key = GW_BLOB_ARRAY(key) } });
}

static void answer(void)
{
	static const uint8_t der[] = { 0x30, 0 };

	say(&cloud,
	    &(struct gw_msg){ .type = GW_MSG_CLOUD_STATE, .cloud_state = { GW_CLOUD_ONLINE, "" } });
	say(&cloud, &(struct gw_msg){ .type = GW_MSG_ANSWER,
				      .answer = { .job = "job-1",
						  .outcome = GW_OUTCOME_DONE,
						  .time = ROOM_START_S,
						  .certificate = GW_BLOB_ARRAY(der) } });
	say(&cloud, &(struct gw_msg){ .type = GW_MSG_ANSWER,
				      .answer = { .job = "job-3", .outcome = GW_OUTCOME_DONE } });
}

/* Listing reads every column; the record is walked. */
static void look(void)
{
	const struct device_filter filter = { .after = "" };
	struct device_record devices[4];
	struct audit_record record;
	static struct job_record job;
	uint64_t bad = 0, from = 0;
	const char *why = NULL;

	(void)store_device_list(agent->store, &filter, devices, GW_ELEMENTS(devices));
	for (unsigned i = 0; i < 100 && audit_get(agent->store, from, &record) == 0; i++)
		from = record.n + 1;
	if (audit_verify(agent->store, agent->vault, &bad, &why) == 0)
		require(!bad || why);
	(void)store_job_next(agent->store, 0, &job);
	(void)store_job_answer(agent->store, "job-1", &(struct job_answer){ 0 });
}

static void work(void)
{
	gw_closep(&registrar);
	registrar = -1;
	run();
	registrar = connect_as("registrar");
	queue_restart(agent->queue);
	run();
	knock(1, DEVICE);
	knock(2, OTHER);
	answer();
	come_back(N_SESSIONS);
	room_pass(2 * 86400);
	hear(&registrar);
	hear(&cloud);
	look();
	claim(DEVICE);
	room_pass(40 * 86400);
	look();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob in = { data, size };

	agent = room_begin();
	registrar = connect_as("registrar");
	cloud = connect_as("mqtt");
	fill();
	for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++) {
		if (take_byte(&in) & 1)
			damage_page(&in);
		else
			damage_value(&in);
	}
	work();
	gw_closep(&registrar);
	gw_closep(&cloud);
	room_end();
	return 0;
}
