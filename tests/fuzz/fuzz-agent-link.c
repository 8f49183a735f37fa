/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plugins of every role that say anything to the agent, in any order, with descriptors. Whatever they
 * say: the agent lives, tells each role only what is for it, gives a device's secret only as it was
 * claimed, calls nobody issued before the cloud has answered and the registrar has looked at the
 * answer, nobody onboarded who did not come back with a certificate, and closes what it was given.
 *
 * The input is a list of steps, each a byte and what it needs. Some are bytes as they come, some are
 * messages that an honest plugin could say at the time, so that the deeper rooms are reached.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/audit-verify.h"
#include "agent/claim.h"
#include "agent/device.h"
#include "agent/store-device.h"
#include "lib/sealed.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tests/fuzz/agent-room.h"
#include "tests/fuzz/input.h"

#define PLUGINS      6
#define STEPS_MAX    200
#define DEVICES      4
#define JOB_SIZE     (GW_ID_MAX + 1)
#define FDS_SENT_MAX 3

enum step {
	STEP_CONNECT, /* a byte: which plugin, as what, with a hello or not */
	STEP_BYTES,   /* which plugin and how many descriptors, two bytes of length, so many */
	STEP_SAY,     /* what, and about whom: two bytes */
	STEP_CLOSE,   /* which plugin */
	STEP_PASS,    /* how long */
	STEP_CLAIM,   /* the operator claims or withdraws */
	_STEP_MAX,
};

static struct {
	struct agent *agent;
	int fds[PLUGINS]; /* ours of the pairs; -1: not connected */
	char request[JOB_SIZE], check[JOB_SIZE], check_device[JOB_SIZE], list[JOB_SIZE];
	char batch[JOB_SIZE]; /* of records, and the last of them */
	uint64_t last_record, seq;
	uint8_t last_mac[GW_HASH_LEN];
	bool is_checked[DEVICES], has_come_back; /* what may follow from what was said */
	bool secrets[256];                       /* first bytes of those that were claimed */
} room;

static const char *const names[PLUGINS] = { "registrar", "mqtt", "ip", "serial", "", "" };
static const enum gw_role roles[PLUGINS] = { GW_ROLE_REGISTRAR, GW_ROLE_CLOUD, GW_ROLE_TRANSPORT,
					     GW_ROLE_TRANSPORT, _GW_ROLE_MAX,  _GW_ROLE_MAX };
