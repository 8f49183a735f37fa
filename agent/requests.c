/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that is aboard gets its settings; one that is not yet gets none. */
#include "agent/requests.h"

#include <stdio.h>

#include "agent/agent.h"
#include "agent/leave.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/renewal.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

static void send(struct agent *agent, const struct gw_msg *msg)
{
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), msg, /* fd= */ -1);
}

/* Who asks: 1, or 0 if the session is over. */
static int find_asker(struct agent *agent, uint64_t id, const struct session **ret_session,
		      struct device_record *ret_device)
{
	const struct session *session = session_find_served(agent->sessions, id);
	int r;

	if (!session)
		return 0;
	r = turn_open(agent->turn);
	if (r >= 0)
		r = store_device_get(agent->store, session->device, ret_device);
	if (r < 0)
		return r;
	*ret_session = session;
	return 1;
}

/* The live certificate, unless nothing but its renewal is served any more. */
static enum gw_reason find_certificate(struct agent *agent, const char *device,
				       struct certificate_record *ret)
{
	if (store_certificate_of(agent->store, device, CERTIFICATE_LIVE, ret) < 0)
		return GW_REASON_NOT_POSSIBLE;
	if (clock_is_trusted(&agent->clock) && renewal_is_too_late(ret, clock_now_s(&agent->clock)))
		return GW_REASON_CERTIFICATE_EXPIRED;
	return GW_REASON_NONE;
}

/* Devices are told one broker: the first of the list. */
static void first_word(const char *list, char *word, size_t size)
{
	size_t len = strcspn(list, " \t,");

	(void)snprintf(word, size, "%.*s", (int)len, list);
}

/* Of a session that is let in for the notice: 1 once it is dealt with, 0 if it is none. */
static int tell_leaver(struct agent *agent, uint64_t id)
{
	const struct session *session = session_find_for_notice(agent->sessions, id);
	int r;

	if (!session)
		return 0;
	r = turn_open(agent->turn);
	if (r >= 0)
		r = leave_told(agent, session->device);
	return r < 0 ? r : 1;
}

static int refuse_leaver(struct agent *agent, const struct gw_msg_settings_query *msg)
{
	const struct gw_msg reply = {
		.type = GW_MSG_SETTINGS,
		.settings = { .session = msg->session,
			      .request = msg->request,
			      .outcome = GW_OUTCOME_REFUSED,
			      .reason = gw_reason_code(GW_REASON_DECOMMISSIONED) },
	};
	int r = tell_leaver(agent, msg->session);

	if (r > 0)
		send(agent, &reply);
	return r;
}

int requests_take_settings_query(struct agent *agent, const struct gw_msg_settings_query *msg)
{
	const struct session *session;
	struct gw_msg reply = { .type = GW_MSG_SETTINGS,
				.settings = { .session = msg->session,
					      .request = msg->request,
					      .outcome = GW_OUTCOME_REFUSED } };
	enum gw_reason reason = GW_REASON_NOT_POSSIBLE;
	struct certificate_record certificate;
	char broker[SETTINGS_TEXT_MAX + 1];
	struct device_record device;
	int r;

	r = refuse_leaver(agent, msg);
	if (r != 0)
		return GW_MIN(r, 0);
	r = find_asker(agent, msg->session, &session, &device);
	if (r <= 0)
		return r;

	if (session->by_certificate)
		reason = find_certificate(agent, device.id, &certificate);
	reply.settings.reason = gw_reason_code(reason);
	if (reason == GW_REASON_NONE) {
		reply.settings.outcome = GW_OUTCOME_DONE;
		reply.settings.device = device.id;
		reply.settings.tenant = device.tenant;
		first_word(agent->settings.cloud_broker, broker, sizeof(broker));
		reply.settings.cloud = *agent->settings.cloud_device_endpoint
					       ? agent->settings.cloud_device_endpoint
					       : broker;
		reply.settings.renew_at =
			renewal_at(&certificate, agent->settings.devices_renew_after,
				   agent->settings.devices_renew_spread);
	}
	send(agent, &reply);
	return 0;
}

int requests_take_report(struct agent *agent, const struct gw_msg_report *msg)
{
	const struct session *session;
	struct gw_msg reply = { .type = GW_MSG_REPORTED,
				.reported = { msg->session, msg->request, GW_OUTCOME_DONE, "" } };
	const char *reason = msg->ok ? "" : gw_reason_code(GW_REASON_DEVICE_FAILED);
	struct device_record device;
	int r;

	r = find_asker(agent, msg->session, &session, &device);
	if (r <= 0)
		return r;

	lifecycle_record_often(agent, msg->ok ? "device-reports-success" : "device-reports-failure",
			       device.id, "device", reason, msg->text);
	if (!msg->ok) {
		gw_log_tagged(GW_LOG_WARNING,
			      GW_LOG_TAGS(.event = GW_EVENT_DEVICE_REPORTS_FAILURE,
					  .device = device.id, .reason = reason),
			      "The device reports that its enrolment failed: %s", msg->text);
		(void)gw_copy(device.reason, sizeof(device.reason), reason);
		r = store_device_put(agent->store, &device);
	}
	send(agent, &reply);
	return r;
}

int requests_take_rejected(struct agent *agent, const struct gw_msg_rejected *msg)
{
	const struct session *session;
	struct device_record device;
	int r;

	r = tell_leaver(agent, msg->session);
	if (r != 0)
		return GW_MIN(r, 0);
	r = find_asker(agent, msg->session, &session, &device);
	if (r <= 0)
		return r;

	gw_log_tagged(GW_LOG_NOTICE,
		      GW_LOG_TAGS(.event = GW_EVENT_REQUEST_REFUSED, .device = device.id,
				  .reason = msg->reason),
		      "A request of it is refused: %s", msg->reason);
	lifecycle_record_often(agent, "csr-refused", device.id, "device", msg->reason,
			       /* detail= */ NULL);
	(void)gw_copy(device.reason, sizeof(device.reason), msg->reason);
	return store_device_put(agent->store, &device);
}
