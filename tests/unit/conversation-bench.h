/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conversation-bench: a conversation between a peer and an agent that are both played by the test: what was sent
 * and asked is kept until the test looks at it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/coap.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/registrar/conversation.h"

#define QUEUE_MAX 64
#define SECOND    1000000u
#define PATIENCE  (10u * SECOND)
#define MOMENT    500000u

#define REQUEST_TAG 292

#define CORE   ".well-known/core"
#define CRTS   ".well-known/est/crts"
#define ATT    ".well-known/est/att"
#define SEN    ".well-known/est/sen"
#define SREN   ".well-known/est/sren"
#define ES     ".well-known/brski/es"
#define CONFIG ".well-known/gangway/config"

extern struct gw_blob csr, certificate, issuer;

struct bench {
	struct conversation *c;
	struct conversation_facts facts;
	uint64_t now_us;

	uint8_t sent[QUEUE_MAX][GW_COAP_MESSAGE_MAX];
	size_t sent_len[QUEUE_MAX], n_sent, n_seen;

	uint8_t asked[QUEUE_MAX][GW_CSR_MAX + 256];
	size_t asked_len[QUEUE_MAX], n_asked, n_heard;

	uint16_t next_id;
};

/* A request being put together. */
struct asking {
	struct gw_coap msg;
	uint8_t scratch[8][4];
	size_t n_scratch;
};

extern const struct conversation_ops bench_ops;

/* --- the two ends --- */

struct bench *bench_new(const struct conversation_peer *peer);
struct bench *bench_psk(void);
struct bench *bench_certificate(void);

/* Nothing was said that the test did not look at. */
void bench_free(struct bench *b);

/* Passes time, with a tick whenever one is due. */
void wait_until(struct bench *b, uint64_t now_us);

/* --- as the peer --- */

struct asking asking_for(struct bench *b, uint8_t method, const char *path);
struct asking asking_sen(struct bench *b);
void with(struct asking *a, uint16_t number, uint32_t value);
void with_block(struct asking *a, uint16_t number, uint32_t block, bool more, uint16_t size);
void say(struct bench *b, const struct gw_coap *msg);

struct gw_coap hear(struct bench *b);
/* A response to a request, in an acknowledgement. */
struct gw_coap hear_code(struct bench *b, uint8_t code);
void assert_nothing_said(struct bench *b);
uint32_t option(const struct gw_coap *msg, uint16_t number);
void assert_text(const struct gw_coap *msg, const char *text);
/* The certificates in a certs-only message must be these two. */
void assert_pkcs7(struct gw_blob body);

/* Sends a CSR in blocks; the last response is left to the caller. */
void send_blocks(struct bench *b, uint16_t size, struct gw_blob body);
/* Fetches the rest of a response of which the first block has come; returns the whole. */
size_t fetch_blocks(struct bench *b, uint8_t method, const char *path, struct gw_coap msg,
		    uint8_t *whole);

/* --- as the agent --- */

struct gw_msg heard(struct bench *b, enum gw_msg_type type);
uint32_t heard_enroll(struct bench *b);
void answer(struct bench *b, const struct gw_msg *msg);
void answer_issued(struct bench *b, uint32_t request);

/* --- material --- */

int bench_make_material(void **state);
int bench_remove_material(void **state);
