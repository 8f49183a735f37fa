/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `proved`: the device has been seen with its certificate. This is the turning point of an
 * enrolment: the candidate goes live, every other certificate of the device is revoked, the claim
 * is spent.
 */
#include "tools/cloud/request.h"

#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

static int find_proved(struct desk *desk, const char *gateway, const struct request *request,
		       struct record *record, enum proved_standing *ret)
{
	static const enum proved_standing standings[_CERTIFICATE_STATE_MAX] = {
		[CERTIFICATE_CANDIDATE] = PROVED_STANDS_CANDIDATE,
		[CERTIFICATE_LIVE] = PROVED_STANDS_LIVE,
		[CERTIFICATE_REVOKED] = PROVED_STANDS_REVOKED,
	};
	int r;

	*ret = PROVED_STANDS_UNKNOWN;
	r = registry_certificate_get(desk->registry, request->serial, record);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	if (gw_streq(record->gateway, gateway) && gw_streq(record->device, request->device) &&
	    gw_streq(record->claim, request->claim))
		*ret = standings[record->state];
	return 0;
}

int request_proved(struct desk *desk, const char *gateway, const struct request *request,
		   struct reply *reply)
{
	enum gw_reason revoked_why = GW_REASON_NONE, why = GW_REASON_NONE;
	enum proved_standing standing;
	struct record record = { 0 };
	int r;

	r = find_proved(desk, gateway, request, &record, &standing);
	if (r < 0)
		return r;

	(void)gw_reason_from_code(record.reason, &revoked_why);
	switch (policy_proved(standing, revoked_why, &why)) {
	case PROVED_REFUSE: return request_refuse(reply, request, why, /* text= */ NULL);
	case PROVED_PROMOTE:
		r = registry_certificate_prove(desk->registry, &record);
		if (r < 0)
			return r;
		gw_log_device(INFO, request->device, "candidate -> live: %s at %s", record.serial,
			      gateway);
		reply->step = "cloud.proved";
		break;
	case PROVED_SAME: break;
	}
	return request_say(reply, body_done(request->id), /* is_final= */ true);
}
