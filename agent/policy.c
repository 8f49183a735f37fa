/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of who may do what, each a short function over plain facts. To know why somebody was
 * refused, read these; to change who is let in, change these and nothing else.
 */
#include "agent/policy.h"

#define LIST_EARLY_S 300 /* clocks that are trusted may be apart by so much */

static enum policy_claim refuse_claim(enum gw_reason why, enum gw_reason *ret_reason)
{
	*ret_reason = why;
	return POLICY_CLAIM_REFUSED;
}

/* A claim on a device that is claimed or further already. */
static enum policy_claim start_over(const struct policy_claim_facts *facts,
				    enum gw_reason otherwise, enum gw_reason *ret_reason)
{
	if (facts->claim_helps && facts->state == DEVICE_ONBOARDED)
		return POLICY_CLAIM_REPLACE;
	if (!facts->replace)
		return refuse_claim(otherwise, ret_reason);
	if (!facts->may_replace)
		return refuse_claim(GW_REASON_NOT_ALLOWED, ret_reason);
	return POLICY_CLAIM_REPLACE;
}

static enum policy_claim first_claim(const struct policy_claim_facts *facts,
				     enum gw_reason *ret_reason)
{
	if (facts->n_devices >= facts->max_devices)
		return refuse_claim(GW_REASON_LIMIT, ret_reason);
	return POLICY_CLAIM_NEW;
}

/* What a claim that is good in itself comes to, by the state of its device. */
static enum policy_claim claim_by_state(const struct policy_claim_facts *facts,
					enum gw_reason *ret_reason)
{
	switch (facts->state) {
	case DEVICE_UNKNOWN:
	case DEVICE_DISCOVERED: return first_claim(facts, ret_reason);
	case DEVICE_REJECTED:
	case DEVICE_DECOMMISSIONED: return POLICY_CLAIM_NEW;
	case DEVICE_CLAIMED:
		if (facts->same_secret && !facts->replace)
			return POLICY_CLAIM_UNCHANGED;
		return start_over(facts, GW_REASON_ALREADY_CLAIMED, ret_reason);
	case DEVICE_ENROLLING:
	case DEVICE_ISSUED:
	case DEVICE_ONBOARDED: return start_over(facts, GW_REASON_ALREADY_ABOARD, ret_reason);
	case DEVICE_SUSPENDED: return refuse_claim(GW_REASON_ALREADY_ABOARD, ret_reason);
	case DEVICE_REVOKED: return refuse_claim(GW_REASON_REVOKED, ret_reason);
	case _DEVICE_STATE_MAX: break;
	}
	return refuse_claim(GW_REASON_NOT_POSSIBLE, ret_reason);
}

enum policy_claim policy_claim(const struct policy_claim_facts *facts, enum gw_reason *ret_reason)
{
	bool on_record = facts->state != DEVICE_UNKNOWN && facts->state != DEVICE_DISCOVERED;
	enum policy_claim verdict;

	*ret_reason = GW_REASON_NONE;
	if (!facts->has_secret)
		return refuse_claim(GW_REASON_METHOD_NOT_SERVED, ret_reason);
	if (facts->label_expired)
		return refuse_claim(GW_REASON_LABEL_EXPIRED, ret_reason);
	if (facts->is_over)
		return refuse_claim(GW_REASON_EXPIRED, ret_reason);
	if (on_record && !facts->same_tenant)
		return refuse_claim(GW_REASON_ID_IN_USE, ret_reason);

	verdict = claim_by_state(facts, ret_reason);
	if (facts->claim_is_used &&
	    (verdict == POLICY_CLAIM_NEW || verdict == POLICY_CLAIM_REPLACE))
		return refuse_claim(GW_REASON_CLAIM_USED, ret_reason);
	return verdict;
}

/* The reason why a device in this state is served nothing, or GW_REASON_NONE. */
static enum gw_reason barred(enum device_state state)
{
	switch (state) {
	case DEVICE_UNKNOWN:
	case DEVICE_DISCOVERED:
	case DEVICE_REJECTED: return GW_REASON_NO_CLAIM;
	case DEVICE_SUSPENDED: return GW_REASON_SUSPENDED;
	case DEVICE_REVOKED: return GW_REASON_REVOKED;
	case DEVICE_DECOMMISSIONED: return GW_REASON_DECOMMISSIONED;
	case DEVICE_CLAIMED:
	case DEVICE_ENROLLING:
	case DEVICE_ISSUED:
	case DEVICE_ONBOARDED: return GW_REASON_NONE;
	case _DEVICE_STATE_MAX: break;
	}
	return GW_REASON_NOT_POSSIBLE;
}

