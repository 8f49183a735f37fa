/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conversation: all that is said with one authenticated peer in CoAP, without I/O and without a clock
 * of its own: decrypted datagrams and the agent's answers in, datagrams and requests to the agent out.
 * Message layer (RFC 7252 4: acknowledgement, retransmission, deduplication, separate responses), Block1
 * and Block2 (RFC 7959), and the resources of resource.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct conversation;
struct gw_msg;

#define CONVERSATION_BINDING_MAX 64 /* bytes of a channel binding */

/*
 * Bytes that one conversation holds at most, whatever its peer begins and never ends: 4 bodies coming in of
 * 4 KiB, 16 answers to be repeated of 1.4 KiB, 4 answers of which further blocks may be asked for, and
 * itself. The last are the peer's own certificate with its issuers: 2 KiB in practice, 32 KiB by
 * the limits of the link.
 */
#define CONVERSATION_MEMORY_MAX (180 * 1024)

struct conversation_ops {
	/* A datagram for the peer, to be encrypted. */
	void (*send)(void *userdata, struct gw_blob datagram);

	/* What this peer asks of the agent (ENROLL, SETTINGS_QUERY, REPORT, WIPED), or what was refused to it
	 * (REJECTED, no answer), with session left 0. */
	void (*ask)(void *userdata, const struct gw_msg *msg);
};

/* What all conversations of the registrar share; owned by the caller. */
struct conversation_facts {
	struct gw_blob *anchors; /* DER certificates for crts */
	size_t n_anchors;
	bool cloud_online; /* false: answer 5.03 at once instead of waiting for the cloud */
};

struct conversation_peer {
	const char *device;  /* as the agent's verdict named it */
	bool by_certificate; /* false: PSK */
	bool waits;          /* nothing is served now: every request is answered "later" */
	bool for_notice;     /* it was decommissioned, and is told so: nothing else */

	/* tls-unique (RFC 5929), which a signing request may repeat; empty: not known. */
	struct gw_blob binding;

	/* Bytes of plain text that a datagram to the peer holds; 0: GW_COAP_MESSAGE_MAX. */
	uint16_t datagram_max;
};

/* `peer` is copied, `facts` is borrowed for the conversation's life. */
int conversation_new(const struct conversation_ops *ops, void *userdata,
		     const struct conversation_facts *facts, const struct conversation_peer *peer,
		     struct conversation **ret);
struct conversation *conversation_free(struct conversation *c);

/* A decrypted datagram came. Garbage is answered as RFC 7252 says and never an error of ours. */
void conversation_receive(struct conversation *c, struct gw_blob datagram, uint64_t now_us);

/* The agent answered: ENROLLED, SETTINGS, REPORTED. An answer nobody waits for is dropped. */
void conversation_answer(struct conversation *c, const struct gw_msg *msg, uint64_t now_us);

/* Does what is due (retransmission, empty ACK after 0.5 s, 5.03 after 10 s). */
void conversation_tick(struct conversation *c, uint64_t now_us);

/* When to tick next (monotonic, microseconds); UINT64_MAX: never. */
uint64_t conversation_due(const struct conversation *c);

/* Nothing is under way: no request unanswered, no answer unacknowledged. */
bool conversation_is_idle(const struct conversation *c);

/* From when on the peer has what it came for: an answer of the agent's, and nothing left to miss (exchange.h).
 * UINT64_MAX: not yet. */
uint64_t conversation_settled_us(const struct conversation *c);
