/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contexts: how a handshake is to go, one wolfSSL context for each proof that a peer may give. Two, since
 * one that takes either lets a client in that gives neither.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire.h"

struct WOLFSSL_CTX;
struct anchors;
struct contexts;

int contexts_new(struct contexts **ret);
struct contexts *contexts_free(struct contexts *c);

/* Serves peers with a secret; `ccm8`: also by TLS_PSK_WITH_AES_128_CCM_8. */
int contexts_serve_psk(struct contexts *c, bool ccm8);

struct contexts_credential {
	struct gw_blob key;            /* of the server, DER */
	struct gw_blob chain;          /* of the server, its own first: DER one after the other */
	const struct anchors *servers; /* that its chain ends in */
	const struct anchors *devices; /* that those of the peers must end in */
};

/* Serves peers with a certificate. On an error what was served before is served on. -EBADMSG: key,
 * certificate and anchors do not fit or are no such things. */
int contexts_serve_certificates(struct contexts *c, const struct contexts_credential *credential);

/* Ends that. Sessions that are open stay. */
void contexts_withdraw_certificates(struct contexts *c);

/* The context for a proof, with a group for ECDHE in common or not; NULL if such peers are not served.
 * Valid until the next change. */
struct WOLFSSL_CTX *contexts_get(const struct contexts *c, enum gw_proof proof, bool shares_group);
