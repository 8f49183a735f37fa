/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session: one peer's wolfSSL object. Encrypted datagrams in and out, plain ones in and out, and who
 * the peer proved to be; no I/O and no clock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define SESSION_BINDING_MAX 16 /* bytes of tls-unique */

struct WOLFSSL_CTX;
struct leaf;
struct session;

enum session_state {
	SESSION_HANDSHAKE,
	SESSION_OPEN,
	SESSION_CLOSED, /* by the peer */
	SESSION_FAILED,
	_SESSION_STATE_MAX,
};

struct session_ops {
	/* An encrypted datagram for the peer. */
	void (*transmit)(void *userdata, struct gw_blob datagram);

	/* The key of a PSK identity: writes it, returns its length; 0 ends the handshake. */
	size_t (*key)(void *userdata, const char *identity, uint8_t *key, size_t size);

	/* What the peer said. */
	void (*deliver)(void *userdata, struct gw_blob plain);
};

struct session_setup {
	const struct session_ops *ops;
	void *userdata;
	struct WOLFSSL_CTX *context;
	struct gw_blob address;       /* the peer's, as its cookie was made of it */
	const uint8_t *cookie_secret; /* that its cookie was made with */
	uint64_t record_sequence;     /* of the ClientHello's record */
	uint16_t mtu;                 /* bytes of a datagram to it, 0 = do not care */
	bool dates_matter;            /* the clock can be trusted */
};

/* Gives a context the callbacks that sessions need. */
void session_prepare(struct WOLFSSL_CTX *context, enum gw_proof proof);

int session_new(const struct session_setup *setup, struct session **ret);
struct session *session_free(struct session *s);

/* Takes in a datagram, which must be whole (record.h), and goes as far as it leads. */
enum session_state session_receive(struct session *s, struct gw_blob datagram);

/* A datagram came that has to wait before it is taken in: the peer has gone on, though. */
void session_notice(struct session *s, struct gw_blob datagram);

/* -EMSGSIZE: does not fit a datagram. */
int session_send(struct session *s, struct gw_blob plain);

/* Says goodbye, if there is somebody to say it to. */
void session_close(struct session *s);

/* Seconds after which the last flight is to be repeated, and the repetition. */
unsigned session_timeout_s(const struct session *s);
enum session_state session_retransmit(struct session *s);

/* What went wrong in one that failed, for people. */
const char *session_why(const struct session *s);

/* --- once it is open --- */

/* Cipher suite, for people. */
const char *session_suite(const struct session *s);

/* The peer's certificate; not verified with PSK. */
const struct leaf *session_leaf(const struct session *s);

/* tls-unique (RFC 5929); returns its length, 0 if there is none. */
size_t session_binding(const struct session *s, uint8_t buf[SESSION_BINDING_MAX]);

/* Bytes of plain text that fit a datagram. */
uint16_t session_plain_max(const struct session *s);
