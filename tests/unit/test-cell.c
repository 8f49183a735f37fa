/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells: what is read is always one of the contents that were written, whole; whatever the disk does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"
#include "plugins/mqtt/cell.h"
#include "tests/unit/disk.h"

#define HEADER     56
#define TEXT(text) ((struct gw_blob){ (const uint8_t *)(text), strlen(text) })

static char folder[] = "/tmp/gangway-cell-XXXXXX";
static int dir_fd;
static const char *const files[] = { "c.0", "c.1" };

static int setup(void **state)
{
	disk_ends_at(0, DISK_DIES, false);
	if (!dir_fd) {
		assert_non_null(mkdtemp(folder));
		dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	for (size_t i = 0; i < 2; i++)
		(void)unlinkat(dir_fd, files[i], 0);
	return cell_make(dir_fd, "c");
}

static int finish(void **state)
{
	for (size_t i = 0; i < 2; i++)
		(void)unlinkat(dir_fd, files[i], 0);
	(void)close(dir_fd);
	return rmdir(folder);
}

static size_t read_raw(int i, uint8_t **ret)
{
	size_t len;

	assert_int_equal(gw_read_file(dir_fd, files[i], 1 << 20, ret, &len), 0);
	return len;
}

static void write_raw(int i, const uint8_t *data, size_t len)
{
	int fd = openat(dir_fd, files[i], O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	(void)close(fd);
}

/* NULL: nothing. */
static void must_read(const char *wanted)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = cell_read(dir_fd, "c", &data, &len);

	assert_int_equal(r, wanted ? 0 : -ENOENT);
	if (!wanted)
		return;
	assert_int_equal(len, strlen(wanted));
	assert_string_equal((char *)data, wanted);
}

static bool reads(const char *wanted)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = cell_read(dir_fd, "c", &data, &len);

	return wanted ? r == 0 && gw_streq((char *)data, wanted) : r == -ENOENT;
}

/* No file holds these bytes. */
static void must_be_gone(const char *secret)
{
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ uint8_t *data = NULL;
		size_t len = read_raw(i, &data);

		assert_null(memmem(data, len, secret, strlen(secret)));
	}
}

static void test_by_turns(void **state)
{
	char text[16];

	must_read(NULL);
	for (int i = 0; i < 9; i++) {
		(void)snprintf(text, sizeof(text), "contents %d", i);
		assert_int_equal(cell_write(dir_fd, "c", TEXT(text)), 0);
		must_read(text);
		assert_true(disk_is_synced());
	}
	assert_int_equal(cell_write(dir_fd, "c", TEXT("")), 0);
	must_read("");
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
	assert_true(disk_is_synced());
	must_read(NULL);
	must_be_gone("contents");
	assert_int_equal(cell_write(dir_fd, "c", TEXT("again")), 0);
	must_read("again");
}

static void test_files(void **state)
{
	struct stat st;
	ino_t inodes[2];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstatat(dir_fd, files[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		inodes[i] = st.st_ino;
	}
	assert_int_equal(cell_write(dir_fd, "c", TEXT("something long")), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("something else")), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("short")), 0);
	must_be_gone("something long"); /* nothing of it is left behind the short one */
	assert_int_equal(cell_make(dir_fd, "c"), 0);
	must_read("short");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstatat(dir_fd, files[i], &st, 0), 0);
		assert_int_equal(st.st_ino, inodes[i]);
		assert_int_equal(st.st_size, HEADER + strlen("something long"));
	}
}

static void test_the_largest(void **state)
{
	_cleanup_free_ uint8_t *large = calloc(1, CELL_MAX + 1), *data = NULL;
	size_t len;

	memset(large, 'x', CELL_MAX + 1);
	assert_int_equal(cell_write(dir_fd, "c", (struct gw_blob){ large, CELL_MAX + 1 }), -EFBIG);
	must_read(NULL);
	assert_int_equal(cell_write(dir_fd, "c", (struct gw_blob){ large, CELL_MAX }), 0);
	assert_int_equal(cell_read(dir_fd, "c", &data, &len), 0);
	assert_int_equal(len, CELL_MAX);
}

static void test_a_missing_file(void **state)
{
	assert_int_equal(cell_write(dir_fd, "c", TEXT("one")), 0);
	assert_int_equal(unlinkat(dir_fd, "c.0", 0), 0);
	must_read("one");
	assert_int_equal(cell_make(dir_fd, "c"), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("two")), 0);
	must_read("two");
	assert_int_equal(unlinkat(dir_fd, "c.0", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "c.1", 0), 0);
	must_read(NULL);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("three")), -ENOENT);
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
}

