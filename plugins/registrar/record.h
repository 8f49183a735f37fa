/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record: the clear part of DTLS 1.2 (RFC 6347 4.1, 4.2.2): records in a datagram, handshake messages
 * and their fragments in a record. Pure; what it yields points into the bytes it was given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define DTLS_1_0 0xfeff /* of records sent before a version is agreed on */
#define DTLS_1_2 0xfefd

#define RECORD_HEADER_LEN    13
#define HANDSHAKE_HEADER_LEN 12
#define RECORD_ALERT_LEN     (RECORD_HEADER_LEN + 2)

enum record_type {
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_APPLICATION_DATA = 23,
};

enum handshake_type {
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
	HANDSHAKE_CERTIFICATE = 11,
	HANDSHAKE_CERTIFICATE_VERIFY = 15,
	HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
};

#define ALERT_FATAL             2
#define ALERT_HANDSHAKE_FAILURE 40

struct record {
	uint8_t type; /* enum record_type */
	uint16_t version;
	uint16_t epoch;
	uint64_t sequence; /* 48 bits */
	struct gw_blob fragment;
};

/* One fragment of a handshake message; the whole message if it is as long as `len`. */
struct handshake {
	uint8_t type;
	uint32_t len; /* of the message without its header */
	uint16_t sequence;
	uint32_t offset;
	struct gw_blob fragment;
};

/* Takes the first record off the datagram, or the first fragment off a handshake record. -EBADMSG. */
int record_next(struct gw_blob *datagram, struct record *ret);
int handshake_next(struct gw_blob *record, struct handshake *ret);

/* Whether a datagram is nothing but whole records that a session may be fed: known types, DTLS 1.2 (or
 * 1.0 in clear), the epochs 0 and 1, and long enough to be encrypted if they are. */
bool record_datagram_is_whole(struct gw_blob datagram);

/* The first record; all zero if there is none. */
struct record record_first(struct gw_blob datagram);

/* Gives the records of epoch 0 the numbers from *next on. */
void record_renumber_clear(uint8_t *data, size_t len, uint64_t *next);

bool record_datagram_has(struct gw_blob datagram, enum record_type type);

/* A fatal alert in clear. */
void record_alert(uint64_t sequence, uint8_t description, uint8_t ret[RECORD_ALERT_LEN]);
