/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer ends a job only here. One that no job waits for is never delivered: it is recorded, and
 * if it brought a certificate the cloud is told that this one is void.
 */
#include "agent/cloud.h"

#include "agent/adopt.h"
#include "agent/agent.h"
#include "agent/audit-export.h"
#include "agent/bus.h"
#include "agent/due.h"
#include "agent/issue.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/reset.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/sealed.h"
#include "lib/util.h"

#define NO_LINK          "gangway-mqtt is not running"
#define SERVER_CERT_META "server-cert-job" /* the latest that was answered */

struct cloud {
	enum gw_cloud_state state;
	char text[GW_TEXT_MAX + 1];
	uint64_t since_us, retry_us, heard_us;

	bool credential_is_known, credential_is_ok;
	char credential_text[GW_TEXT_MAX + 1];
	struct credential_dates credential;
	struct credential_care care; /* with this text */
	char trouble[GW_TEXT_MAX + 1];

	char question[GW_ID_MAX + 1]; /* what time it is, empty: none is open */
	uint64_t asked_us, told_us;
};

static const char *const sources[_GW_CREDENTIAL_MAX] = {
	[GW_CREDENTIAL_NONE] = "none",   [GW_CREDENTIAL_GIVEN] = "given",
	[GW_CREDENTIAL_OWN] = "own",     [GW_CREDENTIAL_CANDIDATE] = "candidate",
	[GW_CREDENTIAL_CLAIM] = "claim",
};

/* --- how it fares --- */

static const char *const state_names[_GW_CLOUD_MAX] = {
	[GW_CLOUD_UNPROVISIONED] = "unprovisioned",
	[GW_CLOUD_CONNECTING] = "connecting",
	[GW_CLOUD_OFFLINE] = "offline",
	[GW_CLOUD_SILENT] = "silent",
	[GW_CLOUD_ONLINE] = "online",
};

static const enum gw_event state_events[_GW_CLOUD_MAX] = {
	[GW_CLOUD_UNPROVISIONED] = GW_EVENT_CLOUD_UNPROVISIONED,
	[GW_CLOUD_CONNECTING] = GW_EVENT_CLOUD_CONNECTING,
	[GW_CLOUD_OFFLINE] = GW_EVENT_CLOUD_OFFLINE,
	[GW_CLOUD_SILENT] = GW_EVENT_CLOUD_SILENT,
	[GW_CLOUD_ONLINE] = GW_EVENT_CLOUD_ONLINE,
};

bool cloud_is_online(struct agent *agent)
{
	return agent->cloud->state == GW_CLOUD_ONLINE;
}

const char *cloud_state_name(struct agent *agent)
{
	return state_names[agent->cloud->state];
}

const char *cloud_text(struct agent *agent)
{
	return agent->cloud->text;
}

void cloud_get_facts(struct agent *agent, struct cloud_facts *ret)
{
	const struct cloud *cloud = agent->cloud;

	*ret = (struct cloud_facts){
		.state = cloud->state,
		.text = cloud->text,
		.since_us = cloud->since_us,
		.retry_us = cloud->retry_us,
		.heard_us = cloud->heard_us,
		.credential_is_known = cloud->credential_is_known,
		.credential_is_ok = cloud->credential_is_ok,
		.credential_text = cloud->credential_text,
		.credential = cloud->credential,
		.care = cloud->care,
	};
	if (!cloud->credential_is_known)
		ret->care = (struct credential_care){ .source = sources[GW_CREDENTIAL_NONE],
						      .trouble = "" };
}

void cloud_take_retry(struct agent *agent, const struct gw_msg_cloud_retry *msg)
{
	agent->cloud->retry_us = msg->in_ms ? gw_now_monotonic_us() + msg->in_ms * 1000ull : 0;
	bus_tell_cloud(agent->bus);
}

void cloud_take_credential(struct agent *agent, const struct gw_msg_credential *msg)
{
	struct cloud *cloud = agent->cloud;

	cloud->credential_is_known = true;
	cloud->credential_is_ok = msg->ok;
	(void)gw_copy(cloud->credential_text, sizeof(cloud->credential_text), msg->text);
	cloud->credential =
		(struct credential_dates){ msg->not_before, msg->not_after, msg->ca_not_after };
	(void)gw_copy(cloud->trouble, sizeof(cloud->trouble), msg->trouble);
	cloud->care = (struct credential_care){ sources[msg->source], msg->renew_at, msg->retry_at,
						cloud->trouble };
	bus_tell_cloud(agent->bus);
	due_look(agent->due);
}

void cloud_heard(struct agent *agent)
{
	agent->cloud->heard_us = gw_now_monotonic_us();
}

