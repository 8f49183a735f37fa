/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: what the cloud grants. Pure: facts in, verdict and reason out, the default is no. */
#pragma once

#include <stdbool.h>

#include "lib/reason.h"

#define POLICY_KEYS_MAX \
	3 /* keys under one claim, or to renew one certificate: who tries more is broken or not itself */

/* What the claim is that a request names. */
enum claim_standing {
	CLAIM_STANDS_NEW, /* never heard of: a gateway's own */
	CLAIM_STANDS_OPEN,
	CLAIM_STANDS_SPENT,
	CLAIM_STANDS_CLOSED,
	CLAIM_STANDS_FOREIGN,      /* another gateway's or another device's */
	CLAIM_STANDS_OTHER_TENANT, /* this gateway's and this device's, for another tenant */
	_CLAIM_STANDS_MAX,
};

/* Where the device is aboard. */
enum device_standing {
	DEVICE_STANDS_NOWHERE,
	DEVICE_STANDS_HERE,
	DEVICE_STANDS_HERE_OTHER_TENANT,
	DEVICE_STANDS_ELSEWHERE,
	_DEVICE_STANDS_MAX,
};

struct enroll_facts {
	enum gw_reason csr;     /* what csr_read() says of the signing request */
	bool csr_has_key;       /* its key is the one that the request names */
	bool csr_in_name;       /* it asks for this device's name, or for none */
	bool tenant_is_allowed; /* to this gateway */
	enum claim_standing claim;
	enum gw_reason claim_why; /* why it is closed */
	enum device_standing device;
	unsigned n_other_keys; /* that had a certificate under this claim */
};

/* GW_REASON_NONE: issue a certificate. So with the next ones. */
enum gw_reason policy_enroll(const struct enroll_facts *facts);

/* The certificate that a device wants to renew. */
enum present_standing {
	PRESENT_STANDS_UNKNOWN, /* or another gateway's or device's, or not proved */
	PRESENT_STANDS_LIVE,
	PRESENT_STANDS_REVOKED,
	_PRESENT_STANDS_MAX,
};

struct renew_facts {
	enum gw_reason csr; /* this and the next three: as of an enrolment */
	bool csr_has_key;
	bool csr_in_name;
	bool tenant_is_allowed;
	enum present_standing present;
	enum gw_reason revoked_why; /* as recorded; GW_REASON_NONE if that was no code of ours */
	bool same_tenant;           /* as in that certificate */
	unsigned n_other_keys;      /* that had a certificate to renew that one with */
};

enum gw_reason policy_renew(const struct renew_facts *facts);

/* Where a certificate is at home, as seen from the gateway at whose door its device stands. */
enum home_standing {
	HOME_STANDS_HERE,     /* it asks about its own: its store is a new one */
	HOME_STANDS_REPLACED, /* at a gateway whose place it has taken */
	HOME_STANDS_FOLLOWED, /* at another gateway, and devices of this tenant may move */
	HOME_STANDS_ELSEWHERE,
	_HOME_STANDS_MAX,
};

#define POLICY_MOVES_MAX \
	6 /* of a device within POLICY_MOVES_S: who moves more often is at two places */
#define POLICY_MOVES_S 3600

struct adopt_facts {
	enum present_standing
		present;            /* whichever gateway's; one that is not proved counts as live */
	enum gw_reason revoked_why; /* as recorded; GW_REASON_NONE if that was no code of ours */
	bool has_key;               /* its key is the one that the request names */
	bool is_expired;
	bool tenant_is_allowed; /* to the gateway that asks */
	bool is_suspended;
	enum home_standing home;
	unsigned n_moves; /* lately; of no interest to who asks about its own */
};

enum gw_reason policy_adopt(const struct adopt_facts *facts);

/* The certificate that a gateway says its device has used. */
enum proved_standing {
	PROVED_STANDS_UNKNOWN, /* or another gateway's, device's or claim's */
	PROVED_STANDS_CANDIDATE,
	PROVED_STANDS_LIVE,
	PROVED_STANDS_REVOKED,
	_PROVED_STANDS_MAX,
};

enum proved_verdict {
	PROVED_REFUSE,
	PROVED_PROMOTE,
	PROVED_SAME,
};

/* `revoked_why`: as recorded; GW_REASON_NONE if that was no code of ours. */
enum proved_verdict policy_proved(enum proved_standing standing, enum gw_reason revoked_why,
				  enum gw_reason *ret_why);

struct server_facts {
	enum gw_reason csr;
	bool csr_has_key;
	bool csr_in_name; /* of the gateway */
};

enum gw_reason policy_server(const struct server_facts *facts);

/* The claim credential that a box came by. */
enum gateway_claim_standing {
	GATEWAY_CLAIM_UNKNOWN,
	GATEWAY_CLAIM_OPEN,
	GATEWAY_CLAIM_CLOSED,
	GATEWAY_CLAIM_EXPIRED,
	GATEWAY_CLAIM_NOT_LISTED,
	GATEWAY_CLAIM_USED_UP,
	_GATEWAY_CLAIM_STANDING_MAX,
};

struct provision_facts {
	enum gw_reason csr;
	bool csr_has_key;
	bool csr_in_name; /* of the gateway */
	bool id_is_valid; /* for a gateway */
	enum gateway_claim_standing claim;
	bool is_barred;
	bool is_aboard; /* it has a live certificate */
	bool is_back; /* that one has ended, and the key is the same: it is the box that was aboard */
	unsigned n_candidates;
};

/* A box wants its first certificate, or another in the place of one that ended while it was away. */
enum gw_reason policy_provision(const struct provision_facts *facts);

/* The certificate that a gateway wants to renew, as it says. */
enum renewed_standing {
	RENEWED_UNTOLD,
	RENEWED_UNKNOWN, /* and there is no live one: it is older than our record */
	RENEWED_STRANGE, /* it is not on record, but another one is live */
	RENEWED_GOOD,
	RENEWED_REVOKED,
	_RENEWED_STANDING_MAX,
};

struct renew_gateway_facts {
	enum gw_reason csr;
	bool csr_has_key;
	bool csr_in_name;
	enum renewed_standing renewed;
};

enum gw_reason policy_renew_gateway(const struct renew_gateway_facts *facts);

/* The fleet wants to claim a device for a gateway. */
struct fleet_facts {
	bool gateway_is_known;
	bool tenant_is_allowed;
	bool label_has_secret; /* else it names a public key, which a claim cannot carry */
	bool label_is_expired;
	bool is_claimed; /* by the fleet, and not yet used */
	bool is_claimed_elsewhere;
	bool replace;
	enum device_standing device;
};

enum gw_reason policy_fleet_claim(const struct fleet_facts *facts);

enum command_verdict {
	COMMAND_IS_DONE,
	COMMAND_IS_REFUSED,
	COMMAND_AGAIN, /* as a new command */
	COMMAND_AGAIN_LATER,
};

/* A gateway's answer to a command. `overtaken`: a newer command is about the same device. */
enum command_verdict policy_answer(bool done, enum gw_reason why, bool overtaken);
