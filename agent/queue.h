/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue: jobs on their way to the cloud. The jobs are on disk (store-job); here is which of them the
 * cloud link holds at the moment, and the rule that the next ones follow as it gets rid of those. What
 * is about one device goes one after the other: the cloud must hear in order what became of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct agent;
struct job_record;
struct queue;

int queue_new(struct agent *agent, struct queue **ret);
struct queue *queue_free(struct queue *queue);

/* The id of a job: the same for the same work, however often it is asked for. */
int queue_job_id(struct agent *agent, const struct job_record *job, char ret[GW_ID_MAX + 1]);

/* Puts a job on disk, with its id filled in, and on its way. A job that is there already is left. */
int queue_add(struct queue *queue, struct job_record *job);

/* The cloud link has sent this one; until then it waits there for its turn. */
void queue_sent(struct queue *queue, const char *job);

/* The cloud has answered this job: the next may go. */
void queue_answered(struct queue *queue, const char *job);

/* The job is done with and forgotten, or nobody wants it any more: the next of its device may go. */
int queue_end(struct queue *queue, const struct job_record *job);
int queue_drop(struct queue *queue, const struct job_record *job);

/* When a job is due that is put off for so long: then or up to a quarter later, JOB_PUT_OFF_MAX_S at most. */
uint64_t queue_due_s(struct queue *queue, uint64_t after_s);

/* Drops all jobs of a kind. */
int queue_drop_kind(struct queue *queue, enum gw_request_kind kind);

/* There is a (new) cloud link, or none: everything goes again, or waits. */
void queue_restart(struct queue *queue);

/* Sends what may be sent now. */
void queue_pump(struct queue *queue);

#define QUEUE_WHY_OTHERS "others-first"

/* Whether it has gone to the cloud; and why it waits, as a code: "" is for an answer. */
bool queue_is_sent(struct queue *queue, const char *job);
const char *queue_why(struct queue *queue, const struct job_record *job);

/* How often it has gone to the cloud: what is counted is the handing over. */
unsigned queue_attempts(struct queue *queue, const struct job_record *job);

/* When the n-th of those that wait for others can go, by [cloud] requests_per_second; 0: the cloud is away. */
uint64_t queue_turn_s(struct queue *queue, uint64_t n);

/* How many of so many jobs wait for others, at the least. */
uint64_t queue_held_back(struct queue *queue, uint64_t n_jobs);

/* When to pump though nothing has happened, by the monotonic clock; UINT64_MAX: never. */
uint64_t queue_next_us(const struct queue *queue);
