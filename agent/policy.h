/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy: what may be. Facts in, verdict and reason out; pure, and everything not allowed is
 * refused. `*ret_reason` is GW_REASON_NONE unless something is refused or has to wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/device.h"
#include "agent/renewal.h"
#include "lib/reason.h"

/* Keys that a device may try in one generation: under one claim, or to renew one certificate. */
#define POLICY_KEYS_MAX 3

/* --- May this label be claimed? ------------------------------------------------------------ */

struct policy_claim_facts {
	enum device_state state; /* DEVICE_UNKNOWN: no record */
	bool same_tenant;        /* of the record, if there is one */
	bool same_secret;        /* as the open claim's, if there is one */
	bool has_secret;         /* the label names a secret, not a public key */
	bool label_expired;      /* on a trusted clock */
	bool is_over;       /* the claim would be, as soon as it was made; on a trusted clock */
	bool replace;       /* start over, if need be */
	bool may_replace;   /* the caller has that right */
	bool claim_is_used; /* the claim has an id, and that is on record */
	bool claim_helps;   /* its certificate has expired, and a claim is the way back */
	uint64_t n_devices, max_devices;
};

enum policy_claim {
	POLICY_CLAIM_REFUSED,
	POLICY_CLAIM_UNCHANGED, /* the very same claim is open */
	POLICY_CLAIM_NEW,
	POLICY_CLAIM_REPLACE,
};

enum policy_claim policy_claim(const struct policy_claim_facts *facts, enum gw_reason *ret_reason);

/* --- May the registrar have the secret of this identity? ------------------------------------ */

struct policy_secret_facts {
	enum device_state state;
	bool claim_open;
	bool claim_expired; /* on a trusted clock */
};

bool policy_secret(const struct policy_secret_facts *facts, enum gw_reason *ret_reason);

/* --- Does an expired certificate still open the door? ---------------------------------------- */

/* GW_REASON_NONE: to ask for its renewal, and nothing else. */
enum gw_reason policy_expired(enum renewal_expired expired, bool grace_is_over);

/* --- Is this peer served? -------------------------------------------------------------------- */

enum policy_certificate {
	POLICY_CERTIFICATE_UNKNOWN,
	POLICY_CERTIFICATE_CANDIDATE, /* issued, not proved yet */
	POLICY_CERTIFICATE_LIVE,
	POLICY_CERTIFICATE_REVOKED,
	POLICY_CERTIFICATE_LEFT, /* good when its device was decommissioned */
};

struct policy_peer_facts {
	enum device_state state;
	bool by_certificate;
	bool secret_was_given;               /* PSK: in this very session, for this identity */
	bool claim_open;                     /* PSK */
	enum policy_certificate certificate; /* else */
	bool may_ask;                        /* else: the cloud about it, by configuration */
	bool is_moved;                       /* else: it went to another gateway */
	bool is_listed;                      /* else: on its issuer's revocation list */
	bool list_is_stale;           /* else: that list, and configuration closes the door */
	bool clock_trusted;           /* else */
	bool is_expired;              /* the certificate, on a trusted clock */
	enum renewal_expired expired; /* what then */
	bool grace_is_over;
};

enum policy_peer {
	POLICY_PEER_REFUSED,
	POLICY_PEER_SERVED,
	POLICY_PEER_PROVES, /* served, and its certificate is proved by that */
	POLICY_PEER_ASKS,   /* the cloud is to say whether it is at home here */
	POLICY_PEER_WAITS, /* it is who it says, but to serve it takes a time to trust, or a fresh list */
	POLICY_PEER_NOTICE, /* told that it was decommissioned, and not served */
};

enum policy_peer policy_peer(const struct policy_peer_facts *facts, enum gw_reason *ret_reason);

/* --- Is this revocation list taken? ----------------------------------------------------------- */

struct policy_list_facts {
	bool is_signed; /* by an issuer of devices' certificates, as the registrar says */
	bool on_record; /* there is one of that issuer */
	int compared;   /* its number, with the one on record: below 0 for an earlier one */
	bool is_same;   /* byte by byte */
	uint64_t this_update, now; /* seconds since the epoch */
	bool clock_trusted;
};

enum policy_list {
	POLICY_LIST_REFUSED,
	POLICY_LIST_UNCHANGED, /* it is the one on record */
	POLICY_LIST_TAKEN,     /* also if its end has passed: what it revokes is revoked */
};

enum policy_list policy_list(const struct policy_list_facts *facts, enum gw_reason *ret_reason);

/* Whether the newest list should be followed by another by now. */
bool policy_list_is_stale(uint64_t next_update, uint64_t now, bool clock_trusted);

/* --- What becomes of a CSR? ------------------------------------------------------------------ */

struct policy_csr_facts {
	enum device_state state;
	bool renews;         /* asks for another certificate, not for the first */
	bool by_certificate; /* the session is the certificate's, not the claim's */

	/* With a claim: */
	bool claim_open;

	/* With a certificate: */
	bool is_live;
	bool clock_trusted;
	bool is_expired; /* on a trusted clock */
	enum renewal_expired expired;
	bool grace_is_over;
	bool is_approved, is_denied; /* by a person */
	bool refused_lately;         /* by the cloud */

	bool has_certificate; /* for this generation and key, not revoked */
	bool has_job;         /* for this generation and key */
	bool key_is_known;    /* tried in this generation before */
	unsigned n_keys;      /* so many were */
	uint64_t n_jobs, max_jobs;
};

enum policy_csr {
	POLICY_CSR_REFUSED,
	POLICY_CSR_LATER,    /* not now: come again */
	POLICY_CSR_ASK,      /* not before a person has approved: come again */
	POLICY_CSR_ANSWERED, /* here is the certificate that was issued before */
	POLICY_CSR_JOINS,    /* the same question waits already */
	POLICY_CSR_ACCEPTED,
};

enum policy_csr policy_csr(const struct policy_csr_facts *facts, enum gw_reason *ret_reason);

/* --- Is this command of the cloud obeyed? ---------------------------------------------------- */

struct policy_command_facts {
	bool opens; /* lets somebody in, rather than out */
	uint64_t seq, last_seq;
	uint64_t expires_at, now; /* seconds since the epoch; expires_at 0 = never */
	bool clock_trusted;
	bool secret_is_plain, plain_is_allowed;
	/* It claims a device of which the cloud has yet to hear that it left: that word would end the claim there, too. */
	bool claims_leaver;
};

bool policy_command(const struct policy_command_facts *facts, enum gw_reason *ret_reason);
