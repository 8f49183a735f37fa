/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client-hello: the first datagram of a handshake (RFC 5246 7.4.1.2, RFC 6347 4.2.1), taken apart
 * strictly: one record, one unfragmented message, every length exact. Pure; points into the datagram.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define CLIENT_RANDOM_LEN 32

struct client_hello {
	uint64_t record_sequence;
	uint16_t message_sequence;
	uint16_t version;
	const uint8_t *random; /* CLIENT_RANDOM_LEN bytes */
	struct gw_blob session_id;
	struct gw_blob cookie;
	struct gw_blob suites; /* pairs of bytes */
	struct gw_blob compression;
	struct gw_blob extensions; /* without their common length; may be empty */
};

/* Whether a datagram claims to begin a handshake: worth parsing even from a peer that we know. */
bool client_hello_is_one(struct gw_blob datagram);

/* -EBADMSG: it is not exactly one whole, unfragmented, well-formed ClientHello. */
int client_hello_parse(struct gw_blob datagram, struct client_hello *ret);

bool client_hello_offers_suite(const struct client_hello *hello, uint16_t suite);

/* By the extension supported_groups (RFC 8422 5.1.1); where it is not there, any group. */
bool client_hello_offers_group(const struct client_hello *hello, uint16_t group);

/* By the extension supported_versions (RFC 8446 4.2.1) if it is there, else by the version field. */
bool client_hello_offers_version(const struct client_hello *hello, uint16_t version);

/* The value of an extension; -ENOENT. */
int client_hello_extension(const struct client_hello *hello, uint16_t type, struct gw_blob *ret);
