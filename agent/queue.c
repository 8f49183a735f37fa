/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud link repeats a request until it is answered, and takes GW_REQUESTS_MAX at a time. So the
 * agent hands it the oldest jobs up to that number and remembers which; each answer makes room for
 * the next. Jobs that the cloud has put off come back by their due time (due.c), in turn with those that
 * were never sent, so that neither kind can keep the other waiting. What fills all places and is never
 * answered gives them up after a while: a cloud that has no answer to some must not keep it from others.
 */
#include "agent/queue.h"

#include "agent/agent.h"
#include "agent/cloud.h"
#include "agent/plugins.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/crypto.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

#define JOB_ID_BYTES 16
#define WINDOW       (GW_REQUESTS_MAX - 2) /* left: the question of the time, a batch of records */

#define SECOND_US    1000000ull
#define PATIENCE_US  (600 * 1000000ull) /* with an unanswered job, while others need its place */
#define UNANSWERED_S 60                 /* till such a one gets its next turn */

struct place {
	char job[GW_ID_MAX + 1]; /* empty: free */
	uint64_t since_us;
	bool is_sent; /* to the broker; else it is held back for the connection, or by the pace */
};

struct queue {
	struct agent *agent;
	struct place open[WINDOW]; /* what the cloud link holds */
	size_t n_open;
	uint64_t cursor; /* `created` of the last job that was handed over */
	uint64_t newest; /* `created` of the newest job */
	bool due_had_turn;
};

/* --- identity --- */

static struct gw_blob text_part(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) + 1 };
}

int queue_job_id(struct agent *agent, const struct job_record *job, char ret[GW_ID_MAX + 1])
{
	static const uint8_t no_key[GW_KEY_LEN];
	uint8_t kind = (uint8_t)job->kind, hash[GW_SHA256_LEN];
	const struct gw_blob parts[] = {
		text_part(agent->settings.gateway),
		{ &kind, 1 },
		text_part(job->device),
		text_part(job->claim),
		text_part(job->of),
		{ job->serial, job->serial_len },
		{ job->key, job->key_len },
	};
	int r = gw_hmac(no_key, parts, GW_ELEMENTS(parts), hash);

	if (r >= 0)
		gw_hex_encode(hash, JOB_ID_BYTES, ret);
	return r;
}

/* --- handing over --- */

static struct place *find_open(struct queue *queue, const char *id)
{
	for (size_t i = 0; i < WINDOW; i++)
		if (gw_streq(queue->open[i].job, id))
			return &queue->open[i];
	return NULL;
}

static void set_free(struct queue *queue, struct place *place)
{
	*place->job = 0;
	queue->n_open--;
}

static void send_request(struct plugin *cloud, const struct job_record *job)
{
	struct gw_msg msg = {
		.type = GW_MSG_REQUEST,
		.request = { .job = job->id,
			     .kind = (uint8_t)job->kind,
			     .device = job->device,
			     .tenant = job->tenant,
			     .claim = job->kind == GW_REQUEST_RENEW ? "" : job->claim,
			     .of = job->of,
			     .method = job->method,
			     .reason = job->reason,
			     .serial = { job->serial, job->serial_len },
			     .key = { job->key, job->key_len },
			     .csr = { job->csr, job->csr_len } },
	};

	plugin_send(cloud, &msg, /* fd= */ -1);
}

static void hand_over(struct queue *queue, struct plugin *cloud, const struct job_record *job)
{
	struct place *place = find_open(queue, "");

	(void)gw_copy(place->job, sizeof(place->job), job->id);
	place->since_us = gw_now_monotonic_us();
	place->is_sent = false;
	queue->n_open++;
	(void)store_job_count_attempt(queue->agent->store, job->id);
	send_request(cloud, job);
}

/* 0, or -ENOENT: there is none. */
static int send_due(struct queue *queue, struct plugin *cloud, struct job_record *job)
{
	int r = store_job_due(queue->agent->store, clock_now_s(&queue->agent->clock), job);

	if (r >= 0)
		hand_over(queue, cloud, job);
	return r;
}

