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

bool answers_may_hold(const struct answers *answers, unsigned uid)
{
	unsigned n = 0, n_own = 0;

	for (unsigned i = 0; i < ANSWERS_MAX; i++) {
		const struct answer *answer = &answers->all[i];

		n += answer->end != NULL;
		n_own += answer->end && answer->uid == uid;
	}
	return n < ANSWERS_MAX && (uid == 0 || n_own < ANSWERS_EACH);
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
