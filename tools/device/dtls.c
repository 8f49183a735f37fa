/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wolfSSL client on a connected UDP socket that never blocks; whoever waits does it here, up to the
 * earlier of two times: when DTLS wants to send its flight again, and when the caller's
 * patience ends.
 *
 * The gateway proves itself by the secret, or by a certificate under the anchors that says it is a
 * registrar. Every device aboard has a certificate under the same anchors, so without that second
 * half any of them could play gateway to the others. The check is made in the verify callback, and
 * the session is refused if for whatever reason it was not made.
 */
#include "tools/device/dtls.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/der.h"
#include "lib/util.h"
#include "lib/x509.h"
#include "tools/device/certificate.h"
#include "tools/device/failure.h"
#include "tools/device/uri.h"
#include "tools/device/wait.h"

#define SECOND_US 1000000u

/* With loss a handshake takes its retransmissions, 1, 2, 4 and 8 s apart, and three round trips, of 5 s
 * each by satellite; after that a fresh start is better than more patience. */
#define HANDSHAKE_LIMIT_US (30 * (uint64_t)SECOND_US)

/* Bytes of a datagram that any way carries: 1,280 with the headers of IPv6 and UDP (RFC 7252 4.6). */
#define DATAGRAM_MAX 1232

/* A record's header in DTLS 1.2 (RFC 6347 4.1): what of it matters here is its end, the length. */
#define RECORD_HEADER_LEN 13

/* Forward secrecy first; the last one is CoAP's mandatory suite. */
#define PSK_SUITES "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256:PSK-AES128-CCM-8"
#define CERTIFICATE_SUITES \
	"ECDHE-ECDSA-AES128-CCM-8:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"

struct dtls {
	int fd;
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	const struct dtls_proof *proof; /* while the handshake lasts */
	bool gateway_is_proved;
	bool gateway_is_refused; /* for its certificate */
	bool is_open;
	int io_errno; /* what the last datagram ran into */
};

/* --- datagrams --- */

/* Whether its records end where it ends. One that is cut short is no error to wolfSSL but the beginning
 * of something longer, for which it waits. */
static bool is_whole(const uint8_t *datagram, size_t left)
{
	while (left >= RECORD_HEADER_LEN) {
		size_t len = RECORD_HEADER_LEN + (size_t)(datagram[11] << 8 | datagram[12]);

		if (len > left)
			return false;
		datagram += len;
		left -= len;
	}
	return left == 0;
}

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct dtls *d = userdata;
	ssize_t n = recv(d->fd, buf, (size_t)size, MSG_DONTWAIT);

	if (n >= 0 && !is_whole((const uint8_t *)buf, (size_t)n))
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (n >= 0)
		return (int)n;
	if (errno == EAGAIN || errno == EINTR)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	d->io_errno = errno;
	return WOLFSSL_CBIO_ERR_GENERAL;
}

/* A datagram that the network does not take is one that it lost: DTLS sends it again. */
static int on_send(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct dtls *d = userdata;
	ssize_t n = send(d->fd, buf, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return size;
	d->io_errno = errno;
	return WOLFSSL_CBIO_ERR_GENERAL;
}

/* --- proofs --- */

static unsigned on_secret(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_size,
			  unsigned char *key, unsigned key_size)
{
	struct dtls *d = wolfSSL_get_psk_callback_ctx(ssl);
	struct gw_blob secret = d->proof->secret;

	if (secret.len > key_size || gw_copy(identity, identity_size, d->proof->identity) < 0)
		return 0;

	memcpy(key, secret.data, secret.len);
	d->gateway_is_proved =
		true; /* it is, if the handshake ends: nobody else knows the secret */
	return (unsigned)secret.len;
}

static bool is_registrar(const WOLFSSL_BUFFER_INFO *certificate)
{
	struct gw_x509 x509;

	return gw_x509_parse((struct gw_blob){ certificate->buffer, certificate->length }, &x509) >=
		       0 &&
	       certificate_is_registrar(&x509);
}

/* Asked once for each certificate of the gateway's chain, with wolfSSL's own verdict. */
static int on_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	struct dtls *d = store->userCtx;

	if (is_good && store->error_depth > 0)
		return 1;

	d->gateway_is_proved = is_good && is_registrar(&store->certs[0]);
	d->gateway_is_refused = !d->gateway_is_proved;
	return d->gateway_is_proved;
}

static int use_secret(struct dtls *d)
{
	if (wolfSSL_CTX_set_cipher_list(d->ctx, PSK_SUITES) != WOLFSSL_SUCCESS)
		return -EIO;

	wolfSSL_CTX_set_psk_client_callback(d->ctx, on_secret);
	return 0;
}

