/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who was seen, who was told. A neighbour has three views (absent, present with one card, present with
 * another); all ways through three of them are walked, with and without telling in between. Then the
 * resync, the limits, and long random walks against a model of two arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/util.h"
#include "plugins/ip/neighbour.h"

static int set_up(void **state)
{
	*state = neighbours_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	assert_null(neighbours_free(*state));
	return 0;
}

/* View 0: absent; others: present, with that in the link address. */
static struct neighbour make(unsigned number, unsigned view)
{
	struct neighbour n = { .interface = "eth0",
			       .family = AF_INET,
			       .address = { (uint8_t)(number >> 8), (uint8_t)number },
			       .present = view > 0,
			       .mac = { (uint8_t)view },
			       .mac_len = view > 0 ? 6 : 0 };

	return n;
}

static void see(struct neighbours *all, unsigned number, unsigned view)
{
	struct neighbour n = make(number, view);

	assert_in_range(neighbours_see(all, &n), 0, 1);
}

static void assert_told(struct neighbours *all, unsigned number, unsigned view)
{
	struct neighbour expected = make(number, view), told;

	assert_true(neighbours_next(all, &told));
	assert_string_equal(told.interface, "eth0");
	assert_int_equal(told.family, AF_INET);
	assert_memory_equal(told.address, expected.address, sizeof(told.address));
	assert_int_equal(told.present, expected.present);
	if (view > 0)
		assert_memory_equal(told.mac, expected.mac, sizeof(told.mac));
}

static void assert_silent(struct neighbours *all)
{
	struct neighbour told;

	assert_false(neighbours_next(all, &told));
}

static void test_every_way_through_three_views(void **state)
{
	struct neighbours *all = *state;

	for (unsigned first = 0; first < 3; first++)
		for (unsigned second = 0; second < 3; second++)
			for (unsigned third = 0; third < 3; third++) {
				see(all, 1, first);
				if (first)
					assert_told(all, 1, first);
				assert_silent(all);

				see(all, 1, second); /* not told: third comes too soon */
				see(all, 1, third);
				if (third != first)
					assert_told(all, 1, third);
				assert_silent(all);
				assert_int_equal(neighbours_count(all), third > 0);

				see(all, 1, 0);
				if (third)
					assert_told(all, 1, 0);
				assert_silent(all);
				assert_int_equal(neighbours_count(all), 0);
			}
}

static void test_a_farewell_carries_the_card(void **state)
{
	struct neighbours *all = *state;
	struct neighbour told;

	see(all, 1, 2);
	assert_told(all, 1, 2);
	see(all, 1, 0);
	assert_true(neighbours_next(all, &told));
	assert_false(told.present);
	assert_int_equal(told.mac_len, 6);
	assert_int_equal(told.mac[0], 2);
}

static void test_order_of_coming(void **state)
{
	struct neighbours *all = *state;

	for (unsigned i = 0; i < 10; i++)
		see(all, i, 1);
	see(all, 3, 2); /* waits already: keeps its place */
	for (unsigned i = 0; i < 10; i++)
		assert_told(all, i, i == 3 ? 2 : 1);
	assert_silent(all);
}

/* The key is interface, family and address: each alone makes another neighbour. */
static void test_key(void **state)
{
	struct neighbours *all = *state;
	struct neighbour n = make(1, 1);

	assert_int_equal(neighbours_see(all, &n), 1);
	n.family = AF_INET6;
	assert_int_equal(neighbours_see(all, &n), 1);
	n.address[15] = 1;
	assert_int_equal(neighbours_see(all, &n), 1);
	n.interface[3] = '1';
	assert_int_equal(neighbours_see(all, &n), 1);
	assert_int_equal(neighbours_see(all, &n), 0);
	assert_int_equal(neighbours_count(all), 4);

	neighbours_drop(all, "eth1");
	assert_int_equal(neighbours_count(all), 4); /* its turn to be forgotten comes */
	for (int i = 0; i < 3; i++)
		assert_true(neighbours_next(all, &n));
	assert_silent(all);
	assert_int_equal(neighbours_count(all), 3);
}

static void test_drop_of_the_told(void **state)
{
	struct neighbours *all = *state;

	see(all, 1, 1);
	see(all, 2, 1);
	assert_told(all, 1, 1);
	neighbours_drop(all, "eth0");
	assert_told(all, 1, 0);
	assert_silent(all);
	assert_int_equal(neighbours_count(all), 0);
}

