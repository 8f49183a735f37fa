/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patience: which results may pass, how long the pauses are, and where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tools/device/patience.h"

#define SECOND_US 1000000u

/* Judges with all the time in the world; the pause in seconds, or -1 where it does not go on. */
static int pause_after(struct patience *p, int result, uint32_t wait_s)
{
	uint64_t pause_us;

	if (patience_judge(p, result, wait_s, /* random= */ 0, /* now_us= */ 0, &pause_us) !=
	    PATIENCE_AGAIN)
		return -1;
	assert_int_equal(pause_us % SECOND_US, 0);
	return (int)(pause_us / SECOND_US);
}

static struct patience fresh(void)
{
	struct patience p;

	patience_init(&p, UINT64_MAX);
	return p;
}

/* Every errno but five ends it, and so does success. */
static void test_results(void **state)
{
	for (int result = 0; result > -200; result--) {
		struct patience p = fresh();
		bool passes = result == -EAGAIN || result == -ETIMEDOUT ||
			      result == -ECONNREFUSED || result == -ECONNRESET || result == -EPROTO;

		assert_int_equal(pause_after(&p, result, 1), passes ? 1 : -1);
	}
}

static void test_pauses_double(void **state)
{
	static const int results[] = { -ETIMEDOUT, -ECONNREFUSED, -EPROTO };
	static const int expected[] = { 1, 2, 4, 8, 8, 8 };

	for (size_t i = 0; i < GW_ELEMENTS(results); i++) {
		struct patience p = fresh();

		for (size_t j = 0; j < GW_ELEMENTS(expected); j++)
			assert_int_equal(pause_after(&p, results[i], 0), expected[j]);
	}
}

/* Asked to wait, it waits just so, and is fresh afterwards: the gateway is well. */
static void test_as_asked(void **state)
{
	struct patience p = fresh();

	assert_int_equal(pause_after(&p, -ETIMEDOUT, 0), 1);
	assert_int_equal(pause_after(&p, -ETIMEDOUT, 0), 2);
	assert_int_equal(pause_after(&p, -EAGAIN, 30), 30);
	assert_int_equal(pause_after(&p, -EAGAIN, 7), 7);
	assert_int_equal(pause_after(&p, -ETIMEDOUT, 0), 1);
}

static void test_spread(void **state)
{
	static const uint32_t randoms[] = { 0, 1, 999999, 1000000, UINT32_MAX };

	for (size_t i = 0; i < GW_ELEMENTS(randoms); i++) {
		struct patience p = fresh();
		uint64_t pause_us;

		assert_int_equal(patience_judge(&p, -EAGAIN, 5, randoms[i], 0, &pause_us),
				 PATIENCE_AGAIN);
		assert_int_equal(pause_us, 5 * SECOND_US + randoms[i] % SECOND_US);
	}
}

/* Those who found it silent do not all come back at once either, nor just when it repeats itself. */
static void test_spread_after_silence(void **state)
{
	static const uint32_t randoms[] = { 0, 1, 499999, 500000, UINT32_MAX };

	for (size_t i = 0; i < GW_ELEMENTS(randoms); i++) {
		struct patience p = fresh();
		uint64_t pause_us;

		assert_int_equal(patience_judge(&p, -ETIMEDOUT, 0, randoms[i], 0, &pause_us),
				 PATIENCE_AGAIN);
		assert_int_equal(pause_us, SECOND_US + randoms[i] % (SECOND_US / 2));
		assert_int_equal(patience_judge(&p, -EPROTO, 0, randoms[i], 0, &pause_us),
				 PATIENCE_AGAIN);
		assert_int_equal(pause_us, 2 * SECOND_US + randoms[i] % SECOND_US);
	}
}

/* The longest wait that CoAP can say is not cut short by an overflow. */
static void test_longest_wait(void **state)
{
	struct patience p = fresh();
	uint64_t pause_us;

	assert_int_equal(patience_judge(&p, -EAGAIN, UINT32_MAX, 0, 0, &pause_us), PATIENCE_AGAIN);
	assert_true(pause_us == (uint64_t)UINT32_MAX * SECOND_US);
}

static void test_ended_thrice(void **state)
{
	struct patience p = fresh();

	assert_int_equal(pause_after(&p, -ECONNRESET, 0), 1);
	assert_int_equal(pause_after(&p, -ECONNRESET, 0), 2);
	assert_int_equal(pause_after(&p, -ECONNRESET, 0), -1);
}

/* Only in a row. */
static void test_ended_now_and_then(void **state)
{
	struct patience p = fresh();

	for (size_t i = 0; i < 10; i++) {
		assert_int_not_equal(pause_after(&p, -ECONNRESET, 0), -1);
		assert_int_not_equal(pause_after(&p, -ECONNRESET, 0), -1);
		assert_int_not_equal(pause_after(&p, i % 2 ? -ETIMEDOUT : -EAGAIN, 1), -1);
	}
}

static void test_time_is_over(void **state)
{
	static const int results[] = { -EAGAIN, -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET };

	for (size_t i = 0; i < GW_ELEMENTS(results); i++) {
		struct patience p;
		uint64_t pause_us = 0;

		patience_init(&p, 11 * SECOND_US);
		assert_int_equal(patience_judge(&p, results[i], 1, 0, 10 * SECOND_US, &pause_us),
				 PATIENCE_TIME_OUT);
		assert_int_equal(pause_us, 0);
		patience_init(&p, 11 * SECOND_US);
		assert_int_equal(patience_judge(&p, results[i], 1, 0, 10 * SECOND_US - 1,
						&pause_us),
				 PATIENCE_AGAIN);
		patience_init(&p, 11 * SECOND_US);
		assert_int_equal(patience_judge(&p, results[i], 1, 0, 20 * SECOND_US, &pause_us),
				 PATIENCE_TIME_OUT);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_pauses_double),
		cmocka_unit_test(test_as_asked),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_after_silence),
		cmocka_unit_test(test_longest_wait),
		cmocka_unit_test(test_ended_thrice),
		cmocka_unit_test(test_ended_now_and_then),
		cmocka_unit_test(test_time_is_over),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
