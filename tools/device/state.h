/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state: the device's folder, and all that it remembers:
 *
 *	candidate.pem	the key on its way aboard, then with the certificate for it; mode 0600
 *	credential.pem	the key and the certificate that have proved themselves; mode 0600
 *	anchors.pem	what the gateway's certificate is checked against
 *	settings.json	what the gateway said last: the cloud to talk to, when to renew
 *
 * Each write is on disk when its function returns, and a crash leaves the old contents or the new.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"
#include "tools/device/credential.h"

struct failure;
struct plan_facts;

struct state {
	int dir_fd;
	char *path; /* of the folder, for messages */
	struct credential candidate, credential;
	uint8_t *anchors; /* DER, one behind the other */
	size_t anchors_len;
};

extern const char *const state_steps[];
extern const size_t state_n_steps;

/* Opens the folder, makes it if need be, keeps others out of it, and reads what lies there. */
int state_open(const char *path, struct failure *failure, struct state **ret);
struct state *state_free(struct state *state);

/* Tells the plan what lies here. */
void state_describe(const struct state *state, struct plan_facts *ret);

/* A new key, for which there is no certificate yet. */
int state_store_key(struct state *state, struct gw_blob key, struct failure *failure);

int state_store_anchors(struct state *state, struct gw_blob anchors, struct failure *failure);

/* The certificate for the candidate's key, and its issuers. */
int state_store_certificate(struct state *state, struct gw_blob chain, struct failure *failure);

/* The candidate has proved itself: it takes the credential's place. */
int state_promote(struct state *state, struct failure *failure);

int state_store_settings(struct state *state, struct gw_blob settings, struct failure *failure);

/* Gives up what was on its way. */
int state_drop_candidate(struct state *state, struct failure *failure);

/* The owner has let the device go: everything in the folder is overwritten and removed. Done again after a crash,
 * it ends the same way. */
int state_wipe(struct state *state, struct failure *failure);
