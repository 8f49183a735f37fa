/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two handshakes of an onboarding with nothing around them: a client and a server of the same wolfSSL in one
 * process, with the suites that device and registrar prefer, and two queues in memory in place of a network. What it
 * prints is the floor under which no registrar on this machine can get.
 *
 *	handshakes N FOLDER
 *
 * FOLDER holds {server,device}.{crt,key} and {server,device}-ca.crt, PEM. Prints one line of JSON: the CPU time, in
 * microseconds, that each side took for one handshake of each kind, the mean of N.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "lib/util.h"

#define PSK_SUITE         "ECDHE-PSK-CHACHA20-POLY1305"
#define CERTIFICATE_SUITE "ECDHE-ECDSA-AES128-CCM-8"

#define DATAGRAM_MAX 1500
#define QUEUE_MAX    16
#define SECRET_LEN   16
#define COOKIE_LEN   32

struct queue {
	struct {
		unsigned char bytes[DATAGRAM_MAX];
		int len;
	} datagrams[QUEUE_MAX];
	size_t n_in, n_out;
};

struct side {
	WOLFSSL_CTX *ctx;
	WOLFSSL *ssl;
	struct queue in, *out;
	int (*shake)(WOLFSSL *ssl);
	uint64_t cpu_ns;
	bool is_done;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "handshakes: %s\n", what);
	exit(1);
}

/* --- the network --- */

static int on_send(WOLFSSL *ssl, char *buf, int len, void *userdata)
{
	struct queue *q = ((struct side *)userdata)->out;
	size_t slot = q->n_in % QUEUE_MAX;

	if (len > DATAGRAM_MAX || q->n_in - q->n_out == QUEUE_MAX)
		return WOLFSSL_CBIO_ERR_GENERAL;
	memcpy(q->datagrams[slot].bytes, buf, (size_t)len);
	q->datagrams[slot].len = len;
	q->n_in++;
	return len;
}

static int on_receive(WOLFSSL *ssl, char *buf, int size, void *userdata)
{
	struct queue *q = &((struct side *)userdata)->in;
	size_t slot = q->n_out % QUEUE_MAX;

	if (q->n_out == q->n_in)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	if (q->datagrams[slot].len > size)
		return WOLFSSL_CBIO_ERR_GENERAL;
	memcpy(buf, q->datagrams[slot].bytes, (size_t)q->datagrams[slot].len);
	q->n_out++;
	return q->datagrams[slot].len;
}

/* --- proofs --- */

static unsigned on_client_secret(WOLFSSL *ssl, const char *hint, char *identity, unsigned id_size,
				 unsigned char *key, unsigned key_size)
{
	(void)gw_copy(identity, id_size, "DEVICE-1");
	memset(key, 'k', SECRET_LEN);
	return SECRET_LEN;
}

static unsigned on_server_secret(WOLFSSL *ssl, const char *identity, unsigned char *key,
				 unsigned key_size)
{
	memset(key, 'k', SECRET_LEN);
	return SECRET_LEN;
}

static const char *path(const char *folder, const char *who, const char *what)
{
	static char text[4096];

	(void)snprintf(text, sizeof(text), "%s/%s%s", folder, who, what);
	return text;
}

static void use_certificates(WOLFSSL_CTX *ctx, const char *folder, const char *own,
			     const char *peer)
{
	if (wolfSSL_CTX_use_certificate_chain_file(ctx, path(folder, own, ".crt")) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_file(ctx, path(folder, own, ".key"), WOLFSSL_FILETYPE_PEM) !=
		    WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_load_verify_locations(ctx, path(folder, peer, "-ca.crt"), NULL) !=
		    WOLFSSL_SUCCESS)
		die("wolfSSL does not take the certificates");
	wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			       NULL);
}

