/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * credentials: what certificates the registrar trusts and which one it shows: anchors from the agent,
 * its own key, and the certificate for that from the cloud.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contexts;
struct conversation_facts;
struct credentials;
struct gw_msg;
struct gw_msg_check;
struct gw_msg_crl;
struct gw_msg_server_cert;
struct revocation_answer;

/* Keeps the certificate context of `contexts` and the anchors of `facts` up to date; both borrowed. */
int credentials_new(struct contexts *contexts, struct conversation_facts *facts,
		    struct credentials **ret);
struct credentials *credentials_free(struct credentials *c);

/* Takes a list of anchors (enum gw_anchors_purpose). Errors as anchors_read(); the old list stays. *ret_ask:
 * our certificate is to be asked for anew. */
int credentials_take_anchors(struct credentials *c, unsigned purpose, int fd, bool *ret_ask);

/* Takes the certificate that was asked for. *ret_why is NULL, or says for people what is wrong. */
int credentials_take_certificate(struct credentials *c, const struct gw_msg_server_cert *msg,
				 uint64_t now_us, const char **ret_why);

/* Answers CHECK; what ret holds lives until the next call. */
int credentials_check(struct credentials *c, const struct gw_msg_check *check, struct gw_msg *ret,
		      const char **ret_why);

/* Answers CRL, by the device anchors: see revocation_answer(). */
int credentials_check_list(const struct credentials *c, const struct gw_msg_crl *question, int fd,
			   struct revocation_answer *ret);

/* What ISSUERS tells of the device anchors; room for GW_ISSUERS_MAX hashes. */
int credentials_issuers(const struct credentials *c, uint8_t *hashes, size_t *ret_len);

/* Whether devices with certificates are served. */
bool credentials_are_complete(const struct credentials *c);

/* Whether there is a certificate of our own, asked for under the anchors that hold now. */
bool credentials_are_current(const struct credentials *c);

/* The question for the next one, SERVER_CSR, with a key made for it unless it was asked before. */
int credentials_question(struct credentials *c, struct gw_msg *ret);

/* Whether our certificate is good at that time. */
bool credentials_are_good(const struct credentials *c, uint64_t now_s);

/* The same, and not to be renewed yet. */
bool credentials_are_timely(const struct credentials *c, uint64_t now_s);

/* When to ask for the next one; UINT64_MAX: not yet known. */
uint64_t credentials_renew_us(const struct credentials *c);
