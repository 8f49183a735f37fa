/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dialect: doc/protocol/cloud.md as tables. Bodies of MQTT messages (JSON) on one side, messages of
 * the link (lib/wire.h) on the other; pure, no I/O. What passes here fits the schemas and the
 * limits of the link, whoever wrote it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define DIALECT_BODY_MAX    65536 /* bytes of a body */
#define DIALECT_BOX_KEY_LEN 32    /* bytes of the key to which secrets are sealed */

enum dialect_topic {
	DIALECT_STATUS,
	DIALECT_REQUEST,  /* GW_MSG_REQUEST */
	DIALECT_RESPONSE, /* GW_MSG_ANSWER */
	DIALECT_COMMAND,  /* GW_MSG_COMMAND */
	DIALECT_ANSWER,   /* GW_MSG_COMMAND_ANSWER */
	DIALECT_EVENT,    /* GW_MSG_EVENTS, see dialect-events.h */
	_DIALECT_TOPIC_MAX,
};

/* Kinds of REQUEST beside the link's: about the gateway's own certificate, which is no agent's affair. */
#define DIALECT_PROVISION   0xf0 /* job, key, csr, and the serial of what is to be renewed */
#define DIALECT_PROVISIONED 0xf1 /* job, serial */

/* What was wrong with a body; static texts that never hold a byte of it. */
struct dialect_error {
	const char *kind, *member, *why;
};

/* A revocation list is too large for one body: so many make one command. */
#define DIALECT_PARTS_MAX 32
#define DIALECT_PART_MAX  45056 /* bytes; as base64, a body with it is within its limit */

struct dialect_part {
	uint32_t part, parts;   /* from 1 on */
	struct gw_blob digest;  /* SHA-256 of the whole: which list it is a part of */
	struct gw_blob content; /* empty: there is none */
};

/* A body that was read. The message's texts and blobs live in it; it is wiped when it goes. */
struct dialect_body {
	struct gw_msg msg;
	bool has_anchors;
	struct gw_blob anchors[_GW_ANCHORS_MAX]; /* by purpose */
	bool has_broker_anchors;
	struct gw_blob broker_anchors; /* for ourselves */
	struct dialect_part crl;       /* of the command of that kind */

	uint8_t *arena;
	size_t used, size;
};

struct dialect_status {
	const char *id; /* of the connection */
	bool online;
	const char *version;
	uint64_t since;
	struct gw_blob box_key; /* empty: left out */
};

/* Makes the JSON library wipe all memory that it gives back. Once, before anything else. */
void dialect_init(void);

/* "request" */
const char *dialect_topic_name(enum dialect_topic topic);

/* Writes a REQUEST or COMMAND_ANSWER; *ret_text is freed by the caller. -EINVAL, with the reason in
 * ret_error: the message cannot be said in this dialect. */
int dialect_write(const struct gw_msg *msg, char **ret_text, struct dialect_error *ret_error);

int dialect_write_status(const struct dialect_status *status, char **ret_text);

/* Reads a body of one of the topics that carry messages both ways. -EBADMSG, with the reason in
 * ret_error. */
int dialect_read(enum dialect_topic topic, struct gw_blob text, struct dialect_body *ret,
		 struct dialect_error *ret_error);

void dialect_body_done(struct dialect_body *body);

/* Reads the `id` of a status: which connection said it. -EBADMSG if there is none. */
int dialect_read_status_id(struct gw_blob text, char id[GW_ID_MAX + 1]);
