/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/disk.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

static unsigned end, n;
static enum disk_end how;
static bool from_behind, is_dirty;

void disk_ends_at(unsigned moment, enum disk_end ending, bool behind)
{
	end = moment;
	how = ending;
	from_behind = behind;
	n = 0;
}

unsigned disk_moments(void)
{
	return n;
}

bool disk_is_synced(void)
{
	return !is_dirty;
}

/* Whether it is now. */
static bool is_over(void)
{
	if (++n != end)
		return false;
	if (how == DISK_DIES)
		_exit(DISK_DEAD);
	return true;
}

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t at)
{
	const uint8_t *bytes = data;

	is_dirty = true;
	if (n >= end || len < end - n) { /* nothing happens in this one */
		n += (unsigned)len;
		return __real_pwrite(fd, data, len, at);
	}
	for (size_t i = 0; i < len; i++) {
		size_t k = from_behind ? len - 1 - i : i;

		if (is_over()) {
			errno = EIO;
			return -1;
		}
		if (__real_pwrite(fd, bytes + k, 1, at + (off_t)k) != 1)
			return -1;
	}
	return (ssize_t)len;
}

/* It is the process that dies here, and what it wrote is seen without a sync; the machine's disk has others to serve. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	if (is_over()) {
		errno = EIO;
		return -1;
	}
	is_dirty = false;
	return 0;
}
