/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of one, by the same rules as the relay's (outstanding.h), and a count of what stays unanswered. A job's id is
 * made from the key or the serial number that it is about: so whenever we die, the same is asked again by the same
 * name, and the cloud answers it as it did before. One takes the place of the other.
 */
#include "plugins/mqtt/errand.h"

#include <stdio.h>
#include <sys/random.h>
#include <systemd/sd-event.h>

#include "lib/hex.h"
#include "lib/step.h"
#include "lib/util.h"
#include "lib/wire.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/keypair.h"
#include "plugins/mqtt/outstanding.h"

#define UNANSWERED_MAX 3      /* publications of a request, until somebody is told */
#define FULL_US        100000 /* until it is tried again where there was no room */

#define JOB_ASK   "gateway-"
#define JOB_PROVE "gateway-proof-"
#define JOB_LEN   32 /* hex digits behind it */

struct errand {
	const struct errand_ops *ops;
	void *userdata;
	struct outstanding *outstanding;
	sd_event_source *timer;
	char job[GW_ID_MAX + 1]; /* empty: none */
	const char *step;
	unsigned n_published;
};

static uint32_t dice(void)
{
	uint32_t value = 0;

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

static void pump(struct errand *e)
{
	struct outstanding_request *request;
	uint64_t now_us = gw_now_monotonic_us();

	while ((request = outstanding_due(e->outstanding, now_us))) {
		gw_step_before(e->step);
		if (e->ops->publish(request->body, e->userdata) < 0)
			break;
		gw_step_after(e->step);
		outstanding_published(e->outstanding, request, now_us, dice());
		if (++e->n_published == UNANSWERED_MAX)
			e->ops->unanswered(e->userdata);
	}
	(void)sd_event_source_set_time(e->timer,
				       GW_MAX(outstanding_next(e->outstanding), now_us + FULL_US));
	(void)sd_event_source_set_enabled(e->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	pump(userdata);
	return 0;
}

/* In the place of the one before it. */
static int send_it(struct errand *e, const struct gw_msg_request *request, const char *step)
{
	const struct gw_msg msg = { .type = GW_MSG_REQUEST, .request = *request };
	struct dialect_error error;
	char *body;
	int r;

	errand_end(e);
	r = dialect_write(&msg, &body, &error);
	if (r < 0)
		return r;

	(void)gw_copy(e->job, sizeof(e->job), request->job);
	e->step = step;
	r = outstanding_add(e->outstanding, DIALECT_REQUEST, request->job, body,
			    gw_now_monotonic_us());
	if (r >= 0)
		pump(e);
	return r;
}

static void make_job(const char *prefix, struct gw_blob about, char job[GW_ID_MAX + 1])
{
	char digits[2 * KEYPAIR_HASH_LEN + 1];

	gw_hex_encode(about.data, GW_MIN(about.len, (size_t)KEYPAIR_HASH_LEN), digits);
	(void)snprintf(job, GW_ID_MAX + 1, "%s%.*s", prefix, JOB_LEN, digits);
}

int errand_ask(struct errand *e, const struct keypair_request *key, struct gw_blob serial)
{
	char job[GW_ID_MAX + 1];
	const struct gw_msg_request request = {
		.job = job,
		.kind = DIALECT_PROVISION,
		.key = { key->hash, sizeof(key->hash) },
		.csr = { key->csr, key->csr_len },
		.serial = serial,
	};

	make_job(JOB_ASK, (struct gw_blob){ key->about, sizeof(key->about) }, job);
	return send_it(e, &request, ERRAND_STEP_ASK);
}

int errand_prove(struct errand *e, struct gw_blob serial)
{
	char job[GW_ID_MAX + 1];
	const struct gw_msg_request request = {
		.job = job,
		.kind = DIALECT_PROVISIONED,
		.serial = serial,
	};

	make_job(JOB_PROVE, serial, job);
	return send_it(e, &request, ERRAND_STEP_PROVE);
}

int errand_leave(struct errand *e, const char *job, struct gw_blob serial)
{
	const struct gw_msg_request request = {
		.job = job,
		.kind = GW_REQUEST_RELINQUISHED,
		.serial = serial,
	};

	return send_it(e, &request, ERRAND_STEP_LEAVE);
}

void errand_end(struct errand *e)
{
	if (*e->job)
		(void)outstanding_remove(e->outstanding, e->job);
	*e->job = 0;
	e->n_published = 0;
	(void)sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
}

bool errand_is(const struct errand *e, const char *job)
{
	return *e->job && gw_streq(e->job, job);
}

bool errand_is_own(const char *job)
{
	return strncmp(job, JOB_ASK, strlen(JOB_ASK)) == 0;
}

struct errand *errand_free(struct errand *e)
{
	if (!e)
		return NULL;

	outstanding_free(e->outstanding);
	sd_event_source_disable_unref(e->timer);
	free(e);
	return NULL;
}

GW_DEFINE_CLEANUP(struct errand *, errand_free)

int errand_new(sd_event *event, uint64_t retry_first_us, uint64_t retry_max_us,
	       const struct errand_ops *ops, void *userdata, struct errand **ret)
{
	_cleanup_(errand_freep) struct errand *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->ops = ops;
	e->userdata = userdata;
	r = outstanding_new(retry_first_us, retry_max_us, &e->outstanding);
	if (r >= 0)
		r = sd_event_add_time(event, &e->timer, CLOCK_MONOTONIC, 0, /* accuracy= */ 1000,
				      on_timer, e);
	if (r >= 0)
		r = sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(e);
	return 0;
}
