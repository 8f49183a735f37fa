/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket: the burst, the rate, and clocks that stand still or jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/bucket.h"

static unsigned drain(struct gw_bucket *b, uint64_t now_us)
{
	unsigned n = 0;

	while (gw_bucket_take(b, 1, now_us))
		n++;
	return n;
}

static void test_burst_then_rate(void **state)
{
	struct gw_bucket b;

	gw_bucket_init(&b, 100, 20, 5000000);
	assert_int_equal(drain(&b, 5000000), 20);
	assert_int_equal(drain(&b, 5000000), 0);
	assert_int_equal(drain(&b, 5009999), 0);
	assert_int_equal(drain(&b, 5010000), 1);
	assert_int_equal(drain(&b, 5060000), 5);
	assert_int_equal(drain(&b, 3605060000), 20); /* never more than the burst */
}

static void test_level(void **state)
{
	struct gw_bucket b;

	gw_bucket_init(&b, 100, 20, 5000000);
	assert_int_equal(gw_bucket_level(&b, 5000000), 20);
	(void)drain(&b, 5000000);
	assert_int_equal(gw_bucket_level(&b, 5000000), 0);
	assert_int_equal(gw_bucket_level(&b, 5010000), 1);
	assert_int_equal(gw_bucket_level(&b, 5010000), 1); /* looking costs nothing */
	assert_int_equal(gw_bucket_level(&b, 3605060000), 20);
}

static void test_steady(void **state)
{
	unsigned n = 0;
	struct gw_bucket b;

	gw_bucket_init(&b, 3, 1, 0);
	for (uint64_t ms = 0; ms <= 10000; ms++)
		n += gw_bucket_take(&b, 1, ms * 1000);
	assert_in_range(n, 30, 31);
}

static void test_clock_that_does_not_move(void **state)
{
	struct gw_bucket b;

	gw_bucket_init(&b, 10, 2, 1000000);
	assert_int_equal(drain(&b, 900000), 2);
	assert_int_equal(drain(&b, 1000000), 0);
	assert_int_equal(drain(&b, 1100000), 1);
}

/* All or nothing, and what is dear waits until it is saved up. */
static void test_price(void **state)
{
	struct gw_bucket b;

	gw_bucket_init(&b, 100, 20, 5000000);
	assert_false(gw_bucket_take(&b, 21, 5000000));
	assert_true(gw_bucket_take(&b, 15, 5000000));
	assert_false(gw_bucket_take(&b, 6, 5000000));
	assert_int_equal(gw_bucket_level(&b, 5000000), 5);
	assert_true(gw_bucket_take(&b, 6, 5010000));
	assert_int_equal(gw_bucket_level(&b, 5010000), 0);
}

static void test_ready(void **state)
{
	struct gw_bucket b;

	gw_bucket_init(&b, 100, 20, 5000000);
	assert_int_equal(gw_bucket_ready_us(&b, 20), 5000000);
	(void)drain(&b, 5000000);
	for (uint32_t n = 1; n <= 20; n++) {
		uint64_t ready_us = gw_bucket_ready_us(&b, n);
		struct gw_bucket early = b, then = b;

		assert_int_equal(ready_us, 5000000 + 10000 * n);
		assert_false(gw_bucket_take(&early, n, ready_us - 1));
		assert_true(gw_bucket_take(&then, n, ready_us));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_price),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_clock_that_does_not_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
