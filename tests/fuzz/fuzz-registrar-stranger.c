/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole registrar against those who know no secret: whatever they send, in whatever order and from
 * wherever, nobody is taken for a device, everything the agent hears of ends, and one whose cookie was
 * not seen is sent less than it sent, and remembered nowhere.
 *
 * The input is a list of steps, each a byte for what to do (low bits) and from which of four addresses
 * (two bits above), then what the step needs. Lengths are checked against what is left of the input.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/front.h"
#include "plugins/registrar/record.h"
#include "tests/fuzz/fake-loop.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mini-ca.h"
#include "tests/fuzz/registrar-world.h"

#define DATAGRAM_MAX 2100
#define STEPS_MAX    200

enum step {
	STEP_RAW,       /* a datagram */
	STEP_HELLO,     /* a ClientHello with the cookie of the last challenge */
	STEP_HANDSHAKE, /* a handshake message in a record of its own */
	STEP_RECORD,    /* a record */
	STEP_AGAIN,     /* the last datagram, changed in one place */
	STEP_TIME,
	STEP_ANSWER, /* the agent answers a question */
	STEP_AGENT,  /* the agent goes and comes back; the cloud does */
};

struct source {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
	uint8_t cookie[COOKIE_LEN];
	bool has_cookie, has_shown_it;
};

static struct source sources[4];
static size_t n_answered;
static uint8_t last[DATAGRAM_MAX];
static size_t last_len;
static struct mini_ca ca;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* There with the address sanitizer only. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : 0;
}

/* --- datagrams --- */

static void on_sent(const struct sockaddr *to, struct gw_blob datagram)
{
	n_answered += datagram.len;
	require(datagram.len > RECORD_HEADER_LEN);
	for (size_t i = 0; i < GW_ELEMENTS(sources); i++) {
		struct source *source = &sources[i];
		size_t len = to->sa_family == AF_INET ? sizeof(source->address.in)
						      : sizeof(source->address.in6);

		if (memcmp(&source->address, to, len) != 0)
			continue;
		if (datagram.len == COOKIE_REPLY_LEN &&
		    datagram.data[RECORD_HEADER_LEN] == HANDSHAKE_HELLO_VERIFY_REQUEST) {
			memcpy(source->cookie, datagram.data + COOKIE_REPLY_LEN - COOKIE_LEN,
			       COOKIE_LEN);
			source->has_cookie = true;
		}
		return;
	}
	abort(); /* nobody has this address */
}

/* A datagram on the heap, so that a sanitizer sees the first byte too many. */
static void say(struct source *from, struct gw_blob datagram)
{
	struct gw_blob copy = { gw_blob_dup(datagram), datagram.len };
	size_t before = allocated();

	n_answered = 0;
	fake_loop_receive(&from->address.any, copy);
	if (!from->has_shown_it) {
		require(n_answered <= datagram.len);
		require(allocated() <= before);
	}
	free((void *)(uintptr_t)copy.data);

	if (datagram.data != last)
		memcpy(last, datagram.data, datagram.len);
	last_len = datagram.len;
}

