/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain array: at most GW_REQUESTS_MAX requests, so a walk over all of them is cheaper than
 * cleverness. It owns the bodies; a repetition is the same bytes. Pointers to entries hold until
 * the next add or remove: the last entry moves to where one was removed.
 */
#include "plugins/mqtt/outstanding.h"

#include "lib/util.h"
#include "lib/wire.h"

struct outstanding {
	uint64_t first_us, max_us;
	uint64_t owed_us; /* see outstanding_silent_since() */
	uint64_t n_added;
	struct outstanding_request requests[GW_REQUESTS_MAX];
	size_t n;
};

int outstanding_new(uint64_t first_us, uint64_t max_us, struct outstanding **ret)
{
	struct outstanding *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;

	o->first_us = first_us;
	o->max_us = max_us;
	o->owed_us = OUTSTANDING_NEVER;
	*ret = o;
	return 0;
}

static void request_done(struct outstanding_request *request)
{
	free(request->job);
	free(request->body);
}

struct outstanding *outstanding_free(struct outstanding *o)
{
	if (!o)
		return NULL;

	for (size_t i = 0; i < o->n; i++)
		request_done(&o->requests[i]);
	free(o);
	return NULL;
}

static struct outstanding_request *find(struct outstanding *o, const char *job)
{
	for (size_t i = 0; i < o->n; i++)
		if (gw_streq(o->requests[i].job, job))
			return &o->requests[i];
	return NULL;
}

static void start_over(struct outstanding *o, struct outstanding_request *request, uint64_t now_us)
{
	request->due_us = now_us;
	request->wait_us = o->first_us;
}

int outstanding_add(struct outstanding *o, unsigned topic, const char *job, char *body,
		    uint64_t now_us)
{
	_cleanup_free_ char *ours = body;
	struct outstanding_request *request = find(o, job);

	if (!request) {
		if (o->n == GW_ELEMENTS(o->requests))
			return -ENOBUFS;

		request = &o->requests[o->n];
		*request =
			(struct outstanding_request){ .job = strdup(job), .number = o->n_added++ };
		if (!request->job)
			return -ENOMEM;
		o->n++;
	}

	free(request->body);
	request->body = TAKE_PTR(ours);
	request->topic = topic;
	request->has_gone = false;
	start_over(o, request, now_us);
	return 0;
}

void outstanding_hurry(struct outstanding *o, const char *job)
{
	struct outstanding_request *request = find(o, job);

	if (request)
		request->is_urgent = true;
}

bool outstanding_remove(struct outstanding *o, const char *job)
{
	struct outstanding_request *request = find(o, job);

	if (!request)
		return false;

	request_done(request);
	*request = o->requests[--o->n];
	if (!o->n)
		o->owed_us = OUTSTANDING_NEVER;
	return true;
}

size_t outstanding_count(const struct outstanding *o)
{
	return o->n;
}

void outstanding_restart(struct outstanding *o, uint64_t now_us)
{
	o->owed_us = OUTSTANDING_NEVER;
	for (size_t i = 0; i < o->n; i++)
		start_over(o, &o->requests[i], now_us);
}

static bool goes_before(const struct outstanding_request *a, const struct outstanding_request *b)
{
	if (a->is_urgent != b->is_urgent)
		return a->is_urgent;
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->number < b->number;
}

struct outstanding_request *outstanding_due(struct outstanding *o, uint64_t now_us)
{
	struct outstanding_request *first = NULL;

	for (size_t i = 0; i < o->n; i++)
		if (o->requests[i].due_us <= now_us &&
		    (!first || goes_before(&o->requests[i], first)))
			first = &o->requests[i];
	return first;
}

void outstanding_published(struct outstanding *o, struct outstanding_request *request,
			   uint64_t now_us, uint32_t dice)
{
	uint64_t early_us = request->wait_us / 4096 * (dice % 1024); /* up to a quarter */

	request->due_us = now_us + request->wait_us - early_us;
	request->wait_us = GW_MIN(request->wait_us * 2, o->max_us);
	request->has_gone = true;
	if (o->owed_us == OUTSTANDING_NEVER)
		o->owed_us = now_us;
}

void outstanding_heard(struct outstanding *o)
{
	o->owed_us = OUTSTANDING_NEVER;
}

uint64_t outstanding_next(const struct outstanding *o)
{
	uint64_t next_us = OUTSTANDING_NEVER;

	for (size_t i = 0; i < o->n; i++)
		next_us = GW_MIN(next_us, o->requests[i].due_us);
	return next_us;
}

uint64_t outstanding_silent_since(const struct outstanding *o)
{
	return o->owed_us;
}