static int send_fresh(struct queue *queue, struct plugin *cloud, struct job_record *job)
{
	int r;

	while ((r = store_job_after(queue->agent->store, queue->cursor, job)) >= 0) {
		queue->cursor = job->created;
		if (!find_open(queue, job->id)) {
			hand_over(queue, cloud, job);
			break;
		}
	}
	return r;
}

/* When patience with this one ends. What the cloud could not hear it could not answer. */
static uint64_t patience_ends_us(const struct queue *queue, const struct place *place)
{
	struct cloud_facts cloud;

	cloud_get_facts(queue->agent, &cloud);
	if (cloud.state != GW_CLOUD_ONLINE && cloud.state != GW_CLOUD_SILENT)
		return UINT64_MAX;
	return GW_MAX(place->since_us, cloud.since_us) + PATIENCE_US;
}

static void take_back(struct queue *queue, struct plugin *cloud, struct place *place)
{
	struct gw_msg msg = { .type = GW_MSG_REQUEST_END, .request_end = { place->job } };

	plugin_send(cloud, &msg, /* fd= */ -1);
	(void)store_job_put_off(queue->agent->store, place->job, queue_due_s(queue, UNANSWERED_S),
				"unanswered");
	set_free(queue, place);
}

static void make_room(struct queue *queue, struct plugin *cloud)
{
	uint64_t now_us = gw_now_monotonic_us();

	if (queue->n_open < WINDOW)
		return;
	for (size_t i = 0; i < WINDOW; i++)
		if (patience_ends_us(queue, &queue->open[i]) <= now_us)
			take_back(queue, cloud, &queue->open[i]);
}

/* What is due and what was never sent take turns. */
static int send_one(struct queue *queue, struct plugin *cloud, struct job_record *job)
{
	bool due = !queue->due_had_turn;
	int r = due ? send_due(queue, cloud, job) : send_fresh(queue, cloud, job);

	queue->due_had_turn = due;
	if (r == -ENOENT)
		r = due ? send_fresh(queue, cloud, job) : send_due(queue, cloud, job);
	return r;
}

void queue_pump(struct queue *queue)
{
	struct plugin *cloud = plugins_find(queue->agent->plugins, GW_ROLE_CLOUD);
	static struct job_record job;
	int r = 0;

	if (!cloud || turn_open(queue->agent->turn) < 0)
		return;

	make_room(queue, cloud);
	while (queue->n_open < WINDOW && r >= 0)
		r = send_one(queue, cloud, &job);
	if (r < 0 && r != -ENOENT)
		gw_log(ERROR, "Cannot read the queue of jobs: %s", strerror(-r));
}

uint64_t queue_next_us(const struct queue *queue)
{
	uint64_t next_us = UINT64_MAX;

	for (size_t i = 0; queue->n_open == WINDOW && i < WINDOW; i++)
		next_us = GW_MIN(next_us, patience_ends_us(queue, &queue->open[i]));
	return next_us;
}

void queue_restart(struct queue *queue)
{
	memset(queue->open, 0, sizeof(queue->open));
	queue->n_open = 0;
	queue->cursor = 0;
	queue_pump(queue);
}

/* --- coming and going of jobs --- */

int queue_add(struct queue *queue, struct job_record *job)
{
	struct job_record *known;
	int r;

	r = queue_job_id(queue->agent, job, job->id);
	if (r < 0)
		return r;

	known = malloc(sizeof(*known));
	if (!known)
		return -ENOMEM;
	r = store_job_get(queue->agent->store, job->id, known);
	free(known);
	if (r != -ENOENT)
		return r;

	queue->newest = GW_MAX(queue->newest + 1, clock_now_s(&queue->agent->clock) * SECOND_US);
	job->created = queue->newest;
	r = store_job_add(queue->agent->store, job);
	if (r < 0)
		return r;
	queue_pump(queue);
	return 0;
}

void queue_sent(struct queue *queue, const char *job)
{
	struct place *open = *job ? find_open(queue, job) : NULL;

	if (open)
		open->is_sent = true;
}

void queue_answered(struct queue *queue, const char *job)
{
	struct place *open = *job ? find_open(queue, job) : NULL;

	if (!open)
		return;
	set_free(queue, open);
	queue_pump(queue);
}

