/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times are kept by the monotonic clock and told by the one on the wall, as it goes now: a gateway that
 * learns the time after a while still says rightly since when something is so.
 */
#include "agent/bus-doctor.h"

#include <systemd/sd-bus.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/checkup.h"
#include "agent/cloud.h"
#include "agent/doctor.h"
#include "agent/due.h"
#include "lib/util.h"

static int append_findings(sd_bus_message *reply, const struct doctor_finding *findings, size_t n)
{
	int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

	for (size_t i = 0; i < n && r >= 0; i++)
		r = sd_bus_message_append(reply, "(ssss)", findings[i].check,
					  doctor_verdict_name(findings[i].verdict),
					  findings[i].text, findings[i].advice);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_doctor_call(struct agent *agent, sd_bus_message *call)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ struct doctor_finding *findings =
		calloc(DOCTOR_FINDINGS_MAX, sizeof(*findings));
	int r;

	if (!findings)
		return -ENOMEM;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = append_findings(reply, findings, checkup(agent, findings));
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static uint64_t on_the_wall_s(uint64_t monotonic_us)
{
	uint64_t there_us = gw_now_realtime_us() + monotonic_us, now_us = gw_now_monotonic_us();

	return monotonic_us && there_us > now_us ? (there_us - now_us) / 1000000 : 0;
}

uint64_t bus_doctor_time(struct agent *agent, const char *property)
{
	struct cloud_facts cloud;

	cloud_get_facts(agent, &cloud);
	if (gw_streq(property, "StateSince"))
		return on_the_wall_s(bus_trouble_since_us(agent->bus));
	if (gw_streq(property, "CloudSince"))
		return on_the_wall_s(cloud.since_us);
	if (gw_streq(property, "CloudRetry"))
		return on_the_wall_s(cloud.retry_us);
	if (gw_streq(property, "CloudHeard"))
		return on_the_wall_s(cloud.heard_us);
	if (gw_streq(property, "CredentialEnds"))
		return cloud.credential_is_known ? cloud.credential.not_after : 0;
	if (gw_streq(property, "CredentialRenews"))
		return cloud.care.renew_at_s;
	if (gw_streq(property, "CredentialRetry"))
		return cloud.care.retry_at_s;
	return on_the_wall_s(due_clock_since_us(agent->due));
}
