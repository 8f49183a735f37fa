/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log line as it leaves: write() and the journal's own call are wrapped, so that each test sees the
 * bytes and how many calls. And the fields by themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/event.h"
#include "lib/log-fields.h"
#include "lib/log.h"
#include "lib/reason.h"
#include "lib/util.h"

static char line[4096];
static unsigned n_writes;
static char sent[2 * GW_LOG_BYTES_MAX]; /* to the journal: a line a field */
static unsigned n_sent;
static int journal_says;
static bool has_journal;
static uint64_t now_us;

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

int __wrap_sd_journal_sendv(const struct iovec *vectors, int n);
int __wrap_sd_journal_sendv(const struct iovec *vectors, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		memcpy(sent + len, vectors[i].iov_base, vectors[i].iov_len);
		len += vectors[i].iov_len;
		sent[len++] = '\n';
	}
	sent[len] = 0;
	n_sent++;
	return journal_says;
}

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/run/systemd/journal/socket");
	return has_journal ? 0 : -1;
}

uint64_t __wrap_gw_now_monotonic_us(void);
uint64_t __wrap_gw_now_monotonic_us(void)
{
	return now_us;
}

static int set_up(void **state)
{
	n_writes = n_sent = 0;
	line[0] = sent[0] = 0;
	journal_says = 0;
	has_journal = true;
	now_us += 3600000000;
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

/* --- the journal --- */

static void become_service(void)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static void test_journal(void **state)
{
	become_service();
	gw_log(ERROR, "no %s", "room");
	assert_string_equal(sent, "MESSAGE=no room\nPRIORITY=3\nSYSLOG_IDENTIFIER=test-log\n");
	gw_log_device(DEBUG, "ACME-1", "x");
	assert_string_equal(sent, "MESSAGE=x\nPRIORITY=7\nSYSLOG_IDENTIFIER=test-log\n"
				  "GANGWAY_DEVICE=ACME-1\n");
	assert_int_equal(n_sent, 2);
	assert_int_equal(n_writes, 0);

	/* Inherited from a service, but standard error is a file by now. */
	assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	gw_log(ERROR, "x");
	assert_line("error: x\n");
	assert_int_equal(n_sent, 2);
}

/* No line is lost because the journal's own way is barred. */
static void test_journal_that_is_out_of_reach(void **state)
{
	become_service();
	journal_says = -EAFNOSUPPORT;
	gw_log_device(ERROR, "ACME-1", "x");
	assert_line("<3>x device=ACME-1\n");
	assert_int_equal(n_sent, 1);

	has_journal = false;
	gw_log(DEBUG, "x");
	assert_line("<7>x\n");
	assert_int_equal(n_sent, 1);
}

/* --- fields --- */

static struct gw_log_fields fields;

static bool has_field(const char *expected)
{
	for (size_t i = 0; i < fields.n; i++)
		if (fields.vectors[i].iov_len == strlen(expected) &&
		    memcmp(fields.vectors[i].iov_base, expected, strlen(expected)) == 0)
			return true;
	return false;
}

static void test_every_field(void **state)
{
	const struct gw_log_tags tags = {
		.event = GW_EVENT_DEVICE_REFUSED,
		.device = "D",
		.session = "S",
		.job = "J",
		.transport = "T",
		.plugin = "P",
		.address = "A",
		.from = "F",
		.to = "O",
		.cause = "C",
		.who = "W",
		.reason = "weak-key",
	};

	gw_log_fields_build(&fields, "gangwayd", 5, "text", &tags, 3);
	assert_int_equal(fields.n, 18);
	assert_true(has_field("MESSAGE=text"));
	assert_true(has_field("PRIORITY=5"));
	assert_true(has_field("SYSLOG_IDENTIFIER=gangwayd"));
	assert_true(has_field("GANGWAY_EVENT=device-refused"));
	assert_true(has_field("GANGWAY_DEVICE=D"));
	assert_true(has_field("GANGWAY_SESSION=S"));
	assert_true(has_field("GANGWAY_JOB=J"));
	assert_true(has_field("GANGWAY_TRANSPORT=T"));
	assert_true(has_field("GANGWAY_PLUGIN=P"));
	assert_true(has_field("GANGWAY_ADDRESS=A"));
	assert_true(has_field("GANGWAY_FROM=F"));
	assert_true(has_field("GANGWAY_TO=O"));
	assert_true(has_field("GANGWAY_CAUSE=C"));
	assert_true(has_field("GANGWAY_WHO=W"));
	assert_true(has_field("GANGWAY_REASON=weak-key"));
	assert_true(has_field("GANGWAY_ADVICE=The device's key is of a kind or size that is not "
			      "accepted."));
	assert_true(has_field("GANGWAY_LEFT_OUT=3"));
}

static void test_what_has_nothing_to_say_is_no_field(void **state)
{
	const struct gw_log_tags tags = { .device = "", .reason = "" };

	gw_log_fields_build(&fields, "gangwayd", 5, "text", &tags, 0);
	assert_int_equal(fields.n, 3);
	gw_log_fields_build(&fields, "gangwayd", 5, "", /* tags= */ NULL, 0);
	assert_int_equal(fields.n, 3);
	assert_true(has_field("MESSAGE=-"));
	gw_log_fields_build(&fields, "gangwayd", 5, "x",
			    &(struct gw_log_tags){ .reason = "of-a-newer-cloud" }, 0);
	assert_int_equal(fields.n, 4);
}

/* Nobody ends a field and begins one of his own: every byte, in the text and in a value. */
static void test_no_field_is_forged(void **state)
{
	for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
		char value[] = "a?MESSAGE_ID=b";
		char expected[64];

		value[1] = (char)byte;
		(void)snprintf(expected, sizeof(expected), "GANGWAY_DEVICE=a%cMESSAGE_ID=b",
			       byte < 0x20 || byte > 0x7e ? '?' : (char)byte);
		gw_log_fields_build(&fields, "gangwayd", 5, value,
				    &(struct gw_log_tags){ .device = value }, 0);
		assert_int_equal(fields.n, 4);
		assert_true(has_field(expected));
		memmove(expected + strlen("MESSAGE"), expected + strlen("GANGWAY_DEVICE"),
			strlen("=a?MESSAGE_ID=b") + 1);
		memcpy(expected, "MESSAGE", strlen("MESSAGE"));
		assert_true(has_field(expected));
	}
}

