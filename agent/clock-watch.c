/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel knows whether its clock is synchronised, by whichever daemon (adjtimex), but our sandbox lets
 * nobody ask it. timedate1 asks for us, and says nothing by itself when the answer changes: so it is asked at
 * the start, when the clock was set, and now and then. It is started for each question and ends by itself,
 * which is why an answer is good for a while. One that hangs costs a question that waits, nobody else.
 *
 * That the clock was set is told by a timer that waits for nothing (TFD_TIMER_CANCEL_ON_SET), also when the
 * machine wakes up. Where the kernel does not know of it (a program can be shown another time than its own)
 * the two clocks are seen to have come apart at the next beat. Either way system and cloud are asked anew.
 */
#include "agent/clock-watch.h"

#include <sys/timerfd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "agent/agent.h"
#include "agent/bus.h"
#include "agent/cloud.h"
#include "agent/due.h"
#include "lib/log.h"
#include "lib/util.h"

#define NAME      "org.freedesktop.timedate1"
#define PATH      "/org/freedesktop/timedate1"
#define PROPERTY  "NTPSynchronized"
#define ANSWER_US 15000000ull   /* that it may take to start, and to answer */
#define DOUBT_US  60000000ull   /* asked again so soon while time is not trusted .. */
#define REST_US   3600000000ull /* .. and while it is */
#define STEP_US   5000000       /* no drift between two beats */

struct clock_watch {
	struct agent *agent;
	sd_event_source *steps;
	bool was_asked, was_set; /* since it was asked */
	uint64_t asked_us;       /* monotonic */
	int64_t ahead_us; /* the clock on the wall, of the one that no one sets, as seen last */
};

/* --- its word --- */

static enum clock_system read_word(sd_bus_message *m)
{
	int is_synchronised;

	if (sd_bus_message_is_method_error(m, NULL) ||
	    sd_bus_message_read(m, "v", "b", &is_synchronised) < 0)
		return CLOCK_SYSTEM_MUTE;
	return is_synchronised ? CLOCK_SYSTEM_YES : CLOCK_SYSTEM_NO;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct clock_watch *watch = userdata;

	if (watch->was_set)
		return 1; /* it may have meant the clock before; it is asked again */
	clock_take_system(&watch->agent->clock, read_word(m));
	due_look(watch->agent->due);
	return 1;
}

static int ask(struct clock_watch *watch, sd_bus *connection)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(connection, &m, NAME, PATH,
					       "org.freedesktop.DBus.Properties", "Get");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", NAME, PROPERTY);
	if (r >= 0) /* who leaves the bus leaves the question, too */
		r = sd_bus_call_async(connection, /* ret_slot= */ NULL, m, on_answer, watch,
				      ANSWER_US);
	sd_bus_message_unref(m);
	return r;
}

static bool is_due(const struct clock_watch *watch, bool is_trusted, uint64_t now_us)
{
	uint64_t pause_us = is_trusted ? REST_US : DOUBT_US;

	return !watch->was_asked || watch->was_set || now_us - watch->asked_us >= pause_us;
}

void clock_watch_look(struct clock_watch *watch, bool is_trusted)
{
	uint64_t now_us = gw_now_monotonic_us();
	sd_bus *connection = watch ? bus_connection(watch->agent->bus) : NULL;

	if (!connection || !is_due(watch, is_trusted, now_us))
		return;
	if (ask(watch, connection) < 0)
		return; /* the next look asks */
	watch->was_asked = true;
	watch->was_set = false;
	watch->asked_us = now_us;
}

/* --- its steps --- */

static int wait_for_step(int fd)
{
	const struct itimerspec never = { .it_value = { .tv_sec = INT64_MAX / 2 } };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
		       ? -errno
		       : 0;
}

static int64_t ahead_us(void)
{
	return (int64_t)(gw_now_realtime_us() - gw_now_boottime_us());
}

static void note_step(struct clock_watch *watch)
{
	gw_log(NOTICE, "The machine's clock was set");
	watch->ahead_us = ahead_us();
	watch->was_set = true;
	cloud_doubt_time(watch->agent);
	due_clock_was_set(watch->agent->due);
}

static int on_step(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	uint64_t n;

	(void)!read(fd, &n, sizeof(n));
	note_step(userdata);
	return wait_for_step(fd);
}

void clock_watch_compare(struct clock_watch *watch)
{
	int64_t seen_us = ahead_us(), step_us = watch ? seen_us - watch->ahead_us : 0;

	if (!watch)
		return;
	if (step_us > STEP_US || step_us < -STEP_US)
		note_step(watch);
	watch->ahead_us = seen_us;
}

int clock_watch_new(struct agent *agent, struct clock_watch **ret)
{
	struct clock_watch *watch = calloc(1, sizeof(*watch));
	_cleanup_close_ int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r = watch ? 0 : -ENOMEM;

	if (r >= 0 && fd < 0)
		r = -errno;
	if (r >= 0)
		r = wait_for_step(fd);
	if (r >= 0)
		r = sd_event_add_io(agent->event, &watch->steps, fd, EPOLLIN, on_step, watch);
	if (r >= 0) /* before anything is judged by the new time */
		r = sd_event_source_set_priority(watch->steps, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(watch->steps, 1);
	if (r < 0) {
		clock_watch_free(watch);
		return r;
	}
	TAKE_FD(fd);
	watch->agent = agent;
	watch->ahead_us = ahead_us();
	*ret = watch;
	return 0;
}

struct clock_watch *clock_watch_free(struct clock_watch *watch)
{
	if (watch)
		sd_event_source_disable_unref(watch->steps);
	free(watch);
	return NULL;
}
