/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log line as it leaves: write() is wrapped, so that each test sees the bytes and how many calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/util.h"

static char line[4096];
static unsigned n_writes;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	assert_int_equal(fd, STDERR_FILENO);
	assert_true(len < sizeof(line));
	memcpy(line, data, len);
	line[len] = 0;
	n_writes++;
	return (ssize_t)len;
}

static int set_up(void **state)
{
	n_writes = 0;
	line[0] = 0;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	gw_log_set_level(GW_LOG_DEBUG);
	return 0;
}

static void assert_line(const char *expected)
{
	assert_string_equal(line, expected);
	assert_int_equal(n_writes, 1);
	n_writes = 0;
}

static void test_plain(void **state)
{
	gw_log(ERROR, "no %s in %d", "room", 7);
	assert_line("error: no room in 7\n");
	gw_log(WARNING, "x");
	assert_line("warning: x\n");
	gw_log(NOTICE, "x");
	assert_line("notice: x\n");
	gw_log(INFO, "x");
	assert_line("info: x\n");
	gw_log(DEBUG, "x");
	assert_line("debug: x\n");
}

static void test_tags(void **state)
{
	struct gw_log_tags tags = { .device = "D", .session = "S", .job = "J", .transport = "T" };

	gw_log_tagged(GW_LOG_INFO, &tags, "text");
	assert_line("info: text device=D session=S job=J transport=T\n");
	gw_log_device(INFO, "ACME-1", "text");
	assert_line("info: text device=ACME-1\n");
}

static void test_every_level_against_every_other(void **state)
{
	for (int limit = GW_LOG_ERROR; limit <= GW_LOG_DEBUG; limit++)
		for (int level = GW_LOG_ERROR; level <= GW_LOG_DEBUG; level++) {
			n_writes = 0;
			gw_log_set_level((enum gw_log_level)limit);
			gw_log_tagged((enum gw_log_level)level, /* tags= */ NULL, "x");
			assert_int_equal(n_writes, level <= limit);
		}
}

/* Nobody forges a second line or sends a terminal an escape sequence: every byte. */
static void test_what_is_not_printable(void **state)
{
	for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
		char id[2] = { (char)byte, 0 };
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "info: id %c device=%c\n",
			       byte < 0x20 || byte > 0x7e ? '?' : (char)byte,
			       byte < 0x20 || byte > 0x7e ? '?' : (char)byte);
		gw_log_device(INFO, id, "id %s", id);
		assert_line(expected);
	}
}

/* A line too long is cut; it stays one line, ends in a line end, and keeps its tags while they fit. */
static void test_every_length(void **state)
{
	char text[1500], tag[1500];

	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, 'x', len);
		text[len] = 0;
		gw_log_device(INFO, "ACME-1", "%s", text);
		assert_int_equal(n_writes, 1);
		n_writes = 0;
		assert_string_equal(line + strlen(line) - 15, " device=ACME-1\n");
		assert_int_equal(strspn(line + 6, "x"), GW_MIN(len, (size_t)511));
	}
	for (size_t len = 0; len < sizeof(tag); len++) {
		memset(tag, 'y', len);
		tag[len] = 0;
		gw_log_device(INFO, tag, "%s", text);
		assert_int_equal(n_writes, 1);
		n_writes = 0;
		assert_true(strlen(line) <= 1024);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
}

static void test_journal(void **state)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	gw_log(ERROR, "x");
	assert_line("<3>x\n");
	gw_log(DEBUG, "x");
	assert_line("<7>x\n");

	/* Inherited from a service, but standard error is a file by now. */
	assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	gw_log(ERROR, "x");
	assert_line("error: x\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, set_up),
		cmocka_unit_test_setup(test_tags, set_up),
		cmocka_unit_test_setup(test_every_level_against_every_other, set_up),
		cmocka_unit_test_setup(test_what_is_not_printable, set_up),
		cmocka_unit_test_setup(test_every_length, set_up),
		cmocka_unit_test_setup(test_journal, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
