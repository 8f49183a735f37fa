/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `adopt`: a device has proved a certificate of ours at a gateway that does not know it. The gateway may be new
 * in its own place (its store is gone), have taken another's, or the device was carried from one to the other.
 * Where the device is at home is decided here and in one transaction, so that of two gateways that ask at once
 * the second meets the first one's answer; the home before it is told by a command that waits for it.
 */
#include "tools/cloud/request.h"

#include <stdio.h>

#include "lib/blob.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "tools/cloud/body.h"
#include "tools/cloud/id.h"
#include "tools/cloud/policy.h"
#include "tools/cloud/registry.h"

#define GATHER_S 2 /* that the first of several waits for the others */

static int find_certificate(struct desk *desk, const struct request *request, struct record *record,
			    struct adopt_facts *facts)
{
	/* Who proves a candidate here has shown it to be the one that it holds. */
	static const enum present_standing standings[_CERTIFICATE_STATE_MAX] = {
		[CERTIFICATE_CANDIDATE] = PRESENT_STANDS_LIVE,
		[CERTIFICATE_LIVE] = PRESENT_STANDS_LIVE,
		[CERTIFICATE_REVOKED] = PRESENT_STANDS_REVOKED,
	};
	int r;

	facts->present = PRESENT_STANDS_UNKNOWN;
	r = registry_certificate_get(desk->registry, request->serial, record);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;

	if (!gw_streq(record->device, request->device))
		return 0;
	facts->present = standings[record->state];
	facts->has_key = gw_streq(record->key, request->key);
	facts->is_expired = record->not_after <= request_now_s();
	(void)gw_reason_from_code(record->reason, &facts->revoked_why);
	return 0;
}

static int find_home(struct desk *desk, const char *gateway, const struct record *record,
		     struct adopt_facts *facts)
{
	bool is_replaced, may_roam;
	int r;

	r = registry_gateway_is_replaced_by(desk->registry, record->gateway, gateway, &is_replaced);
	if (r >= 0)
		r = registry_tenant_may_roam(desk->registry, record->tenant, &may_roam);
	if (r >= 0)
		r = registry_device_moves(desk->registry, record->device,
					  request_now_s() - POLICY_MOVES_S, &facts->n_moves);
	if (r < 0)
		return r;

	if (gw_streq(record->gateway, gateway))
		facts->home = HOME_STANDS_HERE;
	else if (is_replaced)
		facts->home = HOME_STANDS_REPLACED;
	else
		facts->home = may_roam ? HOME_STANDS_FOLLOWED : HOME_STANDS_ELSEWHERE;
	return 0;
}

/* Where a gateway was replaced its devices come one after the other: the old one is told of several at once. */
static int tell_old_home(struct desk *desk, const struct record *record)
{
	struct command command = { .kind = COMMAND_MOVED, .made_at = request_now_s() };
	int r;

	id_make("command", command.id);
	(void)gw_copy(command.gateway, sizeof(command.gateway), record->gateway);
	(void)gw_copy(command.device, sizeof(command.device), record->device);
	r = registry_command_find_list(desk->registry, record->gateway, COMMAND_MOVED,
				       GW_LIST_MAX - 1, command.list);
	if (r < 0)
		return r;
	if (r == 0)
		command.not_before = command.made_at + GATHER_S;
	return registry_command_add(desk->registry, &command);
}

static int move(struct desk *desk, const char *gateway, const struct request *request,
		const struct record *record)
{
	int r;

	r = registry_device_move(desk->registry, record, gateway, request->id, request_now_s());
	if (r >= 0)
		r = registry_commands_unmove(desk->registry, gateway, record->device);
	if (r >= 0)
		r = tell_old_home(desk, record);
	if (r >= 0)
		gw_log_device(INFO, record->device, "moved from %s to %s, with %s", record->gateway,
			      gateway, record->serial);
	return r;
}

/* At home already: only what was never proved is proved now. */
static int settle(struct desk *desk, const char *gateway, const struct record *record)
{
	int r = registry_commands_unmove(desk->registry, gateway, record->device);

	if (r >= 0 && record->state == CERTIFICATE_CANDIDATE)
		r = registry_certificate_prove(desk->registry, record);
	if (r >= 0)
		gw_log_device(INFO, record->device, "known again at %s, with %s", gateway,
			      record->serial);
	return r;
}

static int grant(struct desk *desk, const char *gateway, const struct request *request,
		 const struct record *record, bool is_here, struct reply *reply)
{
	_cleanup_free_ uint8_t *der = NULL;
	size_t len;
	int r;

	r = registry_certificate_bytes(desk->registry, record->serial, &der, &len);
	if (r >= 0)
		r = is_here ? settle(desk, gateway, record) : move(desk, gateway, request, record);
	if (r < 0)
		return r;

	reply->step = "cloud.adopt";
	return request_say(reply,
			   body_adopted(request->id, (struct gw_blob){ der, len }, record->tenant,
					record->claim),
			   /* is_final= */ true);
}

/* Where a device is at home is said only to a gateway that may use its tenant; the others get no further. */
static int refuse(struct reply *reply, const struct request *request, enum gw_reason why,
		  const struct record *record)
{
	char text[BODY_TEXT_MAX + 1];

	if (why != GW_REASON_LIVE_ELSEWHERE)
		return request_refuse(reply, request, why, /* text= */ NULL);
	(void)snprintf(text, sizeof(text), "%s is aboard at %s.", request->device, record->gateway);
	return request_refuse(reply, request, why, text);
}

int request_adopt(struct desk *desk, const char *gateway, const struct request *request,
		  struct reply *reply)
{
	struct adopt_facts facts = { .home = HOME_STANDS_ELSEWHERE };
	struct record record = { 0 };
	enum gw_reason why;
	int r;

	r = find_certificate(desk, request, &record, &facts);
	if (r >= 0 && facts.present != PRESENT_STANDS_UNKNOWN)
		r = find_home(desk, gateway, &record, &facts);
	if (r >= 0)
		r = registry_tenant_is_allowed(desk->registry, gateway, record.tenant,
					       &facts.tenant_is_allowed);
	if (r >= 0)
		r = registry_device_is_suspended(desk->registry, request->device,
						 &facts.is_suspended);
	if (r < 0)
		return r;

	why = policy_adopt(&facts);
	if (why != GW_REASON_NONE)
		return refuse(reply, request, why, &record);
	return grant(desk, gateway, request, &record, facts.home == HOME_STANDS_HERE, reply);
}
