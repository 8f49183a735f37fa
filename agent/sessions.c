/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table by number, since every message of the registrar names one. */
#include "agent/sessions.h"

#include "agent/agent.h"
#include "agent/plugins.h"
#include "lib/util.h"

#define BUCKETS 1024

struct sessions {
	struct agent *agent;
	struct session *buckets[BUCKETS];
	size_t n;
};

int sessions_new(struct agent *agent, struct sessions **ret)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	sessions->agent = agent;
	*ret = sessions;
	return 0;
}

struct sessions *sessions_free(struct sessions *sessions)
{
	if (sessions)
		sessions_drop_all(sessions);
	free(sessions);
	return NULL;
}

struct session *session_find(struct sessions *sessions, uint64_t id)
{
	struct session *session = sessions->buckets[id % BUCKETS];

	while (session && session->id != id)
		session = session->next;
	return session;
}

struct session *session_find_served(struct sessions *sessions, uint64_t id)
{
	struct session *session = session_find(sessions, id);

	return session && session->served ? session : NULL;
}

struct session *session_find_for_notice(struct sessions *sessions, uint64_t id)
{
	struct session *session = session_find(sessions, id);

	return session && session->for_notice ? session : NULL;
}

int session_add(struct sessions *sessions, uint64_t id, struct session **ret)
{
	struct session *session;

	if (session_find(sessions, id))
		return -EEXIST;
	if (sessions->n >= SESSIONS_MAX)
		return -EMFILE;

	session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	session->id = id;
	session->since_us = gw_now_monotonic_us();
	session->next = sessions->buckets[id % BUCKETS];
	sessions->buckets[id % BUCKETS] = session;
	sessions->n++;
	*ret = session;
	return 0;
}

void session_drop(struct sessions *sessions, struct session *session)
{
	struct session **at = &sessions->buckets[session->id % BUCKETS];

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	sessions->n--;
	free(session);
}

/* All sessions one after the other; the one returned may be dropped after asking for the next. */
static struct session *next_session(const struct sessions *sessions, const struct session *after)
{
	size_t bucket = after ? after->id % BUCKETS + 1 : 0;

	if (after && after->next)
		return after->next;
	while (bucket < BUCKETS && !sessions->buckets[bucket])
		bucket++;
	return bucket < BUCKETS ? sessions->buckets[bucket] : NULL;
}

struct session *session_next_waiting(struct sessions *sessions, const char *job,
				     const struct session *after)
{
	struct session *session = next_session(sessions, after);

	while (session && !gw_streq(session->job, job))
		session = next_session(sessions, session);
	return session;
}

static void end_one(struct sessions *sessions, struct session *session, const char *reason)
{
	struct gw_msg msg = { .type = GW_MSG_SESSION_END, .session_end = { session->id, reason } };

	plugin_send(plugins_find(sessions->agent->plugins, GW_ROLE_REGISTRAR), &msg, /* fd= */ -1);
	session_drop(sessions, session);
}

static void end_those(struct sessions *sessions, const char *device, const uint64_t *but,
		      const char *reason)
{
	struct session *session = next_session(sessions, NULL);

	while (session) {
		struct session *next = next_session(sessions, session);

		if ((!device || gw_streq(session->device, device)) && !(but && session->id == *but))
			end_one(sessions, session, reason);
		session = next;
	}
}

void sessions_end_device(struct sessions *sessions, const char *device, const char *reason)
{
	end_those(sessions, device, /* but= */ NULL, reason);
}

void sessions_end_all(struct sessions *sessions, const char *reason)
{
	end_those(sessions, /* device= */ NULL, /* but= */ NULL, reason);
}

void sessions_end_others(struct sessions *sessions, const char *device, uint64_t but,
			 const char *reason)
{
	end_those(sessions, device, &but, reason);
}

void sessions_end_waiting(struct sessions *sessions, const char *reason)
{
	struct session *session = next_session(sessions, NULL);

	while (session) {
		struct session *next = next_session(sessions, session);

		if (session->waits)
			end_one(sessions, session, reason);
		session = next;
	}
}

void sessions_end_certificates(struct sessions *sessions, const char *reason)
{
	struct session *session = next_session(sessions, NULL);

	while (session) {
		struct session *next = next_session(sessions, session);

		if (session->by_certificate && !session->for_notice)
			end_one(sessions, session, reason);
		session = next;
	}
}

void sessions_drop_all(struct sessions *sessions)
{
	struct session *session;

	while ((session = next_session(sessions, NULL)))
		session_drop(sessions, session);
}

unsigned sessions_drop_overdue(struct sessions *sessions, uint64_t before_us)
{
	struct session *session = next_session(sessions, NULL);
	unsigned n = 0;

	while (session) {
		struct session *next = next_session(sessions, session);

		if (session->secret_given && session->since_us < before_us) {
			session_drop(sessions, session);
			n++;
		}
		session = next;
	}
	return n;
}

uint64_t sessions_oldest_owing(const struct sessions *sessions)
{
	uint64_t oldest = 0;

	for (const struct session *s = next_session(sessions, NULL); s;
	     s = next_session(sessions, s))
		if (s->secret_given && (!oldest || s->since_us < oldest))
			oldest = s->since_us;
	return oldest;
}
