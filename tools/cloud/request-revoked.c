/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `revoked`: a certificate is good no more, or an enrolment is void whose answer the gateway has
 * not seen. Always answered with `done`: what is not known here, or not this gateway's, is not its
 * concern.
 */
#include "tools/cloud/request.h"

#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"

static int revoke_certificate(struct desk *desk, const char *gateway, const struct request *request,
			      const struct record *record, struct reply *reply)
{
	bool names_it = !*request->device || gw_streq(record->device, request->device);

	if (!gw_streq(record->gateway, gateway) || !names_it) {
		gw_log_device(WARNING, request->device,
			      "%s asks to revoke %s, which is not its own, ignoring", gateway,
			      record->serial);
		return 0;
	}
	if (record->state == CERTIFICATE_REVOKED)
		return 0;

	gw_log_device(INFO, record->device, "%s -> revoked: %s at %s, %s",
		      certificate_state_name(record->state), record->serial, gateway,
		      request->reason);
	reply->step = "cloud.revoked";
	return registry_certificate_revoke(desk->registry, record->serial, request->reason);
}

/* An enrolment that comes after the word that it is void meets this answer. */
static int void_enrolment(struct desk *desk, const char *gateway, const struct request *request,
			  struct reply *reply)
{
	_cleanup_free_ char *about = NULL, *body = NULL;
	int r;

	r = registry_answer_get(desk->registry, gateway, request->of, &about, &body);
	if (r != -ENOENT)
		return r;

	body = body_refused(request->of, /* final= */ true, gw_reason_code(GW_REASON_SUPERSEDED),
			    gw_reason_text(GW_REASON_SUPERSEDED));
	if (!body)
		return -ENOMEM;

	reply->step = "cloud.revoked";
	return registry_answer_add(desk->registry, gateway, request->of, /* about= */ "", body);
}

int request_revoked(struct desk *desk, const char *gateway, const struct request *request,
		    struct reply *reply)
{
	struct record record;
	int r;

	if (*request->serial)
		r = registry_certificate_get(desk->registry, request->serial, &record);
	else
		r = registry_certificate_of_job(desk->registry, gateway, request->of, &record);
	if (r >= 0)
		r = revoke_certificate(desk, gateway, request, &record, reply);
	else if (r == -ENOENT)
		r = *request->of ? void_enrolment(desk, gateway, request, reply) : 0;
	if (r < 0)
		return r;
	return request_say(reply, body_done(request->id), /* is_final= */ true);
}
