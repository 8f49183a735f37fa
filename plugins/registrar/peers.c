/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two chained hash tables of a fixed size over the same entries. */
#include "plugins/registrar/peers.h"

#include <assert.h>

#include "plugins/registrar/path.h"

static struct peers_entry **path_bucket(struct peers *p, const struct path *path)
{
	return &p->by_path[path_hash(path, p->seed) % PEERS_BUCKETS];
}

static struct peers_entry **session_bucket(struct peers *p, uint64_t session)
{
	return &p->by_session[session % PEERS_BUCKETS];
}

void peers_add(struct peers *p, struct peers_entry *entry, const struct path *path,
	       uint64_t session)
{
	struct peers_entry **by_path = path_bucket(p, path);
	struct peers_entry **by_session = session_bucket(p, session);

	*entry = (struct peers_entry){ *by_path, *by_session, path, session };
	*by_path = *by_session = entry;
	p->n++;
}

void peers_remove(struct peers *p, struct peers_entry *entry)
{
	struct peers_entry **at;

	for (at = path_bucket(p, entry->path); *at != entry; at = &(*at)->next_by_path)
		assert(*at);
	*at = entry->next_by_path;
	for (at = session_bucket(p, entry->session); *at != entry; at = &(*at)->next_by_session)
		assert(*at);
	*at = entry->next_by_session;
	p->n--;
}

struct peers_entry *peers_find_path(const struct peers *p, const struct path *path)
{
	struct peers_entry *entry = p->by_path[path_hash(path, p->seed) % PEERS_BUCKETS];

	while (entry && !path_equal(entry->path, path))
		entry = entry->next_by_path;
	return entry;
}

struct peers_entry *peers_find_session(const struct peers *p, uint64_t session)
{
	struct peers_entry *entry = p->by_session[session % PEERS_BUCKETS];

	while (entry && entry->session != session)
		entry = entry->next_by_session;
	return entry;
}

struct peers_entry *peers_next(const struct peers *p, struct peers_cursor *cursor)
{
	struct peers_entry *entry = cursor->next;

	while (!entry && cursor->bucket < PEERS_BUCKETS)
		entry = p->by_session[cursor->bucket++];
	cursor->next = entry ? entry->next_by_session : NULL;
	return entry;
}
