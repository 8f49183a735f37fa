/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ration: what one source gets, what all get, and more sources than it can remember. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/registrar/path.h"
#include "plugins/registrar/ration.h"

#define START_US  5000000ull
#define SECOND_US 1000000ull

static struct path path_of(uint32_t host, uint16_t port)
{
	return (struct path){
		.channel = 1,
		.peer.in = { .sin_family = AF_INET, .sin_port = port, .sin_addr = { host } }
	};
}

/* How many of so many tries are granted, each from another port. */
static unsigned take(struct ration *r, uint32_t host, unsigned tries, uint64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++) {
		const struct path path = path_of(host, (uint16_t)(i + 1));

		n += ration_take(r, &path, now_us);
	}
	return n;
}

/* Alone, a source has all the rate, and leaves half of what can be had at once. */
static void test_source_alone(void **state)
{
	struct ration *r;

	assert_int_equal(ration_new(100, START_US, &r), 0);
	assert_int_equal(take(r, 1, 1000, START_US), 50);
	assert_int_equal(take(r, 1, 1000, START_US + SECOND_US / 5), 20);
	assert_int_equal(take(r, 1, 1000, START_US + 9 * SECOND_US), 50);
	ration_free(r);
}

/* What was left is for others, a quarter each. */
static void test_share_of_a_source(void **state)
{
	struct ration *r;

	assert_int_equal(ration_new(100, START_US, &r), 0);
	assert_int_equal(take(r, 1, 1000, START_US), 50);
	assert_int_equal(take(r, 2, 1000, START_US), 25);
	assert_int_equal(take(r, 3, 1000, START_US), 25);
	assert_int_equal(take(r, 4, 1000, START_US), 0);
	assert_int_equal(take(r, 1, 1000, START_US + SECOND_US / 2), 12);
	ration_free(r);
}

/* However often one tries, the next one gets what is his. */
static void test_nobody_starves_another(void **state)
{
	struct ration *r;

	assert_int_equal(ration_new(100, START_US, &r), 0);
	for (uint64_t now_us = START_US; now_us < START_US + 10 * SECOND_US; now_us += 1000) {
		(void)take(r, 1, 10, now_us);
		if (now_us % SECOND_US == 0)
			assert_int_equal(take(r, 2, 10, now_us), 10);
	}
	ration_free(r);
}

static void test_all_together(void **state)
{
	unsigned n = 0;
	struct ration *r;

	assert_int_equal(ration_new(100, START_US, &r), 0);
	for (uint32_t host = 1; host <= 1000; host++)
		n += take(r, host, 1, START_US);
	assert_int_equal(n, 100);
	ration_free(r);
}

/* More sources than entries: those that have just had their share are not forgotten for it. */
static void test_crowd(void **state)
{
	uint64_t now_us = START_US + SECOND_US;
	struct ration *r;

	assert_int_equal(ration_new(100, START_US, &r), 0);
	for (uint32_t host = 1; host <= 300; host++)
		(void)take(r, host, 1, START_US + host * 10000);
	now_us = START_US + 4 * SECOND_US;
	assert_int_equal(take(r, 1000, 100, now_us), 50);
	for (uint32_t host = 2000; host < 2040; host++)
		assert_int_equal(take(r, host, 1, now_us), 1);
	assert_int_equal(take(r, 1000, 100, now_us), 0);
	ration_free(r);
}

static void test_slowest(void **state)
{
	struct ration *r;

	assert_int_equal(ration_new(1, START_US, &r), 0);
	assert_int_equal(take(r, 1, 10, START_US), 1);
	assert_int_equal(take(r, 1, 10, START_US + SECOND_US), 1);
	assert_null(ration_free(r));
	assert_null(ration_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_alone),
		cmocka_unit_test(test_share_of_a_source),
		cmocka_unit_test(test_nobody_starves_another),
		cmocka_unit_test(test_all_together),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_slowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
