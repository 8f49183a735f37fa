/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same key in the same generation is the same job, whatever the session: a device that asks again joins
 * the job that waits, or gets the certificate that was issued. Another key voids what was there before.
 * The generation of a first certificate is the claim, that of the next one is the certificate that the
 * device authenticates with. Nobody is answered before the answer is on disk (turn.c).
 */
#include "agent/enrol.h"

#include "agent/agent.h"
#include "agent/cloud.h"
#include "agent/lifecycle.h"
#include "agent/plugins.h"
#include "agent/policy.h"
#include "agent/queue.h"
#include "agent/renewal.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store-key.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define RETRY_CLOUD_AWAY_S 10
#define RETRY_QUEUE_FULL_S 60
#define RETRY_CLOCK_S      60
#define RETRY_APPROVAL_S   60
#define RETRY_REFUSED_S    300 /* what the cloud has refused it may be asked again */

/* --- answering --- */

static void answer(struct agent *agent, const struct session *session,
		   const struct gw_msg_enrolled *enrolled)
{
	struct gw_msg msg = { .type = GW_MSG_ENROLLED, .enrolled = *enrolled };

	msg.enrolled.session = session->id;
	plugin_send(plugins_find(agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
}

void enrol_answer(struct agent *agent, const char *job, const struct gw_msg_enrolled *enrolled)
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
	enrol_answer(agent, job,
		     &(struct gw_msg_enrolled){ .outcome = GW_OUTCOME_REFUSED, .reason = reason });
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
	struct claim_record claim;         /* id empty: none is open */
	struct certificate_record present; /* that the session is by; serial empty: by none */
	char generation[GW_ID_MAX + 1];    /* empty: nothing can be asked for */
	struct job_record job;             /* the pending one; id empty: none */
	uint8_t certificate[GW_CERT_MAX];
	size_t certificate_len; /* 0: none was issued for this key */
	uint8_t chain[GW_CHAIN_MAX];
	size_t chain_len;
};

static bool job_is_for(const struct question *q)
{
	return *q->job.id && gw_streq(q->job.claim, q->generation) &&
	       gw_blob_equal((struct gw_blob){ q->job.key, q->job.key_len }, q->msg->key);
}

/* In which generation this is. None is no error. */
static int look_up_generation(struct agent *agent, struct question *q)
{
	const struct session *session = q->session;
	int r;

	if (session->by_certificate) {
		r = store_certificate_by_serial(
			agent->store, (struct gw_blob){ session->serial, session->serial_len },
			&q->present);
		if (r >= 0)
			renewal_generation(&q->present, q->generation);
	} else {
		r = store_claim_open_of(agent->store, q->device.id, &q->claim);
		if (r >= 0)
			(void)gw_copy(q->generation, sizeof(q->generation), q->claim.id);
	}
	return r == -ENOENT ? 0 : r;
}

static int look_up(struct agent *agent, struct question *q)
{
	int r = store_device_get(agent->store, q->session->device, &q->device);

	if (r >= 0)
		r = look_up_generation(agent, q);
	if (r < 0 || !*q->generation)
		return r;

	r = store_job_signing_of(agent->store, q->device.id, &q->job);
	if (r < 0 && r != -ENOENT)
		return r;
	r = store_certificate_for_key(agent->store, q->generation, q->msg->key, q->certificate,
				      &q->certificate_len, q->chain, &q->chain_len);
	if (r < 0)
		q->certificate_len = 0;
	return r == -ENOENT ? 0 : r;
}

static enum policy_csr judge(struct agent *agent, const struct question *q, enum gw_reason *ret)
{
	const struct certificate_record *present = &q->present;
	bool trusted = clock_is_trusted(&agent->clock);
	uint64_t now = clock_now_s(&agent->clock);
	const struct policy_csr_facts facts = {
		.state = q->device.state,
		.renews = q->msg->renew,
		.by_certificate = q->session->by_certificate,
		.claim_open = *q->claim.id && gw_streq(q->claim.id, q->session->claim),
		.is_live = present->serial_len && present->state == CERTIFICATE_LIVE,
		.clock_trusted = trusted,
		.is_expired = trusted && renewal_is_too_late(present, now),
		.expired = agent->settings.devices_expired,
		.grace_is_over =
			renewal_grace_is_over(present, agent->settings.devices_grace_days, now),
		.is_approved = present->approval == APPROVAL_GIVEN,
		.is_denied = present->approval == APPROVAL_DENIED,
		.refused_lately =
			present->renew_refused && now >= present->renew_refused &&
			now - present->renew_refused<RETRY_REFUSED_S,
						     .has_certificate = q->certificate_len> 0,
		.has_job = job_is_for(q),
		.key_is_known = store_key_is_known(agent->store, q->generation, q->msg->key),
		.n_keys = store_key_count(agent->store, q->generation),
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

	job->kind = q->msg->renew ? GW_REQUEST_RENEW : GW_REQUEST_ENROLL;
	memcpy(job->serial, q->present.serial, q->present.serial_len);
	job->serial_len = q->present.serial_len;
	(void)gw_copy(job->device, sizeof(job->device), q->device.id);
	(void)gw_copy(job->tenant, sizeof(job->tenant), q->device.tenant);
	(void)gw_copy(job->claim, sizeof(job->claim), q->generation);
	(void)gw_copy(job->method, sizeof(job->method), q->device.method);
	memcpy(job->key, q->msg->key.data, q->msg->key.len);
	job->key_len = q->msg->key.len;
	memcpy(job->csr, q->msg->csr.data, q->msg->csr.len);
	job->csr_len = q->msg->csr.len;

	turn_step(agent->turn, STEP_CSR);
	(void)store_key_add(agent->store, q->generation, q->msg->key);
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

static uint32_t retry_after_s(enum gw_reason reason)
{
	if (reason == GW_REASON_CLOCK_UNTRUSTED)
		return RETRY_CLOCK_S;
	return reason == GW_REASON_CLOUD_REFUSED ? RETRY_REFUSED_S : RETRY_QUEUE_FULL_S;
}

/* Shown with the device until somebody has decided; the device asks again by itself. */
static int ask_for_approval(struct agent *agent, struct question *q, enum gw_reason reason)
{
	int r = 0;

	if (q->present.approval == APPROVAL_NONE) {
		q->present.approval = APPROVAL_ASKED;
		r = lifecycle_show_reason(agent, &q->device, "approval-asked", "device", reason,
					  /* detail= */ NULL);
	}
	if (r >= 0)
		r = store_certificate_set_renewal(agent->store, &q->present);
	answer_later(agent, q->session, q->msg->request, reason, RETRY_APPROVAL_S);
	return r;
}

static int answer_csr(struct agent *agent, struct question *q)
{
	enum gw_reason reason;

	switch (judge(agent, q, &reason)) {
	case POLICY_CSR_REFUSED: refuse_csr(agent, q, reason); return 0;
	case POLICY_CSR_LATER:
		answer_later(agent, q->session, q->msg->request, reason, retry_after_s(reason));
		return 0;
	case POLICY_CSR_ASK: return ask_for_approval(agent, q, reason);
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