static void send_state(struct agent *agent, struct plugin *registrar)
{
	struct gw_msg msg = { .type = GW_MSG_CLOUD_STATE,
			      .cloud_state = { (uint8_t)agent->cloud->state, agent->cloud->text } };

	plugin_send(registrar, &msg, /* fd= */ -1);
}

/* --- what time it has --- */

/*
 * No job: it needs no disk. Each question goes by a name that nobody can know before: its answer is no older
 * than it, whoever keeps and repeats what the cloud once said. One that took too long is asked anew, and so is one that
 * a cloud was asked that was away since, which would be too old when it comes, or come whenever it is repeated.
 */
#define TIME_FRESH_US (60 * 1000000ull)
#define TIME_GOOD_US  (3600 * 1000000ull)

static bool has_open_question(const struct cloud *cloud, uint64_t now_us)
{
	return *cloud->question && cloud->asked_us && now_us - cloud->asked_us < TIME_FRESH_US;
}

static void withdraw_question(struct cloud *cloud, struct plugin *plugin)
{
	struct gw_msg msg = { .type = GW_MSG_REQUEST_END, .request_end = { cloud->question } };

	if (*cloud->question)
		plugin_send(plugin, &msg, /* fd= */ -1);
	*cloud->question = 0;
}

static void ask_time(struct cloud *cloud, struct plugin *plugin)
{
	struct gw_msg msg = { .type = GW_MSG_REQUEST,
			      .request = { .job = cloud->question, .kind = GW_REQUEST_TIME } };
	char *hex = stpcpy(cloud->question, "time-");
	uint8_t name[16];

	if (gw_random(name, sizeof(name)) < 0) {
		*cloud->question = 0;
		return;
	}
	gw_hex_encode(name, sizeof(name), hex);
	cloud->asked_us = gw_now_monotonic_us();
	plugin_send(plugin, &msg, /* fd= */ -1);
}

/* What is on its way answers as well: it goes by the cloud's clock. */
void cloud_doubt_time(struct agent *agent)
{
	agent->cloud->told_us = 0;
}

void cloud_look_at_time(struct agent *agent, bool is_trusted)
{
	struct plugin *plugin = plugins_find(agent->plugins, GW_ROLE_CLOUD);
	struct cloud *cloud = agent->cloud;
	uint64_t now_us = gw_now_monotonic_us();
	bool is_known = is_trusted && cloud->told_us && now_us - cloud->told_us < TIME_GOOD_US;

	if (!plugin || !cloud_is_online(agent) || !agent->clock.trusts_cloud || is_known ||
	    has_open_question(cloud, now_us))
		return;
	withdraw_question(cloud, plugin);
	ask_time(cloud, plugin);
}

static void take_time(struct agent *agent, const struct gw_msg_answer *msg)
{
	struct cloud *cloud = agent->cloud;
	uint64_t now_us = gw_now_monotonic_us();
	bool is_fresh = has_open_question(cloud, now_us);

	if (!*cloud->question || !gw_streq(cloud->question, msg->job))
		return;
	*cloud->question = 0;
	if (!is_fresh || !msg->time)
		return;
	cloud->told_us = now_us;
	if (clock_take_cloud(&agent->clock, msg->time))
		(void)clock_store_floor(&agent->clock, agent->store);
}

void cloud_set_state(struct agent *agent, enum gw_cloud_state state, const char *text)
{
	enum gw_cloud_state from = agent->cloud->state;
	bool changed = from != state;

	agent->cloud->state = state;
	if (changed)
		agent->cloud->since_us = gw_now_monotonic_us();
	if (changed && state == GW_CLOUD_ONLINE)
		agent->cloud->asked_us = 0; /* what was asked of who was away is asked anew */
	(void)gw_copy(agent->cloud->text, sizeof(agent->cloud->text), text);
	if (changed)
		gw_log_tagged(GW_LOG_NOTICE,
			      GW_LOG_TAGS(.event = state_events[state], .from = state_names[from],
					  .to = state_names[state]),
			      "The cloud is %s%s%s", state_names[state], *text ? ": " : "", text);
	send_state(agent, plugins_find(agent->plugins, GW_ROLE_REGISTRAR));
	bus_tell_cloud(agent->bus);
	if (!changed)
		return;
	if (state == GW_CLOUD_ONLINE)
		withdraw_question(agent->cloud, plugins_find(agent->plugins, GW_ROLE_CLOUD));
	due_look(agent->due); /* asks what time it is */
}

void cloud_lost(struct agent *agent)
{
	agent->cloud->retry_us = 0;
	*agent->cloud->question = 0;
	agent->cloud->credential_is_known = false;
	cloud_set_state(agent, GW_CLOUD_OFFLINE, NO_LINK);
}

