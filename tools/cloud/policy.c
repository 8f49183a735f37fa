/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verdicts of the cloud. Each is a list of refusals from the general to the particular, and
 * what is left is granted. The order matters to the reader of a reason only: what can be mended
 * first comes first.
 */
#include "tools/cloud/policy.h"

#include <stddef.h>

#include "lib/util.h"

static enum gw_reason csr_refusal(enum gw_reason csr, bool has_key, bool in_name)
{
	if (csr != GW_REASON_NONE)
		return csr;
	if (!has_key)
		return GW_REASON_BAD_CSR;
	if (!in_name)
		return GW_REASON_WRONG_NAME;
	return GW_REASON_NONE;
}

static enum gw_reason claim_refusal(enum claim_standing claim, enum gw_reason why)
{
	switch (claim) {
	case CLAIM_STANDS_NEW:
	case CLAIM_STANDS_OPEN: return GW_REASON_NONE;
	case CLAIM_STANDS_CLOSED: return why != GW_REASON_NONE ? why : GW_REASON_NO_CLAIM;
	case CLAIM_STANDS_SPENT:
	case CLAIM_STANDS_FOREIGN: return GW_REASON_CLAIM_USED;
	case CLAIM_STANDS_OTHER_TENANT: return GW_REASON_WRONG_TENANT;
	case _CLAIM_STANDS_MAX: break;
	}
	return GW_REASON_NO_CLAIM;
}

static enum gw_reason device_refusal(enum device_standing device)
{
	switch (device) {
	case DEVICE_STANDS_NOWHERE:
	case DEVICE_STANDS_HERE: return GW_REASON_NONE;
	case DEVICE_STANDS_HERE_OTHER_TENANT: return GW_REASON_ID_IN_USE;
	case DEVICE_STANDS_ELSEWHERE:
	case _DEVICE_STANDS_MAX: break;
	}
	return GW_REASON_LIVE_ELSEWHERE;
}

enum gw_reason policy_enroll(const struct enroll_facts *facts)
{
	enum gw_reason why;

	why = csr_refusal(facts->csr, facts->csr_has_key, facts->csr_in_name);
	if (why == GW_REASON_NONE && !facts->tenant_is_allowed)
		why = GW_REASON_WRONG_TENANT;
	if (why == GW_REASON_NONE)
		why = claim_refusal(facts->claim, facts->claim_why);
	if (why == GW_REASON_NONE)
		why = device_refusal(facts->device);
	if (why == GW_REASON_NONE && facts->n_other_keys >= POLICY_KEYS_MAX)
		why = GW_REASON_TOO_MANY_KEYS;
	return why;
}

static enum gw_reason present_refusal(const struct renew_facts *facts)
{
	switch (facts->present) {
	case PRESENT_STANDS_LIVE:
		return facts->same_tenant ? GW_REASON_NONE : GW_REASON_WRONG_TENANT;
	case PRESENT_STANDS_REVOKED:
		return facts->revoked_why != GW_REASON_NONE ? facts->revoked_why
							    : GW_REASON_REVOKED;
	case PRESENT_STANDS_UNKNOWN:
	case _PRESENT_STANDS_MAX: break;
	}
	return GW_REASON_UNKNOWN_CERTIFICATE;
}

enum gw_reason policy_renew(const struct renew_facts *facts)
{
	enum gw_reason why;

	why = csr_refusal(facts->csr, facts->csr_has_key, facts->csr_in_name);
	if (why == GW_REASON_NONE && !facts->tenant_is_allowed)
		why = GW_REASON_WRONG_TENANT;
	if (why == GW_REASON_NONE)
		why = present_refusal(facts);
	if (why == GW_REASON_NONE && facts->n_other_keys >= POLICY_KEYS_MAX)
		why = GW_REASON_TOO_MANY_KEYS;
	return why;
}

static enum gw_reason known_refusal(const struct adopt_facts *facts)
{
	switch (facts->present) {
	case PRESENT_STANDS_LIVE: return GW_REASON_NONE;
	case PRESENT_STANDS_REVOKED:
		return facts->revoked_why != GW_REASON_NONE ? facts->revoked_why
							    : GW_REASON_REVOKED;
	case PRESENT_STANDS_UNKNOWN:
	case _PRESENT_STANDS_MAX: break;
	}
	return GW_REASON_UNKNOWN_CERTIFICATE;
}

static enum gw_reason home_refusal(enum home_standing home, unsigned n_moves)
{
	switch (home) {
	case HOME_STANDS_HERE: return GW_REASON_NONE;
	case HOME_STANDS_REPLACED:
	case HOME_STANDS_FOLLOWED:
		return n_moves < POLICY_MOVES_MAX ? GW_REASON_NONE : GW_REASON_LIMIT;
	case HOME_STANDS_ELSEWHERE:
	case _HOME_STANDS_MAX: break;
	}
	return GW_REASON_LIVE_ELSEWHERE;
}

/* What is said of a certificate is said to whom may use its tenant only. */
enum gw_reason policy_adopt(const struct adopt_facts *facts)
{
	enum gw_reason why = GW_REASON_NONE;

	if (facts->present == PRESENT_STANDS_UNKNOWN || !facts->has_key)
		return GW_REASON_UNKNOWN_CERTIFICATE;
	if (!facts->tenant_is_allowed)
		return GW_REASON_WRONG_TENANT;