static WOLFSSL_CTX *make_context(bool is_server, const char *folder)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(is_server ? wolfDTLSv1_2_server_method()
						     : wolfDTLSv1_2_client_method());

	if (!ctx || wolfSSL_CTX_set_cipher_list(ctx, folder ? CERTIFICATE_SUITE : PSK_SUITE) !=
			    WOLFSSL_SUCCESS)
		die("wolfSSL does not have the suites");
	wolfSSL_CTX_SetIOSend(ctx, on_send);
	wolfSSL_CTX_SetIORecv(ctx, on_receive);
	(void)wolfSSL_CTX_set_group_messages(ctx);
	if (!is_server && wolfSSL_CTX_UseSupportedCurve(ctx, WOLFSSL_ECC_X25519) != WOLFSSL_SUCCESS)
		die("wolfSSL does not have X25519");

	if (folder)
		use_certificates(ctx, folder, is_server ? "server" : "device",
				 is_server ? "device" : "server");
	else if (is_server)
		wolfSSL_CTX_set_psk_server_callback(ctx, on_server_secret);
	else
		wolfSSL_CTX_set_psk_client_callback(ctx, on_client_secret);
	return ctx;
}

/* --- handshakes --- */

static uint64_t cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void begin(struct side *side, struct side *other)
{
	static const unsigned char cookie_secret[COOKIE_LEN] = "secret";
	uint64_t start_ns = cpu_ns();

	side->is_done = false;
	side->out = &other->in;
	side->ssl = wolfSSL_new(side->ctx);
	if (!side->ssl)
		die("no memory");
	wolfSSL_dtls_set_using_nonblock(side->ssl, 1);
	wolfSSL_SetIOReadCtx(side->ssl, side);
	wolfSSL_SetIOWriteCtx(side->ssl, side);
	if (side->shake == wolfSSL_accept)
		(void)wolfSSL_DTLS_SetCookieSecret(side->ssl, cookie_secret, COOKIE_LEN);
	side->cpu_ns += cpu_ns() - start_ns;
}

static void go_on(struct side *side)
{
	uint64_t start_ns = cpu_ns();
	int r = side->shake(side->ssl), error;

	side->is_done = r == WOLFSSL_SUCCESS;
	error = side->is_done ? 0 : wolfSSL_get_error(side->ssl, r);
	if (error && error != WOLFSSL_ERROR_WANT_READ)
		die(wolfSSL_ERR_reason_error_string((unsigned long)error));
	side->cpu_ns += cpu_ns() - start_ns;
}

static void end(struct side *side)
{
	uint64_t start_ns = cpu_ns();

	wolfSSL_free(side->ssl);
	side->cpu_ns += cpu_ns() - start_ns;
}

static void shake_hands(struct side *client, struct side *server)
{
	begin(client, server);
	begin(server, client);
	for (int turns = 0; !client->is_done || !server->is_done; turns++) {
		if (turns == 100)
			die("the handshake does not come to an end");
		if (!client->is_done)
			go_on(client);
		if (!server->is_done)
			go_on(server);
	}
	end(client);
	end(server);
}

/* One kind of handshake n times: CPU of each side for one, in microseconds. */
static void run(const char *folder, unsigned n, double *ret_client_us, double *ret_server_us)
{
	static struct side client, server;

	client = (struct side){ .ctx = make_context(false, folder), .shake = wolfSSL_connect };
	server = (struct side){ .ctx = make_context(true, folder), .shake = wolfSSL_accept };
	for (unsigned i = 0; i < n; i++)
		shake_hands(&client, &server);
	*ret_client_us = (double)client.cpu_ns / 1000 / n;
	*ret_server_us = (double)server.cpu_ns / 1000 / n;
	wolfSSL_CTX_free(client.ctx);
	wolfSSL_CTX_free(server.ctx);
}

int main(int argc, char **argv)
{
	double psk_client, psk_server, client, server;
	uint64_t n;

	if (argc != 3 || gw_parse_u64(argv[1], 1, 1000000, &n) < 0)
		die("usage: handshakes N FOLDER");
	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		die("wolfSSL does not start");

	run(/* folder= */ NULL, (unsigned)n, &psk_client, &psk_server);
	run(argv[2], (unsigned)n, &client, &server);
	(void)printf("{\"psk\": {\"client\": %.1f, \"server\": %.1f}, "
		     "\"certificate\": {\"client\": %.1f, \"server\": %.1f}}\n",
		     psk_client, psk_server, client, server);
	(void)wolfSSL_Cleanup();
	return 0;
}
