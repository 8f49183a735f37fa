/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How timers reach the kernel: linked in the place of the C library's call, for sd-event, which gives the
 * time at which one ends. The kernel is told what is left until then, by the clock that the program reads.
 *
 * That is the same, unless somebody stands between a program and its clocks. libfaketime, by which people try
 * what a wrong clock does, takes the time of every timer for one on the wall and moves it, by whatever clock
 * it was (FAKETIME_DONT_FAKE_MONOTONIC or not): timers are refused then, or end in years.
 *
 * All timers of ours go by CLOCK_MONOTONIC. One is no timer but waits for the clock to be set
 * (agent/clock-watch): it goes the way it would have gone.
 *
 * Where time has 32 bits, or had, there are two such calls for two forms of it, and the C library's stand.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifdef __LP64__

#define SECOND_NS 1000000000ll

typedef int settime_fn(int fd, int flags, const struct itimerspec *value, struct itimerspec *old);

static int pass_on(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	settime_fn *next = (settime_fn *)dlsym(RTLD_NEXT, "timerfd_settime");

	if (!next) {
		errno = ENOSYS;
		return -1;
	}
	return next(fd, flags, value, old);
}

/* Never nothing: that would disarm it. */
static struct timespec left_until(const struct timespec *end)
{
	struct timespec now;
	int64_t left_s, left_ns;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	left_s = end->tv_sec - now.tv_sec;
	left_ns = end->tv_nsec - now.tv_nsec;
	if (left_ns < 0) {
		left_s--;
		left_ns += SECOND_NS;
	}
	if (left_s < 0 || (left_s == 0 && left_ns == 0))
		return (struct timespec){ 0, 1 };
	return (struct timespec){ left_s, left_ns };
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct itimerspec left = *value;

	if (flags & TFD_TIMER_CANCEL_ON_SET)
		return pass_on(fd, flags, value, old);
	if (flags & TFD_TIMER_ABSTIME && (value->it_value.tv_sec || value->it_value.tv_nsec))
		left.it_value = left_until(&value->it_value);
	return (int)syscall(SYS_timerfd_settime, fd, 0, &left, old);
}

#endif