static int load_anchors(struct dtls *d, struct gw_blob anchors)
{
	struct gw_der anchor;
	size_t n = 0;

	while (gw_der_next(&anchors, &anchor) == 0)
		n += wolfSSL_CTX_load_verify_buffer(d->ctx, anchor.whole.data,
						    (long)anchor.whole.len,
						    WOLFSSL_FILETYPE_ASN1) == WOLFSSL_SUCCESS;
	return n ? 0 : -EIO;
}

static int use_certificate(struct dtls *d, const struct dtls_proof *proof)
{
	if (wolfSSL_CTX_set_cipher_list(d->ctx, CERTIFICATE_SUITES) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_certificate_chain_buffer_format(
		    d->ctx, proof->chain.data, (long)proof->chain.len, WOLFSSL_FILETYPE_ASN1) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_buffer(d->ctx, proof->key.data, (long)proof->key.len,
					      WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS)
		return -EIO;

	wolfSSL_CTX_set_verify(d->ctx, WOLFSSL_VERIFY_PEER, on_certificate);
	return load_anchors(d, proof->anchors);
}

/* --- the handshake --- */

static int make_context(struct dtls *d, const struct dtls_proof *proof)
{
	d->ctx = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
	if (!d->ctx)
		return -EIO;

	if (wolfSSL_CTX_UseSupportedCurve(d->ctx, WOLFSSL_ECC_X25519) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_UseSupportedCurve(d->ctx, WOLFSSL_ECC_SECP256R1) != WOLFSSL_SUCCESS)
		return -EIO;
	wolfSSL_CTX_SetIORecv(d->ctx, on_receive);
	wolfSSL_CTX_SetIOSend(d->ctx, on_send);
	return proof->secret.len ? use_secret(d) : use_certificate(d, proof);
}

static int make_session(struct dtls *d)
{
	d->ssl = wolfSSL_new(d->ctx);
	if (!d->ssl)
		return -EIO;

	if (wolfSSL_dtls_set_mtu(d->ssl, DATAGRAM_MAX) != WOLFSSL_SUCCESS)
		return -EIO;

	wolfSSL_dtls_set_using_nonblock(d->ssl, 1);
	wolfSSL_SetIOReadCtx(d->ssl, d);
	wolfSSL_SetIOWriteCtx(d->ssl, d);
	wolfSSL_SetCertCbCtx(d->ssl, d);
	wolfSSL_set_psk_callback_ctx(d->ssl, d);
	return 0;
}

/* Alerts that a gateway sends (RFC 5246 7.2.2, RFC 4279 2), for people. */
static const struct {
	int code;
	const char *text;
} alerts[] = {
	{ 0, "goodbye" },
	{ 10, "unexpected message" },
	{ 40, "no suite in common" },
	{ 42, "bad certificate" },
	{ 44, "certificate revoked" },
	{ 45, "certificate expired" },
	{ 46, "certificate not accepted" },
	{ 48, "certificate of an unknown authority" },
	{ 49, "access denied" },
	{ 51, "wrong signature or key" },
	{ 70, "no protocol version in common" },
	{ 80, "internal error" },
	{ 115, "unknown identity" },
};

/* The alert that ended it, or NULL: it was not an alert. */
static const char *received_alert(struct dtls *d)
{
	WOLFSSL_ALERT_HISTORY history;

	if (wolfSSL_get_alert_history(d->ssl, &history) != WOLFSSL_SUCCESS ||
	    history.last_rx.code < 0)
		return NULL;
	for (size_t i = 0; i < GW_ELEMENTS(alerts); i++)
		if (alerts[i].code == history.last_rx.code)
			return alerts[i].text;
	return "an alert";
}

/* Turns what stopped wolfSSL into an errno and a sentence. */
static int explain(struct dtls *d, int error, struct failure *failure)
{
	const char *alert = received_alert(d);

	if (d->io_errno == ECONNREFUSED)
		return failure_set(failure, -ECONNREFUSED, "nothing listens there");
	if (d->io_errno)
		return failure_set(failure, -ECONNREFUSED, "no way leads there: %s",
				   strerror(d->io_errno));
	if (alert)
		return failure_set(failure, -ECONNRESET, "the gateway ended the session: %s",
				   alert);
	return failure_set(failure, -EPROTO, "%s",
			   wolfSSL_ERR_reason_error_string((unsigned long)error));
}

static int handshake_failed(struct dtls *d, int error, struct failure *failure)
{
	int r = explain(d, error, failure);

	if (r == -EPROTO && d->gateway_is_refused)
		return failure_prefix(failure, -EPERM,
				      "whoever answers is not the gateway that we know: ");
	return r;
}

static int shake_hands(struct dtls *d, uint64_t until_us, struct failure *failure)
{
	while (wolfSSL_connect(d->ssl) != WOLFSSL_SUCCESS) {
		int error = wolfSSL_get_error(d->ssl, 0);
		uint64_t resend_us;

		if (error != WOLFSSL_ERROR_WANT_READ && error != WOLFSSL_ERROR_WANT_WRITE)
			return handshake_failed(d, error, failure);

		resend_us = gw_now_monotonic_us() +
			    (uint64_t)wolfSSL_dtls_get_current_timeout(d->ssl) * SECOND_US;
		if (wait_readable(d->fd, GW_MIN(resend_us, until_us)))
			continue;
		if (gw_now_monotonic_us() >= until_us)
			return failure_set(failure, -ETIMEDOUT, "nobody answers");
		if (wolfSSL_dtls_got_timeout(d->ssl) != WOLFSSL_SUCCESS)
			return handshake_failed(d, wolfSSL_get_error(d->ssl, 0), failure);
	}

	if (!d->gateway_is_proved)
		return failure_set(failure, -EPERM, "the gateway has not proved who it is");
	d->is_open = true;
	return 0;
}

static int open_socket(struct dtls *d, const struct addrinfo *address, struct failure *failure)
{
	d->fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return failure_set(failure, -errno, "no socket: %s", strerror(errno));
	if (connect(d->fd, address->ai_addr, address->ai_addrlen) < 0)
		return failure_set(failure, -ECONNREFUSED, "no way leads there: %s",
				   strerror(errno));
	return 0;
}

static int connect_to(const struct addrinfo *address, const struct dtls_proof *proof,
		      uint64_t until_us, struct failure *failure, struct dtls **ret)
{
	struct dtls *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return failure_set(failure, -ENOMEM, "no memory");

	d->fd = -1;
	d->proof = proof;
	r = open_socket(d, address, failure);
	if (r >= 0 && (make_context(d, proof) < 0 || make_session(d) < 0))
		r = failure_set(failure, -EIO, "wolfSSL does not take our keys or certificates");
	if (r >= 0)
		r = shake_hands(d, until_us, failure);
	d->proof = NULL;
	if (r < 0) {
		(void)dtls_free(d);
		return r;
	}

	*ret = d;
	return 0;
}

/* A name may have several addresses: those where nobody listens are passed over. */
int dtls_connect(const struct uri *gateway, const struct dtls_proof *proof, uint64_t until_us,
		 struct failure *failure, struct dtls **ret)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
					       .ai_flags = AI_NUMERICSERV };
	struct addrinfo *addresses;
	int r = getaddrinfo(gateway->host, gateway->port, &hints, &addresses);

	if (r != 0)
		return failure_set(failure, -ECONNREFUSED, "%s: %s", gateway->host,
				   gai_strerror(r));

	until_us = GW_MIN(until_us, gw_now_monotonic_us() + HANDSHAKE_LIMIT_US);
	for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
		r = connect_to(a, proof, until_us, failure, ret);
		if (r != -ECONNREFUSED)
			break;
	}
	freeaddrinfo(addresses);
	return r;
}

