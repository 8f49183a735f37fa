/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coap: one CoAP message (RFC 7252 section 3) between bytes and struct, and the Block option
 * (RFC 7959). Pure: no state, no I/O. Used by the registrar and by the reference device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#define GW_COAP_TOKEN_MAX   8
#define GW_COAP_OPTIONS_MAX 32   /* options of one message */
#define GW_COAP_MESSAGE_MAX 1400 /* bytes of one message: fits a datagram, DTLS included */

enum gw_coap_type { GW_COAP_CON, GW_COAP_NON, GW_COAP_ACK, GW_COAP_RST };

#define GW_COAP_CODE(class, detail) ((class) << 5 | (detail))
#define GW_COAP_EMPTY               0
#define GW_COAP_GET                 1
#define GW_COAP_POST                2
#define GW_COAP_CREATED             GW_COAP_CODE(2, 1)
#define GW_COAP_CHANGED             GW_COAP_CODE(2, 4)
#define GW_COAP_CONTENT             GW_COAP_CODE(2, 5)
#define GW_COAP_CONTINUE            GW_COAP_CODE(2, 31)
#define GW_COAP_BAD_REQUEST         GW_COAP_CODE(4, 0)
#define GW_COAP_UNAUTHORIZED        GW_COAP_CODE(4, 1)
#define GW_COAP_BAD_OPTION          GW_COAP_CODE(4, 2)
#define GW_COAP_FORBIDDEN           GW_COAP_CODE(4, 3)
#define GW_COAP_NOT_FOUND           GW_COAP_CODE(4, 4)
#define GW_COAP_NOT_ALLOWED         GW_COAP_CODE(4, 5)
#define GW_COAP_NOT_ACCEPTABLE      GW_COAP_CODE(4, 6)
#define GW_COAP_INCOMPLETE          GW_COAP_CODE(4, 8)
#define GW_COAP_TOO_LARGE           GW_COAP_CODE(4, 13)
#define GW_COAP_BAD_FORMAT          GW_COAP_CODE(4, 15)
#define GW_COAP_INTERNAL            GW_COAP_CODE(5, 0)
#define GW_COAP_UNAVAILABLE         GW_COAP_CODE(5, 3)
#define GW_COAP_NO_PROXY            GW_COAP_CODE(5, 5)

enum {
	GW_COAP_IF_MATCH = 1,
	GW_COAP_URI_HOST = 3,
	GW_COAP_ETAG = 4,
	GW_COAP_OBSERVE = 6,
	GW_COAP_URI_PORT = 7,
	GW_COAP_URI_PATH = 11,
	GW_COAP_CONTENT_FORMAT = 12,
	GW_COAP_MAX_AGE = 14,
	GW_COAP_URI_QUERY = 15,
	GW_COAP_ACCEPT = 17,
	GW_COAP_BLOCK2 = 23,
	GW_COAP_BLOCK1 = 27,
	GW_COAP_SIZE2 = 28,
	GW_COAP_PROXY_URI = 35,
	GW_COAP_PROXY_SCHEME = 39,
	GW_COAP_SIZE1 = 60,
};

enum {
	GW_COAP_FORMAT_TEXT = 0,
	GW_COAP_FORMAT_LINK = 40,
	GW_COAP_FORMAT_JSON = 50,
	GW_COAP_FORMAT_PKCS7_CERTS = 281, /* application/pkcs7-mime;smime-type=certs-only */
	GW_COAP_FORMAT_CSRATTRS = 285,
	GW_COAP_FORMAT_PKCS10 = 286,
	GW_COAP_FORMAT_PKIX_CERT = 287,
};

struct gw_coap_option {
	uint16_t number;
	struct gw_blob value;
};

struct gw_coap {
	enum gw_coap_type type;
	uint8_t code;
	uint16_t id;
	uint8_t token[GW_COAP_TOKEN_MAX];
	size_t token_len;
	struct gw_coap_option options[GW_COAP_OPTIONS_MAX]; /* in rising order of number */
	size_t n_options;
	struct gw_blob payload;
};

/* Reads a message; options and payload point into buf. -EPROTO: no CoAP at all (shorter than a header,
 * another version): to be ignored in silence. -EBADMSG: format error or reserved code (RFC 7252 4.2: reset
 * a confirmable one). -E2BIG: more options than we take. After the last two *ret holds type, code, id
 * and token as far as they were read. */
int gw_coap_decode(const uint8_t *buf, size_t len, struct gw_coap *ret);

/* Writes a message. -EMSGSIZE: does not fit. Options must be in order (gw_coap_add keeps it). */
int gw_coap_encode(const struct gw_coap *msg, uint8_t *buf, size_t size, size_t *ret_len);

/* Adds an option behind those with a number not above its own; the value is borrowed. -E2BIG. */
int gw_coap_add(struct gw_coap *msg, uint16_t number, struct gw_blob value);

/* Adds an option that is an unsigned integer; `scratch` (4 bytes) holds its value as long as msg lives. */
int gw_coap_add_uint(struct gw_coap *msg, uint16_t number, uint32_t value, uint8_t scratch[4]);

/* The first option of that number, or NULL. */
const struct gw_coap_option *gw_coap_find(const struct gw_coap *msg, uint16_t number);

/* An option's value as an unsigned integer; -EBADMSG above 4 bytes. -ENOENT if it is not there. */
int gw_coap_find_uint(const struct gw_coap *msg, uint16_t number, uint32_t *ret);

/* Whether a receiver that does not know the option must refuse the message (odd numbers). */
static inline bool gw_coap_is_critical(uint16_t number)
{
	return number & 1;
}

/* A Block1 or Block2 option's value. */
struct gw_coap_block {
	uint32_t number; /* of the block, at most 2^20 - 1 */
	bool more;
	uint16_t size; /* bytes: 16, 32, .. 1024 */
};

/* -ENOENT: no such option, -EBADMSG: malformed (size exponent 7, more than 3 bytes). */
int gw_coap_find_block(const struct gw_coap *msg, uint16_t number, struct gw_coap_block *ret);

/* The value for gw_coap_add_uint(). */
uint32_t gw_coap_block_value(const struct gw_coap_block *block);
