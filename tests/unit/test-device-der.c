/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DER elements: each form of a length, each way to cut or bend one, and never a byte beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tools/device/der.h"

static int next(const void *bytes, size_t len, struct der *ret)
{
	_cleanup_free_ uint8_t *copy = malloc(len ? len : 1);
	struct gw_blob rest = { copy, len };
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	r = der_next(&rest, ret);
	if (r == 0) {
		assert_ptr_equal(ret->whole.data, copy);
		assert_true(ret->whole.data + ret->whole.len == ret->value.data + ret->value.len);
		assert_true(rest.data == copy + ret->whole.len);
		assert_int_equal(rest.len, len - ret->whole.len);
	} else {
		assert_ptr_equal(rest.data, copy);
		assert_int_equal(rest.len, len);
	}
	return r;
}

/* Both sides of each step in the form of a length; each also one byte short. */
static void test_lengths(void **state)
{
	static const struct {
		uint8_t header[5];
		size_t header_len, value_len;
	} cases[] = {
		{ { 0x30, 0 }, 2, 0 },
		{ { 0x30, 1 }, 2, 1 },
		{ { 0x30, 0x7f }, 2, 0x7f },
		{ { 0x30, 0x81, 0x80 }, 3, 0x80 },
		{ { 0x30, 0x81, 0xff }, 3, 0xff },
		{ { 0x30, 0x82, 0x01, 0x00 }, 4, 0x100 },
		{ { 0x30, 0x82, 0xff, 0xff }, 4, 0xffff },
		{ { 0x30, 0x83, 0x01, 0x00, 0x00 }, 5, 0x10000 },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		size_t len = cases[i].header_len + cases[i].value_len;
		_cleanup_free_ uint8_t *bytes = calloc(1, len + 1);
		struct der element;

		assert_non_null(bytes);
		memcpy(bytes, cases[i].header, cases[i].header_len);
		assert_int_equal(next(bytes, len, &element), 0);
		assert_int_equal(element.tag, 0x30);
		assert_int_equal(element.value.len, cases[i].value_len);
		assert_int_equal(next(bytes, len + 1, &element), 0);
		assert_int_equal(next(bytes, len - 1, &element), -EBADMSG);
		for (size_t cut = 1; cut < cases[i].header_len; cut++)
			assert_int_equal(next(bytes, cut, &element), -EBADMSG);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
	} cases[] = {
		{ { 0x30, 0x80, 0, 0 }, 4 },                /* indefinite */
		{ { 0x30, 0x81, 0x00 }, 3 },                /* not the shortest form */
		{ { 0x30, 0x81, 0x01, 0 }, 4 },             /* .. */
		{ { 0x30, 0x82, 0x00, 0x02, 0, 0 }, 6 },    /* .. */
		{ { 0x30, 0x84, 0x01, 0, 0, 0 }, 6 },       /* 16 MiB and more */
		{ { 0x30, 0xff, 1, 1, 1, 1, 1, 1 }, 8 },    /* reserved */
		{ { 0x1f, 0x01, 0 }, 3 },                   /* tag number in further bytes */
		{ { 0xbf, 0x81, 0x01, 0 }, 4 },             /* .. */
		{ { 0x30, 0x83, 0xff, 0xff, 0xff, 0 }, 6 }, /* beyond the end */
	};
	struct der element;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		assert_int_equal(next(cases[i].bytes, cases[i].len, &element), -EBADMSG);
	assert_int_equal(next("", 0, &element), -ENODATA);
}

/* 0x80 is the indefinite form, not a length of 128, however many bytes follow. */
static void test_indefinite(void **state)
{
	uint8_t bytes[300] = { 0x30, 0x80 };
	struct der element;

	memset(bytes + 2, 0x01, sizeof(bytes) - 2);
	assert_int_equal(next(bytes, sizeof(bytes), &element), -EBADMSG);
}

static void test_expect(void **state)
{
	static const uint8_t two[] = { 0x02, 1, 7, 0x04, 0 };
	struct gw_blob rest = GW_BLOB_ARRAY(two);
	struct der element;

	assert_int_equal(der_expect(&rest, DER_OCTET_STRING, &element), -EBADMSG);
	assert_int_equal(rest.len, sizeof(two));
	assert_int_equal(der_expect(&rest, DER_INTEGER, &element), 0);
	assert_int_equal(element.value.data[0], 7);
	assert_int_equal(der_expect(&rest, DER_OCTET_STRING, &element), 0);
	assert_int_equal(rest.len, 0);
	assert_int_equal(der_expect(&rest, DER_OCTET_STRING, &element), -EBADMSG);
}

static void test_optional(void **state)
{
	static const uint8_t one[] = { 0xa0, 0 }, cut[] = { 0xa0, 1 };
	struct gw_blob rest = GW_BLOB_ARRAY(one);
	struct der element;

	assert_int_equal(der_optional(&rest, DER_CONTEXT(1), &element), -ENOENT);
	assert_int_equal(der_optional(&rest, DER_CONTEXT(0), &element), 0);
	assert_int_equal(der_optional(&rest, DER_CONTEXT(0), &element), -ENOENT);
	rest = GW_BLOB_ARRAY(cut);
	assert_int_equal(der_optional(&rest, DER_CONTEXT(0), &element), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_indefinite), cmocka_unit_test(test_expect),
		cmocka_unit_test(test_optional),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