struct dtls *dtls_free(struct dtls *dtls)
{
	if (!dtls)
		return NULL;

	if (dtls->is_open)
		(void)wolfSSL_shutdown(dtls->ssl);
	wolfSSL_free(dtls->ssl);
	wolfSSL_CTX_free(dtls->ctx);
	gw_closep(&dtls->fd);
	free(dtls);
	return NULL;
}

/* --- the session --- */

const char *dtls_suite(const struct dtls *dtls)
{
	return wolfSSL_get_cipher_name(dtls->ssl);
}

int dtls_send(struct dtls *dtls, struct gw_blob datagram, struct failure *failure)
{
	int n = wolfSSL_write(dtls->ssl, datagram.data, (int)datagram.len);

	if (n > 0)
		return 0;
	return explain(dtls, wolfSSL_get_error(dtls->ssl, n), failure);
}

/* What does not fit is no datagram that anybody may send us: it is dropped whole. */
static bool drop_rest(struct dtls *d, uint8_t *buf, size_t size)
{
	bool dropped = false;

	while (wolfSSL_pending(d->ssl) > 0 && wolfSSL_read(d->ssl, buf, (int)size) > 0)
		dropped = true;
	return dropped;
}

int dtls_receive(struct dtls *dtls, uint8_t *buf, size_t size, uint64_t until_us,
		 struct failure *failure, size_t *ret_len)
{
	for (;;) {
		int n = wolfSSL_read(dtls->ssl, buf, (int)size);
		int error = n > 0 ? 0 : wolfSSL_get_error(dtls->ssl, n);

		if (n > 0) {
			if ((size_t)n == size && drop_rest(dtls, buf, size))
				continue;
			*ret_len = (size_t)n;
			return 0;
		}
		if (error == WOLFSSL_ERROR_ZERO_RETURN)
			return failure_set(failure, -ECONNRESET, "the gateway ended the session");
		if (error != WOLFSSL_ERROR_WANT_READ)
			return explain(dtls, error, failure);
		if (!wait_readable(dtls->fd, until_us) && gw_now_monotonic_us() >= until_us)
			return failure_set(failure, -ETIMEDOUT, "nobody answers");
	}
}
