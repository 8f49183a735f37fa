/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To ask a descriptor for its seals reaches no disk and no server, whatever it is of; to look at a file or to read it
 * may wait for ever, if it is on a network or on a file system that a program makes up. So seals come first.
 */
#include "lib/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/blob.h"
#include "lib/util.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int gw_sealed_make(const char *name, struct gw_blob contents)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < contents.len) {
		ssize_t n = write(fd, contents.data + done, contents.len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += (size_t)GW_MAX(n, 0);
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int gw_sealed_check(int fd, size_t max, size_t *ret_len)
{
	int flags = fcntl(fd, F_GETFL), seals;
	struct stat st;

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return -EBADF;
	if ((seals & SEALS) != SEALS)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;

	*ret_len = (size_t)st.st_size;
	return 0;
}

int gw_sealed_read(int fd, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len = 0, done = 0;
	int r = gw_sealed_check(fd, max, &len);

	if (r < 0)
		return r;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	while (done < len) {
		ssize_t n = pread(fd, data + done, len - done, (off_t)done);

		if (n == 0 || (n < 0 && errno != EINTR))
			return n < 0 ? -errno : -EIO;
		done += (size_t)GW_MAX(n, 0);
	}

	data[len] = 0;
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}
