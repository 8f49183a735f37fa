/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backlog: out in the order of sending, whatever came in; full is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/backlog.h"

static int add_type(struct backlog *b, uint8_t type, uint8_t epoch, uint8_t sequence, size_t len)
{
	static uint8_t data[BACKLOG_BYTES_MAX + 1];

	memset(data, 0, sizeof(data));
	memcpy(data, (uint8_t[]){ type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence }, 11);
	data[11] = (uint8_t)((len - 13) >> 8);
	data[12] = (uint8_t)(len - 13);
	return backlog_add(b, (struct gw_blob){ data, len });
}

static int add(struct backlog *b, uint8_t epoch, uint8_t sequence, size_t len)
{
	return add_type(b, 22, epoch, sequence, len);
}

static void assert_next(struct backlog *b, uint8_t epoch, uint8_t sequence, size_t len)
{
	uint8_t *data = NULL;
	size_t got;

	assert_true(backlog_take(b, &data, &got));
	assert_int_equal(got, len);
	assert_int_equal(data[4], epoch);
	assert_int_equal(data[10], sequence);
	free(data);
}

static void test_order(void **state)
{
	struct backlog b = { 0 };
	uint8_t *data;
	size_t len;

	assert_int_equal(add(&b, 1, 0, 50), 0);
	assert_int_equal(add(&b, 0, 3, 20), 0);
	assert_int_equal(add(&b, 0, 2, 40), 0);
	assert_int_equal(add(&b, 1, 1, 60), 0);
	assert_int_equal(add(&b, 0, 2, 41), 0); /* a repetition stays behind what it repeats */
	assert_int_equal(b.n, 5);
	assert_int_equal(b.bytes, 211);

	assert_next(&b, 0, 2, 40);
	assert_next(&b, 0, 2, 41);
	assert_next(&b, 0, 3, 20);
	assert_next(&b, 1, 0, 50);
	assert_next(&b, 1, 1, 60);
	assert_false(backlog_take(&b, &data, &len));
	assert_int_equal(b.n, 0);
	assert_int_equal(b.bytes, 0);
}

/* A change of keys from the first try, the key exchange from the second. */
static void test_change_of_keys_waits_for_the_exchange(void **state)
{
	struct backlog b = { 0 };

	assert_int_equal(add_type(&b, 20, 0, 3, 14), 0);
	assert_int_equal(add(&b, 1, 0, 53), 0);
	assert_int_equal(add(&b, 0, 5, 40), 0);
	assert_next(&b, 0, 5, 40);
	assert_next(&b, 0, 3, 14);
	assert_next(&b, 1, 0, 53);
}

static void test_bounds(void **state)
{
	struct backlog b = { 0 };

	for (uint8_t i = 0; i < BACKLOG_DATAGRAMS_MAX; i++)
		assert_int_equal(add(&b, 0, i, 20), 0);
	assert_int_equal(add(&b, 0, 99, 20), -ENOSPC);
	backlog_clear(&b);
	assert_int_equal(b.n, 0);

	assert_int_equal(add(&b, 0, 0, BACKLOG_BYTES_MAX - 20), 0);
	assert_int_equal(add(&b, 0, 1, 21), -ENOSPC);
	assert_int_equal(add(&b, 0, 1, 20), 0);
	assert_int_equal(add(&b, 0, 2, 13), -ENOSPC);
	backlog_clear(&b);
	assert_int_equal(add(&b, 0, 0, BACKLOG_BYTES_MAX + 1), -ENOSPC);
	backlog_clear(&b);
}

static void test_garbage(void **state)
{
	struct backlog b = { 0 };

	assert_int_equal(backlog_add(&b, (struct gw_blob){ (const uint8_t *)"xyz", 3 }), -EBADMSG);
	assert_int_equal(b.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_change_of_keys_waits_for_the_exchange),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
