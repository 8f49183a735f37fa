/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gangway-mqtt itself can do once somebody has taken it over, with all that it has given up by then. Loaded into it
 * (LD_PRELOAD) it acts when the program begins to wait: it reserves room behind the end of every file that there is to
 * write. Prints a line an attempt, as captured.py does, and goes on as the program would.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define STATE "/var/lib/gangway-mqtt"
#define ROOM  (16 << 20)

/* The kernel's include/linux/falloc.h, which it gives to nobody. */
struct space_resv {
	int16_t type, whence;
	int64_t start, len;
	int32_t sysid;
	uint32_t pid;
	int32_t more[4];
};

static const struct {
	const char *name;
	unsigned long request;
} ways[] = {
	{ "FS_IOC_RESVSP", _IOW('X', 40, struct space_resv) },
	{ "FS_IOC_RESVSP64", _IOW('X', 42, struct space_resv) },
	{ "FS_IOC_ZERO_RANGE", _IOW('X', 57, struct space_resv) },
};

static void reserve(const char *file, int fd)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct space_resv room = { .len = ROOM };
		int r = ioctl(fd, ways[i].request, &room) < 0 ? errno : 0;

		(void)printf("{\"attempt\": \"%s on %s\", \"done\": %s, \"how\": \"%s\"}\n",
			     ways[i].name, file, r ? "false" : "true", strerror(r));
	}
}

static void reserve_on_disk(void)
{
	DIR *folder = opendir(STATE);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		int fd = openat(dirfd(folder), entry->d_name, O_RDWR | O_CLOEXEC);

		if (fd < 0)
			continue;
		reserve(entry->d_name, fd);
		(void)close(fd);
	}
	if (folder)
		(void)closedir(folder);
}

int sd_event_loop(void *event);
int sd_event_loop(void *event)
{
	int (*loop)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "sd_event_loop");
	int memory = memfd_create("captured", MFD_CLOEXEC);

	(void)signal(SIGXFSZ, SIG_IGN); /* or what a limit counts would end us */
	reserve("memory", memory);
	(void)close(memory);
	reserve_on_disk();
	(void)puts("{\"attempt\": \"end\", \"done\": false, \"how\": \"all tried\"}");
	(void)fflush(stdout);
	return loop(event);
}
