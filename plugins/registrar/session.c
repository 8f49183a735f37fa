/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wraps a WOLFSSL object. The library asks for input when it wants some, so a datagram is laid out for
 * it, it is called, and its second request finds nothing. Repetitions and the cookie are wolfSSL's
 * business again once the object exists; the front has checked the cookie before.
 *
 * Records in clear are numbered by us: a forged one with a large number would have the library take
 * all that the client says next for old. Messages have numbers of their own, which are what counts.
 */
#include "plugins/registrar/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/util.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/flight.h"
#include "plugins/registrar/leaf.h"
#include "plugins/registrar/record.h"

/* Bytes of a datagram. What our own link carries says nothing about the way behind it, and nobody tells
 * us when a datagram is too large for that: no more than any link has to carry, which is 1,280
 * bytes with the headers of IPv6 and UDP (RFC 7252 4.6). */
#define MTU_MIN   256
#define MTU_MAX   1232
#define PLAIN_MAX 2048 /* bytes of one decrypted record: a datagram is no longer */

struct session {
	WOLFSSL *ssl;
	WOLFSSL_CTX *context; /* lives as long as ssl does */
	const struct session_ops *ops;
	void *userdata;
	enum session_state state;
	struct gw_blob input; /* laid out for wolfSSL, empty once it has it */
	uint64_t next_clear;  /* number of the next record in clear */
	struct flight flight;
	bool dates_matter;
	struct leaf leaf;
};

/* --- what wolfSSL calls --- */

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct session *s = userdata;
	size_t len = s->input.len;

	s->input.len = 0;
	if (len == 0 || len > (size_t)size)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, s->input.data, len);
	record_renumber_clear((uint8_t *)buf, len, &s->next_clear);
	return (int)len;
}

static int on_send(WOLFSSL *ssl, char *buf, int len, void *userdata)
{
	const struct gw_blob datagram = { (const uint8_t *)buf, (size_t)len };
	struct session *s = userdata;

	if (flight_leaves(&s->flight, datagram))
		s->ops->transmit(s->userdata, datagram);
	return len;
}

static unsigned int on_key(WOLFSSL *ssl, const char *identity, unsigned char *key,
			   unsigned int size)
{
	struct session *s = wolfSSL_GetIOReadCtx(ssl);

	return (unsigned int)s->ops->key(s->userdata, identity, key, size);
}

static int on_verify(int preverified, WOLFSSL_X509_STORE_CTX *store)
{
	struct session *s = store->userCtx;

	return leaf_verify(&s->leaf, preverified, store, wolfSSL_CTX_GetCertManager(s->context),
			   s->dates_matter);
}

void session_prepare(WOLFSSL_CTX *context, enum gw_proof proof)
{
	wolfSSL_CTX_SetIORecv(context, on_receive);
	wolfSSL_CTX_SetIOSend(context, on_send);
	switch (proof) {
	case GW_PROOF_PSK:
		wolfSSL_CTX_set_psk_server_callback(context, on_key);
		wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, /* callback= */ NULL);
		break;
	case GW_PROOF_CERTIFICATE:
		wolfSSL_CTX_set_verify(context,
				       WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				       on_verify);
		break;
	case _GW_PROOF_MAX: break;
	}
}

/* --- life --- */

struct session *session_free(struct session *s)
{
	if (!s)
		return NULL;

	wolfSSL_free(s->ssl);
	free(s);
	return NULL;
}

GW_DEFINE_CLEANUP(struct session *, session_free)

static int set_up(struct session *s, const struct session_setup *setup)
{
	uint16_t mtu = setup->mtu ? setup->mtu : MTU_MAX;

	mtu = GW_MAX(GW_MIN(mtu, MTU_MAX), MTU_MIN);
	wolfSSL_SetIOReadCtx(s->ssl, s);
	wolfSSL_SetIOWriteCtx(s->ssl, s);
	wolfSSL_SetCertCbCtx(s->ssl, s);
	wolfSSL_dtls_set_using_nonblock(s->ssl, 1);
	if (wolfSSL_dtls_set_peer(s->ssl, (void *)(uintptr_t)setup->address.data,
				  (unsigned)setup->address.len) != WOLFSSL_SUCCESS)
		return -EIO;
	if (wolfSSL_DTLS_SetCookieSecret(s->ssl, setup->cookie_secret, COOKIE_SECRET_LEN) != 0)
		return -EIO;
	return wolfSSL_dtls_set_mtu(s->ssl, mtu) == WOLFSSL_SUCCESS ? 0 : -EIO;
}

