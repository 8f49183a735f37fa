/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wallet: what the gateway has to show the broker, and the care of it: gets a certificate of its own by a claim,
 * renews it, proves each before it counts. Decisions are identity.h's, what is on disk is slots.h's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blob.h"

#include "lib/wire.h"

struct credential_facts;
struct dialect_body;
struct sd_event;
struct ssl_ctx_st;
struct wallet;

struct wallet_config {
	const char *gateway;
	const char *given; /* the folder of credentials */
	const char *state; /* the folder to keep our own in; NULL: there is none */
	unsigned renew_percent;
	uint64_t retry_first_us, retry_max_us;
};

/* Called from the loop. */
struct wallet_ops {
	/* On the topic for requests of the connection that is up. */
	int (*publish)(const char *body, void *userdata);
	/* What the connection's broker was verified with, as gw_mqtt_anchor(); -ENOTCONN. */
	int (*anchor)(uint8_t **ret, size_t *ret_len, void *userdata);
	void (*reconnect)(void *userdata);
	void (*changed)(void *userdata);                    /* the facts */
	void (*forgotten)(const char *job, void *userdata); /* wallet_relinquish() is done */
};

struct wallet_facts {
	enum gw_credential_source source;
	bool is_up;                                /* connected with it */
	const struct credential_facts *credential; /* of what we connect with */
	uint64_t renew_at_s;                       /* seconds since the epoch, 0: not at all */
	uint64_t retry_at_s; /* when the next try to get a certificate is, 0: none is due */
	const char *trouble; /* what went wrong with the last; empty: nothing */
	const char *folder;  /* why nothing can be kept, as keyring_check(); empty: it can */
};

int wallet_new(struct sd_event *event, const struct wallet_config *config,
	       const struct wallet_ops *ops, void *userdata, struct wallet **ret);
struct wallet *wallet_free(struct wallet *wallet);

/* What to connect with now. -errno, and in `why` what somebody has to do. */
int wallet_load(struct wallet *wallet, struct ssl_ctx_st **ret, char *why, size_t size);

/* Whether what wallet_load() chose last is a claim, and of which name. */
bool wallet_is_claim(const struct wallet *wallet);
const char *wallet_name(const struct wallet *wallet);

/* The connection that it was loaded for came up. */
void wallet_up(struct wallet *wallet);

/* How it came to its end. */
enum wallet_end {
	WALLET_LEFT,        /* by our own wish */
	WALLET_REFUSED,     /* it never came up: one side refused the other */
	WALLET_UNREACHABLE, /* it never came up, for another reason */
	WALLET_LOST,
	_WALLET_END_MAX,
};

/* Returns whether something else should be tried at once. */
bool wallet_closed(struct wallet *wallet, enum wallet_end end, const char *why);

/* False if the answer is to no request of ours. */
bool wallet_take_answer(struct wallet *wallet, const struct dialect_body *body);

/*
 * The cloud's list of what the broker is known by, in the place of its last one: as anchors_take(). -ENOTCONN, and any
 * other error: nothing was taken, since what the present connection was verified with has to be known first.
 */
int wallet_take_anchors(struct wallet *wallet, uint64_t seq, struct gw_blob list);

/* Everything of our own is to go (the agent's job), once the cloud has heard of it; if it is not by our own that the cloud
 * is spoken to, at once. Asked again it does no more. */
void wallet_relinquish(struct wallet *wallet, const char *job);

/* What time it is, and whether that is to be trusted; until told it is not, and nothing is renewed. */
void wallet_set_clock(struct wallet *wallet, bool trusted, uint64_t time_s);

void wallet_get_facts(const struct wallet *wallet, struct wallet_facts *ret);
