/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan: what to do next, by what lies in the state folder and nothing else. Pure. */
#pragma once

#include <stdbool.h>

/* How far a credential has come. */
enum plan_credential {
	PLAN_CREDENTIAL_NONE,
	PLAN_CREDENTIAL_KEY,         /* a key that no certificate is stored for */
	PLAN_CREDENTIAL_CERTIFICATE, /* key and certificate */
	_PLAN_CREDENTIAL_MAX,
};

struct plan_facts {
	enum plan_credential candidate; /* the one on its way */
	bool has_credential;            /* one that has proved itself */
	bool has_anchors;               /* something to check the gateway's certificate against */
	bool renew;                     /* wanted: another certificate, not just the first */
	bool proved;                    /* in this run */
};

enum plan_step {
	PLAN_MAKE_KEY,
	PLAN_ENROLL,          /* with the label's secret */
	PLAN_RENEW,           /* with the credential */
	PLAN_PROVE_CANDIDATE, /* on success it becomes the credential */
	PLAN_PROVE_CREDENTIAL,
	PLAN_DONE,
	PLAN_NOTHING_TO_RENEW,
	PLAN_NO_ANCHORS, /* the gateway could not be told from another device */
	_PLAN_STEP_MAX,
};

enum plan_step plan_next(const struct plan_facts *facts);
