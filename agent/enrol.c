/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same key under the same claim is the same job, whatever the session: a device that asks again
 * joins the job that waits, or gets the certificate that was issued. Another key voids what was
 * there before. Nobody is answered before the answer is on disk (turn.c).
 */
#include "agent/enrol.h"

#include "agent/agent.h"
#include "agent/cloud.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/queue.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define RETRY_CLOUD_AWAY_S      10
#define RETRY_QUEUE_FULL_S      60
#define RETRY_BAD_CERTIFICATE_S 60

/* --- answering --- */

static void answer(struct agent *agent, const struct session *session,
		   const struct gw_msg_enrolled *enrolled)
{
	struct gw_msg msg = { .type = GW_MSG_ENROLLED, .enrolled = *enrolled };

	msg.enrolled.session = session->id;
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

/* Answers all who wait for a job, and lets them wait no more. */
static void answer_waiting(struct agent *agent, const char *job,
			   const struct gw_msg_enrolled *enrolled)
{
	struct gw_msg_enrolled copy = *enrolled;
	struct session *session = NULL;

	while ((session = session_next_waiting(agent->sessions, job, session))) {
		copy.request = session->request;
		answer(agent, session, &copy);
		*session->job = 0;
	}
}

void enrol_answer_void(struct agent *agent, const char *job, const char *reason)
{
	answer_waiting(agent, job,
		       &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_REFUSED,
						  .reason = reason });
}

static void answer_refused(struct agent *agent, const struct session *session, uint32_t request,
			   enum gw_reason reason)
{
	answer(agent, session,
	       &(struct gw_msg_enrolled){ .request = request,
					  .outcome = GW_OUTCOME_REFUSED,
					  .reason = gw_reason_code(reason) });
}

static void answer_later(struct agent *agent, const struct session *session, uint32_t request,
			 enum gw_reason reason, uint32_t retry_after_s)
{
	answer(agent, session,
	       &(struct gw_msg_enrolled){ .request = request,
					  .outcome = GW_OUTCOME_PENDING,
					  .retry_after_s = retry_after_s,
					  .reason = gw_reason_code(reason) });
}

/* --- a CSR --- */

/* All that is to be known before a CSR can be judged. */
struct question {
	struct session *session;
	const struct gw_msg_enroll *msg;
	struct device_record device;
	struct claim_record claim; /* id empty: none is open */
	struct job_record job;     /* the pending enrolment; id empty: none */
	uint8_t certificate[GW_CERT_MAX];
	size_t certificate_len; /* 0: none was issued for this key */
	uint8_t chain[GW_CHAIN_MAX];
	size_t chain_len;
};

static bool job_is_for(const struct question *q)
{
	return *q->job.id && gw_streq(q->job.claim, q->claim.id) &&
	       gw_blob_equal((struct gw_blob){ q->job.key, q->job.key_len }, q->msg->key);
}

static int look_up(struct agent *agent, struct question *q)
{
	int r = store_device_get(agent->store, q->session->device, &q->device);

	if (r < 0)
		return r;
	r = store_claim_open_of(agent->store, q->device.id, &q->claim);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	r = store_job_enrolment_of(agent->store, q->device.id, &q->job);
	if (r < 0 && r != -ENOENT)
		return r;
	r = store_certificate_for_key(agent->store, q->claim.id, q->msg->key, q->certificate,
				      &q->certificate_len, q->chain, &q->chain_len);
	if (r < 0)
		q->certificate_len = 0;
	return r == -ENOENT ? 0 : r;
}

static enum policy_csr judge(struct agent *agent, const struct question *q, enum gw_reason *ret)
{
	const struct policy_csr_facts facts = {
		.state = q->device.state,
		.by_certificate = q->session->by_certificate,
		.claim_open = *q->claim.id && gw_streq(q->claim.id, q->session->claim),
		.has_certificate = q->certificate_len > 0,
		.has_job = job_is_for(q),
		.key_is_known = store_claim_has_key(agent->store, q->claim.id, q->msg->key),
		.n_keys = store_claim_count_keys(agent->store, q->claim.id),
		.n_jobs = store_job_count(agent->store),
		.max_jobs = agent->settings.jobs_max,
	};

	return policy_csr(&facts, ret);
}

/* The session waits for the job; or, with the cloud away, is told at once to come again. */
static void wait_for(struct agent *agent, const struct question *q, const char *job)
{
	(void)gw_copy(q->session->job, sizeof(q->session->job), job);
	q->session->request = q->msg->request;
	if (!cloud_is_online(agent))
		answer_later(agent, q->session, q->msg->request, GW_REASON_CLOUD_AWAY,
			     RETRY_CLOUD_AWAY_S);
}

static int accept_csr(struct agent *agent, struct question *q)
{
	_cleanup_free_ struct job_record *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;

	r = lifecycle_apply(agent, &q->device,
			    &(struct lifecycle_cause){ DEVICE_EVENT_CSR, "device", "", NULL });
	if (r < 0)
		return r;

	job->kind = GW_REQUEST_ENROLL;
	(void)gw_copy(job->device, sizeof(job->device), q->device.id);
	(void)gw_copy(job->tenant, sizeof(job->tenant), q->device.tenant);
	(void)gw_copy(job->claim, sizeof(job->claim), q->claim.id);
	(void)gw_copy(job->method, sizeof(job->method), q->device.method);
	memcpy(job->key, q->msg->key.data, q->msg->key.len);
	job->key_len = q->msg->key.len;
	memcpy(job->csr, q->msg->csr.data, q->msg->csr.len);
	job->csr_len = q->msg->csr.len;

	turn_step(agent->turn, STEP_CSR);
	(void)store_claim_add_key(agent->store, q->claim.id, q->msg->key);
	r = queue_add(agent->queue, job);
	if (r >= 0)
		wait_for(agent, q, job->id);
	return r;
}

