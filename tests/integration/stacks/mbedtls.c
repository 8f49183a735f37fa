/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with Mbed TLS, for tests: one DTLS 1.2 handshake with a gateway on loopback, one request for
 * the directory. Prints the cipher suite and the bytes of the answer; ends with 1 if there is none.
 */
#include <getopt.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <mbedtls/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#define PATIENCE_MS 20000

struct wishes {
	const char *port, *identity, *secret, *authority, *certificate, *key;
	int suites[2]; /* ended by 0; none: the stack's own */
	int max_fragment, mtu;
	bool no_extended_master, no_encrypt_then_mac, rehandshake;
};

static struct device {
	mbedtls_net_context socket;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_timing_delay_context timer;
	mbedtls_x509_crt authority, certificate;
	mbedtls_pk_context key;
} device;

static void must(int r, const char *what)
{
	char why[160];

	if (r >= 0)
		return;
	mbedtls_strerror(r, why, sizeof(why));
	fprintf(stderr, "%s: -0x%x: %s\n", what, (unsigned)-r, why);
	exit(1);
}

static void init(struct device *d)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	must(psa_crypto_init(), "psa_crypto_init");
#endif
	mbedtls_net_init(&d->socket);
	mbedtls_ssl_init(&d->ssl);
	mbedtls_ssl_config_init(&d->config);
	mbedtls_entropy_init(&d->entropy);
	mbedtls_ctr_drbg_init(&d->random);
	mbedtls_x509_crt_init(&d->authority);
	mbedtls_x509_crt_init(&d->certificate);
	mbedtls_pk_init(&d->key);
	must(mbedtls_ctr_drbg_seed(&d->random, mbedtls_entropy_func, &d->entropy, NULL, 0), "seed");
}

static void done(struct device *d)
{
	mbedtls_ssl_free(&d->ssl);
	mbedtls_ssl_config_free(&d->config);
	mbedtls_net_free(&d->socket);
	mbedtls_x509_crt_free(&d->authority);
	mbedtls_x509_crt_free(&d->certificate);
	mbedtls_pk_free(&d->key);
	mbedtls_ctr_drbg_free(&d->random);
	mbedtls_entropy_free(&d->entropy);
}

static void load_certificates(struct device *d, const struct wishes *w)
{
	must(mbedtls_x509_crt_parse_file(&d->authority, w->authority), w->authority);
	must(mbedtls_x509_crt_parse_file(&d->certificate, w->certificate), w->certificate);
#if MBEDTLS_VERSION_MAJOR >= 3
	must(mbedtls_pk_parse_keyfile(&d->key, w->key, NULL, mbedtls_ctr_drbg_random, &d->random),
	     w->key);
#else
	must(mbedtls_pk_parse_keyfile(&d->key, w->key, NULL), w->key);
#endif
	mbedtls_ssl_conf_ca_chain(&d->config, &d->authority, NULL);
	must(mbedtls_ssl_conf_own_cert(&d->config, &d->certificate, &d->key), "certificate");
}

