/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dialect-table: what every kind of body holds, for dialect-read.c and dialect-write.c alone. The
 * tables themselves are in dialect.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"
#include "plugins/mqtt/dialect.h"

struct json_t;

#define DIALECT_VERSION 1

#define DIALECT_INTEGER_MAX     ((1ull << 53) - 1) /* what every JSON reader holds exactly */
#define DIALECT_RETRY_AFTER_MAX 604800
#define DIALECT_RETRY_AFTER     300 /* of a refusal that is not final and does not say */
#define DIALECT_CHAIN_MAX       8   /* certificates between the device's and the anchor */
#define DIALECT_ANCHORS_MAX     16  /* of one purpose */
#define DIALECT_BOX_EXTRA       60  /* bytes that sealing adds to a secret */

enum dialect_type {
	DIALECT_NAME, /* an id */
	DIALECT_CODE, /* [a-z0-9-] */
	DIALECT_TEXT, /* a sentence; made printable ASCII for the link */
	DIALECT_U32,  /* min and max bound the value of numbers, the length of all others */
	DIALECT_U64,
	DIALECT_BOOL,
	DIALECT_FINAL, /* false turns a refusal into "later" */
	DIALECT_HEX,
	DIALECT_SERIAL, /* hex without leading zero octets */
	DIALECT_BASE64,
	DIALECT_BOX,     /* base64 of a sealed secret */
	DIALECT_CHAIN,   /* list of certificates, joined; max bounds the sum */
	DIALECT_ANCHORS, /* lists of certificates by purpose, into struct dialect_body */
	DIALECT_NAMES,   /* list of ids, as lines; max bounds their number, as of the next */
	DIALECT_SERIALS, /* list of serials, as lines of hex */
	_DIALECT_TYPE_MAX,
};

enum dialect_need {
	DIALECT_OPTIONAL,
	DIALECT_REQUIRED,
	DIALECT_EITHER, /* this one or one of those behind it (OR) in the table: just one of all */
	DIALECT_OR,
	_DIALECT_NEED_MAX,
};

struct dialect_member {
	const char *name;
	enum dialect_type type;
	enum dialect_need need;
	size_t offset; /* of the value in struct gw_msg; of what is only read, in struct dialect_body */
	uint64_t min, max;
};

struct dialect_kind {
	enum dialect_topic topic;
	const char *name;
	uint8_t value; /* of the message's own kind or outcome */
	const struct dialect_member *members;
	size_t n_members;
};

struct dialect_topic_rule {
	const char *name;
	enum gw_msg_type type;
	size_t id, value; /* offsets of the text that is `id`, the u8 that `kind` decides */
	const struct dialect_member *members; /* that every kind has besides v, kind, id */
	size_t n_members;
};

extern const struct dialect_topic_rule dialect_topics[_DIALECT_TOPIC_MAX];

/* Writes members into a JSON object; -EINVAL with the member and what is wrong with it. */
int dialect_write_members(const struct dialect_member *members, size_t n, const struct gw_msg *msg,
			  struct json_t *json, struct dialect_error *ret_error);

/* NULL: there is none. */
const struct dialect_kind *dialect_kind_by_name(enum dialect_topic topic, const char *name);
const struct dialect_kind *dialect_kind_by_value(enum dialect_topic topic, uint8_t value);

/* What is wrong with a value of this member, or NULL. */
const char *dialect_check_text(const struct dialect_member *member, const char *text);
const char *dialect_check_blob(const struct dialect_member *member, struct gw_blob blob);
