/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two lists of anchors, kept apart: what devices' certificates must end in, and what ours does. Devices
 * are told both (crts). Our key lives in this process only; the next one is made while the present one
 * still serves, and takes its place once it is certified.
 *
 * When the registrar anchors change, another authority signs, or will: our certificate should be its own before
 * devices forget the last one. What was asked for by then may come from either, so it is asked for anew, by
 * another key: for the same one the cloud would repeat what it has said.
 */
#include "plugins/registrar/credentials.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/crypto.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "lib/x509.h"
#include "plugins/registrar/anchors.h"
#include "plugins/registrar/certificate.h"
#include "plugins/registrar/contexts.h"
#include "plugins/registrar/conversation.h"
#include "plugins/registrar/revocation.h"
#include "plugins/registrar/server-key.h"

struct credentials {
	struct contexts *contexts;
	struct conversation_facts *facts;
	struct anchors anchors[_GW_ANCHORS_MAX];
	struct gw_blob all[_GW_ANCHORS_MAX * ANCHORS_MAX];
	struct server_key *key;  /* certified */
	struct server_key *next; /* asked for */
	bool complete;
	bool outdated; /* the certificate, since the registrar anchors are others */
	struct certificate_hashes hashes; /* of the certificate that was checked last */
};

int credentials_new(struct contexts *contexts, struct conversation_facts *facts,
		    struct credentials **ret)
{
	struct credentials *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;

	c->contexts = contexts;
	c->facts = facts;
	*ret = c;
	return 0;
}

struct credentials *credentials_free(struct credentials *c)
{
	if (!c)
		return NULL;

	for (size_t i = 0; i < GW_ELEMENTS(c->anchors); i++)
		anchors_done(&c->anchors[i]);
	c->key = server_key_free(c->key);
	c->next = server_key_free(c->next);
	free(c);
	return NULL;
}

/* --- what follows from a change --- */

static void tell_facts(struct credentials *c)
{
	size_t n = 0;

	for (size_t i = 0; i < GW_ELEMENTS(c->anchors); i++) {
		for (size_t j = 0; j < c->anchors[i].n; j++) {
			struct gw_blob cert = c->anchors[i].certs[j];
			bool known = false;

			for (size_t k = 0; k < n && !known; k++)
				known = gw_blob_equal(c->all[k], cert);
			if (!known)
				c->all[n++] = cert;
		}
	}
	c->facts->anchors = c->all;
	c->facts->n_anchors = n;
}

/* Serves with what there is now. Without a key, a certificate or anchors there is nothing to serve. */
static int serve(struct credentials *c)
{
	const struct contexts_credential credential = {
		.key = c->key ? server_key_private(c->key) : (struct gw_blob){ 0 },
		.chain = c->key ? server_key_chain(c->key) : (struct gw_blob){ 0 },
		.servers = &c->anchors[GW_ANCHORS_REGISTRAR],
		.devices = &c->anchors[GW_ANCHORS_DEVICE],
	};
	int r;

	if (!c->key || c->anchors[GW_ANCHORS_DEVICE].n == 0) {
		contexts_withdraw_certificates(c->contexts);
		c->complete = false;
		return 0;
	}

	r = contexts_serve_certificates(c->contexts, &credential);
	if (r < 0)
		return r;
	c->complete = true;
	return 0;
}

/* --- what comes --- */

int credentials_take_anchors(struct credentials *c, unsigned purpose, int fd, bool *ret_ask)
{
	struct anchors before = c->anchors[purpose], fresh = { 0 };
	int r = anchors_read(&fresh, fd);

	if (r < 0)
		return r;

	c->anchors[purpose] = fresh;
	r = serve(c);
	if (r < 0) {
		c->anchors[purpose] = before;
		anchors_done(&fresh);
		return r;
	}
	*ret_ask = purpose == GW_ANCHORS_REGISTRAR && before.n > 0 &&
		   !anchors_equal(&before, &c->anchors[purpose]);
	if (*ret_ask) {
		c->outdated = true;
		c->next = server_key_free(c->next);
	}
	anchors_done(&before);
	tell_facts(c);
	return 0;
}

int credentials_take_certificate(struct credentials *c, const struct gw_msg_server_cert *msg,
				 uint64_t now_us, const char **ret_why)
{
	const struct anchors *anchors = &c->anchors[GW_ANCHORS_REGISTRAR];
	int r;

	if (!c->next) {
		*ret_why = "nobody asked for it";
		return 0;
	}
	r = server_key_take(c->next, msg, anchors->certs, anchors->n, now_us, ret_why);
	if (r < 0 || *ret_why)
		return r;

	server_key_free(c->key);
	c->key = TAKE_PTR(c->next);
	c->outdated = false;
	return serve(c);
}

int credentials_check(struct credentials *c, const struct gw_msg_check *check, struct gw_msg *ret,
		      const char **ret_why)
{
	const struct anchors *anchors = &c->anchors[GW_ANCHORS_DEVICE];

	return certificate_check(check, anchors->certs, anchors->n, &c->hashes, ret, ret_why);
}

int credentials_check_list(const struct credentials *c, const struct gw_msg_crl *question, int fd,
			   struct revocation_answer *ret)
{
	const struct anchors *anchors = &c->anchors[GW_ANCHORS_DEVICE];

	return revocation_answer(question, fd, anchors->certs, anchors->n, ret);
}

int credentials_issuers(const struct credentials *c, uint8_t *hashes, size_t *ret_len)
{
	const struct anchors *anchors = &c->anchors[GW_ANCHORS_DEVICE];
	struct gw_x509 x509;
	int r = 0;

	for (size_t i = 0; i < anchors->n && r >= 0; i++) {
		r = gw_x509_parse(anchors->certs[i], &x509);
		if (r >= 0)
			r = gw_sha256(x509.subject, hashes + i * GW_HASH_LEN);
	}
	*ret_len = anchors->n * GW_HASH_LEN;
	return r;
}

/* --- our certificate --- */

bool credentials_are_complete(const struct credentials *c)
{
	return c->complete;
}

uint64_t credentials_renew_us(const struct credentials *c)
{
	return c->key ? server_key_renew_us(c->key) : UINT64_MAX;
}

bool credentials_are_good(const struct credentials *c, uint64_t now_s)
{
	return c->key && server_key_is_good(c->key, now_s);
}

bool credentials_are_timely(const struct credentials *c, uint64_t now_s)
{
	return c->key && server_key_is_timely(c->key, now_s);
}

bool credentials_are_current(const struct credentials *c)
{
	return c->key && !c->outdated;
}

int credentials_question(struct credentials *c, struct gw_msg *ret)
{
	int r;

	if (!c->next) {
		r = server_key_new(&c->next);
		if (r < 0)
			return r;
	}
	server_key_question(c->next, ret);
	return 0;
}