/* --- anchors --- */

static void send_anchors(struct plugin *registrar, enum gw_anchors_purpose purpose,
			 struct gw_blob certificates)
{
	_cleanup_close_ int fd = gw_sealed_make("anchors", certificates);
	struct gw_msg msg = { .type = GW_MSG_ANCHORS, .anchors = { (uint8_t)purpose } };

	if (fd >= 0)
		plugin_send(registrar, &msg, fd);
	else if (registrar) /* it hears them all when it comes back */
		plugin_break(registrar, "trust anchors cannot be handed on");
}

int cloud_take_anchors(struct agent *agent, const struct gw_msg_anchors *msg, int fd)
{
	_cleanup_free_ uint8_t *buf = NULL;
	struct gw_blob certificates;
	int r = gw_sealed_read(fd, GW_ANCHORS_MAX, &buf, &certificates.len);

	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	certificates.data = buf;
	r = turn_open(agent->turn);
	if (r < 0)
		return r;

	turn_step(agent->turn, STEP_ANCHORS);
	r = store_exec(agent->store,
		       "INSERT OR REPLACE INTO anchors (purpose, certificates) VALUES (?, ?)", "ib",
		       (int64_t)msg->purpose, certificates);
	if (r < 0)
		return r;
	send_anchors(plugins_find(agent->plugins, GW_ROLE_REGISTRAR),
		     (enum gw_anchors_purpose)msg->purpose, certificates);
	return 0;
}

void cloud_brief(struct agent *agent, struct plugin *registrar)
{
	struct sqlite3_stmt *row;
	int r;

	send_state(agent, registrar);
	r = store_select(agent->store, &row, "SELECT purpose, certificates FROM anchors", "");
	while (r >= 0 && (r = store_next(agent->store, row)) > 0)
		send_anchors(registrar, (enum gw_anchors_purpose)store_column_int(row, 0),
			     store_column_blob(row, 1));
	if (r < 0)
		plugin_break(registrar, "trust anchors cannot be read");
}

/* --- the registrar's own certificate --- */

int cloud_take_server_csr(struct agent *agent, const struct gw_msg_server_csr *msg)
{
	_cleanup_free_ struct job_record *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	if (msg->key.len != GW_HASH_LEN || !msg->csr.len)
		return -EBADMSG;

	job->kind = GW_REQUEST_SERVER_CERT;
	memcpy(job->key, msg->key.data, msg->key.len);
	job->key_len = msg->key.len;
	memcpy(job->csr, msg->csr.data, msg->csr.len);
	job->csr_len = msg->csr.len;
	r = turn_open(agent->turn);
	if (r >= 0)
		r = queue_drop_kind(agent->queue, GW_REQUEST_SERVER_CERT); /* an older key's */
	return r < 0 ? r : queue_add(agent->queue, job);
}

