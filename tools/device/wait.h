/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait: the two ways in which a device stands still. A device by itself sleeps in the kernel meanwhile; one of
 * many lets the others go on (fiber). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True: there is something to read, or to find out by reading; false: that time (monotonic) has come. */
bool wait_readable(int fd, uint64_t until_us);

void wait_until(uint64_t until_us);
