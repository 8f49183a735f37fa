/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base32: all lengths both ways, every character in every place, and nothing but the one spelling.
 */
#include "lib/base32.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX 40

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void test_known(void **state)
{
	static const struct {
		const char *data, *text;
	} known[] = {
		/* RFC 4648 section 10, in Crockford's digits */
		{ "", "" },
		{ "f", "CR" },
		{ "fo", "CSQG" },
		{ "foo", "CSQPY" },
		{ "foob", "CSQPYRG" },
		{ "fooba", "CSQPYRK1" },
		{ "foobar", "CSQPYRK1E8" },
		{ "0123456789abcdef", "60RK4CSM6MV3EE1SC5H66S35CR" },
	};
	char text[GW_BASE32_LEN(MAX) + 1];
	uint8_t data[MAX];
	size_t len;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		gw_base32_encode((const uint8_t *)known[i].data, strlen(known[i].data), text);
		assert_string_equal(text, known[i].text);
		assert_int_equal(gw_base32_decode(text, strlen(text), data, sizeof(data), &len), 0);
		assert_int_equal(len, strlen(known[i].data));
		assert_memory_equal(data, known[i].data, len);
	}
}

static void test_every_length(void **state)
{
	for (size_t n = 0; n <= MAX; n++)
		for (unsigned seed = 0; seed < 16; seed++) {
			char text[GW_BASE32_LEN(MAX) + 1];
			uint8_t data[MAX], again[MAX];
			size_t len = 99;

			for (size_t i = 0; i < n; i++)
				data[i] = (uint8_t)(seed * 0x11 + i * (2 * seed + 1));
			gw_base32_encode(data, n, text);
			assert_int_equal(strlen(text), GW_BASE32_LEN(n));
			assert_int_equal(strspn(text, alphabet), GW_BASE32_LEN(n));
			assert_int_equal(gw_base32_decode(text, strlen(text), again, n, &len), 0);
			assert_int_equal(len, n);
			assert_memory_equal(again, data, n);
			if (n)
				assert_int_equal(gw_base32_decode(text, strlen(text), again, n - 1,
								  &len),
						 -ENOSPC);
		}
}

/* Any text of two digits holds one byte: 256 of the 65,536 pairs are its spelling. */
static void test_every_pair(void **state)
{
	unsigned n_good = 0;

	for (unsigned pair = 0; pair < 65536; pair++) {
		char text[2] = { (char)(pair >> 8), (char)pair }, again[3];
		uint8_t data;
		size_t len;
		int r = gw_base32_decode(text, 2, &data, 1, &len);

		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		gw_base32_encode(&data, 1, again);
		assert_memory_equal(again, text, 2);
		n_good++;
	}
	assert_int_equal(n_good, 256);
}

static void test_lengths_that_no_bytes_have(void **state)
{
	char text[64];
	uint8_t data[MAX];

	memset(text, '0', sizeof(text));
	for (size_t n = 0; n < sizeof(text); n++) {
		size_t rest = n % 8, len = 99;
		int r = gw_base32_decode(text, n, data, sizeof(data), &len);

		if (rest == 1 || rest == 3 || rest == 6)
			assert_int_equal(r, -EINVAL);
		else
			assert_int_equal(r, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_lengths_that_no_bytes_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