static const char *const devices[DEVICES] = { "ACME-0", "ACME-1", "ACME-2", "ACME-3" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- what the agent says --- */

static bool is_for(enum gw_role role, enum gw_msg_type type)
{
	switch (role) {
	case GW_ROLE_TRANSPORT: return type == GW_MSG_WELCOME || type == GW_MSG_OFFER;
	case GW_ROLE_CLOUD:
		return type == GW_MSG_WELCOME || type == GW_MSG_CLOCK || type == GW_MSG_REQUEST ||
		       type == GW_MSG_REQUEST_END || type == GW_MSG_COMMAND_ANSWER ||
		       type == GW_MSG_EVENT || type == GW_MSG_EVENTS;
	case GW_ROLE_REGISTRAR:
		return type != GW_MSG_REQUEST && type != GW_MSG_REQUEST_END &&
		       type != GW_MSG_COMMAND_ANSWER && type != GW_MSG_OFFER &&
		       type != GW_MSG_EVENT && type != GW_MSG_EVENTS && type != GW_MSG_HELLO;
	case _GW_ROLE_MAX: break;
	}
	return true; /* it chose its name itself */
}

static void note(const struct gw_msg *msg)
{
	if (msg->type == GW_MSG_REQUEST)
		(void)gw_copy(room.request, JOB_SIZE, msg->request.job);
	if (msg->type == GW_MSG_CRL)
		(void)gw_copy(room.list, JOB_SIZE, msg->crl.id);
	if (msg->type == GW_MSG_CHECK) {
		(void)gw_copy(room.check, JOB_SIZE, msg->check.job);
		(void)gw_copy(room.check_device, JOB_SIZE, msg->check.device);
	}
	if (msg->type == GW_MSG_EVENT) {
		require(msg->event.mac.len == GW_HASH_LEN);
		room.last_record = msg->event.n;
		memcpy(room.last_mac, msg->event.mac.data, GW_HASH_LEN);
	}
	if (msg->type == GW_MSG_EVENTS)
		(void)gw_copy(room.batch, JOB_SIZE, msg->events.job);
	if (msg->type == GW_MSG_SECRET && msg->secret.secret.len > 0)
		require(room.secrets[msg->secret.secret.data[0]]);
	if (msg->type == GW_MSG_ENROLLED && msg->enrolled.outcome == GW_OUTCOME_DONE)
		require(msg->enrolled.certificate.len > 0);
}

/* Reads one message and closes what came with it; false: there is none. */
static bool hear(size_t i)
{
	static uint8_t buf[GW_WIRE_MAX];
	uint8_t control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(room.fds[i], &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = len > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	struct gw_wire_error error;
	struct gw_msg msg;
	int fd;

	if (len <= 0)
		return false;
	require(gw_wire_decode(buf, (size_t)len, &msg, &error) == 0);
	require(is_for(roles[i], msg.type) && gw_wire_has_fd(msg.type) == (c != NULL));
	if (c) {
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		(void)close(fd);
	}
	note(&msg);
	return true;
}

static void check_devices(void)
{
	for (size_t i = 0; i < DEVICES; i++) {
		struct device_record record;

		if (store_device_get(room.agent->store, devices[i], &record) < 0)
			continue;
		if (record.state == DEVICE_ISSUED)
			require(room.is_checked[i]);
		if (record.state == DEVICE_ONBOARDED)
			require(room.is_checked[i] && room.has_come_back);
	}
}

static void run(void)
{
	room_run();
	for (size_t i = 0; i < PLUGINS; i++)
		while (room.fds[i] >= 0 && hear(i))
			;
	check_devices();
}

/* --- what plugins say --- */

static void note_said(const struct gw_msg *msg)
{
	if (msg->type == GW_MSG_CHECKED && msg->checked.ok)
		for (size_t i = 0; i < DEVICES; i++)
			room.is_checked[i] |= gw_streq(room.check_device, devices[i]);
	if (msg->type == GW_MSG_PEER && msg->peer.proof == GW_PROOF_CERTIFICATE)
		room.has_come_back = true;
	if (msg->type == GW_MSG_COMMAND && msg->command.secret.len > 0)
		room.secrets[msg->command.secret.data[0]] = true;
}

/* What the memory holds that goes with a message. */
/* A certificate that is none; the zero byte counts. */
static const struct gw_blob anchor = { (const uint8_t *)"\x30\x02\x05", 4 };
static struct gw_blob contents = { (const uint8_t *)"\x30\x02\x05", 4 };

static int make_list(void)
{
	int fd = gw_sealed_make("list", contents);

	require(fd >= 0);
	return fd;
}

static void put_fds(struct msghdr *header, const int *fds, size_t n)
{
	struct cmsghdr *c = header->msg_control;

	if (n == 0) {
		header->msg_control = NULL;
		header->msg_controllen = 0;
		return;
	}
	header->msg_controllen = CMSG_SPACE(n * sizeof(int));
	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS,
			       .cmsg_len = CMSG_LEN(n * sizeof(int)) };
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

static void send_bytes(size_t i, struct gw_blob bytes, size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)bytes.data, bytes.len };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(FDS_SENT_MAX * sizeof(int))];
	} control;
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	int fds[FDS_SENT_MAX];

	if (room.fds[i] < 0)
		return;
	for (size_t k = 0; k < n_fds; k++)
		fds[k] = k & 1 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : make_list();
	put_fds(&header, fds, n_fds);
	(void)sendmsg(room.fds[i], &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (size_t k = 0; k < n_fds; k++)
		(void)close(fds[k]);
}

static void send_message(size_t i, const struct gw_msg *msg)
{
	static uint8_t buf[GW_WIRE_MAX];
	size_t len;

	if (gw_wire_encode(msg, buf, sizeof(buf), &len) < 0)
		return;
	note_said(msg);
	send_bytes(i, (struct gw_blob){ buf, len }, gw_wire_has_fd(msg->type));
	run();
}

static void connect_plugin(uint8_t how)
{
	size_t i = (how & 7) % PLUGINS;
	const struct gw_msg hello = {
		.type = GW_MSG_HELLO,
		.hello = { .version_min = 1,
			   .version_max = 1,
			   .name = how & 8 ? "registrar" : "usb",
			   .program = "1",
			   .library = "" },
	};

	if (room.fds[i] >= 0)
		(void)close(room.fds[i]);
	room.fds[i] = room_connect(names[i]);
	if (!(how & 0x80))
		send_message(i, &hello);
	run();
}

