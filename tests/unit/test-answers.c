/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory files that are held in all ways that there are, and how many somebody may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/answers.h"
#include "lib/util.h"

static sd_event *event;
static struct answers *answers;

static int set_up(void **state)
{
	return sd_event_new(&event) < 0 || answers_new(event, &answers) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	answers = answers_free(answers);
	event = sd_event_unref(event);
	return 0;
}

/* The loop does all that there is to do. */
static void look(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static int give(unsigned uid)
{
	int fd = memfd_create("answer", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(answers_add(answers, uid, fd), 0);
	look();
	return fd;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void test_a_user_holds_so_many(void **state)
{
	int fds[ANSWERS_EACH];

	for (unsigned i = 0; i < ANSWERS_EACH; i++) {
		assert_true(answers_may_hold(answers, 1000));
		fds[i] = give(1000);
	}
	assert_false(answers_may_hold(answers, 1000));
	assert_int_equal(answers_add(answers, 1000, fds[0]), -EBUSY);
	assert_true(answers_may_hold(answers, 1001));
	assert_true(answers_may_hold(answers, 0));

	(void)close(fds[3]);
	look();
	assert_true(answers_may_hold(answers, 1000));
	fds[3] = give(1000);
	assert_false(answers_may_hold(answers, 1000));
	for (unsigned i = 0; i < ANSWERS_EACH; i++)
		(void)close(fds[i]);
}

static void test_all_hold_so_many(void **state)
{
	int fds[ANSWERS_MAX];

	for (unsigned i = 0; i < ANSWERS_MAX; i++)
		fds[i] = give(0);
	assert_int_equal(answers_held(answers, 0), ANSWERS_MAX);
	assert_int_equal(answers_held(answers, 9), 0);
	assert_false(answers_may_hold(answers, 0));
	assert_false(answers_may_hold(answers, 9));
	assert_int_equal(answers_add(answers, 0, fds[0]), -EBUSY);
	for (unsigned i = 0; i < ANSWERS_MAX; i++)
		(void)close(fds[i]);
	look();
	for (unsigned i = 0; i < ANSWERS_EACH; i++)
		fds[i] = give(9);
	assert_int_equal(answers_held(answers, 9), ANSWERS_EACH);
	assert_false(answers_may_hold(answers, 9));
	close_all(fds, ANSWERS_EACH);
}

/* One after the other takes what he can get: many get some, and root gets what is kept for him. */
static void test_others_come_late(void **state)
{
	int fds[ANSWERS_MAX];
	unsigned n = 0, n_users = 0;

	for (; answers_may_hold(answers, 1000 + n_users); n_users++) {
		unsigned before = n;

		while (answers_may_hold(answers, 1000 + n_users))
			fds[n++] = give(1000 + n_users);
		assert_int_equal(answers_held(answers, 1000 + n_users), n - before);
	}
	assert_int_equal(n, ANSWERS_MAX - ANSWERS_ROOT);
	assert_true(n_users >= 6);
	while (answers_may_hold(answers, 0))
		fds[n++] = give(0);
	assert_int_equal(n, ANSWERS_MAX);
	close_all(fds, n);
}

/* Root's are root's, and not taken twice from the others. */
static void test_root_comes_first(void **state)
{
	int fds[ANSWERS_MAX];
	unsigned n = 0;

	while (n < ANSWERS_ROOT)
		fds[n++] = give(0);
	for (unsigned uid = 1000; n < ANSWERS_MAX; uid++) {
		assert_true(answers_may_hold(answers, uid));
		fds[n++] = give(uid);
	}
	assert_false(answers_may_hold(answers, 9));
	assert_false(answers_may_hold(answers, 0));
	close_all(fds, n);
}

/* Takes the last but one of what user 9 may hold, so that it shows whether the last is held. */
static int give_last(int others[ANSWERS_EACH - 1])
{
	for (unsigned i = 0; i < ANSWERS_EACH - 1; i++)
		others[i] = give(9);
	return give(9);
}

static void test_a_mapping_holds(void **state)
{
	int others[ANSWERS_EACH - 1], fd = give_last(others);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	(void)close(fd);
	look();
	assert_false(answers_may_hold(answers, 9));
	(void)munmap(map, 4096);
	look();
	assert_true(answers_may_hold(answers, 9));
	close_all(others, GW_ELEMENTS(others));
}

static void test_a_copy_holds(void **state)
{
	int others[ANSWERS_EACH - 1], fd = give_last(others), copy = dup(fd);

	(void)close(fd);
	look();
	assert_false(answers_may_hold(answers, 9));
	(void)close(copy);
	look();
	assert_true(answers_may_hold(answers, 9));
	close_all(others, GW_ELEMENTS(others));
}

static void send_away(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char bytes[] = "x";
	struct iovec byte = { bytes, 1 };
	const struct msghdr message = { .msg_iov = &byte,
					.msg_iovlen = 1,
					.msg_control = &control,
					.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(socket, &message, 0), 1);
}

/* One that lies in a socket that nobody reads. */
static void test_a_message_holds(void **state)
{
	int others[ANSWERS_EACH - 1], fd = give_last(others), ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	send_away(ends[0], fd);
	(void)close(fd);
	look();
	assert_false(answers_may_hold(answers, 9));
	close_all(ends, 2);
	look();
	assert_true(answers_may_hold(answers, 9));
	close_all(others, GW_ELEMENTS(others));
}

static void test_what_is_no_file(void **state)
{
	assert_true(answers_add(answers, 9, -1) < 0);
	close_all((const int[]){ give(9) }, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_user_holds_so_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_hold_so_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_come_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_mapping_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_copy_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_message_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
