/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway that answers the reference device as it likes: what it sends ends every request in bounded
 * time and memory, and what the device takes for certificates is certificates.
 *
 * The input is a byte for the request, then a list of datagrams. Each is a byte of how: raw, or a message
 * about the request at hand (its id, its token); then code, a block option or none, and a payload.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tests/fuzz/input.h"
#include "tools/device/certificate.h"
#include "tools/device/dtls.h"
#include "tools/device/est.h"
#include "tools/device/exchange.h"
#include "tools/device/failure.h"
#include "tools/device/pem.h"
#include "tools/device/request.h"

#define SENT_MAX \
	2000 /* datagrams of one request: RESPONSE_BODY_MAX in the smallest blocks would be more */
#define LIMIT_US (60 * 1000000ull)

static struct {
	struct gw_blob in;
	uint64_t now_us;
	unsigned n_sent;
	struct gw_coap request; /* the last one; its token and id are used */
	uint32_t next_block;
} gateway;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_gw_random(uint8_t *buf, size_t len);
uint64_t __wrap_gw_now_monotonic_us(void);

int __wrap_gw_random(uint8_t *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

uint64_t __wrap_gw_now_monotonic_us(void)
{
	return gateway.now_us;
}

/* --- in place of the session --- */

int dtls_send(struct dtls *dtls, struct gw_blob datagram, struct failure *failure)
{
	struct gw_coap msg;

	require(gw_coap_decode(datagram.data, datagram.len, &msg) == 0);
	require(datagram.len <= GW_COAP_MESSAGE_MAX && ++gateway.n_sent < SENT_MAX);
	if (msg.code != GW_COAP_EMPTY)
		gateway.request = msg;
	return 0;
}

enum how {
	HOW_RAW = 1,
	HOW_SEPARATE = 2, /* confirmable, not piggy-backed */
	HOW_BLOCK2 = 4,
	HOW_BLOCK1 = 8,
	HOW_ETAG = 16,
	HOW_LARGE = 32, /* the payload fills the block */
	HOW_OTHER = 64, /* not about this request */
	HOW_FORMAT = 128,
};

static void add_options(struct gw_coap *msg, uint8_t how, uint8_t scratch[4][4])
{
	static const uint8_t etag[] = { 1, 2 };
	uint32_t szx = how & HOW_LARGE ? 6 : 0;

	if (how & HOW_ETAG)
		(void)gw_coap_add(msg, GW_COAP_ETAG, GW_BLOB_ARRAY(etag));
	if (how & HOW_FORMAT)
		(void)gw_coap_add_uint(msg, GW_COAP_CONTENT_FORMAT,
				       280u + take_byte(&gateway.in) % 9, scratch[0]);
	if (how & HOW_BLOCK2)
		(void)gw_coap_add_uint(msg, GW_COAP_BLOCK2,
				       gateway.next_block++ << 4 | (take_byte(&gateway.in) & 15) |
					       szx,
				       scratch[1]);
	if (how & HOW_BLOCK1)
		(void)gw_coap_add_uint(msg, GW_COAP_BLOCK1,
				       (uint32_t)take_byte(&gateway.in) << 4 |
					       (take_byte(&gateway.in) & 15),
				       scratch[2]);
	if (msg->code == GW_COAP_UNAVAILABLE)
		(void)gw_coap_add_uint(msg, GW_COAP_MAX_AGE, take_byte(&gateway.in), scratch[3]);
}

static size_t make_answer(uint8_t how, uint8_t buf[GW_COAP_MESSAGE_MAX])
{
	static const uint8_t codes[] = { GW_COAP_CONTENT,     GW_COAP_CHANGED,
					 GW_COAP_CONTINUE,    GW_COAP_UNAVAILABLE,
					 GW_COAP_BAD_REQUEST, GW_COAP_FORBIDDEN,
					 GW_COAP_EMPTY,       GW_COAP_TOO_LARGE };
	uint8_t payload[1024], scratch[4][4];
	struct gw_coap msg = { .type = how & HOW_SEPARATE ? GW_COAP_CON : GW_COAP_ACK,
			       .id = gateway.request.id,
			       .token_len = gateway.request.token_len };
	struct gw_blob part;
	size_t len = 0;

	msg.code = codes[take_byte(&gateway.in) % GW_ELEMENTS(codes)];
	memcpy(msg.token, gateway.request.token, sizeof(msg.token));
	if (how & HOW_OTHER)
		msg.token[0] ^= take_byte(&gateway.in);
	if (how & HOW_SEPARATE)
		msg.id = (uint16_t)(msg.id + take_byte(&gateway.in));
	add_options(&msg, how, scratch);
	part = take_bytes(&gateway.in, take_byte(&gateway.in));
	memset(payload, 0x30, sizeof(payload));
	if (part.len)
		memcpy(payload, part.data, part.len);
	msg.payload = (struct gw_blob){ payload, how & HOW_LARGE ? sizeof(payload) : part.len };
	if (msg.code == GW_COAP_EMPTY)
		msg = (struct gw_coap){ .type = msg.type, .id = msg.id };
	return gw_coap_encode(&msg, buf, GW_COAP_MESSAGE_MAX, &len) < 0 ? 0 : len;
}

/* When the input is at its end nobody answers any more. */
int dtls_receive(struct dtls *dtls, uint8_t *buf, size_t size, uint64_t until_us,
		 struct failure *failure, size_t *ret_len)
{
	uint8_t how, datagram[GW_COAP_MESSAGE_MAX];
	struct gw_blob raw;

	require(size == GW_COAP_MESSAGE_MAX);
	if (gateway.in.len == 0) {
		gateway.now_us = GW_MAX(until_us, gateway.now_us);
		return failure_set(failure, -ETIMEDOUT, "nobody answers");
	}
	gateway.now_us += 1000;
	how = take_byte(&gateway.in);
	if (how & HOW_RAW) {
		raw = take_bytes(&gateway.in, take_byte(&gateway.in));
		if (raw.len)
			memcpy(buf, raw.data, raw.len);
		*ret_len = raw.len;
	} else {
		*ret_len = make_answer(how, datagram);
		memcpy(buf, datagram, *ret_len);
	}
	return 0;
}

/* --- what is made of it --- */

static void check_certificates(struct gw_blob list)
{
	_cleanup_free_ uint8_t *chain = malloc(list.len + 1), *again = NULL;
	_cleanup_free_ char *text = NULL;
	struct gw_blob rest = list, der;
	struct gw_x509 x509;
	size_t len;

	while (certificate_next(&rest, &x509, &der) == 0)
		if (certificate_chain(list, x509.spki, chain, &len) == 0)
			require(len >= der.len && len <= list.len);
	require(rest.len == 0);
	require(pem_from_list(list, PEM_CERTIFICATE, &text, &len) == 0);
	require(pem_to_list(text, PEM_CERTIFICATE, &again, &len) == 0);
	require(gw_blob_equal((struct gw_blob){ again, len }, list));
}

static void ask(struct exchanges *x, uint8_t what)
{
	static const uint8_t csr[1500] = { 0x30 };
	struct gw_blob request = { csr, what & 0x80 ? sizeof(csr) : 300 };
	struct est_answer answer = { 0 };
	int r;

	switch (what & 3) {
	case 0: r = est_anchors(x, &answer); break;
	case 1: r = est_enroll(x, what & 4, request, &answer); break;
	case 2: r = est_settings(x, &answer); break;
	default: r = est_report(x, what & 4, "it \"does\" not \\ work", &answer); break;
	}
	if (r == 0 && answer.verdict == EST_DONE) {
		require(answer.len <= RESPONSE_BODY_MAX);
		if ((what & 3) < 2)
			check_certificates((struct gw_blob){ answer.body, answer.len });
	}
	require(r < 0 || answer.verdict != EST_WAIT || answer.wait_s > 0);
	est_answer_done(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = { 0 };
	struct exchanges x;

	memset(&gateway, 0, sizeof(gateway));
	gateway.in = (struct gw_blob){ data, size };
	gateway.now_us = 1000000;
	require(exchanges_init(&x, /* dtls= */ NULL, &failure, gateway.now_us + LIMIT_US) == 0);
	do {
		gateway.n_sent = 0;
		gateway.next_block = 0;
		ask(&x, take_byte(&gateway.in));
	} while (gateway.in.len > 0);
	require(gateway.now_us <= 1000000 + LIMIT_US + size * 1000);
	return 0;
}
