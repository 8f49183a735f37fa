/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hex: every byte both ways, every pair of characters, odd counts and short room. */
#include "lib/hex.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_every_byte(void **state)
{
	uint8_t data[256], again[256];
	char text[513];
	size_t len;

	for (size_t i = 0; i < 256; i++)
		data[i] = (uint8_t)i;
	gw_hex_encode(data, sizeof(data), text);
	for (unsigned i = 0; i < 256; i++) {
		char digits[3];

		(void)snprintf(digits, sizeof(digits), "%02x", i);
		assert_memory_equal(text + 2 * (size_t)i, digits, 2);
	}
	assert_int_equal(text[512], 0);
	assert_int_equal(gw_hex_decode(text, again, sizeof(again), &len), 0);
	assert_int_equal(len, 256);
	assert_memory_equal(again, data, 256);
}

static void test_every_pair(void **state)
{
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char text[3] = { (char)a, (char)b };
			uint8_t byte = 0;
			size_t len = 9;
			unsigned want;
			int r = gw_hex_decode(text, &byte, 1, &len);

			if (!isxdigit(a) || !isxdigit(b)) {
				assert_int_equal(r, -EINVAL);
				continue;
			}
			assert_int_equal(r, 0);
			assert_int_equal(len, 1);
			assert_int_equal(sscanf(text, "%x", &want), 1);
			assert_int_equal(byte, want);
		}
}

static void test_lengths(void **state)
{
	uint8_t data[4] = { 0 };
	char text[1];
	size_t len = 9;

	gw_hex_encode(data, 0, text);
	assert_string_equal(text, "");
	assert_int_equal(gw_hex_decode("", data, 0, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(gw_hex_decode("a", data, 4, &len), -EINVAL);
	assert_int_equal(gw_hex_decode("abc", data, 4, &len), -EINVAL);
	assert_int_equal(gw_hex_decode("0011223344", data, 4, &len), -ENOSPC);
	assert_int_equal(gw_hex_decode("00112233", data, 4, &len), 0);
	assert_int_equal(len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