int session_new(const struct session_setup *setup, struct session **ret)
{
	_cleanup_(session_freep) struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;

	s->ops = setup->ops;
	s->userdata = setup->userdata;
	s->dates_matter = setup->dates_matter;
	s->context = setup->context;
	s->next_clear = setup->record_sequence;
	s->ssl = wolfSSL_new(setup->context);
	if (!s->ssl)
		return -ENOMEM;
	r = set_up(s, setup);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(s);
	return 0;
}

/* --- datagrams --- */

static enum session_state shake_hands(struct session *s)
{
	int r = wolfSSL_accept(s->ssl);

	/* The library keeps a peer's intermediates with the anchors, for all the peers to come. */
	(void)wolfSSL_CertManagerUnloadIntermediateCerts(wolfSSL_CTX_GetCertManager(s->context));
	if (r == WOLFSSL_SUCCESS) {
		wolfSSL_FreeArrays(s->ssl);
		return SESSION_OPEN;
	}

	switch (wolfSSL_get_error(s->ssl, r)) {
	case WOLFSSL_ERROR_WANT_READ:
	case WOLFSSL_ERROR_WANT_WRITE: return SESSION_HANDSHAKE;
	default: return SESSION_FAILED;
	}
}

static size_t count_records(struct gw_blob datagram)
{
	struct record record;
	size_t n = 0;

	while (record_next(&datagram, &record) == 0)
		n++;
	return n;
}

/* Asked once more than there is something to be had, the library would keep a buffer for a whole datagram
 * ready until the next one comes. */
static enum session_state read_all(struct session *s, size_t n_records)
{
	uint8_t plain[PLAIN_MAX];
	int n = 0;

	while (n_records-- > 0 && (n = wolfSSL_read(s->ssl, plain, sizeof(plain))) > 0)
		s->ops->deliver(s->userdata, (struct gw_blob){ plain, (size_t)n });
	if (n > 0)
		return SESSION_OPEN;

	switch (wolfSSL_get_error(s->ssl, n)) {
	case WOLFSSL_ERROR_WANT_READ:
	case WOLFSSL_ERROR_WANT_WRITE: return SESSION_OPEN;
	case WOLFSSL_ERROR_ZERO_RETURN: return SESSION_CLOSED;
	default: return SESSION_FAILED;
	}
}

void session_notice(struct session *s, struct gw_blob datagram)
{
	flight_notice(&s->flight, datagram);
}

enum session_state session_receive(struct session *s, struct gw_blob datagram)
{
	s->input = datagram;
	flight_answer(&s->flight, datagram);
	if (s->state == SESSION_HANDSHAKE)
		s->state = shake_hands(s);
	if (s->state == SESSION_OPEN)
		s->state = read_all(s, count_records(datagram));
	s->input = (struct gw_blob){ 0 };
	return s->state;
}

int session_send(struct session *s, struct gw_blob plain)
{
	if (s->state != SESSION_OPEN)
		return -ENOTCONN;
	if (plain.len > session_plain_max(s))
		return -EMSGSIZE;
	return wolfSSL_write(s->ssl, plain.data, (int)plain.len) > 0 ? 0 : -EIO;
}

void session_close(struct session *s)
{
	if (s->state == SESSION_OPEN || s->state == SESSION_CLOSED)
		(void)wolfSSL_shutdown(s->ssl);
	s->state = SESSION_CLOSED;
}

unsigned session_timeout_s(const struct session *s)
{
	return (unsigned)wolfSSL_dtls_get_current_timeout(s->ssl);
}

enum session_state session_retransmit(struct session *s)
{
	flight_on_timer(&s->flight);
	if (s->state == SESSION_HANDSHAKE && wolfSSL_dtls_got_timeout(s->ssl) != WOLFSSL_SUCCESS)
		s->state = SESSION_FAILED;
	return s->state;
}

/* --- facts --- */

const char *session_why(const struct session *s)
{
	const char *why = wolfSSL_ERR_reason_error_string(
		(unsigned long)wolfSSL_get_error(s->ssl, /* ret= */ 0));

	return why ? why : "";
}

const char *session_suite(const struct session *s)
{
	const char *name = wolfSSL_get_cipher(s->ssl);

	return name ? name : "";
}

const struct leaf *session_leaf(const struct session *s)
{
	return &s->leaf;
}

size_t session_binding(const struct session *s, uint8_t buf[SESSION_BINDING_MAX])
{
	size_t len = wolfSSL_get_peer_finished(s->ssl, buf, SESSION_BINDING_MAX);

	return len <= SESSION_BINDING_MAX ? len : 0;
}

uint16_t session_plain_max(const struct session *s)
{
	int max = wolfSSL_GetMaxOutputSize(s->ssl);

	return (uint16_t)(max > 0 ? GW_MIN(max, UINT16_MAX) : 0);
}
