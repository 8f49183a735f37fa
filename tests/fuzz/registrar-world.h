/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registrar-world: a whole registrar with an agent that keeps accounts: what it is told has to fit the
 * link and to come in turn, and every session that it hears of has to end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/blob.h"
#include "lib/wire.h"

struct mini_ca;

#define WORLD_DEVICE "ACME-1"
#define WORLD_SECRET "fuzz only secret"

/* How the agent answers. */
enum world_word {
	WORLD_YES,     /* the secret, "come in", the certificate */
	WORLD_NO,      /* no secret, "go away", "never" */
	WORLD_LATER,   /* another secret, "come in", "ask again" */
	WORLD_SILENCE, /* the question is forgotten */
	_WORLD_WORD_MAX,
};

struct world_setup {
	const char *settings;     /* of the registrar */
	uint16_t mtu;             /* of its channels */
	const struct mini_ca *ca; /* serves certificates too; NULL: it does not */
	bool nobody_proves;       /* whoever is reported as a peer is a bug */

	/* A datagram of the registrar's. */
	void (*sent)(const struct sockaddr *to, struct gw_blob datagram);
};

void world_begin(const struct world_setup *setup);

/* Lets all sessions run out, checks the accounts, and frees everything. */
void world_end(void);

/* Answers the oldest question; false if there is none. */
bool world_answer(enum world_word word);

/* The agent says this, whatever it is; one that breaks the link ends with a new one. */
void world_tell(const struct gw_msg *msg);

/* The same, as bytes; those that are no message are dropped, as the link does. */
void world_tell_bytes(struct gw_blob bytes);

/* The cloud comes or goes. */
void world_set_cloud(bool online);

/* The agent goes, and comes back. */
void world_lose_agent(void);
