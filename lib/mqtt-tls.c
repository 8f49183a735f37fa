/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmosquitto takes an SSL_CTX of ours and makes the SSL itself, for the address that it connects
 * to. But we resolve names ourselves, so two things are put right here: the name in the
 * ClientHello, and the name that the broker's certificate must hold. The handshake's progress is
 * watched from here too, since the library does not tell it.
 *
 * Of time: a gateway without a clock battery boots in the past, and would refuse a broker whose
 * certificate seems to begin in the future; then it would never hear the time from the cloud. So while
 * time is not trusted a chain is judged as of the latest moment that has certainly passed: what had ended by
 * then is refused, what has not begun is not, and everything else counts as ever. Once the time is known the
 * chain is judged again (gw_mqtt_tls_is_current).
 */
#include "lib/mqtt-tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

#include "lib/util.h"
#include "lib/endpoint.h"

struct gw_mqtt_tls {
	SSL_CTX *ctx;
	struct gw_endpoint endpoint;
	SSL *ssl; /* libmosquitto's, from its first sign of life */
	bool up;
	const struct gw_mqtt_clock *clock;
	int64_t from_s, to_s; /* when all of the broker's chain is valid */
	const char *distrust;
};

static int64_t now_s(const struct gw_mqtt_clock *clock)
{
	uint64_t since_us = gw_now_boottime_us() - clock->told_us;

	return (int64_t)(clock->time_s + (clock->trusted ? since_us / 1000000 : 0));
}

/* The first moment at which we see the library's SSL: before the ClientHello is written. */
static void on_info(const SSL *ssl, int where, int ret)
{
	struct gw_mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (where & SSL_CB_HANDSHAKE_START && !tls->up) {
		tls->ssl = (SSL *)(uintptr_t)ssl;
		(void)SSL_set_tlsext_host_name(
			tls->ssl, tls->endpoint.is_address ? NULL : tls->endpoint.host);
		if (tls->clock)
			X509_VERIFY_PARAM_set_time(SSL_get0_param(tls->ssl), now_s(tls->clock));
	}
	if (where & SSL_CB_HANDSHAKE_DONE)
		tls->up = true;
}

static int64_t seconds(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

static void note_dates(struct gw_mqtt_tls *tls, const X509 *certificate)
{
	if (!certificate)
		return;
	tls->from_s = GW_MAX(tls->from_s, seconds(X509_get0_notBefore(certificate)));
	tls->to_s = GW_MIN(tls->to_s, seconds(X509_get0_notAfter(certificate)));
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct gw_mqtt_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int error = X509_STORE_CTX_get_error(store);

	note_dates(tls, X509_STORE_CTX_get_current_cert(store));
	if (ok)
		return 1;
	if (error == X509_V_ERR_CERT_NOT_YET_VALID && tls->clock && !tls->clock->trusted) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}

	tls->distrust = X509_verify_cert_error_string(error);
	return 0;
}

/* True if the peer's certificate must hold the endpoint's name from now on. */
static bool demand_name(SSL_CTX *ctx, const struct gw_endpoint *endpoint)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	if (endpoint->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(param, endpoint->host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, endpoint->host, 0) == 1;
}

int gw_mqtt_tls_new(SSL_CTX *ctx, const struct gw_endpoint *endpoint,
		    const struct gw_mqtt_clock *clock, struct gw_mqtt_tls **ret)
{
	struct gw_mqtt_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		SSL_CTX_free(ctx);
		return -ENOMEM;
	}
	tls->ctx = ctx;
	tls->endpoint = *endpoint;
	tls->clock = clock;
	tls->to_s = INT64_MAX;

	(void)SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT); /* secrets may come this way */
	SSL_CTX_set_app_data(ctx, tls);
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    !demand_name(ctx, endpoint)) {
		gw_mqtt_tls_free(tls);
		return -ENOMEM;
	}

	*ret = tls;
	return 0;
}

struct gw_mqtt_tls *gw_mqtt_tls_free(struct gw_mqtt_tls *tls)
{
	if (!tls)
		return NULL;

	SSL_CTX_free(tls->ctx);
	free(tls);
	return NULL;
}

SSL_CTX *gw_mqtt_tls_context(struct gw_mqtt_tls *tls)
{
	return tls->ctx;
}

bool gw_mqtt_tls_is_up(const struct gw_mqtt_tls *tls)
{
	return tls->up;
}

bool gw_mqtt_tls_wants_write(const struct gw_mqtt_tls *tls)
{
	return tls->ssl && !tls->up && SSL_want_write(tls->ssl);
}

bool gw_mqtt_tls_is_current(const struct gw_mqtt_tls *tls)
{
	int64_t now = tls->clock ? now_s(tls->clock) : 0;

	if (!tls->clock || !tls->up)
		return true;
	return now <= tls->to_s && (now >= tls->from_s || !tls->clock->trusted);
}

int gw_mqtt_tls_anchor(const struct gw_mqtt_tls *tls, uint8_t **ret, size_t *ret_len)
{
	STACK_OF(X509) *chain = tls->ssl && tls->up ? SSL_get0_verified_chain(tls->ssl) : NULL;
	X509 *anchor = chain ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
	_cleanup_free_ uint8_t *der = NULL;
	unsigned char *at;
	int len = anchor ? i2d_X509(anchor, NULL) : 0;

	if (len <= 0)
		return -ENOENT;
	at = der = malloc((size_t)len);
	if (!der || i2d_X509(anchor, &at) != len)
		return -ENOMEM;

	*ret = TAKE_PTR(der);
	*ret_len = (size_t)len;
	return 0;
}

const char *gw_mqtt_tls_distrust(const struct gw_mqtt_tls *tls)
{
	return tls->distrust;
}
