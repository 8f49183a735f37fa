/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confine: what is refused, what is not, and to whom. It is for good, so each look is a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/fs.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/util.h"
#include "plugins/mqtt/confine.h"

#define ROOM (16 << 20)

/* The kernel's include/linux/falloc.h, which it gives to nobody. */
struct space_resv {
	int16_t type, whence;
	int64_t start, len;
	int32_t sysid;
	uint32_t pid;
	int32_t more[4];
};

#define FS_IOC_RESVSP     _IOW('X', 40, struct space_resv)
#define FS_IOC_RESVSP64   _IOW('X', 42, struct space_resv)
#define FS_IOC_ZERO_RANGE _IOW('X', 57, struct space_resv)

static int file = -1;

static int set_up(void **state)
{
	file = memfd_create("file", MFD_CLOEXEC);
	return file < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	gw_closep(&file);
	return 0;
}

/* Whether there was room to reserve; the file is none larger. */
static int reserve(unsigned long request)
{
	struct space_resv room = { .len = ROOM };

	return ioctl(file, request, &room) < 0 ? -errno : 0;
}

static uint64_t taken(void)
{
	struct stat st;

	assert_int_equal(fstat(file, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* In a process of its own, which is confined; what it says. */
static int look(int (*say)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(confine_ioctl() < 0 ? 100 : say());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int reserve_by_old(void)
{
	return -reserve(FS_IOC_RESVSP);
}

static int reserve_by_new(void)
{
	return -reserve(FS_IOC_RESVSP64);
}

static int reserve_zeroed(void)
{
	return -reserve(FS_IOC_ZERO_RANGE);
}

static int clone_file(void)
{
	return ioctl(file, FICLONE, file) < 0 ? errno : 0;
}

static int set_attributes(void)
{
	int attributes = 0;

	return ioctl(file, FS_IOC_SETFLAGS, &attributes) < 0 ? errno : 0;
}

static void *reserve_aside(void *said)
{
	*(int *)said = reserve_by_new();
	return NULL;
}

static int reserve_in_a_thread(void)
{
	pthread_t thread;
	int said = 0;

	if (pthread_create(&thread, NULL, reserve_aside, &said) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return 101;
	return said;
}

static int reserve_in_a_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(reserve_by_new());
	return child > 0 && waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 101;
}

static void room_behind_the_end(void **state)
{
	assert_int_equal(look(reserve_by_old), EACCES);
	assert_int_equal(look(reserve_by_new), EACCES);
	assert_int_equal(look(reserve_zeroed), EACCES);
	assert_int_equal(look(reserve_in_a_thread), EACCES);
	assert_int_equal(look(reserve_in_a_child), EACCES);
	assert_int_equal(look(clone_file), EACCES);
	assert_int_equal(look(set_attributes), EACCES);
	assert_int_equal(taken(), 0);

	/* Else all of this proves nothing. */
	assert_int_equal(reserve(FS_IOC_RESVSP64), 0);
	assert_int_equal(taken(), ROOM);
}

static int find_interface(void)
{
	return if_nametoindex("lo") > 0 ? 0 : errno;
}

/* The upper half of a request counts for nothing, here as there. */
static int find_interface_oddly(void)
{
	struct ifreq interface = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	r = fd < 0 ? 101 : ioctl(fd, SIOCGIFINDEX | 1ul << 40, &interface) < 0 ? errno : 0;
	gw_closep(&fd);
	return r;
}

static int count_bytes(void)
{
	int fds[2], n;

	if (pipe(fds) < 0)
		return 101;
	return ioctl(fds[0], FIONREAD, &n) < 0 ? errno : 0;
}

static void what_libraries_ask(void **state)
{
	assert_int_equal(look(find_interface), 0);
	assert_int_equal(look(find_interface_oddly), 0);
	assert_int_equal(look(count_bytes), EACCES);
	assert_int_equal(find_interface(), 0);
	assert_int_equal(count_bytes(), 0);
}

/* As when it runs in its unit, which has filters too. */
static int confine_again(void)
{
	return confine_ioctl() < 0 ? 102 : reserve_by_new();
}

static void twice(void **state)
{
	assert_int_equal(look(confine_again), EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(room_behind_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_libraries_ask, set_up, tear_down),
		cmocka_unit_test_setup_teardown(twice, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