bool policy_secret(const struct policy_secret_facts *facts, enum gw_reason *ret_reason)
{
	*ret_reason = barred(facts->state);
	if (*ret_reason != GW_REASON_NONE)
		return false;

	if (!facts->claim_open)
		*ret_reason = GW_REASON_NO_CLAIM;
	else if (facts->claim_expired)
		*ret_reason = GW_REASON_CLAIM_EXPIRED;
	return *ret_reason == GW_REASON_NONE;
}

enum gw_reason policy_expired(enum renewal_expired expired, bool grace_is_over)
{
	switch (expired) {
	case RENEWAL_EXPIRED_GRACE:
		if (!grace_is_over)
			return GW_REASON_NONE;
		break;
	case RENEWAL_EXPIRED_CLAIM: return GW_REASON_CLAIM_AGAIN;
	case RENEWAL_EXPIRED_REFUSE:
	case _RENEWAL_EXPIRED_MAX: break;
	}
	return GW_REASON_CERTIFICATE_EXPIRED;
}

static enum policy_peer policy_live_peer(const struct policy_peer_facts *facts,
					 enum gw_reason *ret_reason)
{
	if (!facts->clock_trusted) {
		*ret_reason = GW_REASON_CLOCK_UNTRUSTED;
		return POLICY_PEER_WAITS;
	}
	if (facts->is_expired)
		*ret_reason = policy_expired(facts->expired, facts->grace_is_over);
	return *ret_reason == GW_REASON_NONE ? POLICY_PEER_SERVED : POLICY_PEER_REFUSED;
}

/* A candidate was issued for a request that we hold: how old it is need not be read from it. */
static enum policy_peer policy_certificate_peer(const struct policy_peer_facts *facts,
						enum gw_reason *ret_reason)
{
	switch (facts->certificate) {
	case POLICY_CERTIFICATE_LIVE: return policy_live_peer(facts, ret_reason);
	case POLICY_CERTIFICATE_CANDIDATE:
		if (!facts->is_expired)
			return POLICY_PEER_PROVES;
		*ret_reason = GW_REASON_CERTIFICATE_EXPIRED;
		break;
	case POLICY_CERTIFICATE_LEFT: /* it has come back, by another certificate */
	case POLICY_CERTIFICATE_REVOKED: *ret_reason = GW_REASON_RETIRED_CERTIFICATE; break;
	case POLICY_CERTIFICATE_UNKNOWN: *ret_reason = GW_REASON_UNKNOWN_CERTIFICATE; break;
	}
	return POLICY_PEER_REFUSED;
}

/* It has no record here, or one that says that it went elsewhere: nothing that anybody decided here is in the way. */
static bool may_be_adopted(const struct policy_peer_facts *facts)
{
	if (!facts->by_certificate || !facts->may_ask)
		return false;
	if (facts->is_moved)
		return facts->certificate == POLICY_CERTIFICATE_UNKNOWN ||
		       facts->certificate == POLICY_CERTIFICATE_REVOKED;
	return facts->certificate == POLICY_CERTIFICATE_UNKNOWN &&
	       (facts->state == DEVICE_UNKNOWN || facts->state == DEVICE_DISCOVERED);
}

static enum policy_peer peer_by_records(const struct policy_peer_facts *facts,
					enum gw_reason *ret_reason)
{
	*ret_reason = GW_REASON_NONE;
	if (may_be_adopted(facts)) {
		*ret_reason = GW_REASON_ASKING;
		return POLICY_PEER_ASKS;
	}
	if (facts->by_certificate && facts->certificate == POLICY_CERTIFICATE_UNKNOWN) {
		*ret_reason = GW_REASON_UNKNOWN_CERTIFICATE;
		return POLICY_PEER_REFUSED;
	}

	if (facts->by_certificate && facts->certificate == POLICY_CERTIFICATE_LEFT &&
	    facts->state == DEVICE_DECOMMISSIONED)
		return POLICY_PEER_NOTICE;

	*ret_reason = barred(facts->state);
	if (*ret_reason != GW_REASON_NONE)
		return POLICY_PEER_REFUSED;
	if (facts->by_certificate)
		return policy_certificate_peer(facts, ret_reason);

	if (facts->secret_was_given && facts->claim_open)
		return POLICY_PEER_SERVED;
	*ret_reason = GW_REASON_NO_CLAIM;
	return POLICY_PEER_REFUSED;
}

/* What the issuer of its certificate has said of it since, or should have, lets nobody in who was not. Who left may
 * be told so all the same. */
enum policy_peer policy_peer(const struct policy_peer_facts *facts, enum gw_reason *ret_reason)
{
	enum policy_peer verdict = peer_by_records(facts, ret_reason);

	if (!facts->by_certificate || verdict == POLICY_PEER_REFUSED ||
	    verdict == POLICY_PEER_NOTICE)
		return verdict;
	if (facts->is_listed) {
		*ret_reason = GW_REASON_CERTIFICATE_REVOKED;
		return POLICY_PEER_REFUSED;
	}
	if (facts->list_is_stale && verdict != POLICY_PEER_WAITS) {
		*ret_reason = GW_REASON_LIST_STALE;
		return POLICY_PEER_WAITS;
	}
	return verdict;
}

