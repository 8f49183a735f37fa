/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credential: whether the dates of the gateway's own credential hold, and until when. Pure. */
#pragma once

#include <stdint.h>

/* Seconds since the epoch; not_after is 0 where they are not known, ca_not_after too. */
struct credential_dates {
	uint64_t not_before, not_after; /* of the gateway's certificate */
	uint64_t ca_not_after;          /* of the broker's CA */
};

/* What the cloud link says of it beside its dates. */
struct credential_care {
	const char *source;  /* "own", "given", "candidate", "claim", "none" */
	uint64_t renew_at_s; /* seconds since the epoch, 0: not at all, or not known */
	uint64_t retry_at_s; /* the next try to get another, 0: none is due */
	const char *trouble; /* what went wrong with the last try; "" for nothing */
};

enum credential_verdict {
	CREDENTIAL_UNKNOWN,
	CREDENTIAL_GOOD,
	CREDENTIAL_ENDS_SOON, /* time to get another */
	CREDENTIAL_NOT_YET,
	CREDENTIAL_ENDED,
	CREDENTIAL_CA_ENDED,
	_CREDENTIAL_VERDICT_MAX,
};

enum credential_verdict credential_judge(const struct credential_dates *dates, uint64_t now_s);

/* When the verdict will be another; 0 = never. */
uint64_t credential_next_s(const struct credential_dates *dates, uint64_t now_s);
