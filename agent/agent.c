/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets the rooms up in the order in which they lean on each other, and takes them down the other way
 * round. What fails says itself what to do about it.
 */
#include "agent/agent.h"
#include "agent/adopt.h"

#include <stdio.h>

#include "agent/answers.h"
#include "agent/audit-export.h"
#include "agent/audit-retention.h"
#include "agent/audit.h"
#include "agent/bus-revocation.h"
#include "agent/bus-verify.h"
#include "agent/bus.h"
#include "agent/channels.h"
#include "agent/clock-watch.h"
#include "agent/cloud.h"
#include "agent/discovered.h"
#include "agent/due.h"
#include "agent/issuers.h"
#include "agent/lifecycle.h"
#include "agent/link-server.h"
#include "agent/neighbours.h"
#include "agent/outlook.h"
#include "agent/plugins.h"
#include "agent/pulse.h"
#include "agent/queue.h"
#include "agent/refusals.h"
#include "agent/reload.h"
#include "agent/revocation.h"
#include "agent/sessions.h"
#include "agent/settings-report.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "agent/unconfigured.h"
#include "agent/vault.h"
#include "lib/log.h"
#include "lib/util.h"

#define ERROR_MAX 512

static int read_settings(struct agent *agent)
{
	struct settings_report report;
	int r;

	r = settings_read(&agent->config, /* draft= */ NULL, &agent->settings, &report);
	if (r >= 0)
		return 0;
	if (r == -EINVAL && settings_report_is_missing_only(&report))
		return unconfigured_new(agent, &report, &agent->unconfigured);

	reload_tell_faults(&report);
	return r == -ENOMEM ? r : -ENOTRECOVERABLE;
}

/* A store of a newer version, or one that is damaged. What else a disk has may pass by itself. */
static int after_store(int r)
{
	return r == -EPROTO || r == -EUCLEAN ? -ENOTRECOVERABLE : r;
}

/* A key that is lost, another's, of no good length, or not ours to read; or a damage that shows only now. */
static int after_vault(int r)
{
	switch (r) {
	case -ENOKEY:
	case -EBADMSG:
	case -EINVAL:
	case -EFBIG:
	case -EUCLEAN:
	case -EACCES: return -ENOTRECOVERABLE;
	default: return r;
	}
}

static int open_disk(struct agent *agent)
{
	const char *folder = agent->state_folder;
	char error[ERROR_MAX] = "Out of memory";
	int r;

	r = after_store(store_open(folder, &agent->store, error, sizeof(error)));
	if (r > 0)
		gw_log(INFO, "The store in %s was of an older version, and is of this one now",
		       folder);
	if (r >= 0)
		r = after_vault(vault_open(folder, agent->store,
					   agent->settings.store_key_is_given ? VAULT_KEY_CREDENTIAL
									      : VAULT_KEY_AUTO,
					   &agent->vault, error, sizeof(error)));
	if (r >= 0) {
		clock_init(&agent->clock, agent->store, agent->settings.clock_trusts_cloud);
		r = audit_begin(agent->store, agent->vault, clock_now_s(&agent->clock));
		if (r < 0)
			(void)snprintf(error, sizeof(error), "The record cannot be begun: %s",
				       strerror(-r));
	}
	if (r < 0) {
		gw_log_event(ERROR, START_FAILED, "%s", error);
		return r;
	}

	if (vault_key(agent->vault) == VAULT_KEY_CREDENTIAL)
		gw_log(INFO, "Secrets are sealed under the credential store-key");
	else
		gw_log(INFO, "Secrets are sealed under the agent's own key, %s/store.key", folder);
	return 0;
}

static int make_memory(struct agent *agent)
{
	const struct settings *settings = &agent->settings;
	int r;

	r = turn_new(agent, &agent->turn);
	if (r >= 0)
		r = plugins_new(agent, &agent->plugins);
	if (r >= 0)
		r = channels_new(&agent->channels);
	if (r >= 0)
		r = cloud_new(&agent->cloud);
	if (r >= 0)
		r = neighbours_new(&agent->neighbours);
	if (r >= 0)
		r = sessions_new(agent, &agent->sessions);
	if (r >= 0)
		r = discovered_new(settings->discovered_max, settings->discovered_age_s,
				   &agent->discovered);
	if (r >= 0)
		r = refusals_new(&agent->refusals);
	if (r >= 0)
		r = adopt_new(&agent->adopt);
	if (r >= 0)
		r = answers_new(agent->event, &agent->answers);
	if (r >= 0)
		r = queue_new(agent, &agent->queue);
	if (r >= 0)
		r = due_new(agent, &agent->due);
	if (r >= 0)
		r = issuers_new(&agent->issuers);
	if (r >= 0)
		r = outlook_new(agent, &agent->outlook);
	if (r >= 0)
		r = audit_export_new(agent, &agent->audit_export);
	if (r >= 0)
		r = audit_retention_new(agent, &agent->audit_retention);
	if (r >= 0)
		r = bus_verify_new(agent, &agent->verify);
	if (r >= 0)
		r = revocation_new(&agent->revocation);
	if (r >= 0)
		r = bus_revocation_new(&agent->bus_revocation);
	if (r >= 0)
		r = clock_watch_new(agent, &agent->clock_watch);
	if (r < 0)
		gw_log_event(ERROR, START_FAILED, "Cannot start: %s", strerror(-r));
	return r;
}