static void refuse_csr(struct agent *agent, struct question *q, enum gw_reason reason)
{
	lifecycle_record_often(agent, "csr-refused", q->device.id, "device", gw_reason_code(reason),
			       NULL);
	gw_log_tagged(GW_LOG_NOTICE,
		      GW_LOG_TAGS(.event = GW_EVENT_REQUEST_REFUSED, .device = q->device.id,
				  .reason = gw_reason_code(reason)),
		      "Its signing request is refused: %s", gw_reason_text(reason));
	(void)gw_copy(q->device.reason, sizeof(q->device.reason), gw_reason_code(reason));
	(void)store_device_put(agent->store, &q->device);
	answer_refused(agent, q->session, q->msg->request, reason);
}

static int answer_csr(struct agent *agent, struct question *q)
{
	enum gw_reason reason;

	switch (judge(agent, q, &reason)) {
	case POLICY_CSR_REFUSED: refuse_csr(agent, q, reason); return 0;
	case POLICY_CSR_LATER:
		answer_later(agent, q->session, q->msg->request, reason, RETRY_QUEUE_FULL_S);
		return 0;
	case POLICY_CSR_ANSWERED:
		answer(agent, q->session,
		       &(struct gw_msg_enrolled){
			       .request = q->msg->request,
			       .outcome = GW_OUTCOME_DONE,
			       .certificate = { q->certificate, q->certificate_len },
			       .chain = { q->chain, q->chain_len } });
		return 0;
	case POLICY_CSR_JOINS: wait_for(agent, q, q->job.id); return 0;
	case POLICY_CSR_ACCEPTED: return accept_csr(agent, q);
	}
	return -EINVAL;
}

int enrol_take_csr(struct agent *agent, const struct gw_msg_enroll *msg)
{
	_cleanup_free_ struct question *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;

	q->msg = msg;
	q->session = session_find_served(agent->sessions, msg->session);
	if (!q->session)
		return 0; /* ended meanwhile */
	if (msg->key.len != GW_HASH_LEN || !msg->csr.len)
		return -EBADMSG;

	r = turn_open(agent->turn);
	if (r >= 0)
		r = look_up(agent, q);
	return r < 0 ? r : answer_csr(agent, q);
}

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
void enrol_check_again(struct agent *agent)
{
	int r = check_all_again(agent);

	if (r < 0)
		turn_fail(agent->turn, r);
}

/* The device has no certificate to hope for under this claim. */
static int give_up(struct agent *agent, const struct job_record *job, const char *reason,
		   const char *detail)
{
	struct device_record device;
	int r = store_device_get(agent->store, job->device, &device);

	if (r < 0)
		return r;
	return lifecycle_apply(agent, &device,
			       &(struct lifecycle_cause){ DEVICE_EVENT_REFUSED, "cloud", reason,
							  detail });
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
	answer_waiting(agent, job->id,
		       &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_PENDING,
						  .retry_after_s = RETRY_BAD_CERTIFICATE_S,
						  .reason = reason });
	return store_job_set_waiting(agent->store, job->id,
				     clock_now_s() + RETRY_BAD_CERTIFICATE_S);
}

static int hold_certificate(struct agent *agent, const struct job_record *job,
			    const struct gw_msg_answer *msg)
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

	answer_waiting(agent, job->id,
		       &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_PENDING,
						  .retry_after_s = retry_s,
						  .reason = msg->reason });
	return store_job_set_due(agent->store, job->id, clock_now_s() + retry_s);
}

int enrol_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg)
{
	if (job->state == JOB_CHECKING)
		return 0; /* told twice */

	switch ((enum gw_outcome)msg->outcome) {
	case GW_OUTCOME_DONE:
		if (!msg->certificate.len)
			return ask_again(agent, job, "the answer brought none");
		return hold_certificate(agent, job, msg);
	case GW_OUTCOME_PENDING: return put_off(agent, job, msg);
	case GW_OUTCOME_REFUSED:
		turn_step(agent->turn, STEP_REFUSED);
		return give_up(agent, job, msg->reason, msg->text);
	case _GW_OUTCOME_MAX: break;
	}
	return -EBADMSG;
}

/* --- the registrar's word on it --- */

static int store_issued(struct agent *agent, const struct job_record *job,
			const struct job_answer *held, const struct gw_msg_checked *msg)
{
	struct certificate_record record = {
		.serial_len = msg->serial.len,
		.state = CERTIFICATE_CANDIDATE,
		.not_before = msg->not_before,
		.not_after = msg->not_after,
		.issued = clock_now_s(),
	};

	memcpy(record.serial, msg->serial.data, msg->serial.len);
	memcpy(record.fingerprint, msg->fingerprint.data, GW_HASH_LEN);
	memcpy(record.key, job->key, GW_HASH_LEN);
	(void)gw_copy(record.device, sizeof(record.device), job->device);
	(void)gw_copy(record.claim, sizeof(record.claim), job->claim);
	(void)gw_copy(record.job, sizeof(record.job), job->id);
	return store_certificate_add(agent->store, &record,
				     (struct gw_blob){ held->certificate, held->certificate_len },
				     (struct gw_blob){ held->chain, held->chain_len });
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
	answer_waiting(agent, job->id,
		       &(struct gw_msg_enrolled){
			       .outcome = GW_OUTCOME_DONE,
			       .certificate = { held->certificate, held->certificate_len },
			       .chain = { held->chain, held->chain_len } });
	return queue_end(agent->queue, job);
}

int enrol_take_check(struct agent *agent, const struct gw_msg_checked *msg)
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

	if (msg->ok)
		return issue(agent, job, msg);
	return ask_again(agent, job, msg->reason);
}
