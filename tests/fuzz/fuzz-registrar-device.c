/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole registrar and a device that knows its key, or has its certificate, and abuses it: what the
 * input has it say goes out as true DTLS records, over a network that drops, doubles and turns round,
 * to an agent that answers late, never or otherwise. What comes back is CoAP that fits a datagram, the
 * accounts hold (registrar-world.h), and who has another secret gets nowhere.
 *
 * The input is a byte for the kind of world and a list of steps, each a byte and what it needs.
 */
#include <stdlib.h>
#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tests/fuzz/fake-loop.h"
#include "tests/fuzz/fake-random.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/mini-ca.h"
#include "tests/fuzz/registrar-world.h"

#define AIR_MAX      16
#define DATAGRAM_MAX 2048
#define STEPS_MAX    300
#define ROUNDS_MAX   32 /* to and fro, until nobody has anything to say */

enum kind {
	KIND_SUITE = 3,       /* two bits: which suites, or a certificate */
	KIND_MANUAL = 1 << 2, /* the handshake is left to the steps, too */
	KIND_SMALL = 1 << 3,  /* the path takes small datagrams only */
	KIND_OTHER = 1 << 4,  /* the device has another secret */
	KIND_TIGHT = 1 << 5,  /* low limits */
};

enum step {
	STEP_SAY,     /* a CoAP message: two bytes of length, and so many */
	STEP_RUN,     /* the network carries all there is, the agent answers all */
	STEP_CARRY,   /* the first datagram arrives */
	STEP_LAST,    /* the last one does, before the others */
	STEP_DROP,    /* the first one is lost */
	STEP_TWICE,   /* the first one arrives, and will again */
	STEP_SPOIL,   /* one bit of the first one changes */
	STEP_TIME,    /* passes: a byte, in powers of two */
	STEP_ANSWER,  /* the agent answers a question: a byte */
	STEP_AGENT,   /* the agent says something: two bytes of length, and so many */
	STEP_CLOUD,   /* comes or goes: a byte */
	STEP_GOODBYE, /* the device ends the session */
	STEP_RESTART, /* the device has forgotten all and begins anew */
	STEP_FORGE,   /* bytes of nobody's, from the device's address: a length byte, and so many */
	STEP_SEGMENT, /* a CoAP message to an EST resource: see say_request() */
	STEP_REPEAT,  /* the device's DTLS timer */
	_STEP_MAX,
};

struct datagram {
	size_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

struct queue {
	struct datagram all[AIR_MAX];
	size_t n;
};

static const struct sockaddr_in address = { .sin_family = AF_INET,
					    .sin_port = 0x3412,
					    .sin_addr.s_addr = 0x0200a8c0 };
static struct mini_ca ca;
static struct mini_key device_key;
static uint8_t device_cert[MINI_CA_CERT_MAX];
static size_t device_cert_len;
static WOLFSSL_CTX *contexts[4];

static struct {
	uint8_t kind;
	WOLFSSL *ssl;
	bool open, dead;
	uint16_t message_id;
	struct queue out, in; /* to the registrar, and to the device */
} device;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the input --- */

static struct gw_blob take_datagram(struct gw_blob *in)
{
	return take_bytes(in, GW_MIN(take_u16(in), (size_t)DATAGRAM_MAX));
}

/* --- the network --- */

/* What does not fit the air is lost. */
static void push(struct queue *queue, const void *data, size_t len)
{
	if (queue->n == AIR_MAX || len > DATAGRAM_MAX)
		return;
	queue->all[queue->n].len = len;
	memcpy(queue->all[queue->n++].bytes, data, len);
}

static bool pull(struct queue *queue, size_t at, struct datagram *ret)
{
	if (at >= queue->n)
		return false;
	*ret = queue->all[at];
	memmove(&queue->all[at], &queue->all[at + 1], (--queue->n - at) * sizeof(queue->all[0]));
	return true;
}

static void on_sent(const struct sockaddr *to, struct gw_blob datagram)
{
	require(datagram.len <= (device.kind & KIND_SMALL ? 300 : 1400));
	push(&device.in, datagram.data, datagram.len);
}

/* On the heap, so that a sanitizer sees the first byte too many. */
static void arrive(const void *data, size_t len)
{
	struct gw_blob copy = { gw_blob_dup((struct gw_blob){ data, len }), len };

	fake_loop_receive((const struct sockaddr *)&address, copy);
	free((void *)(uintptr_t)copy.data);
}

static void carry(size_t at)
{
	struct datagram d;

	if (pull(&device.out, at, &d))
		arrive(d.bytes, d.len);
}

/* --- the device --- */

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct datagram d;

	if (!pull(&device.in, 0, &d) || d.len > (size_t)size)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, d.bytes, d.len);
	return (int)d.len;
}

static int on_send(WOLFSSL *ssl, char *buf, int len, void *userdata)
{
	push(&device.out, buf, (size_t)len);
	return len;
}