static void test_resync(void **state)
{
	struct neighbours *all = *state;

	for (unsigned i = 0; i < 4; i++)
		see(all, i, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_told(all, i, 1);

	neighbours_begin(all);
	see(all, 0, 1); /* as it was */
	see(all, 1, 2); /* another card */
	see(all, 9, 1); /* new */
	see(all, 3, 0); /* gone by word of the kernel; 2 was not mentioned */
	assert_told(all, 1, 2);
	assert_told(all, 9, 1);
	assert_int_equal(neighbours_end(all), 1);
	assert_told(all, 3, 0);
	assert_told(all, 2, 0);
	assert_silent(all);
	assert_int_equal(neighbours_count(all), 3);

	/* A resync that was given up leaves nothing behind for the next one. */
	neighbours_begin(all);
	neighbours_begin(all);
	see(all, 0, 1);
	see(all, 1, 2);
	see(all, 9, 1);
	assert_int_equal(neighbours_end(all), 0);
	assert_silent(all);
}

/* What was seen last counts, told or not. */
static void test_what_is_a_change(void **state)
{
	struct neighbours *all = *state;

	for (unsigned before = 0; before < 3; before++)
		for (unsigned after = 0; after < 3; after++) {
			struct neighbour n = make(1, after);

			see(all, 1, before);
			assert_int_equal(neighbours_see(all, &n), before != after);
			assert_int_equal(neighbours_see(all, &n), 0);
			see(all, 1, 0);
		}
}

static void test_clear(void **state)
{
	struct neighbours *all = *state;

	see(all, 1, 1);
	see(all, 2, 1);
	assert_told(all, 1, 1);
	neighbours_clear(all);
	assert_silent(all);
	assert_int_equal(neighbours_count(all), 0);
	see(all, 1, 1);
	assert_told(all, 1, 1);
	assert_silent(all);
}

static void test_full_table(void **state)
{
	struct neighbours *all = *state;
	struct neighbour n;

	for (unsigned i = 0; i < NEIGHBOURS_MAX; i++)
		see(all, i, 1);
	n = make(NEIGHBOURS_MAX, 1);
	assert_int_equal(neighbours_see(all, &n), -ENOSPC);
	n = make(NEIGHBOURS_MAX, 0);
	assert_int_equal(neighbours_see(all, &n), 0);
	see(all, 5, 2); /* one that is known has room */

	for (unsigned i = 0; i < NEIGHBOURS_MAX; i++)
		assert_told(all, i, i == 5 ? 2 : 1);
	see(all, 7, 0);
	assert_told(all, 7, 0);
	see(all, NEIGHBOURS_MAX, 1);
	assert_told(all, NEIGHBOURS_MAX, 1);
	assert_silent(all);
}

/* What the agent believes in the end is what was seen, whatever happened on the way. */
static void test_random_walks(void **state)
{
	enum { N = 40 };
	struct neighbours *all = *state;
	unsigned seen[N] = { 0 }, believed[N] = { 0 };
	struct neighbour told;
	bool in_dump = false, mentioned[N];

	srandom(1);
	for (int step = 0; step < 200000; step++) {
		unsigned number = (unsigned)random() % N, what = (unsigned)random() % 100;

		if (what < 60) {
			seen[number] = (unsigned)random() % 3;
			see(all, number, seen[number]);
			mentioned[number] = true;
		} else if (what < 98) {
			if (neighbours_next(all, &told))
				believed[told.address[1]] = told.present ? told.mac[0] : 0;
		} else if (!in_dump) {
			neighbours_begin(all);
			(void)memset(mentioned, 0, sizeof(mentioned));
			in_dump = true;
		} else {
			neighbours_end(all);
			for (unsigned i = 0; i < N; i++)
				seen[i] = mentioned[i] ? seen[i] : 0;
			in_dump = false;
		}
	}
	while (neighbours_next(all, &told))
		believed[told.address[1]] = told.present ? told.mac[0] : 0;
	assert_memory_equal(seen, believed, sizeof(seen));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_every_way_through_three_views),
		TEST(test_a_farewell_carries_the_card),
		TEST(test_order_of_coming),
		TEST(test_key),
		TEST(test_drop_of_the_told),
		TEST(test_resync),
		TEST(test_what_is_a_change),
		TEST(test_clear),
		TEST(test_full_table),
		TEST(test_random_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
