/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the peer has proved is that it holds the key of a certificate of the fleet; what that certificate is worth
 * here, only the cloud knows. So a question is put on disk and the device waits at the door, is served nothing,
 * and comes in anew once the answer is on record. Who was refused is not asked about again for a while. Bounded by
 * the limits of jobs and of devices, and none but holders of such a certificate get this far.
 */
#include "agent/adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/discovered.h"
#include "agent/issue.h"
#include "agent/lifecycle.h"
#include "agent/queue.h"
#include "agent/sessions.h"
#include "agent/steps.h"
#include "agent/store-certificate.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/wire.h"

#define QUESTION_BYTES 16
#define REFUSED_MAX    256
#define REFUSED_US     60000000ull
#define RETRY_BAD_S    60
#define METHOD         "x509" /* how it came aboard, as far as this gateway knows */

struct refused {
	char device[GW_ID_MAX + 1];
	uint64_t until_us;
};

struct adopt {
	struct refused refused[REFUSED_MAX];
	size_t next;
};

int adopt_new(struct adopt **ret)
{
	struct adopt *adopt = calloc(1, sizeof(*adopt));

	if (!adopt)
		return -ENOMEM;
	*ret = adopt;
	return 0;
}

struct adopt *adopt_free(struct adopt *adopt)
{
	free(adopt);
	return NULL;
}

static void note_refused(struct adopt *adopt, const char *device)
{
	struct refused *refused = &adopt->refused[adopt->next++ % REFUSED_MAX];

	(void)gw_copy(refused->device, sizeof(refused->device), device);
	refused->until_us = gw_now_monotonic_us() + REFUSED_US;
}

static bool was_refused(const struct adopt *adopt, const char *device)
{
	uint64_t now_us = gw_now_monotonic_us();

	for (size_t i = 0; i < REFUSED_MAX; i++)
		if (now_us < adopt->refused[i].until_us &&
		    gw_streq(adopt->refused[i].device, device))
			return true;
	return false;
}

/* --- the question --- */

static enum gw_reason why_not(struct agent *agent, const char *device)
{
	if (was_refused(agent->adopt, device))
		return GW_REASON_UNKNOWN_CERTIFICATE;
	if (store_device_count(agent->store) >= agent->settings.devices_max)
		return GW_REASON_LIMIT;
	if (store_job_count(agent->store) >= agent->settings.jobs_max)
		return GW_REASON_QUEUE_FULL;
	return GW_REASON_ASKING;
}

/* A question of its own each time: the cloud gives the same answer to the same one. */
static int ask(struct agent *agent, const struct gw_msg_peer *msg)
{
	_cleanup_free_ struct job_record *job = calloc(1, sizeof(*job));
	uint8_t question[QUESTION_BYTES];
	int r;

	if (!job)
		return -ENOMEM;
	r = gw_random(question, sizeof(question));
	if (r < 0)
		return r;

	job->kind = GW_REQUEST_ADOPT;
	gw_hex_encode(question, sizeof(question), job->of);
	(void)gw_copy(job->device, sizeof(job->device), msg->identity);
	memcpy(job->serial, msg->serial.data, msg->serial.len);
	job->serial_len = msg->serial.len;
	memcpy(job->key, msg->key.data, msg->key.len);
	job->key_len = msg->key.len;
	turn_step(agent->turn, STEP_ADOPT);
	lifecycle_record_often(agent, "adopt-asked", job->device, "device",
			       gw_reason_code(GW_REASON_ASKING), msg->address);
	return queue_add(agent->queue, job);
}

int adopt_ask(struct agent *agent, const struct gw_msg_peer *msg, enum gw_reason *ret_reason)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	r = store_job_adopting(agent->store, msg->identity, job);
	if (r != -ENOENT) {
		*ret_reason = GW_REASON_ASKING;
		return r;
	}

	*ret_reason = why_not(agent, msg->identity);
	return *ret_reason == GW_REASON_ASKING ? ask(agent, msg) : 0;
}

/* --- the answer --- */

/* It goes on later, or never: whoever waits is to come again and be told by what holds then. */
static int give_up(struct agent *agent, const struct job_record *job, const char *reason,
		   const char *text)
{
	gw_log_tagged(GW_LOG_NOTICE,
		      GW_LOG_TAGS(.event = GW_EVENT_DEVICE_REFUSED, .device = job->device,
				  .job = job->id, .reason = reason),
		      "It is not at home here, says the cloud: %s %s", reason, text);
	lifecycle_record_often(agent, "adopt-refused", job->device, "cloud", reason, text);
	note_refused(agent->adopt, job->device);
	sessions_end_device(agent->sessions, job->device, reason);
	return queue_end(agent->queue, job);
}

