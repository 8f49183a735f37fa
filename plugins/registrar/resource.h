/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resource: what can be asked of the registrar, as a table: where it is, who may, what it takes and
 * gives, and who answers: the registrar by itself, or the agent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct conversation_facts;
struct conversation_peer;
struct reply;

#define RESOURCE_PATH_MAX 128 /* bytes of a path */
#define RESOURCE_GIVES    2   /* content formats that a resource gives, at most */

/* When there is nothing to say how long something takes. */
#define RESOURCE_RETRY_AFTER_S 10

/* Who may ask. */
enum resource_peer {
	RESOURCE_BY_SECRET = 1 << 0,
	RESOURCE_BY_CERTIFICATE = 1 << 1,
	RESOURCE_BY_LEAVER = 1 << 2, /* who was decommissioned, by its old certificate */
	RESOURCE_BY_ANYBODY = RESOURCE_BY_SECRET | RESOURCE_BY_CERTIFICATE, /* who is served */
};

/* One request for a resource, its body whole, whatever the protocol that carried it. */
struct resource_call {
	const struct conversation_facts *facts;
	const struct conversation_peer *peer;
	struct gw_blob query; /* the first one, or empty */
	int format;           /* the content format that the peer wants, one that is given */
	struct gw_blob body;

	/* What a message to the agent points to lies here until it is sent. */
	uint8_t key[GW_HASH_LEN];
	char text[GW_TEXT_MAX + 1];
};

struct resource {
	const char *path; /* below /.well-known/ */
	uint8_t method;   /* GW_COAP_GET or GW_COAP_POST */
	unsigned who;     /* enum resource_peer, or-ed */
	int takes;        /* content format of the request's body */
	size_t body_max;  /* bytes of it, 0: takes none */
	int gives[RESOURCE_GIVES];
	size_t n_gives;
	const char *type; /* resource type (RFC 6690), NULL: not listed */
	bool needs_cloud; /* its answer comes from there, unless the agent remembers it */

	/* Answers (0), or says what to ask the agent (1); -errno: 5.00. Beside an answer there may be
	 * something to tell the agent: a REJECTED. */
	int (*begin)(struct resource_call *call, struct reply *reply, struct gw_msg *ret_msg);

	/* Turns the agent's answer, of this type, into ours. */
	enum gw_msg_type answer;
	int (*finish)(const struct resource_call *call, const struct gw_msg *answer,
		      struct reply *reply);
};

/* Finds what the segments of a path name; NULL: nothing. */
const struct resource *resource_find(const struct gw_blob *segments, size_t n_segments);

/* Whether it gives this content format; -1: any. *ret_format is the one to answer in. */
bool resource_gives(const struct resource *resource, int accept, int *ret_format);

/* The table, one by one; NULL behind its end. */
const struct resource *resource_at(size_t i);
