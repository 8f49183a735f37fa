/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs go out in pages, oldest first: there may be as many as [limits] jobs says and more, and no message is
 * built without bound. The last job's place in the order leads to the next page; what ended meanwhile is
 * left out, what came is at the end.
 */
#include "agent/bus-jobs.h"

#include "agent/agent.h"
#include "agent/queue.h"
#include "agent/store-job.h"
#include "agent/turn.h"
#include "lib/util.h"

#define PAGE_MAX  1000
#define SECOND_US 1000000

/* In which shape the rows are. */
struct page {
	uint64_t after;
	uint32_t limit;
	bool is_whole;   /* with order and why */
	uint64_t behind; /* so many that wait for others */
};

/* By its due time, or by the pace at which others go before it. */
static uint64_t turn_of(struct agent *agent, struct page *page, const struct job_record *job,
			const char *why)
{
	if (job->due || !gw_streq(why, QUEUE_WHY_OTHERS))
		return job->due;
	return queue_turn_s(agent->queue, ++page->behind);
}

static int append_job(struct agent *agent, struct page *page, const struct job_record *job,
		      sd_bus_message *reply)
{
	const char *why = queue_why(agent->queue, job);
	uint64_t due = turn_of(agent, page, job, why);
	const char *state =
		queue_is_sent(agent->queue, job->id) ? "sent" : job_state_name(job->state);
	int r;

	r = sd_bus_message_open_container(reply, 'r', page->is_whole ? "ssssuttts" : "ssssutt");
	if (r >= 0)
		r = sd_bus_message_append(reply, "ssssutt", job->id, job_kind_name(job->kind),
					  job->device, state, queue_attempts(agent->queue, job),
					  job->created / SECOND_US, due);
	if (r >= 0 && page->is_whole)
		r = sd_bus_message_append(reply, "ts", job->created, why);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_jobs(struct agent *agent, struct page *page, sd_bus_message *reply)
{
	_cleanup_free_ struct job_record *job = malloc(sizeof(*job));
	uint64_t after = page->after;
	int r;

	if (!job)
		return -ENOMEM;
	if (after)
		page->behind =
			queue_held_back(agent->queue, store_job_count_until(agent->store, after));
	r = sd_bus_message_open_container(reply, 'a', page->is_whole ? "(ssssuttts)" : "(ssssutt)");
	for (uint32_t n = 0; n < page->limit && r >= 0; n++) {
		if (store_job_next(agent->store, after, job) < 0)
			break;
		after = job->created;
		r = append_job(agent, page, job, reply);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_page(struct agent *agent, struct page *page, sd_bus_message *call)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(call, &reply);

	if (r >= 0)
		r = append_jobs(agent, page, reply);
	if (r >= 0)
		r = turn_reply(agent->turn, call, TAKE_PTR(reply));
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

int bus_jobs_list(struct agent *agent, sd_bus_message *call)
{
	return reply_page(agent, &(struct page){ .limit = PAGE_MAX }, call);
}

int bus_jobs_list_after(struct agent *agent, sd_bus_message *call, sd_bus_error *error)
{
	struct page page = { .is_whole = true };
	int r = sd_bus_message_read(call, "tu", &page.after, &page.limit);

	if (r < 0 || page.limit < 1 || page.limit > PAGE_MAX || page.after > INT64_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "after is the order of a job or 0, limit is 1 to %d",
					 PAGE_MAX);
	return reply_page(agent, &page, call);
}
