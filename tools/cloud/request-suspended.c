/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `suspended` and `resumed`: a gateway serves a device nothing for a while, on its operator's word or on ours.
 * Always answered with `done`: a device that is not this gateway's is not its concern.
 */
#include "tools/cloud/request.h"

#include "lib/log.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"

static int note(struct desk *desk, const char *gateway, const struct request *request,
		struct reply *reply)
{
	bool suspended = request->kind == REQUEST_SUSPENDED, is_its_own;
	int r = registry_device_is_of(desk->registry, request->device, gateway, &is_its_own);

	if (r < 0)
		return r;
	if (!is_its_own) {
		gw_log_device(WARNING, request->device,
			      "%s says '%s' of it, which is not its own, ignoring", gateway,
			      body_request_name(request->kind));
		return 0;
	}
	gw_log_device(INFO, request->device, "%s at %s%s%s", body_request_name(request->kind),
		      gateway, suspended ? ", " : "", request->reason);
	reply->step = "cloud.suspended";
	return suspended ? registry_device_suspend(desk->registry, request->device, request->reason)
			 : registry_device_resume(desk->registry, request->device);
}

int request_suspended(struct desk *desk, const char *gateway, const struct request *request,
		      struct reply *reply)
{
	int r = note(desk, gateway, request, reply);

	return r < 0 ? r : request_say(reply, body_done(request->id), /* is_final= */ true);
}

int request_resumed(struct desk *desk, const char *gateway, const struct request *request,
		    struct reply *reply)
{
	return request_suspended(desk, gateway, request, reply);
}
