/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * body: the JSON bodies of dialect `gangway` v1 (doc/protocol/cloud.md), the cloud's half: reads
 * what gateways write, writes what the cloud answers and commands. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

struct command;
struct gw_blob;

#define BODY_MAX      65536 /* bytes of a body */
#define BODY_NAME_MAX 64    /* characters of an id */
#define BODY_CODE_MAX 64    /* characters of a reason */
#define BODY_HASH_LEN 64    /* hex digits */
#define BODY_HEX_MAX  40    /* hex digits of a serial number */
#define BODY_CSR_MAX  4096  /* bytes */
#define BODY_KEY_LEN  32    /* bytes of a box key */

enum request_kind {
	REQUEST_ENROLL,
	REQUEST_PROVED,
	REQUEST_REVOKED,
	REQUEST_SERVER_CERT,
	REQUEST_TIME,
	REQUEST_PROVISION,   /* sign the gateway's own CSR */
	REQUEST_PROVISIONED, /* it has connected with the certificate `serial` */
	REQUEST_SUSPENDED,
	REQUEST_RESUMED,
	REQUEST_RENEW,
	REQUEST_DECOMMISSIONED,
	REQUEST_ADOPT, /* a device has come with certificate `serial`, which the gateway does not know */
	REQUEST_RELINQUISHED, /* the gateway gives up its own certificate `serial` */
	_REQUEST_KIND_MAX,
};

struct body_bytes {
	size_t len;
	uint8_t data[BODY_CSR_MAX];
};

/* Members that a kind does not have are empty. */
struct request {
	enum request_kind kind;
	char id[BODY_NAME_MAX + 1];
	char device[BODY_NAME_MAX + 1];
	char tenant[BODY_NAME_MAX + 1];
	char claim[BODY_NAME_MAX + 1];
	char of[BODY_NAME_MAX + 1]; /* of REVOKED, where it has no serial */
	char reason[BODY_CODE_MAX + 1];
	char key[BODY_HASH_LEN + 1];
	char serial[BODY_HEX_MAX + 1];
	struct body_bytes csr;
};

/* A gateway's word on a command. */
struct answer {
	char id[BODY_NAME_MAX + 1];
	bool done;
	char reason[BODY_CODE_MAX + 1];
};

#define BODY_EVENTS_MAX 64  /* records of a batch */
#define BODY_TEXT_MAX   256 /* characters */

/* A record of a gateway's: what was decided there. */
struct event {
	uint64_t n, time;
	char event[BODY_NAME_MAX + 1];
	char device[BODY_NAME_MAX + 1];
	char who[BODY_NAME_MAX + 1];
	char reason[BODY_CODE_MAX + 1];
	char detail[BODY_TEXT_MAX + 1];
	char mac[BODY_HASH_LEN + 1];
};

/* Some of them, numbered from `first` on without a gap. */
struct events {
	char id[BODY_NAME_MAX + 1];
	uint64_t first;
	char before[BODY_HASH_LEN + 1]; /* MAC of the record before the first */
	char broken[BODY_CODE_MAX + 1]; /* why we do not have that one; empty: we do */
	size_t n_events;
	struct event events[BODY_EVENTS_MAX];
};

struct status {
	bool online;
	bool has_box_key;
	uint8_t box_key[BODY_KEY_LEN];
};

/* What was wrong with a body; static texts that hold no byte of it. */
struct body_error {
	const char *member, *why;
};

/* -EBADMSG, with the reason in ret_error. */
int body_read_request(struct gw_blob text, struct request *ret, struct body_error *ret_error);
int body_read_answer(struct gw_blob text, struct answer *ret, struct body_error *ret_error);
int body_read_events(struct gw_blob text, struct events *ret, struct body_error *ret_error);
int body_read_status(struct gw_blob text, struct status *ret, struct body_error *ret_error);

/* What certificates lead to, DER; the one that signs now stands first. */
struct body_anchors {
	const struct gw_blob *device, *registrar;
	size_t n;                     /* of each */
	const struct gw_blob *broker; /* not with every answer */
	size_t n_broker;
};

/* The answers, without their `time`; NULL: no memory. Free with free(). The anchors of body_issued() may be NULL: then
 * it has none. */
char *body_issued(const char *id, struct gw_blob certificate, const struct body_anchors *anchors);
/* To `adopt`: the certificate that the device has, and what it came by. */
char *body_adopted(const char *id, struct gw_blob certificate, const char *tenant,
		   const char *claim);
/* A gateway's own certificate, with the anchors that the broker is known by. */
char *body_issued_gateway(const char *id, struct gw_blob certificate, const struct gw_blob *anchors,
			  size_t n_anchors);
char *body_pending(const char *id, unsigned retry_after_s);
char *body_refused(const char *id, bool final, const char *reason, const char *text);
char *body_done(const char *id);

/* The answers to events: they name the last record that we hold. */
char *body_recorded(const char *id, uint64_t head, const char *mac);
char *body_not_recorded(const char *id, const char *reason, const char *text, uint64_t head,
			const char *mac);

/* The answer as it is sent at that time. */
char *body_stamp(const char *answer, uint64_t time);

/* What is sent with a command beside itself. */
struct body_more {
	const struct gw_blob *box;                /* of a claim: its sealed secret */
	const struct body_anchors *anchors;       /* of the one that tells them */
	const char (*devices)[BODY_NAME_MAX + 1]; /* that it is about as well */
	size_t n_devices;
};

/* A part of a revocation list. */
struct body_part {
	const char *digest;   /* of the whole, SHA-256 in hex */
	unsigned part, parts; /* from 1 on */
	struct gw_blob content;
};

char *body_command_part(const struct command *command, uint64_t seq, const struct body_part *part);

/* A command as it is sent with that number. */
char *body_command(const struct command *command, uint64_t seq, const struct body_more *more);

/* "enroll" */
const char *body_request_name(enum request_kind kind);