	why = known_refusal(facts);
	if (why == GW_REASON_NONE && facts->is_expired)
		why = GW_REASON_CERTIFICATE_EXPIRED;
	if (why == GW_REASON_NONE && facts->is_suspended)
		why = GW_REASON_SUSPENDED;
	if (why == GW_REASON_NONE)
		why = home_refusal(facts->home, facts->n_moves);
	return why;
}

enum proved_verdict policy_proved(enum proved_standing standing, enum gw_reason revoked_why,
				  enum gw_reason *ret_why)
{
	switch (standing) {
	case PROVED_STANDS_CANDIDATE: return PROVED_PROMOTE;
	case PROVED_STANDS_LIVE: return PROVED_SAME;
	case PROVED_STANDS_REVOKED:
		*ret_why = revoked_why != GW_REASON_NONE ? revoked_why : GW_REASON_REVOKED;
		return PROVED_REFUSE;
	case PROVED_STANDS_UNKNOWN:
	case _PROVED_STANDS_MAX: break;
	}

	*ret_why = GW_REASON_UNKNOWN_CERTIFICATE;
	return PROVED_REFUSE;
}

enum gw_reason policy_server(const struct server_facts *facts)
{
	return csr_refusal(facts->csr, facts->csr_has_key, facts->csr_in_name);
}

static enum gw_reason gateway_claim_refusal(enum gateway_claim_standing claim)
{
	switch (claim) {
	case GATEWAY_CLAIM_OPEN: return GW_REASON_NONE;
	case GATEWAY_CLAIM_CLOSED: return GW_REASON_WITHDRAWN;
	case GATEWAY_CLAIM_EXPIRED: return GW_REASON_CLAIM_EXPIRED;
	case GATEWAY_CLAIM_NOT_LISTED: return GW_REASON_NOT_LISTED;
	case GATEWAY_CLAIM_USED_UP: return GW_REASON_CLAIM_USED;
	case GATEWAY_CLAIM_UNKNOWN:
	case _GATEWAY_CLAIM_STANDING_MAX: break;
	}
	return GW_REASON_NO_CLAIM;
}

enum gw_reason policy_provision(const struct provision_facts *facts)
{
	enum gw_reason why;

	why = csr_refusal(facts->csr, facts->csr_has_key, facts->csr_in_name);
	if (why == GW_REASON_NONE && !facts->id_is_valid)
		why = GW_REASON_WRONG_NAME;
	if (why == GW_REASON_NONE && facts->is_barred)
		why = GW_REASON_REVOKED;
	if (why == GW_REASON_NONE && facts->is_aboard && !facts->is_back)
		why = GW_REASON_ALREADY_ABOARD;
	if (why == GW_REASON_NONE)
		why = gateway_claim_refusal(facts->claim);
	if (why == GW_REASON_NONE && !facts->is_back && facts->n_candidates >= POLICY_KEYS_MAX)
		why = GW_REASON_TOO_MANY_KEYS; /* those were its own, from when it was here */
	return why;
}

enum gw_reason policy_renew_gateway(const struct renew_gateway_facts *facts)
{
	enum gw_reason why;

	why = csr_refusal(facts->csr, facts->csr_has_key, facts->csr_in_name);
	if (why != GW_REASON_NONE)
		return why;

	switch (facts->renewed) {
	case RENEWED_UNTOLD:
	case RENEWED_UNKNOWN:
	case RENEWED_GOOD: return GW_REASON_NONE;
	case RENEWED_REVOKED: return GW_REASON_REVOKED;
	case RENEWED_STRANGE:
	case _RENEWED_STANDING_MAX: break;
	}
	return GW_REASON_UNKNOWN_CERTIFICATE;
}

enum gw_reason policy_fleet_claim(const struct fleet_facts *facts)
{
	if (!facts->gateway_is_known)
		return GW_REASON_NOT_FOUND;
	if (!facts->tenant_is_allowed)
		return GW_REASON_WRONG_TENANT;
	if (!facts->label_has_secret)
		return GW_REASON_METHOD_NOT_SERVED;
	if (facts->label_is_expired)
		return GW_REASON_LABEL_EXPIRED;
	if (facts->is_claimed_elsewhere || (facts->is_claimed && !facts->replace))
		return GW_REASON_ALREADY_CLAIMED;
	if (facts->device == DEVICE_STANDS_HERE && !facts->replace)
		return GW_REASON_ALREADY_ABOARD;
	return device_refusal(facts->device);
}

/*
 * Two refusals are about the moment, not the matter: the order in which commands happened to
 * arrive, and a clock that is not trusted yet. Unless something newer was said about the device,
 * they are made good by saying it again.
 */
enum command_verdict policy_answer(bool done, enum gw_reason why, bool overtaken)
{
	if (done)
		return COMMAND_IS_DONE;
	if (overtaken)
		return COMMAND_IS_REFUSED;
	if (why == GW_REASON_OUT_OF_ORDER || why == GW_REASON_LEAVING)
		return COMMAND_AGAIN;
	if (why == GW_REASON_CLOCK_UNTRUSTED)
		return COMMAND_AGAIN_LATER;
	return COMMAND_IS_REFUSED;
}