/* Who had the time forgotten had no key to the record: it is written down by who finds it so. */
static int record_forgotten_time(struct agent *agent)
{
	int r;

	if (!clock_floor_was_forgotten(agent->store))
		return 0;
	r = turn_open(agent->turn);
	if (r >= 0)
		r = clock_store_floor(&agent->clock, agent->store);
	if (r >= 0)
		lifecycle_record(agent, "time-forgotten", /* device= */ "",
				 "gangwayd --forget-time", /* reason= */ "",
				 "the time that the cloud told last");
	if (r < 0)
		gw_log_event(ERROR, START_FAILED, "The record cannot be written: %s", strerror(-r));
	return r;
}

static int open_doors(struct agent *agent)
{
	int r = link_server_new(agent, agent->link_path, &agent->link_server);

	if (r < 0)
		return r;
	r = pulse_new(agent, &agent->pulse);
	if (r < 0)
		gw_log_event(ERROR, START_FAILED, "Cannot start: %s", strerror(-r));
	return r;
}

int agent_begin(struct agent *agent)
{
	int r = open_disk(agent);

	if (r >= 0)
		r = make_memory(agent);
	if (r >= 0)
		r = record_forgotten_time(agent);
	if (r >= 0)
		r = open_doors(agent);
	if (r >= 0)
		gw_log_event(INFO, AGENT_STARTED, "gangwayd serves gateway %s",
			     agent->settings.gateway);
	return r;
}

/* The bus is there before all else, and the first call on it is answered after all of it. */
static int set_up(struct agent *agent)
{
	int r = read_settings(agent);

	if (r < 0)
		return r;
	r = bus_new(agent, &agent->bus);
	if (r < 0) {
		gw_log_event(ERROR, START_FAILED, "Cannot go to the bus: %s", strerror(-r));
		return r;
	}
	return agent->unconfigured ? 0 : agent_begin(agent);
}

int agent_new(struct sd_event *event, const struct agent_options *options, struct agent **ret)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent) {
		gw_log_event(ERROR, START_FAILED, "Cannot start: %s", strerror(ENOMEM));
		return -ENOMEM;
	}

	agent->event = event;
	agent->config = options->config;
	agent->state_folder = options->state;
	agent->link_path = options->link;
	r = set_up(agent);
	if (r < 0) {
		agent_free(agent);
		return r;
	}

	*ret = agent;
	return 0;
}

struct agent *agent_free(struct agent *agent)
{
	if (!agent)
		return NULL;

	if (agent->turn && agent->plugins)
		turn_finish(agent->turn);
	agent->pulse = pulse_free(agent->pulse);
	agent->link_server = link_server_free(agent->link_server);
	agent->due = due_free(agent->due);
	agent->bus = bus_free(agent->bus);
	agent->clock_watch = clock_watch_free(agent->clock_watch);
	agent->verify = bus_verify_free(agent->verify);
	agent->bus_revocation = bus_revocation_free(agent->bus_revocation);
	agent->revocation = revocation_free(agent->revocation);
	agent->audit_retention = audit_retention_free(agent->audit_retention);
	agent->audit_export = audit_export_free(agent->audit_export);
	agent->outlook = outlook_free(agent->outlook);
	agent->issuers = issuers_free(agent->issuers);
	agent->queue = queue_free(agent->queue);
	agent->answers = answers_free(agent->answers);
	agent->refusals = refusals_free(agent->refusals);
	agent->adopt = adopt_free(agent->adopt);
	agent->discovered = discovered_free(agent->discovered);
	agent->sessions = sessions_free(agent->sessions);
	agent->neighbours = neighbours_free(agent->neighbours);
	agent->cloud = cloud_free(agent->cloud);
	agent->channels = channels_free(agent->channels);
	agent->plugins = plugins_free(agent->plugins);
	agent->turn = turn_free(agent->turn);
	agent->vault = vault_close(agent->vault);
	agent->store = store_close(agent->store);
	agent->unconfigured = unconfigured_free(agent->unconfigured);
	settings_done(&agent->settings);
	free(agent);
	return NULL;
}
