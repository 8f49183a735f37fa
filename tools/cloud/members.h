/* SPDX-License-Identifier: GPL-2.0-or-later */
/* members: who meets at the broker, and the files that let them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gw_endpoint;
struct home;

/* Common names, and so names at the broker, that no gateway may have. */
#define MEMBER_CLOUD "gangway-cloud"
#define MEMBER_OBSERVER \
	"gangway-observer" /* may read all and write nothing: for tests and people */

/* Claim NAME goes by the common name claim:NAME, which no gateway can have: an id has no colon. */
#define MEMBER_CLAIM     "claim:"
#define MEMBER_CLAIM_MAX 56 /* characters of NAME, of which a common name leaves 64 in all */

/* PEM: what gateways are told to know the broker by. */
#define MEMBER_BROKER_ANCHORS HOME_BROKER "/anchors.crt"

#define MEMBER_CLOUD_CERTIFICATE "cloud/cert"
#define MEMBER_CLOUD_KEY         "cloud/key"

/* Whether a gateway may have this id here. */
bool member_gateway_is_valid(const char *id);

/* What is missing of the broker's files and of those two. ret_what: the file that fails. */
int members_ensure(const struct home *home, const struct gw_endpoint *broker,
		   const char **ret_what);

/* What is missing of a gateway's credential. */
int member_gateway_ensure(const struct home *home, const char *id, const char **ret_what);

/* Whether a claim may have this name. */
bool member_claim_is_valid(const char *name);

/* What is missing of a claim's credential, in that folder. `expires`: seconds since the epoch, 0: late. */
int member_claim_ensure(const struct home *home, const char *name, const char *folder,
			uint64_t expires, const char **ret_what);
