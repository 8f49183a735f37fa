/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callers on D-Bus who send any method any arguments at any object, with and without the right to. Each
 * call that wants one gets exactly one answer, none that was refused changed anything, and no answer or
 * signal holds the secret of a label. Nothing but a plain yes makes timedate1 one who vouches for the clock.
 *
 * The bus is played, and polkit and timedate1 on it: the agent is one end of a socket pair, and what a bus
 * daemon would say (who you are, who calls, who has left) is said by the other. The input is a list of calls:
 * a byte for the caller and the method, then a tree of arguments, one byte of type each; and wherever polkit
 * is asked, what it answers, if it does. Its last bytes are what timedate1 answers. One device is aboard.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/bus-call.h"
#include "agent/claim.h"
#include "agent/clock-watch.h"
#include "agent/settings-disk.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/turn.h"
#include "lib/util.h"
#include "tests/fuzz/agent-room.h"
#include "tests/fuzz/input.h"

#define CALLS_MAX  24
#define DEPTH_MAX  4
#define ITEMS_MAX  40 /* of one call */
#define TEXT_MAX   120
#define TURNS_MAX  200
#define OBJECT_LEN 80
#define ASKED_MAX \
	3 /* questions that polkit leaves open: behind four, calls wait for a time that never comes here */
#define NOBODY   4294967000u /* is no user and no group anywhere */
#define TIME_LEN 12          /* bytes that timedate1 speaks by */
#define ABOARD   "ACME-2"

enum caller { CALLER_ROOT, CALLER_NOBODY, CALLER_UNKNOWN, _CALLER_MAX };

static struct {
	struct agent *agent;
	sd_bus *daemon,
		*asked_by; /* the bus's ends: of calls, and of the agent's questions to the bus itself */
	int fds[2];        /* the agent's ends, until it opens them, in that order */
	size_t n_open;
	uint64_t cookies[CALLS_MAX];
	unsigned answers[CALLS_MAX];
	size_t n_calls;
	struct gw_blob in;
	struct gw_blob time; /* what timedate1 says */
	bool said_synchronised;
	bool may_say_label; /* the library repeats what it is asked for; we must not */
	sd_bus_message *asked[ASKED_MAX];
	size_t n_asked;
	bool said_yes;        /* polkit, to anything */
	bool left[CALLS_MAX]; /* whose caller has left: nobody waits for the answer */
	bool by_root[CALLS_MAX];
} room;

/* The secret of every label here: letters that no other text has. */
static const char secret[] = "QQQQQQQQQQQQQQQQQQQQQQQQQQQG";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the input --- */

static void take_text(struct gw_blob *in, char text[TEXT_MAX])
{
	size_t len = take_byte(in) % TEXT_MAX;

	len = GW_MIN(len, in->len);
	/* What is no text never gets past the bus, and secrets are ours to make. */
	for (size_t i = 0; i < len; i++) {
		text[i] = (char)(in->data[i] & 0x7f);
		if (!text[i] || text[i] == 'Q')
			text[i] = 'a';
	}
	text[len] = 0;
	in->data += len;
	in->len -= len;
}

/* --- arguments --- */

static const char *const words[] = {
	"",
	"ACME-1",
	"ACME-2",
	"replace",
	"tenant",
	"expires",
	"state",
	"vendor",
	"method",
	"claimed",
	"onboarded",
	"default",
	"org.gangway1.Manager",
	"org.gangway1.Device",
	"State",
	"Counts",
	"Plugins",
	"org.gangway1.Transport",
	"Neighbours",
};

