/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud's folder, held by a descriptor, so that what is opened later lies in the folder that
 * was checked first. Locks are flock()s on folders: never on the registry, whose own locks SQLite
 * would lose if we closed a descriptor on it. A lock lasts as long as the process.
 */
#include "tools/cloud/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/util.h"

int home_open(const char *path, struct home *ret)
{
	struct home home = HOME_NONE;
	int r;

	r = gw_copy(home.path, sizeof(home.path), path);
	if (r < 0)
		return -ENAMETOOLONG;

	home.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home.fd < 0)
		return -errno;

	*ret = home;
	return 0;
}

void home_close(struct home *home)
{
	if (home->bell >= 0)
		(void)close(TAKE_FD(home->bell));
	if (home->fd >= 0)
		(void)close(TAKE_FD(home->fd));
}

int home_make_folder(const struct home *home, const char *name)
{
	if (mkdirat(home->fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int home_lock(const struct home *home, const char *folder)
{
	_cleanup_close_ int fd = openat(home->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;

	(void)TAKE_FD(fd); /* the process keeps it */
	return 0;
}

/* The end of a writer is what rings, also an end by SIGKILL. */
int home_hold_bell(struct home *home)
{
	home->bell =
		openat(home->fd, HOME_DOORBELL, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return home->bell < 0 ? -errno : 0;
}

const char *home_advice(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT: return "; make room on its disk, then try again";
	case EROFS: return "; mount it for writing, then try again";
	case EACCES:
	case EPERM: return "; run this as the user whom the folder belongs to";
	case EBUSY: return "; another gangway-cloud writes to it, try again";
	case EBADMSG: return "; it is damaged, bring back a copy of the folder";
	case EIO: return "; the kernel's log says what is wrong with its disk";
	default: /* of the system's own errors */ return "";
	}
}

int home_path(const struct home *home, const char *name, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/%s", home->path, name);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}
