/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `decommissioned`: a device has left a gateway, on its operator's word or on ours. What it had there is over;
 * elsewhere it may be aboard by a claim of its own, and here it may be claimed anew: a gateway obeys no claim while it
 * has this to tell. Always answered with `done`.
 */
#include "tools/cloud/request.h"

#include "lib/log.h"
#include "lib/reason.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"

int request_decommissioned(struct desk *desk, const char *gateway, const struct request *request,
			   struct reply *reply)
{
	const char *why = gw_reason_code(GW_REASON_DECOMMISSIONED), *device = request->device;
	struct registry *registry = desk->registry;
	int r = registry_certificates_revoke_at(registry, gateway, device, why);

	if (r >= 0)
		r = registry_claims_over(registry, gateway, device, why);
	if (r < 0)
		return r;

	gw_log_device(INFO, device, "decommissioned at %s", gateway);
	reply->step = "cloud.decommissioned";
	return request_say(reply, body_done(request->id), /* is_final= */ true);
}