static int bad_answer(struct agent *agent, const struct job_record *job, const char *detail)
{
	const char *reason = gw_reason_code(GW_REASON_BAD_CERTIFICATE);

	gw_log_tagged(GW_LOG_WARNING,
		      GW_LOG_TAGS(.event = GW_EVENT_CERTIFICATE_BAD, .device = job->device,
				  .job = job->id, .reason = reason),
		      "The cloud's certificate is not the one that the device has: %s", detail);
	lifecycle_record_often(agent, "bad-certificate", job->device, "cloud", reason, detail);
	return store_job_set_waiting(agent->store, job->id, queue_due_s(agent->queue, RETRY_BAD_S),
				     reason);
}

static int take_home(struct agent *agent, struct job_record *job, const struct gw_msg_answer *msg)
{
	int r;

	if (!msg->certificate.len || !gw_device_id_is_valid(msg->tenant) ||
	    !gw_device_id_is_valid(msg->claim))
		return bad_answer(agent, job, "the answer lacks certificate, tenant or claim");

	(void)gw_copy(job->tenant, sizeof(job->tenant), msg->tenant);
	r = store_job_set_home(agent->store, job->id, msg->tenant, msg->claim);
	return r < 0 ? r : issue_hold(agent, job, msg);
}

int adopt_take_answer(struct agent *agent, const struct job_record *job,
		      const struct gw_msg_answer *msg)
{
	struct job_record copy;

	if (job->state == JOB_CHECKING)
		return 0; /* told twice */

	switch ((enum gw_outcome)msg->outcome) {
	case GW_OUTCOME_DONE: copy = *job; return take_home(agent, &copy, msg);
	case GW_OUTCOME_PENDING:
		return store_job_put_off(agent->store, job->id,
					 queue_due_s(agent->queue, msg->retry_after_s),
					 msg->reason);
	case GW_OUTCOME_REFUSED:
		turn_step(agent->turn, STEP_REFUSED);
		return give_up(agent, job, msg->reason, msg->text);
	case _GW_OUTCOME_MAX: break;
	}
	return -EBADMSG;
}

/* --- aboard --- */

/* One that was here before and moved is known by its certificate, perhaps, but as one that was left. */
static int put_certificate(struct agent *agent, const struct job_record *job,
			   const struct job_answer *held, const struct gw_msg_checked *msg)
{
	int r = store_certificate_remove(agent->store, msg->serial);

	return r < 0 ? r : issue_put(agent, job, held, msg, /* is_proved= */ true, job->claim);
}

/* What was decided here meanwhile goes before: -EBUSY. */
static int load(struct agent *agent, const struct job_record *job, struct device_record *device)
{
	int r = store_device_get(agent->store, job->device, device);

	if (r == -ENOENT)
		*device = (struct device_record){ .state = DEVICE_UNKNOWN };
	else if (r < 0)
		return r;
	else if (device->state != DEVICE_REJECTED ||
		 !gw_streq(device->reason, gw_reason_code(GW_REASON_MOVED)))
		return -EBUSY;

	(void)gw_copy(device->id, sizeof(device->id), job->device);
	(void)gw_copy(device->tenant, sizeof(device->tenant), job->tenant);
	(void)gw_copy(device->claim, sizeof(device->claim), job->claim);
	(void)gw_copy(device->method, sizeof(device->method), METHOD);
	return 0;
}

static int take_aboard(struct agent *agent, const struct job_record *job,
		       const struct gw_msg_checked *msg)
{
	_cleanup_free_ struct job_answer *held = malloc(sizeof(*held));
	struct device_record device;
	int r;

	if (!held)
		return -ENOMEM;
	r = load(agent, job, &device);
	if (r == -EBUSY)
		return give_up(agent, job, gw_reason_code(GW_REASON_NOT_POSSIBLE), "");
	if (r >= 0)
		r = store_job_answer(agent->store, job->id, held);
	if (r >= 0)
		r = put_certificate(agent, job, held, msg);
	if (r >= 0)
		r = lifecycle_apply(agent, &device,
				    &(struct lifecycle_cause){ DEVICE_EVENT_ADOPT, "cloud", "",
							       NULL });
	if (r < 0)
		return r;

	turn_step(agent->turn, STEP_ADOPTED);
	discovered_forget(agent->discovered, job->device);
	return queue_end(agent->queue, job);
}

int adopt_take_check(struct agent *agent, const struct job_record *job,
		     const struct gw_msg_checked *msg)
{
	if (!msg->ok)
		return bad_answer(agent, job, msg->reason);
	if (msg->fingerprint.len != GW_HASH_LEN || !msg->serial.len)
		return -EBADMSG;
	if (!gw_blob_equal(msg->serial, (struct gw_blob){ job->serial, job->serial_len }))
		return bad_answer(agent, job, "it has another serial number");
	return take_aboard(agent, job, msg);
}
