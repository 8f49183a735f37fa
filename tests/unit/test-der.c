/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DER elements: every length there and back, and each way to write one that DER forbids. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/util.h"

static void lengths_there_and_back(void **state)
{
	static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 70000 };

	for (size_t i = 0; i < GW_ELEMENTS(lengths); i++) {
		uint8_t *buf = calloc(1, GW_DER_HEADER_MAX + lengths[i] + 1);
		size_t header = gw_der_write_header(GW_DER_SEQUENCE, lengths[i], buf);
		struct gw_blob rest = { buf, header + lengths[i] + 1 };
		struct gw_der item;

		assert_int_equal(gw_der_next(&rest, &item), 0);
		assert_int_equal(item.tag, GW_DER_SEQUENCE);
		assert_int_equal(item.value.len, lengths[i]);
		assert_ptr_equal(item.value.data, buf + header);
		assert_ptr_equal(item.whole.data, buf);
		assert_int_equal(item.whole.len, header + lengths[i]);
		assert_int_equal(rest.len, 1);

		rest = (struct gw_blob){ buf, header + lengths[i] };
		rest.len -= lengths[i] > 0;
		assert_int_equal(gw_der_next(&rest, &item), lengths[i] > 0 ? -EBADMSG : 0);
		free(buf);
	}
}

static void what_der_forbids(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t len;
	} cases[] = {
		{ { 0x30 }, 1 },                            /* no length */
		{ { 0x30, 0x80, 0, 0 }, 4 },                /* indefinite */
		{ { 0x30, 0x83, 0xff, 0xff, 0xff, 0 }, 6 }, /* beyond the end */
		{ { 0x30, 0x81, 0x01, 0 }, 4 },             /* long form of a short one */
		{ { 0x30, 0x81, 0x7f, 0 }, 4 },             /* the same */
		{ { 0x30, 0x82, 0x00, 0x80, 0 }, 5 },       /* leading zero */
		{ { 0x30, 0x83, 0x00, 0xff, 0xff, 0 }, 6 }, /* leading zero */
		{ { 0x30, 0x84, 0, 0, 0, 1, 0 }, 7 },       /* too long for us */
		{ { 0x30, 0xff, 0, 0, 0, 0, 0 }, 7 },       /* reserved */
		{ { 0x30, 0x82, 0x01 }, 3 },                /* half a length */
		{ { 0x1f, 0x01, 0x00 }, 3 },                /* a tag of more than one byte */
		{ { 0xbf, 0x21, 0x00 }, 3 },                /* the same */
		{ { 0x30, 0x02, 0x00 }, 3 },                /* cut short */
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_blob rest = { cases[i].bytes, cases[i].len };
		struct gw_der item = { .tag = 0xee };

		assert_int_equal(gw_der_next(&rest, &item), -EBADMSG);
		assert_ptr_equal(rest.data, cases[i].bytes);
		assert_int_equal(rest.len, cases[i].len);
		assert_int_equal(item.tag, 0xee);
	}
}

static void tags_are_expected(void **state)
{
	static const uint8_t bytes[] = { 0x02, 0x01, 0x05, 0x30, 0x00 };
	struct gw_blob rest = GW_BLOB_ARRAY(bytes);
	struct gw_der item;

	assert_int_equal(gw_der_expect(&rest, GW_DER_SEQUENCE, &item), -EBADMSG);
	assert_int_equal(rest.len, sizeof(bytes));
	assert_int_equal(gw_der_expect(&rest, GW_DER_INTEGER, &item), 0);
	assert_int_equal(item.value.data[0], 5);
	assert_int_equal(gw_der_expect(&rest, GW_DER_SEQUENCE, &item), 0);
	assert_int_equal(rest.len, 0);
	assert_int_equal(gw_der_expect(&rest, GW_DER_SEQUENCE, &item), -EBADMSG);
}

/* 0x80 is the indefinite form, not a length of 128, however many bytes follow. */
static void indefinite_is_no_length(void **state)
{
	uint8_t bytes[300] = { 0x30, 0x80 };
	struct gw_blob rest = GW_BLOB_ARRAY(bytes);
	struct gw_der item;

	memset(bytes + 2, 0x01, sizeof(bytes) - 2);
	assert_int_equal(gw_der_next(&rest, &item), -EBADMSG);
}

static void the_end_is_told(void **state)
{
	struct gw_blob rest = { 0 };
	struct gw_der item;

	assert_int_equal(gw_der_next(&rest, &item), -ENODATA);
	assert_int_equal(gw_der_expect(&rest, GW_DER_SEQUENCE, &item), -EBADMSG);
	assert_int_equal(gw_der_optional(&rest, GW_DER_SEQUENCE, &item), -ENOENT);
}

static void some_may_be_missing(void **state)
{
	static const uint8_t one[] = { 0xa0, 0 }, cut[] = { 0xa0, 1 };
	struct gw_blob rest = GW_BLOB_ARRAY(one);
	struct gw_der item;

	assert_int_equal(gw_der_optional(&rest, GW_DER_CONTEXT(1), &item), -ENOENT);
	assert_int_equal(gw_der_optional(&rest, GW_DER_CONTEXT(0), &item), 0);
	assert_int_equal(gw_der_optional(&rest, GW_DER_CONTEXT(0), &item), -ENOENT);
	rest = (struct gw_blob)GW_BLOB_ARRAY(cut);
	assert_int_equal(gw_der_optional(&rest, GW_DER_CONTEXT(0), &item), -EBADMSG);
}

static void the_whole_is_opened(void **state)
{
	static const uint8_t bytes[] = { 0x30, 0x02, 0x05, 0x00, 0x00 };
	struct gw_blob value;

	assert_int_equal(gw_der_open((struct gw_blob){ bytes, 4 }, GW_DER_SEQUENCE, &value), 0);
	assert_ptr_equal(value.data, bytes + 2);
	assert_int_equal(value.len, 2);
	assert_int_equal(gw_der_open((struct gw_blob){ bytes, 5 }, GW_DER_SEQUENCE, &value),
			 -EBADMSG);
	assert_int_equal(gw_der_open((struct gw_blob){ bytes, 3 }, GW_DER_SEQUENCE, &value),
			 -EBADMSG);
	assert_int_equal(gw_der_open((struct gw_blob){ bytes, 4 }, GW_DER_SET, &value), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_there_and_back), cmocka_unit_test(what_der_forbids),
		cmocka_unit_test(tags_are_expected),      cmocka_unit_test(indefinite_is_no_length),
		cmocka_unit_test(the_end_is_told),        cmocka_unit_test(some_may_be_missing),
		cmocka_unit_test(the_whole_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
