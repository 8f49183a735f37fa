/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Only looks: what is asked here changes nothing and waits for nothing. That the store can be written is
 * told by the last commit, not tried.
 */
#include "agent/checkup.h"

#include <sys/statvfs.h>

#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/bus-verify.h"
#include "agent/bus.h"
#include "agent/cloud.h"
#include "agent/doctor.h"
#include "agent/due.h"
#include "agent/link-server.h"
#include "agent/outlook.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/store-crl.h"
#include "agent/store-job.h"
#include "agent/vault.h"
#include "config.h"
#include "lib/util.h"

#define SECOND_US 1000000ull

static void look_at_disk(const struct agent *agent, struct doctor_facts *facts)
{
	struct statvfs fs;

	if (statvfs(agent->state_folder, &fs) < 0)
		return;
	facts->disk_is_known = true;
	facts->disk_is_read_only = fs.f_flag & ST_RDONLY;
	facts->disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	facts->disk_files = fs.f_files;
	facts->disk_files_free = fs.f_favail;
}

static void look_at_cloud(struct agent *agent, struct doctor_facts *facts)
{
	uint64_t now_us = gw_now_monotonic_us();
	struct cloud_facts cloud;

	cloud_get_facts(agent, &cloud);
	facts->credential_is_known = cloud.credential_is_known;
	facts->credential_is_ok = cloud.credential_is_ok;
	facts->credential_text = cloud.credential_text;
	facts->credential = cloud.credential;
	facts->care = cloud.care;
	facts->cloud = cloud.state;
	facts->cloud_text = cloud.text;
	facts->cloud_for_s = (now_us - cloud.since_us) / SECOND_US;
	facts->cloud_retry_s =
		cloud.retry_us > now_us ? (cloud.retry_us - now_us) / SECOND_US : DOCTOR_NEVER;
	facts->cloud_heard_s =
		cloud.heard_us ? (now_us - cloud.heard_us) / SECOND_US : DOCTOR_NEVER;
}

static void look_at_record(struct agent *agent, struct doctor_facts *facts)
{
	uint64_t now_us = gw_now_monotonic_us(), found_us;
	struct audit_export_facts record;

	audit_export_get_facts(agent, &record);
	facts->record_is_sealed = record.is_sealed;
	facts->record_waiting = record.head - GW_MIN(record.head, record.acknowledged);
	facts->record_most = agent->settings.audit_waiting_max;
	facts->record_lost_from = record.lost_from;
	facts->record_lost_to = record.lost_to;
	facts->record_lost_s = facts->now_s - GW_MIN(facts->now_s, record.since);
	facts->record_common_s =
		record.common ? facts->now_s - GW_MIN(facts->now_s, record.common) : DOCTOR_NEVER;
	facts->record_refusal = record.refusal;
	facts->record_refused_s = (now_us - record.refused_us) / SECOND_US;
	facts->record_bad = bus_verify_first_bad(agent->verify, &facts->record_why, &found_us);
	facts->record_bad_s = (now_us - found_us) / SECOND_US;
}

/* Jobs have the time on the wall as it went then: one that jumped says nothing. */
static void look_at_times(struct agent *agent, struct doctor_facts *facts)
{
	uint64_t made_s = store_job_oldest(agent->store) / SECOND_US;

	facts->clock_for_s = (gw_now_monotonic_us() - due_clock_since_us(agent->due)) / SECOND_US;
	facts->jobs_for_s = facts->now_s - GW_MIN(made_s, facts->now_s);
}

static void look_at_link(const struct agent *agent, struct doctor_facts *facts)
{
	uint64_t since_s = 0, now_s = gw_now_realtime_us() / SECOND_US; /* as files have it */

	facts->link_lost = link_server_lost(agent->link_server, &since_s);
	facts->link_lost_s = since_s && since_s <= now_s ? now_s - since_s : DOCTOR_NEVER;
}

/* Into `name` that of the issuer whose list is out of date for longest. */
static void look_at_lists(struct agent *agent, struct doctor_facts *facts, char name[GW_ID_MAX + 1])
{
	struct crl_record record = { 0 };

	while (store_crl_next(agent->store, record.id, &record) >= 0) {
		uint64_t late_s = facts->now_s - GW_MIN(facts->now_s, record.next_update);

		facts->lists++;
		if (!policy_list_is_stale(record.next_update, facts->now_s,
					  clock_is_trusted(&agent->clock)))
			continue;
		if (facts->lists_stale++ == 0 || late_s > facts->list_stale_s) {
			facts->list_stale_s = late_s;
			(void)gw_copy(name, GW_ID_MAX + 1,
				      *record.name ? record.name : "(no name)");
		}
	}
	facts->list_name = name;
	facts->stale_list_closes = agent->settings.devices_stale_crl_closes;
}

static void look_at_plugins(struct agent *agent, struct doctor_facts *facts)
{
	struct plugin *plugin = NULL;
	struct plugin_info info;
	uint64_t now_us = gw_now_monotonic_us();

	for (int role = 0; role < _GW_ROLE_MAX; role++)
		facts->missing_for_s[role] =
			(now_us - plugins_missing_since_us(agent->plugins, (enum gw_role)role)) /
			SECOND_US;
	while (facts->n_plugins < DOCTOR_PLUGINS_MAX &&
	       (plugin = plugins_next(agent->plugins, plugin))) {
		plugin_get_info(plugin, &info);
		facts->plugins[facts->n_plugins++] = (struct doctor_plugin){
			.name = info.name,
			.program = info.program,
			.role = info.role,
			.healthy = info.healthy,
			.text = info.text,
			.for_s = (now_us - info.since_us) / SECOND_US,
		};
	}
}

size_t checkup(struct agent *agent, struct doctor_finding *findings)
{
	struct doctor_facts facts = {
		.now_s = clock_now_s(&agent->clock),
		.clock = clock_verdict(&agent->clock),
		.store_trouble = bus_trouble(agent->bus),
		.key_is_given = vault_key(agent->vault) == VAULT_KEY_CREDENTIAL,
		.state_folder = agent->state_folder,
		.jobs = store_job_count(agent->store),
		.jobs_most = agent->settings.jobs_max,
		.renewals = outlook_look(agent->outlook),
		.version = PACKAGE_VERSION,
	};
	char list_name[GW_ID_MAX + 1] = "";

	look_at_disk(agent, &facts);
	look_at_cloud(agent, &facts);
	look_at_record(agent, &facts);
	look_at_times(agent, &facts);
	look_at_link(agent, &facts);
	look_at_lists(agent, &facts, list_name);
	look_at_plugins(agent, &facts);
	return doctor_examine(&facts, findings);
}
