/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of a command, as good and as bad as the link lets them through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/command-list.h"

static struct gw_msg_command make(enum gw_command_kind kind, const char *device,
				  const char *devices, const char *serials)
{
	return (struct gw_msg_command){
		.kind = (uint8_t)kind, .device = device, .devices = devices, .serials = serials
	};
}

static void what_each_kind_brings(void **state)
{
	static const struct {
		enum gw_command_kind kind;
		bool device, devices, serials, nothing;
	} kinds[] = {
		{ GW_COMMAND_CLAIM, true, false, false, false },
		{ GW_COMMAND_WITHDRAW, true, false, false, false },
		{ GW_COMMAND_REVOKE, true, true, true, false },
		{ GW_COMMAND_SUSPEND, true, true, false, false },
		{ GW_COMMAND_RESUME, true, true, false, false },
		{ GW_COMMAND_ANCHORS, false, false, false, true },
		{ GW_COMMAND_DECOMMISSION, true, true, false, false },
		{ GW_COMMAND_MOVED, true, true, false, false },
		{ GW_COMMAND_CRL, false, false, false, true },
	};
	struct gw_msg_command command;

	assert_int_equal(sizeof(kinds) / sizeof(kinds[0]), _GW_COMMAND_MAX);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		command = make(kinds[i].kind, "A", "", "");
		assert_int_equal(command_list_is_valid(&command), kinds[i].device);
		command = make(kinds[i].kind, "", "A\nB\n", "");
		assert_int_equal(command_list_is_valid(&command), kinds[i].devices);
		command = make(kinds[i].kind, "", "", "0a\n");
		assert_int_equal(command_list_is_valid(&command), kinds[i].serials);
		command = make(kinds[i].kind, "", "", "");
		assert_int_equal(command_list_is_valid(&command), kinds[i].nothing);
		command = make(kinds[i].kind, "A", "A\n", "");
		assert_false(command_list_is_valid(&command));
		command = make(kinds[i].kind, "", "A\n", "0a\n");
		assert_false(command_list_is_valid(&command));
		command = make(kinds[i].kind, "A", "", "0a\n");
		assert_false(command_list_is_valid(&command));
	}
}

static void lists_are_taken_apart(void **state)
{
	struct gw_msg_command command = make(GW_COMMAND_REVOKE, "", "A\nB:2\nA\n", "");
	struct command_list list;
	struct command_item item;

	command_list_begin(&list, &command);
	assert_true(list.is_list);
	assert_true(command_list_next(&list, &item));
	assert_string_equal(item.device, "A");
	assert_int_equal(item.serial_len, 0);
	assert_true(command_list_next(&list, &item));
	assert_string_equal(item.device, "B:2");
	assert_true(command_list_next(&list, &item));
	assert_string_equal(item.device, "A");
	assert_false(command_list_next(&list, &item));

	command = make(GW_COMMAND_REVOKE, "", "", "15\n00ff\n");
	command_list_begin(&list, &command);
	assert_true(command_list_next(&list, &item));
	assert_string_equal(item.device, "");
	assert_int_equal(item.serial_len, 1);
	assert_int_equal(item.serial[0], 0x15);
	assert_true(command_list_next(&list, &item));
	assert_int_equal(item.serial_len, 2);
	assert_memory_equal(item.serial, "\0\xff", 2);
	assert_false(command_list_next(&list, &item));

	command = make(GW_COMMAND_RESUME, "ONE", "", "");
	command_list_begin(&list, &command);
	assert_false(list.is_list);
	assert_true(command_list_next(&list, &item));
	assert_string_equal(item.device, "ONE");
	assert_false(command_list_next(&list, &item));
}

static void one_bad_line_spoils_all(void **state)
{
	static const char id_65[] =
		"A0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	static const char serial_21[] = "010203040506070809101112131415161718192021\n";
	static const char *const devices[] = {
		"A", "\n", "A\n\n", "A\nB", "A B\n", "A/\nB\n", id_65
	};
	static const char *const serials[] = {
		"0a", "0\n", "0g\n", "\n", "0a\n\n", "A\n", serial_21
	};
	struct gw_msg_command command;

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		command = make(GW_COMMAND_REVOKE, "", devices[i], "");
		assert_false(command_list_is_valid(&command));
	}
	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		command = make(GW_COMMAND_REVOKE, "", "", serials[i]);
		assert_false(command_list_is_valid(&command));
	}
}

static void so_many_and_no_more(void **state)
{
	char lines[(GW_LIST_MAX + 1) * 2 + 1] = "";
	struct gw_msg_command command = make(GW_COMMAND_SUSPEND, "", lines, "");
	struct command_list list;
	struct command_item item;
	size_t n = 0;

	for (size_t i = 0; i < GW_LIST_MAX; i++)
		strcat(lines, "A\n");
	assert_true(command_list_is_valid(&command));
	command_list_begin(&list, &command);
	while (command_list_next(&list, &item))
		n++;
	assert_int_equal(n, GW_LIST_MAX);

	strcat(lines, "A\n");
	assert_false(command_list_is_valid(&command));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_each_kind_brings),
		cmocka_unit_test(lists_are_taken_apart),
		cmocka_unit_test(one_bad_line_spoils_all),
		cmocka_unit_test(so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
