/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A memory file has no name, so the last to let go of it deletes it, and that can be watched. The
 * kernel says so before whoever let go can say anything else: who closes one answer before asking for
 * the next is never counted with two.
 */
#include "agent/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "lib/util.h"

struct answer {
	unsigned uid;
	sd_event_source *end; /* NULL: free */
};

struct answers {
	sd_event *event;
	struct answer all[ANSWERS_MAX];
};

int answers_new(struct sd_event *event, struct answers **ret)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return -ENOMEM;
	answers->event = sd_event_ref(event);
	*ret = answers;
	return 0;
}

struct answers *answers_free(struct answers *answers)
{
	if (!answers)
		return NULL;

	for (unsigned i = 0; i < ANSWERS_MAX; i++)
		sd_event_source_disable_unref(answers->all[i].end);
	sd_event_unref(answers->event);
	free(answers);
	return NULL;
}

static int on_end(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct answer *answer = userdata;

	if (event->mask & (IN_DELETE_SELF | IN_IGNORED))
		answer->end = sd_event_source_disable_unref(answer->end);
	return 0;
}

unsigned answers_held(const struct answers *answers, unsigned uid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ANSWERS_MAX; i++)
		n += answers->all[i].end && answers->all[i].uid == uid;
	return n;
}

static unsigned count(const struct answers *answers)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ANSWERS_MAX; i++)
		n += answers->all[i].end != NULL;
	return n;
}

/* The more somebody holds, the more places have to be free for others: so those run out slowly, and many users have
 * one before the first is without any. */
bool answers_may_hold(const struct answers *answers, unsigned uid)
{
	unsigned n_root = answers_held(answers, 0), n = count(answers);
	unsigned n_own = answers_held(answers, uid);

	if (uid == 0)
		return n < ANSWERS_MAX;
	return n_own < ANSWERS_EACH &&
	       n - n_root + GW_MAX(n_root, ANSWERS_ROOT) + n_own < ANSWERS_MAX;
}

int answers_add(struct answers *answers, unsigned uid, int fd)
{
	struct answer *answer = answers->all;
	int r;

	if (!answers_may_hold(answers, uid))
		return -EBUSY;
	while (answer->end)
		answer++;

	r = sd_event_add_inotify_fd(answers->event, &answer->end, fd, IN_DELETE_SELF, on_end,
				    answer);
	if (r < 0)
		return r;
	answer->uid = uid;
	/* Before the calls that wait on the bus. */
	r = sd_event_source_set_priority(answer->end, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0)
		answer->end = sd_event_source_disable_unref(answer->end);
	return r;
}
