/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All waiting of a device, so that the rest of it is a straight line that can be read from top to bottom and
 * does not know whether it runs alone. Firmware has its own poll(), or its own scheduler, here.
 */
#include "tools/device/wait.h"

#include <poll.h>
#include <time.h>

#include "lib/util.h"
#include "tools/device/fiber.h"

#define SECOND_US 1000000u

static struct timespec time_left(uint64_t until_us)
{
	uint64_t now_us = gw_now_monotonic_us();
	uint64_t left_us = until_us > now_us ? until_us - now_us : 0;

	return (struct timespec){ .tv_sec = (time_t)(left_us / SECOND_US),
				  .tv_nsec = (long)(left_us % SECOND_US) * 1000 };
}

bool wait_readable(int fd, uint64_t until_us)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec left;

	if (fiber_is_running())
		return fiber_wait(fd, until_us);

	left = time_left(until_us);
	return ppoll(&p, 1, &left, /* sigmask= */ NULL) > 0;
}

void wait_until(uint64_t until_us)
{
	struct timespec left;

	if (fiber_is_running()) {
		(void)fiber_wait(/* fd= */ -1, until_us);
		return;
	}

	left = time_left(until_us);
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}
