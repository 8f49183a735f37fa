/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel is told of a timer, by a program that is shown another time than the kernel has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

#define YEAR_S (365 * 86400)
#define AWAY_S 1000000 /* until it ends; no test takes as long */

static int64_t shown_off_s; /* what the program sees, of the kernel's */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	assert_int_equal(clock, CLOCK_MONOTONIC);
	ret->tv_sec += shown_off_s;
	return r;
}

static const int64_t offsets_s[] = { 0, 10 * YEAR_S, -10 * YEAR_S, 60 * (int64_t)YEAR_S };

static int64_t shown_now_s(void)
{
	struct timespec now;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec + shown_off_s;
}

static int64_t left_s(int fd)
{
	struct itimerspec left;

	assert_int_equal(syscall(SYS_timerfd_gettime, fd, &left), 0);
	return left.it_value.tv_sec;
}

static int arm(int fd, int flags, int64_t at_s, long at_ns)
{
	const struct itimerspec value = { .it_value = { at_s, at_ns } };

	return timerfd_settime(fd, flags, &value, NULL);
}

static int make_timer(clockid_t clock)
{
	int fd = timerfd_create(clock, TFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void a_time_to_come(void **state)
{
	int fd = make_timer(CLOCK_MONOTONIC);

	for (size_t i = 0; i < GW_ELEMENTS(offsets_s); i++) {
		shown_off_s = offsets_s[i];
		assert_int_equal(arm(fd, TFD_TIMER_ABSTIME, shown_now_s() + AWAY_S, 0), 0);
		assert_in_range(left_s(fd), AWAY_S / 2, AWAY_S);
		assert_int_equal(arm(fd, TFD_TIMER_ABSTIME, shown_now_s() + AWAY_S, 999999999), 0);
		assert_in_range(left_s(fd), AWAY_S / 2, AWAY_S + 1);
		assert_int_equal(arm(fd, 0, AWAY_S, 0), 0);
		assert_in_range(left_s(fd), AWAY_S / 2, AWAY_S);
	}
	(void)close(fd);
}

static void a_time_that_has_passed(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(offsets_s); i++) {
		struct pollfd poll_fd = { .fd = make_timer(CLOCK_MONOTONIC), .events = POLLIN };

		shown_off_s = offsets_s[i];
		assert_int_equal(arm(poll_fd.fd, TFD_TIMER_ABSTIME, shown_now_s() - 1, 1), 0);
		assert_int_equal(poll(&poll_fd, 1, -1), 1);
		(void)close(poll_fd.fd);
	}
}

static void no_time_at_all(void **state)
{
	struct itimerspec old;
	int fd = make_timer(CLOCK_MONOTONIC);

	shown_off_s = 0;
	assert_int_equal(arm(fd, 0, AWAY_S, 0), 0);
	assert_int_equal(timerfd_settime(fd, TFD_TIMER_ABSTIME, &(struct itimerspec){ 0 }, &old),
			 0);
	assert_in_range(old.it_value.tv_sec, AWAY_S / 2, AWAY_S);
	assert_int_equal(left_s(fd), 0);
	(void)close(fd);

	assert_int_equal(arm(-1, TFD_TIMER_ABSTIME, AWAY_S, 0), -1);
	assert_int_equal(errno, EBADF);
}

/* It is for the clock on the wall, and goes the way that it went without us. */
static void a_watch_on_the_clock(void **state)
{
	int fd = make_timer(CLOCK_REALTIME);

	shown_off_s = 10 * YEAR_S;
	assert_int_equal(arm(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, INT64_MAX / 2, 0), 0);
	assert_true(left_s(fd) > 100 * (int64_t)YEAR_S);
	(void)close(fd);
}

int main(void)
{
#ifndef __LP64__
	return 77; /* the C library's call stands there: lib/timer.c */
#endif
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_to_come),
		cmocka_unit_test(a_time_that_has_passed),
		cmocka_unit_test(no_time_at_all),
		cmocka_unit_test(a_watch_on_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
