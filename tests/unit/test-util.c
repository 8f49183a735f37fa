/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util: numbers, names, copies, and files that are read whole and written so that a crash is no
 * harm.
 */
#include "lib/util.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/blob.h"

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0, 0, 0 },
		{ "7", 0, 10, 0, 7 },
		{ "007", 0, 10, 0, 7 },
		{ "10", 0, 10, 0, 10 },
		{ "11", 0, 10, -ERANGE, 0 },
		{ "4", 5, 10, -ERANGE, 0 },
		{ "5", 5, 10, 0, 5 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709551620", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
		{ "", 0, 10, -EINVAL, 0 },
		{ "-1", 0, UINT64_MAX, -EINVAL, 0 },
		{ "+1", 0, 10, -EINVAL, 0 },
		{ " 1", 0, 10, -EINVAL, 0 },
		{ "1 ", 0, 10, -EINVAL, 0 },
		{ "1.5", 0, 10, -EINVAL, 0 },
		{ "0x1", 0, 10, -EINVAL, 0 },
		{ "1e1", 0, 10, -EINVAL, 0 },
		{ "x", 0, 10, -EINVAL, 0 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		uint64_t value = 42;
		int r = gw_parse_u64(cases[i].text, cases[i].min, cases[i].max, &value);

		assert_int_equal(r, cases[i].r);
		assert_int_equal(value, r == 0 ? cases[i].value : 42);
	}
}

static bool is_alphanumeric(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void test_names_character_by_character(void **state)
{
	for (int c = 1; c < 256; c++) {
		char alone[] = { (char)c, 0 }, within[] = { 'a', (char)c, 'b', 0 };
		bool good = is_alphanumeric(c) || c == '.' || c == '_' || c == '-';

		assert_int_equal(gw_gateway_id_is_valid(alone), good);
		assert_int_equal(gw_gateway_id_is_valid(within), good);
		assert_int_equal(gw_device_id_is_valid(alone), good || c == ':');
		assert_int_equal(gw_device_id_is_valid(within), good || c == ':');
	}
}

static void test_names(void **state)
{
	assert_false(gw_device_id_is_valid(""));
	assert_true(gw_device_id_is_valid(X64));
	assert_false(gw_device_id_is_valid(X64 "x"));
	assert_true(gw_device_id_is_valid("provision"));

	assert_false(gw_gateway_id_is_valid(""));
	assert_true(gw_gateway_id_is_valid(X64));
	assert_false(gw_gateway_id_is_valid(X64 "x"));
	assert_false(gw_gateway_id_is_valid("provision"));
	assert_true(gw_gateway_id_is_valid("provisions"));
	assert_true(gw_gateway_id_is_valid("Provision"));
}

static void test_printable(void **state)
{
	assert_true(gw_is_printable(""));
	for (int c = 1; c < 256; c++) {
		char text[] = { 'a', (char)c, 0 };

		assert_int_equal(gw_is_printable(text), c >= 0x20 && c <= 0x7e);
	}
}

static void test_copy(void **state)
{
	char to[8];

	for (size_t size = 1; size <= sizeof(to); size++) {
		memset(to, '#', sizeof(to));
		assert_int_equal(gw_copy(to, size, "12345"), size > 5 ? 0 : -ENOSPC);
		assert_int_equal(strlen(to), GW_MIN(size - 1, 5));
		assert_memory_equal(to, "12345", GW_MIN(size - 1, 5));
		if (size < sizeof(to))
			assert_int_equal(to[size], '#');
	}
}

static int make_folder(void **state)
{
	static char path[] = "/tmp/gangway-test-XXXXXX";

	*state = mkdtemp(path);
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(*state);
}

static void test_files(void **state)
{
	int dir_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct gw_blob first = { (const uint8_t *)"one\0two", 7 }, second = { NULL, 0 };
	uint8_t *data = NULL;
	struct stat st;
	size_t len = 0;

	assert_true(dir_fd >= 0);
	assert_int_equal(gw_read_file(dir_fd, "f", 7, &data, &len), -ENOENT);
	assert_int_equal(gw_write_file(dir_fd, "f", first, 0600), 0);
	assert_int_equal(fstatat(dir_fd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(gw_read_file(dir_fd, "f", 6, &data, &len), -EFBIG);
	assert_null(data);
	assert_int_equal(gw_read_file(dir_fd, "f", 7, &data, &len), 0);
	assert_int_equal(len, 7);
	assert_memory_equal(data, "one\0two", 8);
	free(data);

	assert_int_equal(gw_write_file(dir_fd, "f", second, 0600), 0);
	assert_int_equal(gw_read_file(dir_fd, "f", 7, &data, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(data[0], 0);
	free(data);

	assert_int_equal(gw_write_file(dir_fd, "no/f", first, 0600), -ENOENT);
	assert_int_equal(unlinkat(dir_fd, "f", 0), 0);
	(void)close(dir_fd); /* and nothing is left behind, else the folder could not be removed */
}

static void test_clocks(void **state)
{
	uint64_t before = gw_now_monotonic_us();

	assert_true(gw_now_monotonic_us() >= before);
	assert_true(gw_now_realtime_us() > 1600000000ull * 1000000);
}

static void test_interfaces(void **state)
{
	static const char *const good[] = { "lo", "eth0", "enp3s0.100", "...", "abcdefghijklmno" };
	static const char *const bad[] = { "",           ".",   "..",
					   "a b",        "a/b", "a:b",
					   "ab\303\244", "a\t", "abcdefghijklmnop" };

	for (size_t i = 0; i < GW_ELEMENTS(good); i++)
		assert_true(gw_interface_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < GW_ELEMENTS(bad); i++)
		assert_false(gw_interface_is_valid(bad[i], strlen(bad[i])));
	assert_true(gw_interface_is_valid("eth0 eth1", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_names_character_by_character),
		cmocka_unit_test(test_names),   cmocka_unit_test(test_printable),
		cmocka_unit_test(test_copy),    cmocka_unit_test(test_files),
		cmocka_unit_test(test_clocks),  cmocka_unit_test(test_interfaces),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
