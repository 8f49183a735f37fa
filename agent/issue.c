/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificate that the cloud sent is put on disk, then shown to the registrar, and counts as issued only
 * once that has found it right. What is wrong with it is the cloud's fault, never the device's.
 */
#include "agent/issue.h"

#include "agent/adopt.h"
#include "agent/agent.h"
#include "agent/enrol.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/queue.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define RETRY_BAD_CERTIFICATE_S 60

/* --- the cloud's answer --- */

static int ask_check(struct agent *agent, const struct job_record *job)
{
	_cleanup_free_ struct job_answer *held = malloc(sizeof(*held));
	struct gw_msg msg = { .type = GW_MSG_CHECK };
	int r;

	if (!held)
		return -ENOMEM;
	r = store_job_answer(agent->store, job->id, held);
	if (r < 0)
		return r;

	msg.check = (struct gw_msg_check){
		.job = job->id,
		.device = job->device,
		.tenant = job->tenant,
		.key = { job->key, job->key_len },
		.certificate = { held->certificate, held->certificate_len },
		.chain = { held->chain, held->chain_len },
	};
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
	return 0;
}

/* Stops at the first that cannot be asked. */
static int check_all_again(struct agent *agent)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	uint64_t after = 0;
	int r;

	if (!job)
		return -ENOMEM;
	while ((r = store_job_checking(agent->store, after, job)) >= 0) {
		after = job->created;
		r = ask_check(agent, job);
		if (r < 0)
			break;
	}
	return r == -ENOENT ? 0 : r;
}

/* What is not asked now nobody would ever ask: with the turn the links end, and all begins anew. */
void issue_check_again(struct agent *agent)
{
	int r = check_all_again(agent);

	if (r < 0)
		turn_fail(agent->turn, r);
}

/* A device may ask for a renewal again, but not at once. */
static int note_refused_renewal(struct agent *agent, const char *device)
{
	struct certificate_record live;
	int r = store_certificate_of(agent->store, device, CERTIFICATE_LIVE, &live);

	if (r < 0)
		return r;
	live.renew_refused = clock_now_s(&agent->clock);
	return store_certificate_set_renewal(agent->store, &live);
}

/* The device has no certificate to hope for in this generation. */
static int give_up(struct agent *agent, const struct job_record *job, const char *reason,
		   const char *detail)
{
	bool renews = job->kind == GW_REQUEST_RENEW;
	struct device_record device;
	int r = store_device_get(agent->store, job->device, &device);

	if (r < 0)
		return r;
	r = lifecycle_apply(agent, &device,
			    &(struct lifecycle_cause){ DEVICE_EVENT_REFUSED, "cloud", reason,
						       detail });
	return r >= 0 && renews ? note_refused_renewal(agent, device.id) : r;
}

/* The cloud's mistake is not the device's: the request stays, and the operator reads why it waits. */
static int ask_again(struct agent *agent, const struct job_record *job, const char *detail)
{
	const char *reason = gw_reason_code(GW_REASON_BAD_CERTIFICATE);
	struct device_record device;
	int r = store_device_get(agent->store, job->device, &device);

	if (r < 0)
		return r;

	gw_log_tagged(GW_LOG_WARNING,
		      GW_LOG_TAGS(.event = GW_EVENT_CERTIFICATE_BAD, .device = device.id,
				  .job = job->id, .reason = reason),
		      "The cloud's certificate is not what was asked for: %s", detail);
	lifecycle_record_often(agent, "bad-certificate", device.id, "cloud", reason, detail);
	(void)gw_copy(device.reason, sizeof(device.reason), reason);
	(void)store_device_put(agent->store, &device);
	enrol_answer(agent, job->id,
		     &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_PENDING,
						.retry_after_s = RETRY_BAD_CERTIFICATE_S,
						.reason = reason });
	return store_job_set_waiting(agent->store, job->id,
				     queue_due_s(agent->queue, RETRY_BAD_CERTIFICATE_S), reason);
}

int issue_hold(struct agent *agent, const struct job_record *job, const struct gw_msg_answer *msg)
{
	int r;

	turn_step(agent->turn, STEP_ANSWER);
	r = store_job_set_answer(agent->store, job->id, msg->certificate, msg->chain);
	return r < 0 ? r : ask_check(agent, job);
}

static int put_off(struct agent *agent, const struct job_record *job,
		   const struct gw_msg_answer *msg)
{
	uint32_t retry_s = GW_MAX(msg->retry_after_s, 1u);

	enrol_answer(agent, job->id,
		     &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_PENDING,
						.retry_after_s = retry_s,
						.reason = msg->reason });
	return store_job_put_off(agent->store, job->id, queue_due_s(agent->queue, retry_s),
				 msg->reason);
}

