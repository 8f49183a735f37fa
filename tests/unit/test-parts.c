/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes in parts: in every order, twice, of two lists, and what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/parts.h"

static struct parts *parts;
static uint8_t *whole;
static size_t whole_len;

static int set_up(void **state)
{
	return parts_new(&parts);
}

static int tear_down(void **state)
{
	parts = parts_free(parts);
	free(TAKE_PTR(whole));
	return 0;
}

/* The part of that number of a list by that name: its content is the number as a letter, as often as it says. */
static int take(const char *id, char list, uint32_t part, uint32_t n)
{
	uint8_t digest[GW_HASH_LEN], content[4];
	const struct dialect_part made = { .part = part,
					   .parts = n,
					   .digest = { digest, sizeof(digest) },
					   .content = { content, 1 + part % 4 } };

	memset(digest, list, sizeof(digest));
	memset(content, (int)('a' + part), sizeof(content));
	free(TAKE_PTR(whole));
	return parts_take(parts, id, &made, &whole, &whole_len);
}

static void is_whole(const char *expected)
{
	assert_int_equal(whole_len, strlen(expected));
	assert_memory_equal(whole, expected, whole_len);
}

static void one(void **state)
{
	assert_int_equal(take("c", 'x', 1, 1), 1);
	is_whole("bb");
}

static void every_order(void **state)
{
	static const uint32_t orders[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 },
					      { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };

	for (size_t i = 0; i < GW_ELEMENTS(orders); i++) {
		assert_int_equal(take("c", 'x', orders[i][0], 3), 0);
		assert_int_equal(take("c", 'x', orders[i][0], 3), 0); /* twice */
		assert_int_equal(take("c", 'x', orders[i][1], 3), 0);
		assert_int_equal(take("c", 'x', orders[i][2], 3), 1);
		is_whole("bbcccdddd");
	}
}

static void another_begins_anew(void **state)
{
	assert_int_equal(take("c", 'x', 1, 2), 0);
	assert_int_equal(take("c", 'y', 2, 2), 0); /* of a newer list */
	assert_int_equal(take("c", 'y', 1, 2), 1);
	assert_int_equal(take("c", 'x', 1, 2), 0);
	assert_int_equal(take("d", 'x', 2, 2), 0); /* of another command */
	assert_int_equal(take("c", 'x', 2, 2), 0);
	assert_int_equal(take("c", 'x', 1, 2), 1);
	is_whole("bbccc");
}

static void what_does_not_fit(void **state)
{
	assert_int_equal(take("c", 'x', 1, 3), 0);
	assert_int_equal(take("c", 'x', 2, 2), -EBADMSG); /* how many there are it said otherwise */
	assert_int_equal(take("c", 'x', 2, 2), 0);        /* and begins anew */
	assert_int_equal(take("c", 'x', 3, 2), -EBADMSG);
	assert_int_equal(take("c", 'x', 3, 2), -EBADMSG);
	assert_int_equal(take("c", 'x', 1, 1), 1);
}

static void too_large(void **state)
{
	_cleanup_free_ uint8_t *content = calloc(1, DIALECT_PART_MAX);
	uint8_t digest[GW_HASH_LEN] = { 0 };
	struct dialect_part part = { .parts = DIALECT_PARTS_MAX,
				     .digest = GW_BLOB_ARRAY(digest),
				     .content = { content, DIALECT_PART_MAX } };
	int r = 0;

	for (part.part = 1; part.part <= DIALECT_PARTS_MAX && r == 0; part.part++)
		r = parts_take(parts, "c", &part, &whole, &whole_len);
	assert_int_equal(r, -EFBIG);
	assert_true((part.part - 2) * DIALECT_PART_MAX <= GW_CRL_MAX);
	assert_true((part.part - 1) * DIALECT_PART_MAX > GW_CRL_MAX);
	assert_int_equal(take("c", 'x', 1, 1), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one),
		TEST(every_order),
		TEST(another_begins_anew),
		TEST(what_does_not_fit),
		TEST(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
