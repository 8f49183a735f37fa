/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway waits for its devices, so that most of what comes next is a device's own doing; here stands what the
 * gateway does if it does not come. Its reason stands elsewhere (lib/reason.h).
 */
#include "agent/prospect.h"

/* Since it ended its device has not come: else it would have been told, and that would be its reason. */
static void look_at_one_expired(const struct prospect_facts *facts, struct prospect *ret)
{
	if (facts->refusal == GW_REASON_NONE && facts->is_approved)
		*ret = (struct prospect){ "Its renewal was approved, and is not possible any more.",
					  facts->grace_ends, "Switch it on." };
	else if (facts->refusal == GW_REASON_NONE)
		*ret = (struct prospect){
			"Its certificate has expired, and cannot be renewed any more.",
			facts->grace_ends, "Switch it on; when it asks, gangwayctl approve it."
		};
	else
		*ret = (struct prospect){ "Its certificate has expired: it is refused if it comes.",
					  0,
					  facts->refusal == GW_REASON_CLAIM_AGAIN
						  ? "Claim it anew: gangwayctl claim."
						  : "Claim it anew: gangwayctl claim --replace." };
}

static void look_at_one_aboard(const struct prospect_facts *facts, struct prospect *ret)
{
	if (facts->reason == GW_REASON_NEEDS_APPROVAL)
		*ret = (struct prospect){ "Its certificate cannot be renewed any more.",
					  facts->grace_ends, "gangwayctl approve or reject it." };
	else if (facts->reason == GW_REASON_NOT_APPROVED)
		ret->advice = "gangwayctl approve it, or claim it anew.";
	else if (facts->reason == GW_REASON_CERTIFICATE_EXPIRED)
		ret->advice = "Claim it anew: gangwayctl claim --replace.";
	else if (facts->reason == GW_REASON_CLAIM_AGAIN)
		ret->advice = "Claim it anew: gangwayctl claim.";
	else if (facts->is_orphaned)
		*ret = (struct prospect){ "Whoever signed its certificate is trusted no more: it "
					  "is refused if it comes.",
					  0, "Claim it anew: gangwayctl claim --replace." };
	else if (facts->has_expired)
		look_at_one_expired(facts, ret);
	else if (facts->unproved_ends)
		*ret = (struct prospect){ "Its next certificate is given up, as it has not been "
					  "used; this one stays.",
					  facts->unproved_ends, "See that it is on, and near." };
	else if (facts->is_renewing)
		*ret = (struct prospect){ "The cloud issues its next certificate.", 0,
					  "If that takes long, see gangwayctl jobs." };
	else if (facts->renew_at)
		*ret = (struct prospect){ "It renews its certificate when it comes.",
					  facts->renew_at, "" };
}

static void look_at_one_that_left(const struct prospect_facts *facts, struct prospect *ret)
{
	if (facts->notice_ends)
		*ret = (struct prospect){ "It is not let in any more to be told.",
					  facts->notice_ends,
					  "Switch it on, so that it wipes itself." };
	else
		ret->advice = "A new claim lets it in again: gangwayctl claim.";
}

void prospect_look(const struct prospect_facts *facts, struct prospect *ret)
{
	*ret = (struct prospect){ "", 0, "" };
	switch (facts->state) {
	case DEVICE_DISCOVERED: ret->advice = "Claim it by its label: gangwayctl claim."; break;
	case DEVICE_CLAIMED:
		*ret = (struct prospect){ facts->claim_ends ? "Its claim ends." : "",
					  facts->claim_ends, "Switch it on: it comes by itself." };
		break;
	case DEVICE_ENROLLING:
		*ret = (struct prospect){ "The cloud issues its certificate.", 0,
					  "If that takes long, see gangwayctl jobs." };
		break;
	case DEVICE_ISSUED:
		*ret = (struct prospect){ "Its certificate is given up, as it has not been used.",
					  facts->unproved_ends, "See that it is on, and near." };
		break;
	case DEVICE_ONBOARDED: look_at_one_aboard(facts, ret); break;
	case DEVICE_SUSPENDED:
		ret->advice = "gangwayctl resume it, once it may be served again.";
		break;
	case DEVICE_REVOKED:
		ret->advice = "gangwayctl decommission it; then a new claim lets it in again.";
		break;
	case DEVICE_DECOMMISSIONED: look_at_one_that_left(facts, ret); break;
	case DEVICE_REJECTED:
		ret->advice = facts->reason == GW_REASON_MOVED
				      ? "None is needed: if it comes back, the cloud is asked."
				      : "Claim it anew: gangwayctl claim.";
		break;
	case DEVICE_UNKNOWN:
	case _DEVICE_STATE_MAX: break;
	}
}