/* However long they all are: what is there is within the buffer, and whole. */
static void test_every_length_of_fields(void **state)
{
	char text[2 * GW_LOG_BYTES_MAX];

	for (size_t len = 1; len < sizeof(text); len += 37) {
		struct gw_log_tags tags = { 0 };

		memset(text, 'x', len);
		text[len] = 0;
		tags.device = tags.session = tags.job = tags.transport = tags.plugin = text;
		tags.address = tags.from = tags.to = tags.cause = tags.who = tags.reason = text;
		gw_log_fields_build(&fields, text, 5, text, &tags, 1);
		assert_int_equal(fields.n, 15);
		assert_true(fields.len <= sizeof(fields.bytes));
		assert_int_equal(fields.vectors[0].iov_len,
				 strlen("MESSAGE=") + GW_MIN(len, (size_t)GW_LOG_TEXT_MAX));
		assert_int_equal(fields.vectors[3].iov_len,
				 strlen("GANGWAY_DEVICE=") + GW_MIN(len, (size_t)GW_LOG_VALUE_MAX));
	}
}

/* --- events --- */

static bool is_id(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static void test_events_differ(void **state)
{
	assert_string_equal(gw_event_info(GW_EVENT_NONE)->id, "");
	for (int i = GW_EVENT_NONE + 1; i < _GW_EVENT_MAX; i++) {
		const struct gw_event_info *a = gw_event_info((enum gw_event)i);

		assert_true(is_id(a->id));
		for (int k = i + 1; k < _GW_EVENT_MAX; k++) {
			const struct gw_event_info *b = gw_event_info((enum gw_event)k);

			assert_string_not_equal(a->id, b->id);
			assert_string_not_equal(a->name, b->name);
		}
	}
}

/* Of each event as many lines a minute as its table says, and the next one counts the others. */
static void test_every_event_s_rate(void **state)
{
	for (int i = GW_EVENT_NONE; i < _GW_EVENT_MAX; i++) {
		const struct gw_log_tags tags = { .event = (enum gw_event)i };
		unsigned most = gw_event_info(tags.event)->most_a_minute;

		now_us += 3600000000;
		n_writes = 0;
		for (unsigned k = 0; k < 100; k++)
			gw_log_tagged(GW_LOG_ERROR, &tags, "x");
		assert_int_equal(n_writes, most ? most : 100);
		now_us += 59999999;
		gw_log_tagged(GW_LOG_ERROR, &tags, "x");
		assert_int_equal(n_writes, most ? most : 101);
		if (!most)
			continue;

		now_us += 1;
		n_writes = 0;
		gw_log_tagged(GW_LOG_ERROR, &tags, "x");
		(void)snprintf(sent, sizeof(sent),
			       "error: x (and so %u times more since the last such line)\n",
			       101 - most);
		assert_line(sent);
		gw_log_tagged(GW_LOG_ERROR, &tags, "x");
		assert_line("error: x\n");
	}
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
		cmocka_unit_test_setup(test_journal_that_is_out_of_reach, set_up),
		cmocka_unit_test_setup(test_every_field, set_up),
		cmocka_unit_test_setup(test_what_has_nothing_to_say_is_no_field, set_up),
		cmocka_unit_test_setup(test_no_field_is_forged, set_up),
		cmocka_unit_test_setup(test_every_length_of_fields, set_up),
		cmocka_unit_test_setup(test_events_differ, set_up),
		cmocka_unit_test_setup(test_every_event_s_rate, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
