/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crl-issue: the revocation lists of the devices' authorities, made anew from the registry, and sent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct home;
struct registry;

#define CRL_ISSUE_NAME_MAX 64

/* A list; crl_issued_done() frees it. */
struct crl_issued {
	char name[CRL_ISSUE_NAME_MAX]; /* of the authority */
	uint64_t number;
	size_t n; /* certificates that it names */
	uint8_t *der;
	size_t len;
};

#define CRL_ISSUE_STEP "cloud.crl"

#define CRL_ISSUE_LIFETIME_S \
	((uint64_t)30 * 86400) /* until the next is due, where nobody says otherwise */

struct crl_wish {
	unsigned authority; /* its number */
	uint64_t lifetime_s;
	bool is_for_all; /* gateways that have one */
};

/* All in the caller's transaction. -E2BIG: it is more than a gateway takes. */
int crl_issue(const struct home *home, struct registry *registry, const struct crl_wish *wish,
	      struct crl_issued *ret);
void crl_issued_done(struct crl_issued *list);

/* Takes the place of whatever was on its way: to one gateway; to all that are good; to those of them that were ever sent
 * one. */
int crl_send(struct registry *registry, const struct crl_issued *list, const char *gateway);
int crl_send_all(struct registry *registry, const struct crl_issued *list);
int crl_send_anew(struct registry *registry, const struct crl_issued *list);
