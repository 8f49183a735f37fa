/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cloned image connects with our client id, the broker throws us off, we come back and throw it
 * off, and so on for ever. The retained status tells: the broker delivers it, or the will that took
 * its place, to every new subscription. As long as it is of this process, nobody else was there.
 * One of another process is our own past, unless we have heard one of ours on an earlier
 * connection: then a rival was there since. (On the same connection it may be the will of our past
 * that some brokers publish late.) One that we took for our past stays that: a broker that died comes
 * back with what it had stored last, and a rival who has been there since is under a later connection.
 *
 * So the one that was thrown off learns of it when it comes back, and can give way.
 */
#include "plugins/mqtt/presence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void presence_init(struct presence *p, uint64_t process)
{
	*p = (struct presence){ .process = process };
}

const char *presence_next(struct presence *p)
{
	p->connections++;
	(void)snprintf(p->id, sizeof(p->id), "%016" PRIx64 "-%u", p->process, p->connections);
	return p->id;
}

void presence_forget(struct presence *p)
{
	p->known = 0;
}

/* An id that is none of ours is of no process, and so nobody's past. */
static struct presence_past read_id(const char *id)
{
	struct presence_past ret = { 0 };
	int end = 0;

	if (sscanf(id, "%16" SCNx64 "-%9u%n", &ret.process, &ret.connection, &end) < 2 || id[end])
		return (struct presence_past){ 0 };
	return ret;
}

static bool is_past(const struct presence *p, const struct presence_past *who)
{
	return who->connection && who->process == p->past.process &&
	       who->connection <= p->past.connection;
}

bool presence_is_rival(struct presence *p, const char *id)
{
	struct presence_past who = read_id(id);

	if (who.connection && who.process == p->process) {
		if (!p->known)
			p->known = p->connections;
		return false;
	}
	if (is_past(p, &who))
		return false;
	if (p->known && p->known < p->connections)
		return true;
	p->past = who;
	return false;
}
