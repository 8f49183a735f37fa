/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two arrays. An entry of a connection makes room when nothing of it waits: first the one unused for
 * longest of the user who has most of them, so that one who connects a thousand times pushes out
 * himself. Names of connections are never given twice, so what was forgotten is only asked for again.
 *
 * A user's entry outlives the connections, since the bucket in it shall: it goes when it is fullest. With
 * as many users as connections there is always one without any.
 *
 * Root is limited by connection only: one script that runs wild shall not keep out another.
 *
 * Calls that wait belong to a crowd: those of a user, of a connection of root's, of a stranger's connection. A
 * call is always taken in; if that is one too many, some crowd gives up its last, and that is never the crowd
 * that has least. So nobody keeps out who comes with one call, once he is known. To be known takes one
 * question to the bus; while there are as many strangers as may be the caller of these functions takes in no more.
 */
#include "agent/callers.h"

#include <errno.h>

#include "lib/bucket.h"
#include "lib/util.h"

struct user {
	bool is_used;
	unsigned uid;
	unsigned n_callers, n_waiting, n_asked; /* waiting: places of calls */
	struct gw_bucket bucket;
};

struct caller {
	char name[CALLERS_NAME_MAX + 1]; /* empty: free */
	struct user *user;               /* NULL: a stranger */
	bool in_group;
	unsigned n_waiting;
	uint64_t used_us;
	struct gw_bucket bucket;
};

struct callers {
	struct caller callers[CALLERS_MAX];
	struct user users[CALLERS_MAX];
	unsigned n_waiting,
		n_strangers; /* places of calls that wait: of those known, and of strangers */
	unsigned n_asked;
};

int callers_new(struct callers **ret)
{
	struct callers *callers = calloc(1, sizeof(*callers));

	if (!callers)
		return -ENOMEM;
	*ret = callers;
	return 0;
}

struct callers *callers_free(struct callers *callers)
{
	free(callers);
	return NULL;
}

/* --- connections --- */

static struct caller *find(struct callers *callers, const char *name)
{
	for (size_t i = 0; i < CALLERS_MAX; i++)
		if (gw_streq(callers->callers[i].name, name))
			return &callers->callers[i];
	return NULL;
}

static void forget(struct caller *caller)
{
	if (caller->user)
		caller->user->n_callers--;
	*caller = (struct caller){ 0 };
}

/* Of the same user; strangers of whom nothing waits are of no use. */
static unsigned n_alike(const struct caller *caller)
{
	return caller->user ? caller->user->n_callers : CALLERS_MAX;
}

/* A free entry, or the one that goes; NULL: something waits of each. */
static struct caller *find_room(struct callers *callers)
{
	struct caller *room = NULL;

	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &callers->callers[i];

		if (!*caller->name)
			return caller;
		if (caller->n_waiting)
			continue;
		if (!room || n_alike(caller) > n_alike(room) ||
		    (n_alike(caller) == n_alike(room) && caller->used_us < room->used_us))
			room = caller;
	}
	return room;
}

struct caller *callers_get(struct callers *callers, const char *name, uint64_t now_us)
{
	struct caller *caller;

	if (!*name || strlen(name) > CALLERS_NAME_MAX)
		return NULL;
	caller = find(callers, name);
	if (!caller) {
		caller = find_room(callers);
		if (!caller)
			return NULL;
		forget(caller);
		(void)gw_copy(caller->name, sizeof(caller->name), name);
		gw_bucket_init(&caller->bucket, CALLERS_RATE, CALLERS_BURST, now_us);
	}
	caller->used_us = now_us;
	return caller;
}

void callers_forget(struct callers *callers, const char *name)
{
	struct caller *caller = *name ? find(callers, name) : NULL;

	if (caller && !caller->n_waiting)
		forget(caller);
}

/* --- users --- */

static struct user *get_user(struct callers *callers, unsigned uid, uint64_t now_us)
{
	struct user *room = NULL;

	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct user *user = &callers->users[i];

		if (user->is_used && user->uid == uid)
			return user;
		if (user->n_callers)
			continue;
		if (!room || !user->is_used ||
		    (room->is_used && gw_bucket_level(&user->bucket, now_us) >
					      gw_bucket_level(&room->bucket, now_us)))
			room = user;
	}
	*room = (struct user){ .is_used = true, .uid = uid };
	gw_bucket_init(&room->bucket, CALLERS_USER_RATE, CALLERS_USER_BURST, now_us);
	return room;
}

