/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request: how each kind of request is answered, a file a kind, and what they share. Only desk.c
 * and these files know it. Facts come from the registry, verdicts from policy.c.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"
#include "lib/reason.h"

struct authority;
struct home;
struct order;
struct record;
struct registry;
struct request;

#define SIGNER_ANCHORS_MAX 2

/* An authority, and the certificates that gateways get as anchors, its own first. */
struct signer {
	struct authority *authority;
	unsigned number;                            /* of it (roll.h) */
	struct gw_blob anchors[SIGNER_ANCHORS_MAX]; /* DER, on the heap */
	size_t n_anchors;
};

struct desk {
	const struct home *home;
	struct registry *registry;
	struct signer device, registrar, gateway;
	uint64_t lifetime_s; /* of device certificates */
	uint64_t gateway_lifetime_s;
};

/* An answer under way. */
struct reply {
	char *body;       /* on the heap, without its time */
	bool is_final;    /* and so to be kept */
	const char *step; /* the durable step that was taken, or NULL */
};

int request_enroll(struct desk *desk, const char *gateway, const struct request *request,
		   struct reply *reply);
int request_proved(struct desk *desk, const char *gateway, const struct request *request,
		   struct reply *reply);
int request_renew(struct desk *desk, const char *gateway, const struct request *request,
		  struct reply *reply);
int request_adopt(struct desk *desk, const char *gateway, const struct request *request,
		  struct reply *reply);
int request_revoked(struct desk *desk, const char *gateway, const struct request *request,
		    struct reply *reply);
int request_suspended(struct desk *desk, const char *gateway, const struct request *request,
		      struct reply *reply);
int request_resumed(struct desk *desk, const char *gateway, const struct request *request,
		    struct reply *reply);
int request_decommissioned(struct desk *desk, const char *gateway, const struct request *request,
			   struct reply *reply);
int request_server_cert(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply);

/* A gateway renews; it has proved what it got; a box wants to become one by a claim. */
int request_provision(struct desk *desk, const char *gateway, const struct request *request,
		      struct reply *reply);
int request_provisioned(struct desk *desk, const char *gateway, const struct request *request,
			struct reply *reply);
int request_relinquished(struct desk *desk, const char *gateway, const struct request *request,
			 struct reply *reply);
int request_provision_by(struct desk *desk, const char *claim, const char *gateway,
			 const struct request *request, struct reply *reply);

/* Takes over the body; -ENOMEM if it is NULL. */
int request_say(struct reply *reply, char *body, bool is_final);

/* For good. text NULL: the reason's own. */
int request_refuse(struct reply *reply, const struct request *request, enum gw_reason why,
		   const char *text);

/* Reads the CSR; the facts of policy.h about it. */
enum gw_reason request_examine(const struct request *request, const char *name, X509_REQ **ret,
			       bool *ret_has_key, bool *ret_in_name);

/* Makes a certificate, and a record of it as a candidate. */
int request_issue(const struct signer *signer, const struct order *order,
		  const struct request *request, const char *gateway, struct record *ret_record,
		  uint8_t **ret_der, size_t *ret_len);

uint64_t request_now_s(void);
