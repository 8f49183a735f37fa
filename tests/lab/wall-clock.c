/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded: a clock on the wall that somebody else may set while programs run by it (clocks.py). It
 * is off the machine's by as many seconds as stand in the first eight bytes of the file GANGWAY_WALL_CLOCK.
 * All other clocks go on as they do, as on a machine whose clock is set.
 *
 * Timers that wait for a time on the wall are set for the machine's, as the offset is then. Who has asked to
 * be told of steps (TFD_TIMER_CANCEL_ON_SET) is told of them as the kernel does: the timer's descriptor
 * becomes readable, and reading fails with ECANCELED. Behind it is a watch on the file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 4096

/* By descriptor. A descriptor that is used again passes timerfd_create() or is none of ours. */
static bool is_wall_timer[FDS_MAX], is_watch[FDS_MAX];
static const _Atomic int64_t *offset_s; /* NULL: the machine's clock */

static void __attribute__((constructor)) set_up(void)
{
	const char *path = getenv("GANGWAY_WALL_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (at != MAP_FAILED)
		offset_s = at;
}

static int64_t offset(void)
{
	return offset_s ? atomic_load(offset_s) : 0;
}

/* --- reading --- */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += offset();
	return r;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -1;
	*ret = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

/* --- waiting --- */

static bool is_marked(const bool *marks, int fd)
{
	return fd >= 0 && fd < FDS_MAX && marks[fd];
}

int timerfd_create(int clock, int flags)
{
	int fd = (int)syscall(SYS_timerfd_create, clock, flags);

	if (fd >= 0 && fd < FDS_MAX) {
		is_wall_timer[fd] = offset_s && clock == CLOCK_REALTIME;
		is_watch[fd] = false;
	}
	return fd;
}

/* From here on the descriptor is a watch on our clock. */
static int watch_steps(int fd)
{
	int watch;

	if (is_marked(is_watch, fd))
		return 0;
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0)
		return -1;
	if (inotify_add_watch(watch, getenv("GANGWAY_WALL_CLOCK"), IN_MODIFY) < 0 ||
	    dup3(watch, fd, O_CLOEXEC) < 0) {
		(void)close(watch);
		return -1;
	}
	(void)close(watch);
	is_watch[fd] = true;
	return 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct itimerspec real = *value;
	bool is_set = value->it_value.tv_sec || value->it_value.tv_nsec;

	if (is_marked(is_wall_timer, fd) && flags & TFD_TIMER_CANCEL_ON_SET)
		return watch_steps(fd);
	if (is_marked(is_wall_timer, fd) && flags & TFD_TIMER_ABSTIME && is_set) {
		real.it_value.tv_sec -= offset();
		if (real.it_value.tv_sec < 0) /* long ago; all zero would be off */
			real.it_value = (struct timespec){ 0, 1 };
	}
	return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old);
}

ssize_t read(int fd, void *buf, size_t size)
{
	char events[4096];
	ssize_t n;

	if (!is_marked(is_watch, fd))
		return syscall(SYS_read, fd, buf, size);
	n = syscall(SYS_read, fd, events, sizeof(events));
	if (n > 0)
		errno = ECANCELED;
	return -1;
}
