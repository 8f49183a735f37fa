/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One way for the operator and for the cloud: the table of device.c says what is possible, lifecycle.c does
 * it. All of it works without the cloud, which is told by a job that waits for it. What is so already is
 * done: whoever asks twice is told yes twice, and the record holds it once.
 */
#include "agent/operate.h"

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/lifecycle.h"
#include "agent/steps.h"
#include "agent/store-device.h"
#include "agent/turn.h"
#include "lib/util.h"
#include "lib/wire.h"

struct deed {
	enum device_event event;
	enum device_state state; /* of a device of which it is so already */
	enum gw_reason reason;   /* the usual one */
};

static const struct deed deeds[] = {
	{ DEVICE_EVENT_REJECT, DEVICE_REJECTED, GW_REASON_REJECTED },
	{ DEVICE_EVENT_SUSPEND, DEVICE_SUSPENDED, GW_REASON_SUSPENDED },
	{ DEVICE_EVENT_RESUME, DEVICE_ONBOARDED, GW_REASON_NONE },
	{ DEVICE_EVENT_REVOKE, DEVICE_REVOKED, GW_REASON_REVOKED },
	{ DEVICE_EVENT_DECOMMISSION, DEVICE_DECOMMISSIONED, GW_REASON_DECOMMISSIONED },
	{ DEVICE_EVENT_MOVED, DEVICE_REJECTED, GW_REASON_MOVED },
};

static const struct deed *find_deed(enum device_event event)
{
	for (size_t i = 0; i < GW_ELEMENTS(deeds); i++)
		if (deeds[i].event == event)
			return &deeds[i];
	return NULL;
}

bool operate_reason_is_valid(const char *reason)
{
	return strlen(reason) <= GW_REASON_MAX &&
	       !reason[strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static int carry_out(struct agent *agent, const struct operate_wish *wish, const struct deed *deed,
		     struct device_record *device, enum gw_reason *ret_reason)
{
	const struct lifecycle_cause cause = {
		.event = wish->event,
		.who = wish->who,
		.reason = *wish->reason ? wish->reason : gw_reason_code(deed->reason),
	};
	int r = lifecycle_apply(agent, device, &cause);

	if (r == -EBUSY) {
		*ret_reason = GW_REASON_NOT_POSSIBLE;
		return 0;
	}
	if (r >= 0)
		turn_step(agent->turn, STEP_OPERATE);
	return r;
}

int operate_device(struct agent *agent, const struct operate_wish *wish, enum gw_reason *ret_reason)
{
	const struct deed *deed = find_deed(wish->event);
	struct device_record device;
	int r = turn_open(agent->turn);

	if (r >= 0)
		r = store_device_get(agent->store, wish->device, &device);
	*ret_reason = r == -ENOENT ? GW_REASON_NOT_FOUND : GW_REASON_NONE;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (device.state == deed->state)
		return 0;
	return carry_out(agent, wish, deed, &device, ret_reason);
}