enum policy_list policy_list(const struct policy_list_facts *facts, enum gw_reason *ret_reason)
{
	*ret_reason = GW_REASON_NONE;
	if (!facts->is_signed)
		*ret_reason = GW_REASON_LIST_BAD;
	else if (facts->on_record && facts->is_same)
		return POLICY_LIST_UNCHANGED;
	else if (facts->on_record && facts->compared <= 0)
		*ret_reason = GW_REASON_LIST_OLDER;
	else if (facts->clock_trusted && facts->this_update > facts->now + LIST_EARLY_S)
		*ret_reason = GW_REASON_LIST_EARLY;
	return *ret_reason == GW_REASON_NONE ? POLICY_LIST_TAKEN : POLICY_LIST_REFUSED;
}

bool policy_list_is_stale(uint64_t next_update, uint64_t now, bool clock_trusted)
{
	return clock_trusted && now >= next_update;
}

/* Why this session is not to ask this at all: a claim is for the first certificate, the live certificate of a
 * device that nobody has claimed anew is for the next one. */
static enum gw_reason csr_refusal(const struct policy_csr_facts *facts)
{
	if (facts->renews != facts->by_certificate)
		return GW_REASON_NOT_POSSIBLE;
	if (!facts->by_certificate)
		return facts->claim_open ? GW_REASON_NONE : GW_REASON_NO_CLAIM;

	if (!facts->is_live)
		return GW_REASON_RETIRED_CERTIFICATE;
	if (facts->state != DEVICE_ONBOARDED)
		return GW_REASON_NOT_POSSIBLE;
	if (!facts->is_expired)
		return GW_REASON_NONE;
	return facts->is_denied ? GW_REASON_NOT_APPROVED
				: policy_expired(facts->expired, facts->grace_is_over);
}

/* What a renewal has to wait for before it is begun. */
static enum policy_csr hold_renewal(const struct policy_csr_facts *facts,
				    enum gw_reason *ret_reason)
{
	if (!facts->clock_trusted) {
		*ret_reason = GW_REASON_CLOCK_UNTRUSTED;
		return POLICY_CSR_LATER;
	}
	if (facts->is_expired && !facts->is_approved) {
		*ret_reason = GW_REASON_NEEDS_APPROVAL;
		return POLICY_CSR_ASK;
	}
	if (facts->refused_lately) {
		*ret_reason = GW_REASON_CLOUD_REFUSED;
		return POLICY_CSR_LATER;
	}
	return POLICY_CSR_ACCEPTED;
}

enum policy_csr policy_csr(const struct policy_csr_facts *facts, enum gw_reason *ret_reason)
{
	enum policy_csr verdict = POLICY_CSR_ACCEPTED;

	*ret_reason = barred(facts->state);
	if (*ret_reason == GW_REASON_NONE)
		*ret_reason = csr_refusal(facts);
	if (*ret_reason != GW_REASON_NONE)
		return POLICY_CSR_REFUSED;

	if (facts->has_certificate)
		return POLICY_CSR_ANSWERED;
	if (facts->has_job)
		return POLICY_CSR_JOINS;
	if (facts->renews)
		verdict = hold_renewal(facts, ret_reason);
	if (verdict != POLICY_CSR_ACCEPTED)
		return verdict;
	if (facts->key_is_known) {
		*ret_reason = GW_REASON_SUPERSEDED; /* another key came after it */
		return POLICY_CSR_REFUSED;
	}
	if (facts->n_keys >= POLICY_KEYS_MAX) {
		*ret_reason = GW_REASON_TOO_MANY_KEYS;
		return POLICY_CSR_REFUSED;
	}
	if (facts->n_jobs >= facts->max_jobs) {
		*ret_reason = GW_REASON_QUEUE_FULL;
		return POLICY_CSR_LATER;
	}
	return POLICY_CSR_ACCEPTED;
}

bool policy_command(const struct policy_command_facts *facts, enum gw_reason *ret_reason)
{
	*ret_reason = GW_REASON_NONE;
	if (facts->seq <= facts->last_seq)
		*ret_reason = GW_REASON_OUT_OF_ORDER;
	else if (facts->secret_is_plain && !facts->plain_is_allowed)
		*ret_reason = GW_REASON_SECRET_NOT_SEALED;
	else if (facts->expires_at && facts->opens && !facts->clock_trusted)
		*ret_reason = GW_REASON_CLOCK_UNTRUSTED;
	else if (facts->expires_at && facts->clock_trusted && facts->now >= facts->expires_at)
		*ret_reason = GW_REASON_EXPIRED;
	else if (facts->claims_leaver)
		*ret_reason = GW_REASON_LEAVING;
	return *ret_reason == GW_REASON_NONE;
}
