/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-call: how large a call is, to the byte where it counts, and what of it is left for who reads it next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "agent/bus-call.h"
#include "lib/util.h"

#define LARGE (1u << 20)

static const uint8_t bytes[LARGE + 1];
static sd_bus *bus;
static int other_end = -1;

static int set_up(void **state)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	other_end = fds[1];
	if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fds[0], fds[0]) < 0)
		return -1;
	return sd_bus_start(bus) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	bus = sd_bus_close_unref(bus);
	gw_closep(&other_end);
	return 0;
}

static sd_bus_message *new_call(const char *path)
{
	sd_bus_message *call = NULL;

	assert_true(sd_bus_message_new_method_call(bus, &call, "a.b", path, "a.b", "C") >= 0);
	return call;
}

/* As if it had come; -EFBIG or the places that it takes. */
static int measure(sd_bus_message *call, size_t max)
{
	unsigned places = 0;
	int r;

	assert_true(sd_bus_message_seal(call, /* cookie= */ 1, /* timeout_usec= */ 0) >= 0);
	r = bus_call_measure(call, max, &places);
	return r < 0 ? r : (int)places;
}

static int measure_bytes(size_t n, size_t max)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call("/");
	const void *read;
	size_t len;
	int r;

	assert_true(sd_bus_message_append_array(call, 'y', bytes, n) >= 0);
	r = measure(call, max);
	assert_true(sd_bus_message_read_array(call, 'y', &read, &len) > 0); /* from its beginning */
	assert_int_equal(len, n);
	return r;
}

/* Their parts' share is no more than a few bytes. */
static void what_bytes_take(void **state)
{
	assert_int_equal(measure_bytes(0, BUS_CALL_SIZE_MAX), 1);
	assert_int_equal(measure_bytes(BUS_CALL_SIZE_MAX - 16, BUS_CALL_SIZE_MAX), 1);
	assert_int_equal(measure_bytes(BUS_CALL_SIZE_MAX, BUS_CALL_SIZE_MAX), -EFBIG);
	assert_int_equal(measure_bytes(BUS_CALL_PLACE - 16, LARGE), 1);
	assert_int_equal(measure_bytes(BUS_CALL_PLACE, LARGE), 2);
	assert_int_equal(measure_bytes(LARGE - 16, LARGE), LARGE / BUS_CALL_PLACE);
	assert_int_equal(measure_bytes(LARGE, LARGE), -EFBIG);
	assert_int_equal(measure_bytes(LARGE, LARGE + BUS_CALL_SIZE_MAX),
			 LARGE / BUS_CALL_PLACE + 1);
}

static void what_texts_take(void **state)
{
	char text[BUS_CALL_SIZE_MAX];

	for (size_t n = 0; n < 2; n++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call("/");

		memset(text, 'x', sizeof(text) - 1);
		text[sizeof(text) - 1 - (n ? 0 : 64)] = 0;
		assert_true(sd_bus_message_append(call, "sa{sv}", text, 0) >= 0);
		assert_int_equal(measure(call, BUS_CALL_SIZE_MAX), n ? -EFBIG : 1);
	}
}

/* Nobody is to walk through many that are small. */
static void what_parts_take(void **state)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call("/");

	assert_true(sd_bus_message_append_array(call, 'q', bytes, BUS_CALL_SIZE_MAX) >= 0);
	assert_int_equal(measure(call, BUS_CALL_SIZE_MAX), -EFBIG);
}

static void what_a_path_takes(void **state)
{
	char path[BUS_CALL_SIZE_MAX + 2] = "/";

	memset(path + 1, 'x', sizeof(path) - 2);
	for (size_t n = 0; n < 2; n++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

		path[sizeof(path) - 1 - n] = 0;
		call = new_call(path);
		assert_int_equal(measure(call, BUS_CALL_SIZE_MAX), n ? 1 : -EFBIG);
	}
}

/* A container in a container, and bytes at the bottom of it. */
static void what_is_nested(void **state)
{
	for (size_t n = 0; n < 2; n++) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call("/");

		assert_true(sd_bus_message_open_container(call, 'v', "(say)") >= 0);
		assert_true(sd_bus_message_open_container(call, 'r', "say") >= 0);
		assert_true(sd_bus_message_append(call, "s", "x") >= 0);
		assert_true(sd_bus_message_append_array(call, 'y', bytes,
							BUS_CALL_SIZE_MAX - (n ? 0 : 64)) >= 0);
		assert_true(sd_bus_message_close_container(call) >= 0);
		assert_true(sd_bus_message_close_container(call) >= 0);
		assert_int_equal(measure(call, BUS_CALL_SIZE_MAX), n ? -EFBIG : 1);
	}
}

static bool has_flag(const char *name, const char *type, int value)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call("/");

	assert_true(sd_bus_message_append(call, "say", "x", 2, 1, 2) >= 0);
	assert_true(sd_bus_message_append(call, "a{sv}", 2, "other", "s", "y", name, type, value) >=
		    0);
	assert_int_equal(measure(call, BUS_CALL_SIZE_MAX), 1);
	return bus_call_has_flag(call, "replace");
}

static void flags(void **state)
{
	assert_true(has_flag("replace", "b", 1));
	assert_false(has_flag("replace", "b", 0));
	assert_false(has_flag("replace", "i", 1));
	assert_false(has_flag("replaced", "b", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_bytes_take), cmocka_unit_test(what_texts_take),
		cmocka_unit_test(what_parts_take), cmocka_unit_test(what_a_path_takes),
		cmocka_unit_test(what_is_nested),  cmocka_unit_test(flags),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