static void configure(struct device *d, const struct wishes *w)
{
	must(mbedtls_ssl_config_defaults(&d->config, MBEDTLS_SSL_IS_CLIENT,
					 MBEDTLS_SSL_TRANSPORT_DATAGRAM,
					 MBEDTLS_SSL_PRESET_DEFAULT),
	     "defaults");
	mbedtls_ssl_conf_rng(&d->config, mbedtls_ctr_drbg_random, &d->random);
	mbedtls_ssl_conf_read_timeout(&d->config, PATIENCE_MS);
	mbedtls_ssl_conf_renegotiation(&d->config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
	if (w->suites[0])
		mbedtls_ssl_conf_ciphersuites(&d->config, w->suites);
	if (w->max_fragment)
		must(mbedtls_ssl_conf_max_frag_len(&d->config, (unsigned char)w->max_fragment),
		     "maximum fragment length");
	if (w->no_extended_master)
		mbedtls_ssl_conf_extended_master_secret(&d->config, 0);
	if (w->no_encrypt_then_mac)
		mbedtls_ssl_conf_encrypt_then_mac(&d->config, 0);

	if (w->secret)
		must(mbedtls_ssl_conf_psk(&d->config, (const unsigned char *)w->secret,
					  strlen(w->secret), (const unsigned char *)w->identity,
					  strlen(w->identity)),
		     "secret");
	else
		load_certificates(d, w);
}

static int shake_hands(struct device *d)
{
	int r;

	do
		r = mbedtls_ssl_handshake(&d->ssl);
	while (r == MBEDTLS_ERR_SSL_WANT_READ || r == MBEDTLS_ERR_SSL_WANT_WRITE);
	return r;
}

static void connect_to(struct device *d, const struct wishes *w)
{
	must(mbedtls_net_connect(&d->socket, "127.0.0.1", w->port, MBEDTLS_NET_PROTO_UDP),
	     "connect");
	must(mbedtls_ssl_setup(&d->ssl, &d->config), "setup");
	must(mbedtls_ssl_set_hostname(&d->ssl, "gw-test"), "name");
	if (w->mtu)
		mbedtls_ssl_set_mtu(&d->ssl, (uint16_t)w->mtu);
	mbedtls_ssl_set_bio(&d->ssl, &d->socket, mbedtls_net_send, mbedtls_net_recv,
			    mbedtls_net_recv_timeout);
	mbedtls_ssl_set_timer_cb(&d->ssl, &d->timer, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
	must(shake_hands(d), "handshake");
	printf("%s\n", mbedtls_ssl_get_ciphersuite(&d->ssl));
}

static void ask(struct device *d)
{
	static const unsigned char question[] = "\x40\x01\x12\x34\xbb.well-known\x04"
						"core";
	unsigned char answer[2048];
	int n;

	must(mbedtls_ssl_write(&d->ssl, question, sizeof(question) - 1), "write");
	n = mbedtls_ssl_read(&d->ssl, answer, sizeof(answer));
	must(n, "read");
	(void)fwrite(answer, 1, (size_t)n, stdout);
	printf("\n");
}

static void read_options(int argc, char **argv, struct wishes *w)
{
	static const struct option options[] = {
		{ "identity", required_argument, NULL, 'i' },
		{ "secret", required_argument, NULL, 's' },
		{ "authority", required_argument, NULL, 'a' },
		{ "certificate", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "suite", required_argument, NULL, 'u' },
		{ "max-fragment", required_argument, NULL, 'f' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "no-extended-master", no_argument, NULL, 'x' },
		{ "no-encrypt-then-mac", no_argument, NULL, 'e' },
		{ "rehandshake", no_argument, NULL, 'r' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'i': w->identity = optarg; break;
		case 's': w->secret = optarg; break;
		case 'a': w->authority = optarg; break;
		case 'c': w->certificate = optarg; break;
		case 'k': w->key = optarg; break;
		case 'u': w->suites[0] = (int)strtol(optarg, NULL, 16); break;
		case 'f': w->max_fragment = atoi(optarg); break;
		case 'm': w->mtu = atoi(optarg); break;
		case 'x': w->no_extended_master = true; break;
		case 'e': w->no_encrypt_then_mac = true; break;
		case 'r': w->rehandshake = true; break;
		default: exit(2);
		}
	}
	w->port = argv[optind];
	if (!w->port || !((w->secret && w->identity) || (w->authority && w->certificate && w->key)))
		exit(2);
}

int main(int argc, char **argv)
{
	struct wishes wishes = { 0 };
	struct device *d = &device;

	read_options(argc, argv, &wishes);
	init(d);
	configure(d, &wishes);
	connect_to(d, &wishes);
	if (wishes.rehandshake)
		must(mbedtls_ssl_renegotiate(&d->ssl), "renegotiation");
	ask(d);
	must(mbedtls_ssl_close_notify(&d->ssl), "goodbye");
	done(d);
	return 0;
}
