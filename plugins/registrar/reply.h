/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply: what a resource answers, whatever the protocol that carries it. Codes are CoAP's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct gw_blob;

#define REPLY_NO_FORMAT (-1)
#define REPLY_TEXT_MAX  320 /* a reason code and its sentence */

struct reply {
	uint8_t code;
	int format;         /* content format of the body, or REPLY_NO_FORMAT */
	uint32_t max_age_s; /* of a 5.03: ask again after it; else 0 */
	uint8_t *body;
	size_t len;
};

void reply_done(struct reply *reply);

/* Nothing but a code. */
void reply_code(struct reply *reply, uint8_t code);

/* A code and, for people, a text (RFC 7252 5.5.2); without it if there is no memory for it. */
void reply_text(struct reply *reply, uint8_t code, const char *text);

/* "too-many-keys: The device has tried ...": a code of lib/reason.h, known here or not. */
void reply_reason(struct reply *reply, uint8_t code, const char *reason);

/* 5.03: it goes on; ask again later. */
void reply_later(struct reply *reply, uint32_t max_age_s);

/* A body that is the reply's from here on. */
void reply_body(struct reply *reply, uint8_t code, int format, uint8_t *body, size_t len);

/* The same with a copy. -ENOMEM. */
int reply_copy(struct reply *reply, uint8_t code, int format, struct gw_blob body);