static size_t put_number(uint8_t *at, size_t value, size_t width)
{
	for (size_t i = width; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
	return width;
}

static size_t put_record(uint8_t *at, uint8_t type, uint8_t epoch, size_t sequence, size_t len)
{
	at[0] = type;
	put_number(at + 1, DTLS_1_2, 2);
	put_number(at + 3, epoch, 2);
	put_number(at + 5, sequence, 6);
	put_number(at + 11, len, 2);
	return RECORD_HEADER_LEN;
}

static size_t put_handshake(uint8_t *at, uint8_t type, size_t sequence, size_t len)
{
	at[0] = type;
	put_number(at + 1, len, 3);
	put_number(at + 4, sequence, 2);
	put_number(at + 6, 0, 3);
	put_number(at + 9, len, 3);
	return HANDSHAKE_HEADER_LEN;
}

/* A byte of switches: with the cookie, which random, which suites, and extensions or none. */
static void say_hello(struct source *from, struct gw_blob *in)
{
	static const uint16_t suites[] = { 0xc0a8, 0xccac, 0xc037, 0xc0ae, 0xc02b, 0xcca9 };
	static const uint8_t extensions[] = { 0,  10, 0, 6,  0, 4, 0,    29, 0,  23, 0,
					      13, 0,  4, 0,  2, 4, 3,    0,  11, 0,  2,
					      1,  0,  0, 23, 0, 0, 0xff, 1,  0,  1,  0 };
	uint8_t flags = take_byte(in), which = take_byte(in), d[DATAGRAM_MAX] = { 0 };
	struct gw_blob more = take_bytes(in, flags & 0x20 ? take_byte(in) : 0);
	uint8_t *body = d + RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN;
	bool with_cookie = (flags & 1) && from->has_cookie;
	size_t len = put_number(body, DTLS_1_2, 2), n = 0;

	memset(body + len, 0x40 + (flags >> 1 & 3), CLIENT_RANDOM_LEN);
	len += CLIENT_RANDOM_LEN;
	len += put_number(body + len, 0, 1);
	len += put_number(body + len, with_cookie ? COOKIE_LEN : 0, 1);
	if (with_cookie) {
		memcpy(body + len, from->cookie, COOKIE_LEN);
		len += COOKIE_LEN;
		from->has_shown_it = true; /* if it is the right one */
	}
	for (size_t i = 0; i < GW_ELEMENTS(suites); i++)
		if (which >> i & 1)
			n += put_number(body + len + 2 + n, suites[i], 2);
	len += put_number(body + len, n, 2) + n;
	len += put_number(body + len, 0x0100, 2);
	if (flags & 8) {
		len += put_number(body + len, sizeof(extensions) + more.len, 2);
		memcpy(body + len, extensions, sizeof(extensions));
		len += sizeof(extensions);
		if (more.len > 0)
			memcpy(body + len, more.data, more.len);
		len += more.len;
	}
	put_handshake(d + RECORD_HEADER_LEN, HANDSHAKE_CLIENT_HELLO, with_cookie, len);
	len += HANDSHAKE_HEADER_LEN;
	put_record(d, RECORD_HANDSHAKE, 0, with_cookie, len);
	say(from, (struct gw_blob){ d, RECORD_HEADER_LEN + len });
}

/* Message type, sequence, and how far the lengths in front of the body lie. */
static void say_handshake(struct source *from, struct gw_blob *in)
{
	uint8_t type = take_byte(in), sequence = take_byte(in), lie = take_byte(in);
	struct gw_blob body = take_bytes(in, (size_t)take_byte(in) << (lie & 3));
	size_t len = HANDSHAKE_HEADER_LEN + body.len;
	uint8_t d[DATAGRAM_MAX];

	put_record(d, RECORD_HANDSHAKE, 0, sequence, len);
	put_handshake(d + RECORD_HEADER_LEN, type, sequence & 0x0f, body.len);
	if (lie & 0x80)
		d[RECORD_HEADER_LEN + (lie >> 2 & 15) % HANDSHAKE_HEADER_LEN] ^= sequence;
	if (body.len > 0)
		memcpy(d + RECORD_HEADER_LEN + HANDSHAKE_HEADER_LEN, body.data, body.len);
	say(from, (struct gw_blob){ d, RECORD_HEADER_LEN + len });
}

static void say_record(struct source *from, struct gw_blob *in)
{
	uint8_t type = take_byte(in), epoch = take_byte(in), sequence = take_byte(in);
	struct gw_blob body = take_bytes(in, take_byte(in));
	uint8_t d[DATAGRAM_MAX];

	put_record(d, (uint8_t)(type & 0x80 ? type : 20 + type % 6), epoch & 3, sequence, body.len);
	if (body.len > 0)
		memcpy(d + RECORD_HEADER_LEN, body.data, body.len);
	say(from, (struct gw_blob){ d, RECORD_HEADER_LEN + body.len });
}

static void say_again(struct source *from, struct gw_blob *in)
{
	size_t at = take_u16(in);
	uint8_t change = take_byte(in);

	/* It may be a hello with the right cookie, and that of the last run too. */
	if (last_len > 0)
		last[at % last_len] ^= change;
	if (!from->has_shown_it)
		from->has_shown_it = from->has_cookie;
	say(from, (struct gw_blob){ last, last_len });
}

static void say_raw(struct source *from, struct gw_blob *in)
{
	size_t len = take_u16(in);

	say(from, take_bytes(in, len % DATAGRAM_MAX));
}

/* --- steps --- */

static void take_step(struct gw_blob *in)
{
	uint8_t step = take_byte(in);
	struct source *from = &sources[step >> 3 & 3];
	uint8_t arg;

	switch ((enum step)(step & 7)) {
	case STEP_RAW: say_raw(from, in); break;
	case STEP_HELLO: say_hello(from, in); break;
	case STEP_HANDSHAKE: say_handshake(from, in); break;
	case STEP_RECORD: say_record(from, in); break;
	case STEP_AGAIN: say_again(from, in); break;
	case STEP_TIME: fake_loop_pass(1000ull << (take_byte(in) % 20)); break;
	case STEP_ANSWER:
		(void)world_answer((enum world_word)(take_byte(in) % _WORLD_WORD_MAX));
		break;
	case STEP_AGENT:
		arg = take_byte(in);
		if (arg == 0xff)
			world_lose_agent();
		else
			world_set_cloud(arg & 1);
		break;
	}
}

static void place_sources(void)
{
	static const char *const hosts[] = { "192.0.2.1", "192.0.2.1", "192.0.2.2" };

	memset(sources, 0, sizeof(sources));
	for (size_t i = 0; i < GW_ELEMENTS(hosts); i++) {
		sources[i].address.in.sin_family = AF_INET;
		sources[i].address.in.sin_port = htons((uint16_t)(5000 + i));
		require(inet_pton(AF_INET, hosts[i], &sources[i].address.in.sin_addr) == 1);
	}
	sources[3].address.in6.sin6_family = AF_INET6;
	sources[3].address.in6.sin6_port = htons(5000);
	sources[3].address.in6.sin6_addr = in6addr_loopback;
}

/* The authority is the same for every run. */
static void make_authority(void)
{
	fake_random_begin(/* seed= */ 1);
	mini_ca_init(&ca);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const settings[] = {
		"", "handshakes_max=2\nhandshakes_per_source=1\nsessions_max=1\nsecret_rate=1\n"
	};
	struct gw_blob in = { data, size };
	uint8_t kind = take_byte(&in);
	const struct world_setup setup = {
		.settings = settings[kind & 1],
		.mtu = kind & 2 ? 300 : 1400,
		.ca = kind & 4 ? &ca : NULL,
		.nobody_proves = true,
		.sent = on_sent,
	};

	if (ca.len == 0)
		make_authority();
	last_len = 0;
	place_sources();
	world_begin(&setup);
	for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++)
		take_step(&in);
	world_end();
	return 0;
}