/* A change of any byte, every length: never is something read that was not written. */
static void test_garbage(void **state)
{
	_cleanup_free_ uint8_t *good = NULL;
	size_t len;

	assert_int_equal(cell_write(dir_fd, "c", TEXT("older")), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("newer")), 0);
	for (int i = 0; i < 2; i++) {
		const char *other = i == 0 ? "newer" : "older";

		if (i == 1)
			free(good);
		good = NULL;
		len = read_raw(i, &good);
		if (!memmem(good, len, i == 0 ? "older" : "newer", 5))
			other = i == 0 ? "older" : "newer";
		for (size_t at = 0; at < len; at++) {
			good[at] ^= 0x10;
			write_raw(i, good, len);
			must_read(other);
			good[at] ^= 0x10;
			write_raw(i, good, at);
			must_read(other);
		}
		write_raw(i, good, len);
		must_read("newer");
	}
}

static void test_what_stands_behind(void **state)
{
	uint8_t long_one[HEADER + 20] = { 0 };
	_cleanup_free_ uint8_t *good = NULL;
	size_t len;

	assert_int_equal(cell_write(dir_fd, "c", TEXT("older")), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("newer")), 0);
	len = read_raw(0, &good);
	memcpy(long_one, good, len);
	write_raw(0, long_one, sizeof(long_one));
	must_read("newer");
	long_one[sizeof(long_one) - 1] = 1;
	write_raw(0, long_one, sizeof(long_one));
	must_read("older");
}

static void test_wiping_garbage(void **state)
{
	_cleanup_free_ uint8_t *large = calloc(1, 300000);

	memset(large, 'x', 300000);
	write_raw(0, large, 300000);
	write_raw(1, large, 20);
	must_read(NULL);
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
	must_be_gone("x");
	assert_int_equal(cell_write(dir_fd, "c", TEXT("text")), 0);
}

/* A wiped cell is left alone: it may be on a disk that takes no writes. */
static void test_wiping_what_is_wiped(void **state)
{
	assert_int_equal(cell_write(dir_fd, "c", TEXT("text")), 0);
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
	disk_ends_at(1, DISK_FAILS, false);
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
	assert_int_equal(disk_moments(), 0);
}

static size_t size_of(int i)
{
	struct stat st;

	assert_int_equal(fstatat(dir_fd, files[i], &st, 0), 0);
	return (size_t)st.st_size;
}

/* Room for what is to come is taken beforehand, but never where something counts. */
static void test_checking_makes_room(void **state)
{
	assert_int_equal(cell_check(dir_fd, "c"), 0);
	assert_true(disk_is_synced());
	must_read(NULL);
	assert_int_equal(size_of(0), CELL_ROOM);
	assert_int_equal(size_of(1), CELL_ROOM);

	assert_int_equal(setup(state), 0);
	assert_int_equal(unlinkat(dir_fd, "c.0", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "c.1", 0), 0);
	assert_int_equal(setup(state), 0);
	assert_int_equal(cell_write(dir_fd, "c", TEXT("first")), 0);
	assert_int_equal(cell_check(dir_fd, "c"), 0);
	assert_int_equal(size_of(0) + size_of(1), CELL_ROOM + HEADER + strlen("first"));
	assert_int_equal(cell_write(dir_fd, "c", TEXT("second")), 0);
	assert_int_equal(cell_check(dir_fd, "c"), 0);
	assert_int_equal(size_of(0) + size_of(1), 2 * CELL_ROOM);
	must_read("second");
	assert_int_equal(cell_wipe(dir_fd, "c"), 0);
	must_be_gone("first");
	must_be_gone("second");
	assert_int_equal(cell_check(dir_fd, "c"), 0);
	must_read(NULL);
}

/* What stands in its way is told, the first time and each time after. */
static void test_checking_a_disk_that_fails(void **state)
{
	for (int i = 0; i < 2; i++) {
		disk_ends_at(1, DISK_FAILS, false);
		assert_int_equal(cell_check(dir_fd, "c"), -EIO);
		disk_ends_at(0, DISK_FAILS, false);
		assert_int_equal(cell_check(dir_fd, "c"), 0);
		disk_ends_at(1, DISK_FAILS, false);
		assert_int_equal(cell_check(dir_fd, "c"), -EIO);
		disk_ends_at(0, DISK_FAILS, false);
		assert_int_equal(cell_write(dir_fd, "c", TEXT("text")), 0);
	}
	must_read("text");
	assert_int_equal(unlinkat(dir_fd, "c.0", 0), 0);
	assert_int_equal(unlinkat(dir_fd, "c.1", 0), 0);
	assert_int_equal(cell_check(dir_fd, "c"), -ENOENT);
	assert_int_equal(symlinkat("/dev/null", dir_fd, "c.0"), 0);
	assert_int_equal(symlinkat("/dev/null", dir_fd, "c.1"), 0);
	assert_int_equal(cell_check(dir_fd, "c"), -ELOOP);
}

