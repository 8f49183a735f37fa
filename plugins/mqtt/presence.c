/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cloned image connects with our client id, the broker throws us off, we come back and throw it
 * off, and so on for ever. The retained status tells: the broker delivers it, or the will that took
 * its place, to every new subscription. As long as it is of this process, nobody else was there.
 * One of another process is our own past, unless we have heard one of ours on an earlier
 * connection: then a rival was there since. (On the same connection it may be the will of our past
 * that some brokers publish late.)
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

bool presence_is_rival(struct presence *p, const char *id)
{
	char prefix[PRESENCE_ID_MAX + 1];
	bool own;

	(void)snprintf(prefix, sizeof(prefix), "%016" PRIx64 "-", p->process);
	own = strncmp(id, prefix, strlen(prefix)) == 0;
	if (own && !p->known)
		p->known = p->connections;
	return !own && p->known && p->known < p->connections;
}