/* A label whose check sum is right, with a secret that shows. */
static void make_label(uint8_t which, char text[TEXT_MAX])
{
	static const char *const parts[] = { "", "+MX", "+E20991231", "+E20200101", "+U1" };
	uint16_t crc = 0xffff;
	int len = snprintf(text, TEXT_MAX, "GW1:IACME-%u+S%s%s", which & 3u, secret,
			   parts[(which >> 2) % GW_ELEMENTS(parts)]);

	/* CRC-16/CCITT-FALSE */
	for (int i = 0; i < len; i++) {
		crc ^= (uint16_t)((uint8_t)text[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	(void)snprintf(text + len, TEXT_MAX - (size_t)len, "+C%04X", crc);
}

/* A text: a word of ours, a label, or as it comes. */
static void put_text(sd_bus_message *m, struct gw_blob *in)
{
	uint8_t which = take_byte(in);
	char text[TEXT_MAX];

	if (which < GW_ELEMENTS(words))
		(void)gw_copy(text, sizeof(text), words[which]);
	else if (which < 0x80 && room.may_say_label)
		make_label(which, text);
	else
		take_text(in, text);
	(void)sd_bus_message_append_basic(m, 's', text);
}

static void put_any(sd_bus_message *m, struct gw_blob *in, unsigned depth, unsigned *items);

static void put_variant(sd_bus_message *m, struct gw_blob *in)
{
	uint64_t number = take_byte(in);
	int flag = number & 1;

	switch (take_byte(in) % 4) {
	case 0: (void)sd_bus_message_append(m, "v", "b", flag); break;
	case 1: (void)sd_bus_message_append(m, "v", "t", number << (number & 63)); break;
	case 2: (void)sd_bus_message_append(m, "v", "u", (uint32_t)number); break;
	default:
		if (sd_bus_message_open_container(m, 'v', "s") >= 0) {
			put_text(m, in);
			(void)sd_bus_message_close_container(m);
		}
	}
}

static void put_dictionary(sd_bus_message *m, struct gw_blob *in, unsigned *items)
{
	if (sd_bus_message_open_container(m, 'a', "{sv}") < 0)
		return;
	for (uint8_t n = take_byte(in) % 8; n > 0 && ++*items < ITEMS_MAX; n--) {
		if (sd_bus_message_open_container(m, 'e', "sv") < 0)
			break;
		put_text(m, in);
		put_variant(m, in);
		(void)sd_bus_message_close_container(m);
	}
	(void)sd_bus_message_close_container(m);
}

static void put_object(sd_bus_message *m, struct gw_blob *in, unsigned depth, unsigned *items)
{
	if (sd_bus_message_open_container(m, 'r', "sv") < 0)
		return;
	put_text(m, in);
	put_variant(m, in);
	(void)sd_bus_message_close_container(m);
	if (depth < DEPTH_MAX)
		put_any(m, in, depth + 1, items);
}

static void put_any(sd_bus_message *m, struct gw_blob *in, unsigned depth, unsigned *items)
{
	uint64_t number;
	int fd;

	if (++*items >= ITEMS_MAX)
		return;
	switch (take_byte(in) % 9) {
	case 0: put_text(m, in); break;
	case 1: put_dictionary(m, in, items); break;
	case 2:
		number = (uint64_t)take_byte(in) << (take_byte(in) & 63);
		(void)sd_bus_message_append_basic(m, 't', &number);
		break;
	case 3: (void)sd_bus_message_append(m, "u", (uint32_t)take_byte(in) << 3); break;
	case 4: put_variant(m, in); break;
	case 5: (void)sd_bus_message_append(m, "o", "/org/gangway1/device/ACME_2d1"); break;
	case 6:
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		(void)sd_bus_message_append_basic(m, 'h', &fd);
		(void)close(fd);
		break;
	case 7: (void)sd_bus_message_append(m, "as", 2, "a", "b"); break;
	default: put_object(m, in, depth, items);
	}
}

/* --- the bus --- */

int __wrap_sd_bus_set_address(sd_bus *bus, const char *address);
int __wrap_sd_bus_set_address(sd_bus *bus, const char *address)
{
	int fd;

	require(room.n_open < GW_ELEMENTS(room.fds));
	fd = room.fds[room.n_open++];
	require(sd_bus_set_fd(bus, fd, fd) >= 0 && sd_bus_set_anonymous(bus, 1) >= 0);
	return 0;
}

static int answer_credentials(sd_bus_message *call)
{
	const char *name;

	require(sd_bus_message_read(call, "s", &name) >= 0);
	if (gw_streq(name, ":1.9"))
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "gone");
	return sd_bus_reply_method_return(call, "a{sv}", 2, "UnixUserID", "u",
					  gw_streq(name, ":1.7") ? 0u : NOBODY, "UnixGroupIDs",
					  "au", 1, NOBODY);
}

/* --- polkit --- */

static void say_no(sd_bus_message *question)
{
	(void)sd_bus_reply_method_return(question, "(bba{ss})", 0, 0, 0);
	sd_bus_message_unref(question);
}

/* Whoever is not root goes away; what they asked for, nobody waits for any more. */
static void leave(void)
{
	static const char *const names[] = { ":1.8", ":1.9" };
	sd_bus_message *m = NULL;

	for (size_t i = 0; i < GW_ELEMENTS(names); i++) {
		require(sd_bus_message_new_signal(room.daemon, &m, "/org/freedesktop/DBus",
						  "org.freedesktop.DBus", "NameOwnerChanged") >= 0);
		require(sd_bus_message_set_sender(m, "org.freedesktop.DBus") >= 0);
		require(sd_bus_message_append(m, "sss", names[i], names[i], "") >= 0);
		require(sd_bus_send(room.daemon, m, NULL) >= 0);
		m = sd_bus_message_unref(m);
	}
	for (size_t i = 0; i < room.n_calls; i++)
		room.left[i] = !room.by_root[i];
}

static int answer_oddly(sd_bus_message *question)
{
	sd_bus_message *m = NULL;
	unsigned items = 0;

	require(sd_bus_message_new_method_return(question, &m) >= 0);
	put_any(m, &room.in, 0, &items);
	(void)sd_bus_send(room.daemon, m, NULL);
	sd_bus_message_unref(m);
	return 1;
}

static int answer_polkit(sd_bus_message *question)
{
	static const char *const errors[] = { SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NO_REPLY,
					      SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_TIMEOUT,
					      "org.freedesktop.PolicyKit1.Error.Failed" };
	uint8_t how = take_byte(&room.in);

	switch (how % 6) {
	case 0:
		room.said_yes = true;
		return sd_bus_reply_method_return(question, "(bba{ss})", 1, how & 1, 0);
	case 1: return sd_bus_reply_method_return(question, "(bba{ss})", 0, 1, 1, "a", "b");
	case 2: return answer_oddly(question);
	case 3:
		return sd_bus_reply_method_errorf(question, errors[how % GW_ELEMENTS(errors)],
						  "as it pleases");
	case 4: leave(); break;
	default: break;
	}
	if (room.n_asked == ASKED_MAX)
		return sd_bus_reply_method_return(question, "");
	room.asked[room.n_asked++] = sd_bus_message_ref(question);
	return 1;
}

/* --- timedate1 --- */

static int answer_time(sd_bus_message *question)
{
	sd_bus_message *m = NULL;
	unsigned items = 0;
	int r = 1;

	switch (take_byte(&room.time) % 5) {
	case 0: return sd_bus_reply_method_return(question, "v", "b", 0);
	case 1:
		room.said_synchronised = true;
		return sd_bus_reply_method_return(question, "v", "b", 1);
	case 2: return sd_bus_reply_method_errorf(question, SD_BUS_ERROR_SERVICE_UNKNOWN, "no");
	case 3: return 1; /* it hangs */
	default: break;
	}
	require(sd_bus_message_new_method_return(question, &m) >= 0);
	put_any(m, &room.time, 0, &items);
	(void)sd_bus_message_seal(m, 1, 0);
	room.said_synchronised |= sd_bus_message_read(m, "v", "b", &r) > 0 && r;
	(void)sd_bus_message_rewind(m, 1);
	(void)sd_bus_send(room.daemon, m, NULL);
	sd_bus_message_unref(m);
	return 1;
}

/* --- the bus --- */

/* A byte of a secret in an answer would be in its texts. */
static void look_for_secret(sd_bus_message *m)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	char type;
	const char *contents, *text;

	require(!error || !error->message || !strstr(error->message, "QQQQQQQQ"));
	while (sd_bus_message_peek_type(m, &type, &contents) > 0) {
		if (type == 's' || type == 'o') {
			require(sd_bus_message_read_basic(m, type, &text) >= 0);
			require(!strstr(text, "QQQQQQQQ"));
		} else if (sd_bus_message_skip(m, NULL) < 0) {
			return;
		}
	}
}

static void count_answer(sd_bus_message *m)
{
	uint64_t cookie;

	require(sd_bus_message_get_reply_cookie(m, &cookie) >= 0);
	for (size_t i = 0; i < room.n_calls; i++)
		if (room.cookies[i] == cookie)
			room.answers[i]++;
	look_for_secret(m);
}

static int on_daemon(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(m);
	uint8_t type;

	require(sd_bus_message_get_type(m, &type) >= 0);
	if (type == SD_BUS_MESSAGE_METHOD_RETURN || type == SD_BUS_MESSAGE_METHOD_ERROR) {
		count_answer(m);
		return 1;
	}
	if (type == SD_BUS_MESSAGE_SIGNAL) {
		look_for_secret(m);
		return 1;
	}
	if (gw_streq(member, "Hello"))
		return sd_bus_reply_method_return(m, "s", ":1.1");
	if (gw_streq(member, "RequestName"))
		return sd_bus_reply_method_return(m, "u", 1u);
	if (gw_streq(member, "GetConnectionCredentials"))
		return answer_credentials(m);
	if (gw_streq(member, "CheckAuthorization"))
		return answer_polkit(m);
	if (gw_streq(sd_bus_message_get_destination(m), "org.freedesktop.timedate1"))
		return answer_time(m);
	return sd_bus_reply_method_return(m, "");
}

/* Both ends in turn, until neither has anything to do. */
static void run(void)
{
	int busy = 1;

	for (unsigned i = 0; busy; i++) {
		require(i < TURNS_MAX * CALLS_MAX);
		busy = 0;
		while (sd_bus_process(room.daemon, NULL) > 0 ||
		       sd_bus_process(room.asked_by, NULL) > 0)
			busy = 1;
		if (sd_event_run(room.agent->event, 0) > 0)
			busy = 1;
	}
}

static sd_bus *make_end(int *ret_fd)
{
	sd_id128_t id = { .bytes = { 1 } };
	sd_bus *end = NULL;
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	require(sd_bus_new(&end) >= 0 && sd_bus_set_fd(end, fds[0], fds[0]) >= 0);
	require(sd_bus_set_server(end, 1, id) >= 0 && sd_bus_set_anonymous(end, 1) >= 0);
	require(sd_bus_negotiate_fds(end, 1) >= 0);
	require(sd_bus_add_filter(end, NULL, on_daemon, NULL) >= 0 && sd_bus_start(end) >= 0);
	*ret_fd = fds[1];
	return end;
}

static void begin_bus(void)
{
	room.daemon = make_end(&room.fds[0]);
	room.asked_by = make_end(&room.fds[1]);
	require(bus_new(room.agent, &room.agent->bus) == 0);
	require(clock_watch_new(room.agent, &room.agent->clock_watch) == 0);
	while (room.n_open < GW_ELEMENTS(room.fds))
		require(sd_event_run(room.agent->event, UINT64_MAX) >= 0);
	run();
}

/* --- calls --- */

struct method {
	const char *interface, *member, *shape; /* arguments that it takes, in the letters below */
};

static const struct method first_methods[] = {
	{ "org.gangway1.Manager", "Claim", "sd" },
	{ "org.gangway1.Manager", "Withdraw", "s" },
	{ "org.gangway1.Manager", "GetDevice", "s" },
	{ "org.gangway1.Manager", "ListDevices", "dsu" },
	{ "org.gangway1.Manager", "ListJobs", "" },
	{ "org.gangway1.Manager", "ReadAudit", "t" },
	{ "org.gangway1.Manager", "VerifyAudit", "" },
	{ "org.gangway1.Manager", "Nothing", "s" },
	{ "org.freedesktop.DBus.Properties", "Get", "ss" },
	{ "org.freedesktop.DBus.Properties", "GetAll", "s" },
	{ "org.freedesktop.DBus.Properties", "Set", "ssv" },
	{ "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "" },
	{ "org.freedesktop.DBus.Introspectable", "Introspect", "" },
	{ "org.freedesktop.DBus.Peer", "Ping", "" },
	{ NULL, "Claim", "sd" },
};

/* Reload, ListSettings and Doctor would look at the machine itself. */
static const struct method more_methods[] = {
	{ "org.gangway1.Device", "Renew", "" },
	{ "org.gangway1.Device", "Approve", "" },
	{ "org.gangway1.Device", "Reject", "s" },
	{ "org.gangway1.Device", "Suspend", "s" },
	{ "org.gangway1.Device", "Resume", "" },
	{ "org.gangway1.Device", "Revoke", "s" },
	{ "org.gangway1.Device", "Decommission", "" },
	{ "org.gangway1.Manager", "ListJobsAfter", "tu" },
	{ "org.gangway1.Manager", "FactoryReset", "" },
	{ "org.gangway1.Manager", "CheckConfig", "b" },
	{ "org.gangway1.Manager", "LoadRevocationList", "b" },
};

static const struct method *find_method(uint8_t which)
{
	return which < 0xc0 ? &first_methods[which % GW_ELEMENTS(first_methods)]
			    : &more_methods[which % GW_ELEMENTS(more_methods)];
}

/* What a file holds: as it comes, or more than is taken of one. */
static void put_bytes(sd_bus_message *m, struct gw_blob *in)
{
	static const uint8_t large[BUS_CALL_SIZE_MAX + SETTINGS_FILE_MAX];
	uint8_t n = take_byte(in);
	struct gw_blob bytes = n < 0xf8 ? take_bytes(in, n) : GW_BLOB_ARRAY(large);

	bytes.len -= n == 0xf8 ? BUS_CALL_SIZE_MAX - 1 : 0;
	(void)sd_bus_message_append_array(m, 'y', bytes.data, bytes.len);
}

static void put_shape(sd_bus_message *m, const char *shape, struct gw_blob *in)
{
	unsigned items = 0;

	for (; *shape; shape++) {
		if (*shape == 's')
			put_text(m, in);
		else if (*shape == 'd')
			put_dictionary(m, in, &items);
		else if (*shape == 'v')
			put_variant(m, in);
		else if (*shape == 'b')
			put_bytes(m, in);
		else if (*shape == 'u')
			(void)sd_bus_message_append(m, "u", (uint32_t)take_byte(in) << 2);
		else
			(void)sd_bus_message_append(m, "t", (uint64_t)take_byte(in));
	}
}

/* An object path: one of ours, or one as it comes, with what a path may hold. */
static void take_object(struct gw_blob *in, char path[OBJECT_LEN])
{
	static const char *const ours[] = { BUS_PATH,
					    BUS_PATH,
					    BUS_PATH "/device/ACME_2d1",
					    BUS_PATH "/device/ACME_2d2",
					    BUS_PATH "/transport/ip",
					    BUS_PATH "/device",
					    "/" };
	uint8_t which = take_byte(in);
	size_t len;

	if (which < 0xc0) {
		(void)gw_copy(path, OBJECT_LEN, ours[which % GW_ELEMENTS(ours)]);
		return;
	}
	(void)gw_copy(path, OBJECT_LEN, which & 1 ? BUS_PATH "/device/" : BUS_PATH "/transport/");
	len = strlen(path);
	for (uint8_t n = take_byte(in) % 32 + 1; n > 0 && len < OBJECT_LEN - 1; n--)
		path[len++] = "abcABC012_2d5f_eE"[take_byte(in) % 17];
	path[len] = 0;
}

static enum device_state state_of(const char *id)
{
	struct device_record record;

	return store_device_get(room.agent->store, id, &record) < 0 ? DEVICE_UNKNOWN : record.state;
}

static void call(void)
{
	static const char *const senders[_CALLER_MAX] = { ":1.7", ":1.8", ":1.9" };
	struct gw_blob *in = &room.in;
	uint8_t how = take_byte(in), which = take_byte(in);
	enum caller caller = how & 1 ? (how & 2 ? CALLER_UNKNOWN : CALLER_NOBODY) : CALLER_ROOT;
	const struct method *method = find_method(which);
	enum device_state before = state_of("ACME-1"), aboard = state_of(ABOARD);
	char path[OBJECT_LEN];
	sd_bus_message *m;
	unsigned items = 0;

	take_object(in, path);
	room.may_say_label = !method->interface || strstr(method->interface, "gangway1");
	require(sd_bus_message_new_method_call(room.daemon, &m, ":1.1", path, method->interface,
					       method->member) >= 0);
	require(sd_bus_message_set_sender(m, senders[caller]) >= 0);
	if (how & 4)
		for (uint8_t n = take_byte(in) % 6; n > 0; n--)
			put_any(m, in, 0, &items);
	else
		put_shape(m, method->shape, in);
	if (how & 8)
		(void)sd_bus_message_set_expect_reply(m, 0);
	if (sd_bus_send(room.daemon, m, &room.cookies[room.n_calls]) >= 0) {
		room.by_root[room.n_calls] = caller == CALLER_ROOT;
		room.n_calls++;
		if (!(how & 0x10)) /* else together with the next one */
			run();
	}
	if (how & 8)
		room.answers[room.n_calls - 1] = 1;
	sd_bus_message_unref(m);
	if (caller != CALLER_ROOT && !(how & 0x10) && room.n_calls == 1 && !room.said_yes)
		require(state_of("ACME-1") == before && state_of(ABOARD) == aboard);
	require(room.agent->clock.system != CLOCK_SYSTEM_YES || room.said_synchronised);
}

/* For whoever wants to suspend one, to renew it, to see it off. */
static void take_one_aboard(void)
{
	static const uint8_t certificate[] = { 0x30, 0 };
	const struct device_record device = {
		.id = ABOARD,
		.tenant = "default",
		.method = "qr",
		.state = DEVICE_ONBOARDED,
	};
	struct certificate_record live = {
		.serial = { 7 },
		.serial_len = 1,
		.state = CERTIFICATE_LIVE,
		.not_before = ROOM_START_S - 86400,
		.not_after = ROOM_START_S + 86400,
	};

	(void)gw_copy(live.device, sizeof(live.device), ABOARD);
	require(turn_open(room.agent->turn) == 0);
	require(store_device_put(room.agent->store, &device) == 0);
	require(store_certificate_add(room.agent->store, &live, GW_BLOB_ARRAY(certificate),
				      (struct gw_blob){ 0 }) == 0);
	run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&room, 0, sizeof(room));
	room.in = (struct gw_blob){ data, size };
	room.time =
		size < TIME_LEN ? room.in : (struct gw_blob){ data + size - TIME_LEN, TIME_LEN };
	room.agent = room_begin();
	room.agent->config =
		(struct settings_paths){ .file = "/dev/null/none", .file_is_optional = true };
	begin_bus();
	take_one_aboard();
	while (room.in.len > 0 && room.n_calls < CALLS_MAX)
		call();
	run();
	while (room.n_asked > 0) {
		say_no(room.asked[--room.n_asked]);
		run();
	}
	for (size_t i = 0; i < room.n_calls; i++)
		require(room.answers[i] == 1 || (room.answers[i] == 0 && room.left[i]));
	room_end();
	sd_bus_close_unref(room.daemon);
	sd_bus_close_unref(room.asked_by);
	return 0;
}
