/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * account: what the agent was told of one session, and what it is owed: a session for which a secret was
 * asked ends in PEER or FAILED, one that was reported by PEER ends in SESSION_END.
 */
#pragma once

#include <stdint.h>

#include "lib/reason.h"
#include "lib/wire.h"

struct leaf;
struct path;

enum account_state {
	ACCOUNT_EMPTY,
	ACCOUNT_ASKED,    /* for a secret */
	ACCOUNT_REPORTED, /* as a peer */
	ACCOUNT_CLOSED,
	_ACCOUNT_STATE_MAX,
};

struct account {
	void (*tell)(void *userdata, const struct gw_msg *msg);
	void *userdata;
	enum account_state state;
	uint64_t session;
	uint32_t channel;
	char address[GW_ADDRESS_MAX + 1];
};

void account_init(struct account *a, uint64_t session, const struct path *path,
		  void (*tell)(void *userdata, const struct gw_msg *msg), void *userdata);

/* Asks for the secret of an identity. */
void account_ask(struct account *a, const char *identity);

/* Reports who proved himself: by secret if there is no leaf. */
void account_report(struct account *a, const char *identity, const char *suite,
		    const struct leaf *leaf);

/* Passes a request of the session's on, in its name. */
void account_pass(struct account *a, const struct gw_msg *request);

/* Pays what is owed. */
void account_close(struct account *a, enum gw_reason reason);

/* The agent has ended the session, or is gone: it wants to hear no more. */
void account_cancel(struct account *a);