void callers_learn(struct callers *callers, struct caller *caller, unsigned uid, bool in_group,
		   uint64_t now_us)
{
	if (caller->user)
		return;

	caller->user = get_user(callers, uid, now_us);
	caller->user->n_callers++;
	caller->user->n_waiting += caller->n_waiting;
	callers->n_waiting += caller->n_waiting;
	callers->n_strangers -= caller->n_waiting;
	caller->in_group = in_group;
}

bool caller_is_known(const struct caller *caller)
{
	return caller->user != NULL;
}

unsigned caller_uid(const struct caller *caller)
{
	return caller->user->uid;
}

bool caller_is_in_group(const struct caller *caller)
{
	return caller->in_group;
}

const char *caller_name(const struct caller *caller)
{
	return caller->name;
}

/* --- what they may --- */

static uint32_t price(enum cost cost)
{
	switch (cost) {
	case COST_ORDINARY: return 1;
	case COST_WRITE: return 5;
	case COST_LIST: return 20;
	case COST_WALK: return 250;
	}
	return 1;
}

bool caller_pay(struct caller *caller, enum cost cost, uint64_t now_us)
{
	bool is_root = caller->user->uid == 0;
	uint32_t n = price(cost);

	if (!is_root && gw_bucket_level(&caller->user->bucket, now_us) < n)
		return false;
	if (!gw_bucket_take(&caller->bucket, n, now_us))
		return false;
	return is_root || gw_bucket_take(&caller->user->bucket, n, now_us);
}

/* --- calls that wait --- */

static void count(struct callers *callers, struct caller *caller, unsigned n)
{
	caller->n_waiting += n;
	if (caller->user) {
		caller->user->n_waiting += n;
		callers->n_waiting += n;
	} else {
		callers->n_strangers += n;
	}
}

void callers_hold(struct callers *callers, struct caller *caller, unsigned places)
{
	count(callers, caller, places);
}

void callers_release(struct callers *callers, struct caller *caller, unsigned places)
{
	count(callers, caller, -places);
}

static bool is_alone(const struct caller *caller)
{
	return !caller->user || caller->user->uid == 0;
}

bool caller_is_of_crowd(const struct caller *caller, const struct caller *other)
{
	return caller == other || (caller->user == other->user && !is_alone(caller));
}

static unsigned crowd_size(const struct caller *caller)
{
	return is_alone(caller) ? caller->n_waiting : caller->user->n_waiting;
}

bool caller_waits_too_much(const struct caller *caller)
{
	return crowd_size(caller) > CALLERS_WAITING_EACH;
}

/* Of the largest crowd, strangers or not; of crowds of a size the one that has not called for longest. */
static struct caller *find_most(struct callers *callers, bool is_known)
{
	struct caller *most = NULL;

	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct caller *caller = &callers->callers[i];

		if (!caller->n_waiting || caller_is_known(caller) != is_known)
			continue;
		if (!most || crowd_size(caller) > crowd_size(most) ||
		    (crowd_size(caller) == crowd_size(most) && caller->used_us < most->used_us))
			most = caller;
	}
	return most;
}

struct caller *callers_find_surplus(struct callers *callers, struct caller *caller)
{
	bool is_known = caller_is_known(caller);

	if (caller_waits_too_much(caller))
		return caller;
	if (is_known ? callers->n_waiting > CALLERS_WAITING_MAX
		     : callers->n_strangers > CALLERS_WAITING_STRANGERS)
		return find_most(callers, is_known);
	return NULL;
}

bool callers_strangers_are_full(const struct callers *callers)
{
	return callers->n_strangers + CALLERS_PLACES_MAX > CALLERS_WAITING_STRANGERS;
}

/* --- questions --- */

bool callers_may_ask(const struct callers *callers, const struct caller *caller)
{
	return callers->n_asked < CALLERS_ASKED_MAX && caller->user->n_asked < CALLERS_ASKED_EACH;
}

void callers_begin_question(struct callers *callers, struct caller *caller)
{
	callers->n_asked++;
	caller->user->n_asked++;
}

void callers_end_question(struct callers *callers, struct caller *caller)
{
	callers->n_asked--;
	caller->user->n_asked--;
}