static unsigned on_secret(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_size,
			  unsigned char *key, unsigned key_size)
{
	static const uint8_t secret[] = WORLD_SECRET;

	(void)gw_copy(identity, identity_size, WORLD_DEVICE);
	memcpy(key, secret, sizeof(secret) - 1);
	if (device.kind & KIND_OTHER)
		key[0] ^= 1;
	return sizeof(secret) - 1;
}

static void begin_device(void)
{
	wolfSSL_free(device.ssl);
	device.ssl = wolfSSL_new(contexts[device.kind & KIND_SUITE]);
	require(device.ssl != NULL);
	wolfSSL_dtls_set_using_nonblock(device.ssl, 1);
	device.open = device.dead = false;
}

static bool wants_more(int r)
{
	int error = wolfSSL_get_error(device.ssl, r);

	return error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE;
}

static void shake_hands(void)
{
	int r = wolfSSL_connect(device.ssl);

	device.open = r == WOLFSSL_SUCCESS;
	device.dead = !device.open && !wants_more(r);
	require(!device.open || !(device.kind & KIND_OTHER));
}

static void listen_to_it(void)
{
	uint8_t plain[DATAGRAM_MAX];
	struct gw_coap msg;
	int n;

	while ((n = wolfSSL_read(device.ssl, plain, sizeof(plain))) > 0) {
		require(n <= GW_COAP_MESSAGE_MAX);
		require(gw_coap_decode(plain, (size_t)n, &msg) == 0);
	}
	device.dead = !wants_more(n);
}

static void run_device(void)
{
	if (!device.open && !device.dead)
		shake_hands();
	if (device.open && !device.dead)
		listen_to_it();
}

/* Until nothing is under way. */
static void run(void)
{
	bool answered = true;

	for (unsigned i = 0; i < ROUNDS_MAX && (device.out.n || device.in.n || answered); i++) {
		run_device();
		while (device.out.n)
			carry(0);
		answered = world_answer(WORLD_YES);
	}
	run_device();
}

static void say(struct gw_blob message)
{
	if (device.open && !device.dead && message.len > 0)
		(void)wolfSSL_write(device.ssl, message.data, (int)message.len);
}

/*
 * A request of the kind that is served: a byte for the resource and its method, one for the Block1 option
 * and what else is wrong with it, a length byte and so many bytes of a body.
 */
static void say_request(struct gw_blob *in)
{
	static const char *const names[] = { "crts", "sen", "sren", "att", "es", "config", "core" };
	static const char *const folders[] = { "est", "est", "est", "est", "brski", "gangway", "" };
	uint8_t which = take_byte(in), how = take_byte(in), token = take_byte(in);
	struct gw_blob body = take_bytes(in, (size_t)take_byte(in) << (how >> 6 & 1));
	size_t i = (which & 7) % GW_ELEMENTS(names), len;
	struct gw_coap msg = { .type = how & 1 ? GW_COAP_NON : GW_COAP_CON,
			       .code = which & 8 ? GW_COAP_POST : GW_COAP_GET,
			       .id = how & 2 ? device.message_id : ++device.message_id,
			       .token = { token, 2, 3, 4, 5, 6, 7, 8 },
			       .token_len = token % (GW_COAP_TOKEN_MAX + 1),
			       .payload = body };
	const char *segments[] = { ".well-known", folders[i], names[i] };
	uint8_t format[4], block[4], bytes[GW_COAP_MESSAGE_MAX];

	for (size_t s = 0; s < GW_ELEMENTS(segments); s++)
		if (*segments[s])
			require(gw_coap_add(&msg, GW_COAP_URI_PATH,
					    (struct gw_blob){ (const uint8_t *)segments[s],
							      strlen(segments[s]) }) == 0);
	if (which & 8)
		require(gw_coap_add_uint(&msg, GW_COAP_CONTENT_FORMAT,
					 i < 4 ? GW_COAP_FORMAT_PKCS10 : GW_COAP_FORMAT_JSON,
					 format) == 0);
	if (how & 4)
		require(gw_coap_add_uint(&msg, which & 0x80 ? GW_COAP_BLOCK2 : GW_COAP_BLOCK1,
					 (uint32_t)(which & 0x70) | (how >> 3 & 7) |
						 (how & 0x80 ? 8 : 0),
					 block) == 0);
	if (gw_coap_encode(&msg, bytes, sizeof(bytes), &len) == 0)
		say((struct gw_blob){ bytes, len });
}

static void spoil(struct gw_blob *in)
{
	size_t at = take_u16(in);
	struct datagram *d = &device.out.all[0];

	if (device.out.n > 0 && d->len > 0)
		d->bytes[(at >> 3) % d->len] ^= (uint8_t)(1 << (at & 7));
}