/* Contents that fill the file to its last byte, in the turn that is written next. */
static void test_checking_what_is_full(void **state)
{
	_cleanup_free_ uint8_t *large = malloc(CELL_ROOM), *data = NULL;
	size_t len;

	memset(large, 'x', CELL_ROOM);
	assert_int_equal(cell_write(dir_fd, "c", (struct gw_blob){ large, CELL_ROOM }), 0);
	assert_int_equal(cell_write(dir_fd, "c", (struct gw_blob){ large, CELL_ROOM - HEADER }), 0);
	assert_int_equal(cell_check(dir_fd, "c"), 0);
	for (int i = 0; i < 2; i++) {
		free(TAKE_PTR(data));
		len = read_raw(i, &data);
		assert_true(len == CELL_ROOM + HEADER || len == CELL_ROOM);
		assert_int_equal(data[len - 1], 'x');
	}
}

/* --- what a disk does ------------------------------------------------------------------------ */

static int change(bool wipe)
{
	return wipe ? cell_wipe(dir_fd, "c") : cell_write(dir_fd, "c", TEXT("third"));
}

static void begin(void **state, int n)
{
	assert_int_equal(setup(state), 0);
	if (n >= 1)
		assert_int_equal(cell_write(dir_fd, "c", TEXT("the first, a long one")), 0);
	if (n >= 2)
		assert_int_equal(cell_write(dir_fd, "c", TEXT("second")), 0);
}

static const char *const before[] = { NULL, "the first, a long one", "second" };

static void must_be_sound(int n, bool wipe)
{
	assert_true(reads(before[n]) || reads(wipe ? NULL : "third"));
	if (n == 2 && reads("third"))
		must_be_gone("the first"); /* it has taken its place, all of it */
	assert_int_equal(change(wipe), 0); /* and it can go on */
	must_read(wipe ? NULL : "third");
	if (!wipe)
		return;
	must_be_gone("first");
	must_be_gone("second");
}

static void test_death(void **state)
{
	for (int i = 0; i < 12; i++) {
		bool from_behind = i % 2, wipe = i / 2 % 2;
		int n = i / 4, status = DISK_DEAD << 8;
		unsigned moment;

		for (moment = 1; status == DISK_DEAD << 8; moment++) {
			pid_t pid;

			begin(state, n);
			pid = fork();
			if (pid == 0) {
				disk_ends_at(moment, DISK_DIES, from_behind);
				_exit(change(wipe) == 0 ? 0 : 1);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			must_be_sound(n, wipe);
		}
		assert_int_equal(status, 0);
		if (!wipe || n > 0)
			assert_true(moment > HEADER + 5); /* it has died at each byte */
	}
}

/* A check changes nothing, wherever it ends. */
static void test_death_in_a_check(void **state)
{
	for (int i = 0; i < 6; i++) {
		int n = i / 2, status = DISK_DEAD << 8;

		for (unsigned moment = 1; status == DISK_DEAD << 8;
		     moment += moment < 100 ? 1 : 997) {
			pid_t pid;

			begin(state, n);
			pid = fork();
			if (pid == 0) {
				disk_ends_at(moment, DISK_DIES, i % 2);
				_exit(cell_check(dir_fd, "c") == 0 ? 0 : 1);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			must_read(before[n]);
			assert_int_equal(cell_check(dir_fd, "c"), 0);
			must_read(before[n]);
		}
		assert_int_equal(status, 0);
	}
}

static void test_failure(void **state)
{
	for (int i = 0; i < 12; i++) {
		bool from_behind = i % 2, wipe = i / 2 % 2, is_over = false;
		int n = i / 4;

		for (unsigned moment = 1; !is_over; moment++) {
			begin(state, n);
			disk_ends_at(moment, DISK_FAILS, from_behind);
			is_over = change(wipe) == 0;
			disk_ends_at(0, DISK_FAILS, from_behind);
			if (is_over || wipe)
				assert_true(reads(before[n]) || reads(wipe ? NULL : "third"));
			else
				must_read(before[n]); /* what has failed did not happen */
			must_be_sound(n, wipe);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_by_turns, setup),
		cmocka_unit_test_setup(test_files, setup),
		cmocka_unit_test_setup(test_the_largest, setup),
		cmocka_unit_test_setup(test_a_missing_file, setup),
		cmocka_unit_test_setup(test_garbage, setup),
		cmocka_unit_test_setup(test_what_stands_behind, setup),
		cmocka_unit_test_setup(test_wiping_garbage, setup),
		cmocka_unit_test_setup(test_wiping_what_is_wiped, setup),
		cmocka_unit_test_setup(test_checking_makes_room, setup),
		cmocka_unit_test_setup(test_checking_a_disk_that_fails, setup),
		cmocka_unit_test_setup(test_checking_what_is_full, setup),
		cmocka_unit_test_setup(test_death, setup),
		cmocka_unit_test_setup(test_death_in_a_check, setup),
		cmocka_unit_test_setup(test_failure, setup),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