int issue_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg)
{
	if (job->state == JOB_CHECKING)
		return 0; /* told twice */

	switch ((enum gw_outcome)msg->outcome) {
	case GW_OUTCOME_DONE:
		if (!msg->certificate.len)
			return ask_again(agent, job, "the answer brought none");
		return issue_hold(agent, job, msg);
	case GW_OUTCOME_PENDING: return put_off(agent, job, msg);
	case GW_OUTCOME_REFUSED:
		turn_step(agent->turn, STEP_REFUSED);
		return give_up(agent, job, msg->reason, msg->text);
	case _GW_OUTCOME_MAX: break;
	}
	return -EBADMSG;
}

/* --- the registrar's word on it --- */

int issue_put(struct agent *agent, const struct job_record *job, const struct job_answer *held,
	      const struct gw_msg_checked *msg, bool is_proved, const char *claim)
{
	struct certificate_record record = {
		.serial_len = msg->serial.len,
		.state = is_proved ? CERTIFICATE_LIVE : CERTIFICATE_CANDIDATE,
		.not_before = msg->not_before,
		.not_after = msg->not_after,
		.issued = clock_stamp_s(&agent->clock),
	};

	memcpy(record.serial, msg->serial.data, msg->serial.len);
	memcpy(record.fingerprint, msg->fingerprint.data, GW_HASH_LEN);
	if (msg->issuer.len)
		memcpy(record.issuer, msg->issuer.data, msg->issuer.len);
	record.issuer_len = msg->issuer.len;
	memcpy(record.key, job->key, GW_HASH_LEN);
	(void)gw_copy(record.device, sizeof(record.device), job->device);
	(void)gw_copy(record.claim, sizeof(record.claim), claim);
	(void)gw_copy(record.generation, sizeof(record.generation), job->claim);
	(void)gw_copy(record.job, sizeof(record.job), job->id);
	return store_certificate_add(agent->store, &record,
				     (struct gw_blob){ held->certificate, held->certificate_len },
				     (struct gw_blob){ held->chain, held->chain_len });
}

/* A renewed one is its device's under the claim of the one before it. */
static int store_issued(struct agent *agent, const struct job_record *job,
			const struct job_answer *held, const struct gw_msg_checked *msg)
{
	struct certificate_record present;
	const char *claim = job->claim;

	if (job->kind == GW_REQUEST_RENEW) {
		int r = store_certificate_by_serial(
			agent->store, (struct gw_blob){ job->serial, job->serial_len }, &present);

		if (r < 0)
			return r;
		claim = present.claim;
	}
	return issue_put(agent, job, held, msg, /* is_proved= */ false, claim);
}

static int issue(struct agent *agent, const struct job_record *job,
		 const struct gw_msg_checked *msg)
{
	_cleanup_free_ struct job_answer *held = malloc(sizeof(*held));
	struct device_record device;
	int r;

	if (!held)
		return -ENOMEM;
	if (msg->fingerprint.len != GW_HASH_LEN || !msg->serial.len)
		return -EBADMSG;
	if (store_certificate_is_known(agent->store, msg->serial, msg->fingerprint))
		return ask_again(agent, job, "it is on record already");

	r = store_job_answer(agent->store, job->id, held);
	if (r >= 0)
		r = store_device_get(agent->store, job->device, &device);
	if (r >= 0)
		r = store_issued(agent, job, held, msg);
	if (r >= 0)
		r = lifecycle_apply(agent, &device,
				    &(struct lifecycle_cause){ DEVICE_EVENT_ISSUED, "cloud", "",
							       NULL });
	if (r < 0)
		return r;

	turn_step(agent->turn, STEP_ISSUED);
	enrol_answer(agent, job->id,
		     &(struct gw_msg_enrolled){
			     .outcome = GW_OUTCOME_DONE,
			     .certificate = { held->certificate, held->certificate_len },
			     .chain = { held->chain, held->chain_len } });
	return queue_end(agent->queue, job);
}

int issue_take_check(struct agent *agent, const struct gw_msg_checked *msg)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;

	r = turn_open(agent->turn);
	if (r >= 0)
		r = store_job_get(agent->store, msg->job, job);
	if (r == -ENOENT || (r >= 0 && job->state != JOB_CHECKING))
		return 0; /* void meanwhile */
	if (r < 0)
		return r;

	if (job->kind == GW_REQUEST_ADOPT)
		return adopt_take_check(agent, job, msg);
	if (msg->ok)
		return issue(agent, job, msg);
	return ask_again(agent, job, msg->reason);
}