/* It had to wait for the one before, and the cursor passed it by. */
static void send_passed_by(struct queue *queue, uint64_t created)
{
	struct plugin *cloud = plugins_find(queue->agent->plugins, GW_ROLE_CLOUD);
	static struct job_record job;

	if (created > queue->cursor)
		return;
	if (cloud && queue->n_open < WINDOW &&
	    store_job_after(queue->agent->store, created - 1, &job) >= 0 &&
	    job.created == created && !find_open(queue, job.id))
		hand_over(queue, cloud, &job);
	else
		queue->cursor = created - 1;
}

int queue_end(struct queue *queue, const struct job_record *job)
{
	struct place *place = find_open(queue, job->id);
	uint64_t next;
	int r = store_job_drop(queue->agent->store, job->id);

	if (r < 0)
		return r;

	if (place)
		set_free(queue, place);
	next = store_job_next_of(queue->agent->store, job);
	if (next)
		send_passed_by(queue, next);
	queue_pump(queue);
	return 0;
}

int queue_drop(struct queue *queue, const struct job_record *job)
{
	struct gw_msg msg = { .type = GW_MSG_REQUEST_END, .request_end = { job->id } };

	if (find_open(queue, job->id))
		plugin_send(plugins_find(queue->agent->plugins, GW_ROLE_CLOUD), &msg, /* fd= */ -1);
	queue_answered(queue, job->id);
	return queue_end(queue, job);
}

/* Never early, and up to a quarter late: what a cloud puts off at many gateways shall not come back in step. */
uint64_t queue_due_s(struct queue *queue, uint64_t after_s)
{
	uint64_t wait_s = GW_MAX(after_s, 1u);
	uint32_t dice = 0;

	(void)gw_random((uint8_t *)&dice, sizeof(dice));
	wait_s += wait_s * (dice % 1024) / 4096;
	return clock_now_s(&queue->agent->clock) + GW_MIN(wait_s, JOB_PUT_OFF_MAX_S);
}

int queue_drop_kind(struct queue *queue, enum gw_request_kind kind)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	uint64_t after = 0;
	int r;

	if (!job)
		return -ENOMEM;
	while ((r = store_job_next(queue->agent->store, after, job)) >= 0) {
		after = job->created;
		if (job->kind == kind && (r = queue_drop(queue, job)) < 0)
			break;
	}
	return r == -ENOENT ? 0 : r;
}

/* --- for people --- */

bool queue_is_sent(struct queue *queue, const char *job)
{
	const struct place *open = *job ? find_open(queue, job) : NULL;

	return open && open->is_sent;
}

unsigned queue_attempts(struct queue *queue, const struct job_record *job)
{
	const struct place *open = find_open(queue, job->id);

	return job->attempts - (open && !open->is_sent && job->attempts);
}

const char *queue_why(struct queue *queue, const struct job_record *job)
{
	if (job->state == JOB_CHECKING)
		return "";
	if (job->due)
		return *job->why ? job->why : "put-off";
	if (!cloud_is_online(queue->agent))
		return gw_reason_code(GW_REASON_CLOUD_AWAY);
	if (queue_is_sent(queue, job->id))
		return "";
	return queue->n_open == WINDOW || find_open(queue, job->id) ? QUEUE_WHY_OTHERS
								    : "one-at-a-time";
}

uint64_t queue_turn_s(struct queue *queue, uint64_t n)
{
	uint64_t rate = queue->agent->settings.cloud_requests_per_second;

	if (!cloud_is_online(queue->agent))
		return 0;
	return clock_now_s(&queue->agent->clock) + (n + rate - 1) / rate;
}

uint64_t queue_held_back(struct queue *queue, uint64_t n_jobs)
{
	uint64_t others = store_job_count_put_off(queue->agent->store);

	for (size_t i = 0; i < WINDOW; i++)
		others += *queue->open[i].job && queue->open[i].is_sent;
	return n_jobs - GW_MIN(n_jobs, others);
}

/* --- life --- */

int queue_new(struct agent *agent, struct queue **ret)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->agent = agent;
	queue->newest = store_job_newest(agent->store);
	*ret = queue;
	return 0;
}

struct queue *queue_free(struct queue *queue)
{
	free(queue);
	return NULL;
}
