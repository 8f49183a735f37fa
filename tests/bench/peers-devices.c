/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many devices at one registrar, to see what each costs it:
 *
 *	peers-devices PORT COUNT half|open|asked SUITES IDENTITY SECRET-IN-HEX
 *	peers-devices PORT COUNT half|open|asked SUITES CERTIFICATE.pem KEY.pem
 *
 * half: the ClientHello with its cookie is sent and the answer is there, no more. open: the handshake is
 * done. asked: a request (for the trust anchors) was answered too. Prints "ready" once all are so far,
 * keeps them so until its standard input ends, and then is gone without a word to anybody.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/hex.h"

#define FLIGHTS_HALF 2 /* ClientHello, ClientHello with cookie */
#define PATIENCE_MS  20000

static const char *identity;
static uint8_t secret[64];
static size_t secret_len;

struct device {
	int fd;
	WOLFSSL *ssl;
	unsigned n_flights, flights_max; /* 0: as many as it takes */
};

static void die(const char *what)
{
	(void)fprintf(stderr, "peers-devices: %s\n", what);
	exit(1);
}

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct device *d = userdata;
	ssize_t n = recv(d->fd, buf, (size_t)size, MSG_DONTWAIT);

	return n >= 0 ? (int)n : WOLFSSL_CBIO_ERR_WANT_READ;
}

static int on_send(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct device *d = userdata;

	d->n_flights++;
	if (!d->flights_max || d->n_flights <= d->flights_max)
		(void)send(d->fd, buf, (size_t)size, 0);
	return size;
}

static unsigned on_secret(WOLFSSL *ssl, const char *hint, char *name, unsigned name_size,
			  unsigned char *key, unsigned key_size)
{
	(void)snprintf(name, name_size, "%s", identity);
	memcpy(key, secret, secret_len);
	return (unsigned)secret_len;
}

static int on_certificate(int is_good, WOLFSSL_X509_STORE_CTX *store)
{
	return 1; /* what the registrar shows is not what is measured here */
}

static WOLFSSL_CTX *make_context(char **proof, const char *suites)
{
	WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());

	if (!context || wolfSSL_CTX_set_cipher_list(context, suites) != WOLFSSL_SUCCESS)
		die("these suites cannot be had");
	wolfSSL_CTX_SetIORecv(context, on_receive);
	wolfSSL_CTX_SetIOSend(context, on_send);
	wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, on_certificate);
	(void)wolfSSL_CTX_set_group_messages(context);
	if (strstr(suites, "PSK")) {
		identity = proof[0];
		if (gw_hex_decode(proof[1], secret, sizeof(secret), &secret_len) < 0)
			die("the secret is not in hex");
		wolfSSL_CTX_set_psk_client_callback(context, on_secret);
	} else if (wolfSSL_CTX_use_certificate_file(context, proof[0], WOLFSSL_FILETYPE_PEM) !=
			   WOLFSSL_SUCCESS ||
		   wolfSSL_CTX_use_PrivateKey_file(context, proof[1], WOLFSSL_FILETYPE_PEM) !=
			   WOLFSSL_SUCCESS) {
		die("certificate and key cannot be used");
	}
	return context;
}

static void await_datagram(struct device *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		die("the registrar does not answer");
}

static void connect_to(struct device *d, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die(strerror(errno));
}

static void shake_hands(struct device *d, WOLFSSL_CTX *context)
{
	d->ssl = wolfSSL_new(context);
	if (!d->ssl)
		die("out of memory");
	wolfSSL_SetIOReadCtx(d->ssl, d);
	wolfSSL_SetIOWriteCtx(d->ssl, d);
	wolfSSL_dtls_set_using_nonblock(d->ssl, 1);
	while (wolfSSL_connect(d->ssl) != WOLFSSL_SUCCESS) {
		if (wolfSSL_get_error(d->ssl, 0) != WOLFSSL_ERROR_WANT_READ)
			die("the handshake failed");
		if (d->flights_max && d->n_flights > d->flights_max)
			return;
		await_datagram(d);
	}
}

/* GET /.well-known/est/crts, and its answer. */
static void ask(struct device *d)
{
	static const char request[] = "\x40\x01\x12\x34\xbb.well-known\x03"
				      "est\x04"
				      "crts";
	uint8_t answer[2048];

	if (wolfSSL_write(d->ssl, request, sizeof(request) - 1) <= 0)
		die("cannot ask");
	while (wolfSSL_read(d->ssl, answer, sizeof(answer)) <= 0)
		await_datagram(d);
	if (answer[1] != 0x45)
		die("another answer than 2.05");
}

int main(int argc, char **argv)
{
	struct device *devices;
	WOLFSSL_CTX *context;
	int n, c;

	if (argc != 7)
		die("wrong arguments: see the head of the source");
	n = atoi(argv[2]);
	context = make_context(argv + 5, argv[4]);
	devices = calloc((size_t)n, sizeof(*devices));
	if (!devices)
		die("out of memory");

	for (int i = 0; i < n; i++) {
		if (strcmp(argv[3], "half") == 0)
			devices[i].flights_max = FLIGHTS_HALF;
		connect_to(&devices[i], (uint16_t)atoi(argv[1]));
		shake_hands(&devices[i], context);
		if (strcmp(argv[3], "asked") == 0)
			ask(&devices[i]);
	}
	(void)puts("ready");
	(void)fflush(stdout);
	while ((c = getchar()) != EOF)
		;
	return 0;
}