static void deliver_server_cert(struct agent *agent, const struct job_record *job,
				const struct gw_msg_answer *answer)
{
	struct gw_msg msg = {
		.type = GW_MSG_SERVER_CERT,
		.server_cert = { .key = { job->key, job->key_len },
				 .certificate = answer->certificate,
				 .chain = answer->chain },
	};

	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

/* --- answers --- */

static int put_off(struct agent *agent, const struct job_record *job,
		   const struct gw_msg_answer *msg)
{
	return store_job_put_off(agent->store, job->id,
				 queue_due_s(agent->queue, msg->retry_after_s), msg->reason);
}

static int take_server_cert(struct agent *agent, const struct job_record *job,
			    const struct gw_msg_answer *msg)
{
	if (msg->outcome == GW_OUTCOME_PENDING)
		return put_off(agent, job, msg);

	if (msg->outcome == GW_OUTCOME_DONE) {
		deliver_server_cert(agent, job, msg);
		(void)store_meta_set(agent->store, SERVER_CERT_META,
				     (struct gw_blob){ (const uint8_t *)job->id, strlen(job->id) });
	} else {
		gw_log_tagged(GW_LOG_ERROR,
			      GW_LOG_TAGS(.event = GW_EVENT_CLOUD_REFUSED, .job = job->id,
					  .reason = msg->reason),
			      "The cloud refuses the registrar a certificate: %s %s", msg->reason,
			      msg->text);
	}
	return queue_end(agent->queue, job);
}

/* The cloud knows now that a certificate is proved, or revoked; or will not hear of it. */
static int take_told(struct agent *agent, const struct job_record *job,
		     const struct gw_msg_answer *msg)
{
	int r;

	if (msg->outcome == GW_OUTCOME_PENDING)
		return put_off(agent, job, msg);

	turn_step(agent->turn, STEP_TOLD);
	if (msg->outcome == GW_OUTCOME_REFUSED) {
		gw_log_tagged(GW_LOG_WARNING,
			      GW_LOG_TAGS(.event = GW_EVENT_CLOUD_REFUSED, .device = job->device,
					  .job = job->id, .reason = msg->reason),
			      "The cloud will not take '%s': %s %s", job_kind_name(job->kind),
			      msg->reason, msg->text);
		lifecycle_record(agent, "cloud-refused", job->device, "cloud", msg->reason,
				 msg->text);
	} else if (job->kind == GW_REQUEST_DECOMMISSIONED) {
		lifecycle_record(agent, "cloud-acknowledged", job->device, "cloud", "",
				 job_kind_name(job->kind));
	} else if (job->kind == GW_REQUEST_RELINQUISHED) {
		lifecycle_record(agent, "credential-forgotten", "", "gangway", "", "");
	}
	r = queue_end(agent->queue, job);
	return r < 0 ? r : reset_go_on(agent);
}

/* Answers cross repetitions: the same one may come again after its job is done. */
static bool was_answered_before(struct agent *agent, const char *job)
{
	char last[GW_ID_MAX + 1] = "";
	size_t len;

	if (store_certificate_has_job(agent->store, job))
		return true;
	return store_meta_get(agent->store, SERVER_CERT_META, (uint8_t *)last, sizeof(last) - 1,
			      &len) >= 0 &&
	       gw_streq(last, job);
}

/* Whatever was issued under a job that nobody waits for is void; but nothing was issued to an adopted device. */
static int take_stray(struct agent *agent, const struct gw_msg_answer *msg)
{
	_cleanup_free_ struct job_record *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	if (msg->outcome != GW_OUTCOME_DONE || !msg->certificate.len || *msg->tenant ||
	    was_answered_before(agent, msg->job))
		return 0;

	lifecycle_record(agent, "stray-answer", "", "cloud", "", msg->job);
	if (store_job_count(agent->store) >= agent->settings.jobs_max)
		return 0; /* it comes again, or the cloud has gone mad */
	if (store_job_voids(agent->store, msg->job))
		return 0; /* that very word is on its way */
	job->kind = GW_REQUEST_REVOKED;
	(void)gw_copy(job->of, sizeof(job->of), msg->job);
	(void)gw_copy(job->reason, sizeof(job->reason), gw_reason_code(GW_REASON_SUPERSEDED));
	return queue_add(agent->queue, job);
}

static int take_for(struct agent *agent, const struct job_record *job,
		    const struct gw_msg_answer *msg)
{
	switch (job->kind) {
	case GW_REQUEST_ENROLL:
	case GW_REQUEST_RENEW: return issue_take_answer(agent, job, msg);
	case GW_REQUEST_ADOPT: return adopt_take_answer(agent, job, msg);
	case GW_REQUEST_PROVED:
	case GW_REQUEST_REVOKED:
	case GW_REQUEST_SUSPENDED:
	case GW_REQUEST_RESUMED:
	case GW_REQUEST_DECOMMISSIONED:
	case GW_REQUEST_RELINQUISHED: return take_told(agent, job, msg);
	case GW_REQUEST_SERVER_CERT: return take_server_cert(agent, job, msg);
	case GW_REQUEST_TIME: /* never a job */
	case _GW_REQUEST_MAX: break;
	}
	return -EBADMSG;
}

static int take_job(struct agent *agent, const struct gw_msg_answer *msg)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	r = store_job_get(agent->store, msg->job, job);
	if (r >= 0)
		r = take_for(agent, job, msg);
	else if (r == -ENOENT)
		r = take_stray(agent, msg);
	queue_answered(agent->queue, msg->job);
	return r;
}

int cloud_take_answer(struct agent *agent, const struct gw_msg_answer *msg)
{
	int r;

	cloud_heard(agent);
	r = turn_open(agent->turn);
	if (r < 0)
		return r;
	take_time(agent, msg);

	r = audit_export_is_batch(msg->job) ? audit_export_take_answer(agent->audit_export, msg)
					    : take_job(agent, msg);
	due_look(agent->due); /* time may be trusted now, or the job put off */
	return r;
}

/* --- life --- */

int cloud_new(struct cloud **ret)
{
	struct cloud *cloud = calloc(1, sizeof(*cloud));

	if (!cloud)
		return -ENOMEM;
	cloud->state = GW_CLOUD_OFFLINE;
	cloud->since_us = gw_now_monotonic_us();
	(void)gw_copy(cloud->text, sizeof(cloud->text), NO_LINK);
	*ret = cloud;
	return 0;
}

struct cloud *cloud_free(struct cloud *cloud)
{
	free(cloud);
	return NULL;
}