/* --- what honest ones say --- */

/* Thirty-two bytes that are known by a number. */
static struct gw_blob numbered(uint8_t number)
{
	static uint8_t bytes[4][GW_HASH_LEN];
	uint8_t *all = bytes[number & 3];

	memset(all, 0x40 + (number & 3), GW_HASH_LEN);
	return (struct gw_blob){ all, GW_HASH_LEN };
}

/* `what` is a session or a command (two bits), a device (two), and a number for keys and certificates;
 * the answers are about what was asked last. */
static void say_first(uint8_t type, uint8_t what)
{
	uint64_t session = 1 + (what & 3);
	const char *device = devices[what >> 2 & 3];
	struct gw_blob thing = numbered(what >> 4 & 3);
	struct gw_blob serial = { thing.data, 8 }, body = { thing.data, 16 };
	bool good = !(what & 0x40);
	const struct gw_msg said[] = {
		{ .type = GW_MSG_SECRET_QUERY,
		  .secret_query = { session, 1, device, "[::1]:5000" } },
		{ .type = GW_MSG_PEER,
		  .peer = { .session = session,
			    .channel = 1,
			    .proof = GW_PROOF_PSK,
			    .identity = device,
			    .address = "[::1]:5000",
			    .suite = "PSK" } },
		{ .type = GW_MSG_PEER,
		  .peer = { .session = session,
			    .channel = 1,
			    .proof = GW_PROOF_CERTIFICATE,
			    .identity = device,
			    .address = "[::1]:5001",
			    .suite = "ECDSA",
			    .serial = serial,
			    .fingerprint = thing,
			    .key = thing,
			    .issuer = numbered(3) } },
		{ .type = GW_MSG_FAILED, .failed = { session, "timeout" } },
		{ .type = GW_MSG_SESSION_END, .session_end = { session, "closed" } },
		{ .type = GW_MSG_ENROLL,
		  .enroll = { .session = session,
			      .request = what,
			      .renew = what >> 7 & 1,
			      .key = thing,
			      .csr = body } },
		{ .type = GW_MSG_SETTINGS_QUERY, .settings_query = { session, what } },
		{ .type = GW_MSG_REPORT, .report = { session, what, good, "" } },
		{ .type = GW_MSG_REJECTED,
		  .rejected = { session, good ? "bad-csr" : "decommissioned" } },
		{ .type = GW_MSG_CHECKED,
		  .checked = { .job = room.check,
			       .ok = good,
			       .reason = good ? "" : "bad-certificate",
			       .serial = good ? serial : (struct gw_blob){ 0 },
			       .fingerprint = good ? thing : (struct gw_blob){ 0 },
			       .not_before = ROOM_START_S,
			       .not_after = ROOM_START_S + 86400,
			       .issuer = good ? numbered(3) : (struct gw_blob){ 0 } } },
		{ .type = GW_MSG_SERVER_CSR, .server_csr = { thing, body } },
		{ .type = GW_MSG_CHANNEL,
		  .channel = { .channel = what, .mtu = 1400, .label = "x" } },
		{ .type = GW_MSG_CHANNEL_GONE, .channel_gone = { what } },
		{ .type = GW_MSG_NEIGHBOUR,
		  .neighbour = { good, "192.0.2.1", "02:00:00:00:00:01", "eth0", "" } },
		{ .type = GW_MSG_HEALTH, .health = { good, good ? "" : "bad" } },
		{ .type = GW_MSG_CLOUD_STATE,
		  .cloud_state = { good ? GW_CLOUD_ONLINE : GW_CLOUD_OFFLINE, "" } },
		{ .type = GW_MSG_ANSWER,
		  .answer = { .job = room.request,
			      .outcome = good       ? GW_OUTCOME_DONE
					 : what & 3 ? GW_OUTCOME_REFUSED
						    : GW_OUTCOME_PENDING,
			      .retry_after_s = 5,
			      .time = ROOM_START_S,
			      .reason = good ? "" : "claim-used",
			      .certificate = body } },
		{ .type = GW_MSG_ANSWER,
		  .answer = { .job = room.request, .outcome = GW_OUTCOME_DONE } },
		{ .type = GW_MSG_COMMAND,
		  .command = { .id = "c-1",
			       .seq = session,
			       .kind = (uint8_t)((what >> 4 & 3) % _GW_COMMAND_MAX),
			       .device = device,
			       .claim = good ? "claim-1" : "claim-2",
			       .tenant = "default",
			       .secret = (what >> 4 & 3) == GW_COMMAND_CLAIM
						 ? body
						 : (struct gw_blob){ 0 },
			       .reason = "" } },
		{ .type = GW_MSG_ANCHORS, .anchors = { what & 1 } },
		{ .type = GW_MSG_CLOUD_RETRY, .cloud_retry = { what } },
		{ .type = GW_MSG_CREDENTIAL,
		  .credential = { good, good ? "" : "bad", session, session + what, what } },
		{ .type = GW_MSG_ANSWER,
		  .answer = { .job = room.request,
			      .outcome = GW_OUTCOME_DONE,
			      .certificate = body,
			      .tenant = good ? "default" : "",
			      .claim = "claim-3" } },
		{ .type = GW_MSG_COMMAND,
		  .command = { .id = good ? "c-2" : "c-3",
			       .seq = session + 4,
			       .kind = GW_COMMAND_MOVED,
			       .device = device } },
	};
	static const uint8_t speakers[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
					    2, 2, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	const struct gw_msg sent = { .type = GW_MSG_REQUEST_SENT,
				     .request_sent = { room.request } };
	size_t i = type % GW_ELEMENTS(said);
	bool is_sent = said[i].type == GW_MSG_CLOUD_RETRY && what & 1;

	send_message(speakers[i], is_sent ? &sent : &said[i]);
}

/* What the cloud holds of the record, or pretends to; what it wants of several devices; a device that leaves. */
static void say_more(uint8_t type, uint8_t what)
{
	static const enum gw_command_kind kinds[] = { GW_COMMAND_REVOKE, GW_COMMAND_SUSPEND,
						      GW_COMMAND_RESUME, GW_COMMAND_DECOMMISSION };
	static const char *const lists[] = { "ACME-0\nACME-1\nACME-2\nACME-3\n", "ACME-1\n",
					     "4040404040404040\n4141414141414141\n", "ACME-1" };
	const char *list = lists[what >> 2 & 3];
	struct gw_blob mac = what & 0x80 ? numbered(what) : GW_BLOB_ARRAY(room.last_mac);
	uint64_t head = room.last_record + (what >> 3 & 7) - (what & 7);
	char id[16];
	const struct gw_msg said[] = {
		{ .type = GW_MSG_ANSWER,
		  .answer = { .job = room.batch,
			      .outcome = GW_OUTCOME_DONE,
			      .time = ROOM_START_S,
			      .head = head,
			      .mac = mac } },
		{ .type = GW_MSG_ANSWER,
		  .answer = { .job = room.batch,
			      .outcome = GW_OUTCOME_REFUSED,
			      .reason = what & 0x40 ? "record-gap" : "record-lost",
			      .head = head,
			      .mac = mac } },
		{ .type = GW_MSG_COMMAND,
		  .command = { .id = id,
			       .seq = 8 + room.seq,
			       .kind = (uint8_t)kinds[what & 3],
			       .reason = what & 0x80 ? "lost" : "",
			       .devices = *list == 'A' ? list : "",
			       .serials = *list == 'A' ? "" : list } },
		{ .type = GW_MSG_WIPED, .wiped = { 1 + (what & 3), what } },
	};
	static const uint8_t speakers[] = { 1, 1, 1, 0 };
	size_t i = type % GW_ELEMENTS(said);

	(void)snprintf(id, sizeof(id), "c-%u", 8 + (unsigned)room.seq++);
	send_message(speakers[i], &said[i]);
}

/* Revocation lists: from the cloud, by the registrar's word, and whose there are. */
static void say_list(uint8_t type, uint8_t what)
{
	static const uint8_t list[] = "@@@@@@@@AAAAAAAABBBBBBBBCCCCCCCC";
	uint8_t places[2 * GW_CRL_PLACE_LEN] = { 0, 0, 0, (uint8_t)((what & 3) * 8), 8,
						 0, 0, 0, (uint8_t)(what & 0x3f),    8 };
	uint8_t number = what >> 2;
	struct gw_blob issuer = numbered(what >> 6);
	char id[16];
	const struct gw_msg said[] = {
		{ .type = GW_MSG_CRL, .crl = { id } },
		{ .type = GW_MSG_COMMAND,
		  .command = { .id = id, .seq = 8 + room.seq, .kind = GW_COMMAND_CRL } },
		{ .type = GW_MSG_CRL_CHECKED,
		  .crl_checked = { .id = room.list,
				   .ok = 1,
				   .text = "Devices",
				   .issuer = issuer,
				   .number = { &number, 1 },
				   .this_update = ROOM_START_S,
				   .next_update = ROOM_START_S + 3600 } },
		{ .type = GW_MSG_CRL_CHECKED, .crl_checked = { .id = room.list, .text = "bad" } },
		{ .type = GW_MSG_ISSUERS, .issuers = { issuer } },
	};
	static const uint8_t speakers[] = { 1, 1, 0, 0, 0 };
	size_t i = type % GW_ELEMENTS(said);

	room.seq += i == 0;
	(void)snprintf(id, sizeof(id), "c-%u", 8 + (unsigned)room.seq);
	contents = i == 0 ? (struct gw_blob){ list, sizeof(list) - 1 }
			  : (struct gw_blob){ places, i == 2 ? sizeof(places) : 0 };
	send_message(speakers[i], &said[i]);
	contents = anchor;
}

static void claim(uint8_t what)
{
	const char *device = devices[what >> 2 & 3];
	struct gw_blob secret = numbered(what >> 4 & 3);
	const struct claim_wish wish = {
		.device = device,
		.secret = { secret.data, 16 },
		.tenant = what & 0x80 ? "other" : "default",
		.vendor = "",
		.model = "",
		.replace = what & 1,
		.may_replace = true,
		.who = "uid 0",
	};
	enum gw_reason reason;

	room.secrets[secret.data[0]] = true;
	if (what & 2)
		(void)claim_withdraw(room.agent, device, "uid 0", &reason);
	else
		(void)claim_make(room.agent, &wish, &reason);
	run();
}

/* --- steps --- */

static void say_bytes(uint8_t how, struct gw_blob bytes)
{
	struct gw_wire_error error;
	struct gw_msg msg;

	if (gw_wire_decode(bytes.data, bytes.len, &msg, &error) == 0)
		note_said(&msg);
	send_bytes((how & 7) % PLUGINS, bytes, (how >> 4 & 3) % (FDS_SENT_MAX + 1));
	run();
}

static void take_step(struct gw_blob *in)
{
	enum step step = (enum step)(take_byte(in) % _STEP_MAX);
	uint8_t arg = take_byte(in);

	switch (step) {
	case STEP_CONNECT: connect_plugin(arg); break;
	case STEP_BYTES: say_bytes(arg, take_long(in)); break;
	case STEP_SAY:
		if (arg < 0xe0)
			say_first(arg, take_byte(in));
		else if (arg < 0xf0)
			say_more(arg, take_byte(in));
		else
			say_list(arg & 0xf, take_byte(in));
		break;
	case STEP_CLOSE:
		gw_closep(&room.fds[(arg & 7) % PLUGINS]);
		room.fds[(arg & 7) % PLUGINS] = -1;
		run();
		break;
	case STEP_PASS: room_pass(1ull << (arg % 24)); break;
	case STEP_CLAIM: claim(arg); break;
	case _STEP_MAX: break;
	}
}

/* The lowest number that is free: another one afterwards means that something was left open. */
static int free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	require(fd >= 0 && close(fd) == 0);
	return fd;
}

/* That something is missing here is the cloud's word alone; the chain is ours, whatever anybody says. */
static void check_record(void)
{
	uint64_t first_bad = 0;
	const char *why = "";

	require(audit_verify(room.agent->store, room.agent->vault, &first_bad, &why) == 0);
	require(!first_bad || strstr(why, "the cloud has records"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob in = { data, size };
	int before = free_fd();

	memset(&room, 0, sizeof(room));
	for (size_t i = 0; i < PLUGINS; i++)
		room.fds[i] = -1;
	room.agent = room_begin();
	for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++)
		take_step(&in);
	check_record();
	for (size_t i = 0; i < PLUGINS; i++)
		gw_closep(&room.fds[i]);
	room_end();
	require(free_fd() == before);
	return 0;
}