static void twice(void)
{
	if (device.out.n == 0)
		return;
	push(&device.out, device.out.all[0].bytes, device.out.all[0].len);
	carry(0);
}

/* --- steps --- */

static void take_step(struct gw_blob *in)
{
	enum step step = (enum step)(take_byte(in) % _STEP_MAX);
	struct gw_blob bytes;
	struct datagram lost;

	switch (step) {
	case STEP_SAY: say(take_datagram(in)); break;
	case STEP_RUN: run(); break;
	case STEP_CARRY: carry(0); break;
	case STEP_LAST: carry(device.out.n - 1); break;
	case STEP_DROP: (void)pull(&device.out, 0, &lost); break;
	case STEP_TWICE: twice(); break;
	case STEP_SPOIL: spoil(in); break;
	case STEP_TIME: fake_loop_pass(1000ull << (take_byte(in) % 20)); break;
	case STEP_ANSWER:
		(void)world_answer((enum world_word)(take_byte(in) % _WORLD_WORD_MAX));
		break;
	case STEP_AGENT:
		bytes = take_datagram(in);
		if (!(device.kind & KIND_OTHER)) /* lest it be told the other secret */
			world_tell_bytes(bytes);
		break;
	case STEP_CLOUD: world_set_cloud(take_byte(in) & 1); break;
	case STEP_GOODBYE: (void)wolfSSL_shutdown(device.ssl); break;
	case STEP_RESTART: begin_device(); break;
	case STEP_FORGE:
		bytes = take_bytes(in, take_byte(in));
		arrive(bytes.data, bytes.len);
		break;
	case STEP_SEGMENT: say_request(in); break;
	case STEP_REPEAT:
		if (!device.open && !device.dead)
			(void)wolfSSL_dtls_got_timeout(device.ssl);
		break;
	case _STEP_MAX: break;
	}
	run_device();
}

/* --- what is the same for every run --- */

static WOLFSSL_CTX *make_context(const char *suites)
{
	WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());

	require(context && wolfSSL_CTX_set_cipher_list(context, suites) == WOLFSSL_SUCCESS);
	require(wolfSSL_CTX_UseSupportedCurve(context, WOLFSSL_ECC_X25519) == WOLFSSL_SUCCESS);
	wolfSSL_CTX_SetIORecv(context, on_receive);
	wolfSSL_CTX_SetIOSend(context, on_send);
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, /* callback= */ NULL);
	wolfSSL_CTX_set_psk_client_callback(context, on_secret);
	return context;
}

static void use_certificate(WOLFSSL_CTX *context)
{
	require(wolfSSL_CTX_use_certificate_buffer(context, device_cert, (long)device_cert_len,
						   WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS);
	require(wolfSSL_CTX_use_PrivateKey_buffer(context, device_key.private,
						  (long)device_key.private_len,
						  WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS);
	wolfSSL_CTX_set_psk_client_callback(context, /* callback= */ NULL);
}

static void make_device(void)
{
	fake_random_begin(/* seed= */ 1);
	mini_ca_init(&ca);
	mini_key_make(&device_key);
	device_cert_len =
		mini_ca_issue(&ca, (struct gw_blob){ device_key.spki, device_key.spki_len },
			      WORLD_DEVICE, GW_X509_USE_CLIENT, device_cert);

	require(wolfSSL_Init() == WOLFSSL_SUCCESS);
	contexts[0] = make_context("PSK-AES128-CCM-8");
	contexts[1] = make_context("ECDHE-PSK-CHACHA20-POLY1305");
	contexts[2] = make_context("ECDHE-PSK-AES128-CBC-SHA256");
	contexts[3] = make_context("ECDHE-ECDSA-AES128-CCM-8");
	use_certificate(contexts[3]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const settings[] = { "", "sessions_max=1\nhandshakes_max=1\n"
						    "handshakes_per_source=1\nsecret_rate=2\n" };
	struct gw_blob in = { data, size };
	uint8_t kind = take_byte(&in);
	bool by_certificate = (kind & KIND_SUITE) == 3;
	const struct world_setup setup = {
		.settings = settings[!!(kind & KIND_TIGHT)],
		.mtu = kind & KIND_SMALL ? 300 : 1400,
		.ca = by_certificate ? &ca : NULL,
		.nobody_proves = !by_certificate && (kind & KIND_OTHER),
		.sent = on_sent,
	};

	if (ca.len == 0)
		make_device();
	memset(&device, 0, sizeof(device));
	device.kind = by_certificate ? (uint8_t)(kind & ~KIND_OTHER) : kind;
	world_begin(&setup);
	begin_device();
	if (!(kind & KIND_MANUAL)) {
		run();
		require(device.open == !setup.nobody_proves);
	}
	for (unsigned i = 0; i < STEPS_MAX && in.len > 0; i++)
		take_step(&in);
	wolfSSL_free(TAKE_PTR(device.ssl));
	world_end();
	return 0;
}
