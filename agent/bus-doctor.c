/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times are kept by the monotonic clock and told by the best that is known of the time now: a gateway that
 * learns the time after a while still says rightly since when something is so. The machine's own clock may be wrong
 * by years all along.
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

#define SECOND_US 1000000ull

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

static uint64_t on_the_wall_s(const struct agent *agent, uint64_t monotonic_us)
{
	uint64_t machine_us = gw_now_realtime_us(), now_us = gw_now_monotonic_us();
	uint64_t off_s = clock_now_s(&agent->clock) - machine_us / SECOND_US;
	uint64_t there_us = machine_us + off_s * SECOND_US + monotonic_us;

	return monotonic_us && there_us > now_us ? (there_us - now_us) / SECOND_US : 0;
}

uint64_t bus_doctor_time(struct agent *agent, const char *property)
{
	struct cloud_facts cloud;

	cloud_get_facts(agent, &cloud);
	if (gw_streq(property, "StateSince"))
		return on_the_wall_s(agent, bus_trouble_since_us(agent->bus));
	if (gw_streq(property, "CloudSince"))
		return on_the_wall_s(agent, cloud.since_us);
	if (gw_streq(property, "CloudRetry"))
		return on_the_wall_s(agent, cloud.retry_us);
	if (gw_streq(property, "CloudHeard"))
		return on_the_wall_s(agent, cloud.heard_us);
	if (gw_streq(property, "CredentialEnds"))
		return cloud.credential_is_known ? cloud.credential.not_after : 0;
	if (gw_streq(property, "CredentialRenews"))
		return cloud.care.renew_at_s;
	if (gw_streq(property, "CredentialRetry"))
		return cloud.care.retry_at_s;
	if (gw_streq(property, "Time"))
		return clock_now_s(&agent->clock);
	return on_the_wall_s(agent, due_clock_since_us(agent->due));
}
