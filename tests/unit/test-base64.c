/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64: all lengths both ways, every last group, and nothing but the one spelling. */
#include "lib/base64.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX 50

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int decode(const char *text, uint8_t *data, size_t size, size_t *ret_len)
{
	return gw_base64_decode(text, strlen(text), data, size, ret_len);
}

static void test_known(void **state)
{
	static const struct {
		const char *data, *text;
	} known[] = {
		/* RFC 4648 section 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};
	char text[GW_BASE64_LEN(MAX) + 1];
	uint8_t data[MAX];
	size_t len;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		gw_base64_encode((const uint8_t *)known[i].data, strlen(known[i].data), text);
		assert_string_equal(text, known[i].text);
		assert_int_equal(decode(text, data, sizeof(data), &len), 0);
		assert_int_equal(len, strlen(known[i].data));
		assert_memory_equal(data, known[i].data, len);
	}
}

static void test_every_length(void **state)
{
	for (size_t n = 0; n <= MAX; n++)
		for (unsigned seed = 0; seed < 16; seed++) {
			char text[GW_BASE64_LEN(MAX) + 1];
			uint8_t data[MAX], again[MAX];
			size_t len = 99;

			for (size_t i = 0; i < n; i++)
				data[i] = (uint8_t)(seed * 0x11 + i * (2 * seed + 1));
			gw_base64_encode(data, n, text);
			assert_int_equal(strlen(text), GW_BASE64_LEN(n));
			assert_int_equal(decode(text, again, n, &len), 0);
			assert_int_equal(len, n);
			assert_memory_equal(again, data, n);
			if (n)
				assert_int_equal(decode(text, again, n - 1, &len), -ENOSPC);
		}
}

/* Every group of four from the alphabet's ends, padding, and characters that do not belong. */
static void test_every_group_of_some(void **state)
{
	static const char some[] = "AQgw+/=-_ \n\x80";
	size_t n = sizeof(some); /* the zero byte too */

	for (size_t i = 0; i < n * n * n * n; i++) {
		char text[] = { some[i % n], some[i / n % n], some[i / n / n % n],
				some[i / n / n / n] };
		uint8_t data[3];
		char again[5];
		size_t len = 0;

		if (gw_base64_decode(text, 4, data, sizeof(data), &len) == 0) {
			gw_base64_encode(data, len, again);
			assert_memory_equal(again, text, 4);
		}
	}
}

/* How many of all last groups are good: one for each byte, and for each two bytes. */
static void test_last_groups(void **state)
{
	unsigned n_one = 0, n_two = 0;
	uint8_t data[3];
	size_t len;

	for (const char *a = alphabet; *a; a++)
		for (const char *b = alphabet; *b; b++) {
			char text[] = { *a, *b, '=', '=', 0 };

			n_one += decode(text, data, 3, &len) == 0 && len == 1;
			for (const char *c = alphabet; *c; c++) {
				text[2] = *c;
				n_two += decode(text, data, 3, &len) == 0 && len == 2;
			}
		}
	assert_int_equal(n_one, 256);
	assert_int_equal(n_two, 65536);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "Z",     "Zg",       "Zg=",      "=",        "====",
					   "Z===",  "Zg==Zg==", "Zm8=Zm8=", "Zm9v\n",   " Zm9v",
					   "Zm\nv", "Zm9-",     "Zm_v",     "Zm9v====", "Zh==" };
	uint8_t data[MAX];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(bad[i], data, sizeof(data), &len), -EINVAL);
	assert_int_equal(gw_base64_decode("Zg\0=", 4, data, sizeof(data), &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_every_group_of_some),
		cmocka_unit_test(test_last_groups),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
