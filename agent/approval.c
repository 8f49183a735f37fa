/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway cannot call a device: it may sleep, or be behind a NAT. What is decided here is written to its live
 * certificate, and holds for that one only; the device meets it when it comes next.
 */
#include "agent/approval.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/lifecycle.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/turn.h"

/* Of a device that is aboard. */
static int find_live(struct agent *agent, const char *id, struct device_record *device,
		     struct certificate_record *live, enum gw_reason *ret_reason)
{
	int r = turn_open(agent->turn);

	if (r >= 0)
		r = store_device_get(agent->store, id, device);
	*ret_reason = r == -ENOENT ? GW_REASON_NOT_FOUND : GW_REASON_NONE;
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	r = store_certificate_of(agent->store, id, CERTIFICATE_LIVE, live);
	if (device->state != DEVICE_ONBOARDED || r == -ENOENT)
		*ret_reason = GW_REASON_NOT_POSSIBLE;
	return r == -ENOENT ? 0 : r;
}

int approval_ask_renewal(struct agent *agent, const char *id, const char *who,
			 enum gw_reason *ret_reason)
{
	struct certificate_record live;
	struct device_record device;
	int r = find_live(agent, id, &device, &live, ret_reason);

	if (r < 0 || *ret_reason != GW_REASON_NONE)
		return r;

	turn_step(agent->turn, STEP_RENEWAL);
	live.renew_asked = clock_bound_s(&agent->clock); /* has come, whatever time it is */
	lifecycle_record(agent, "renewal-asked", id, who, /* reason= */ "", /* detail= */ NULL);
	return store_certificate_set_renewal(agent->store, &live);
}

int approval_decide(struct agent *agent, const char *id, bool approve, const char *why,
		    const char *who, enum gw_reason *ret_reason)
{
	struct certificate_record live;
	struct device_record device;
	int r = find_live(agent, id, &device, &live, ret_reason);

	if (r < 0 || *ret_reason != GW_REASON_NONE)
		return r;
	if (live.approval == APPROVAL_NONE) {
		*ret_reason = GW_REASON_NOT_POSSIBLE;
		return 0;
	}

	turn_step(agent->turn, STEP_RENEWAL);
	live.approval = approve ? APPROVAL_GIVEN : APPROVAL_DENIED;
	r = store_certificate_set_renewal(agent->store, &live);
	if (r < 0)
		return r;
	return lifecycle_show_reason(agent, &device, approve ? "approved" : "not-approved", who,
				     approve ? GW_REASON_NONE : GW_REASON_NOT_APPROVED, why);
}
