/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lineup: who goes, by source and in all; and the paths that tell sources apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "plugins/registrar/lineup.h"
#include "plugins/registrar/path.h"

static struct path make(const char *host, uint16_t port)
{
	struct path path = { .channel = 1, .interface = 2 };

	if (inet_pton(AF_INET, host, &path.peer.in.sin_addr) == 1) {
		path.peer.any.sa_family = AF_INET;
		path.peer.in.sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, host, &path.peer.in6.sin6_addr), 1);
		path.peer.any.sa_family = AF_INET6;
		path.peer.in6.sin6_port = htons(port);
	}
	path.local.any.sa_family = path.peer.any.sa_family;
	return path;
}

static struct lineup list;
static struct lineup_item items[64];
static struct path paths[64];
static size_t n_items;

static void begin(size_t max, size_t max_per_source)
{
	list = (struct lineup){ .max = max, .max_per_source = max_per_source, .seed = 42 };
	memset(items, 0, sizeof(items));
	n_items = 0;
}

static void end(void)
{
	for (size_t i = 0; i < n_items; i++)
		lineup_remove(&list, &items[i]);
	assert_int_equal(list.n, 0);
	for (size_t i = 0; i < LINEUP_BUCKETS; i++) {
		assert_null(list.hosts[i]);
		assert_null(list.networks[i]);
	}
}

/* Lets one in from there; returns who had to go. */
static struct lineup_item *come(const char *host)
{
	struct lineup_item *gone;

	paths[n_items] = make(host, (uint16_t)n_items);
	gone = lineup_excess(&list, &paths[n_items]);
	if (gone)
		lineup_remove(&list, gone);
	assert_int_equal(lineup_add(&list, &items[n_items], &paths[n_items]), 0);
	n_items++;
	assert_true(list.n <= list.max);
	return gone;
}

static void test_total(void **state)
{
	begin(3, 3);
	assert_null(come("192.0.2.1"));
	assert_null(come("198.51.100.2"));
	assert_null(come("203.0.113.3"));
	assert_ptr_equal(come("10.0.0.4"), &items[0]);

	lineup_remove(&list, &items[2]);
	assert_null(come("10.0.1.5"));
	assert_ptr_equal(come("10.0.2.6"), &items[1]);
	end();
}

static void test_host_has_its_share(void **state)
{
	begin(10, 2);
	assert_null(come("192.0.2.1"));
	assert_null(come("192.0.2.7"));
	assert_null(come("192.0.2.7"));
	assert_ptr_equal(come("192.0.2.7"), &items[1]);
	assert_ptr_equal(come("192.0.2.7"), &items[2]);
	assert_null(come("192.0.2.9"));
	end();
}

/* All that a flood from one host does, it does to itself. */
static void test_flood_from_a_host(void **state)
{
	begin(16, 16);
	for (size_t i = 0; i < 4; i++)
		assert_null(come("192.0.2.1")); /* a site behind one address, older than all */
	assert_null(come("192.0.2.2"));         /* a neighbour of the flood's */
	for (size_t i = 0; i < 11; i++)
		assert_null(come("192.0.2.66"));
	for (size_t i = 0; i < 30; i++)
		assert_ptr_equal(come("192.0.2.66"), &items[5 + i]);
	end();
}

/* From addresses without number of a network: the others keep theirs. */
static void test_flood_from_a_prefix(void **state)
{
	char host[40];

	begin(16, 16);
	assert_null(come("2001:db8:1::1"));
	assert_null(come("2001:db8:2::1"));
	assert_null(come("192.0.2.1"));
	assert_null(come("2001:db8:66::1"));
	assert_null(come("2001:db8:66::1"));
	for (size_t i = 0; i < 40; i++) {
		struct lineup_item *gone;

		(void)snprintf(host, sizeof(host), "2001:db8:66:0:%zx::1", i + 1);
		gone = come(host);
		if (i < 11)
			assert_null(gone);
		else
			assert_true(gone >= &items[3]);
	}
	end();
}

/* In a network that gives up one, it is a host with many that does. */
static void test_neighbour_of_a_flood(void **state)
{
	begin(8, 8);
	assert_null(come("fe80::1"));
	for (size_t i = 0; i < 7; i++)
		assert_null(come("fe80::66"));
	for (size_t i = 0; i < 20; i++)
		assert_ptr_equal(come("fe80::66"), &items[1 + i]);
	assert_ptr_equal(come("fe80::2"), &items[21]);
	end();
}

static void test_busy_go_last(void **state)
{
	begin(4, 4);
	for (size_t i = 0; i < 4; i++)
		assert_null(come("192.0.2.1"));
	lineup_touch(&items[0], true);
	lineup_touch(&items[1], true);
	assert_ptr_equal(come("192.0.2.1"), &items[2]);
	lineup_touch(&items[4], true);
	assert_ptr_equal(come("192.0.2.1"), &items[3]);
	lineup_touch(&items[5], true);
	assert_ptr_equal(come("192.0.2.1"), &items[0]);
	lineup_touch(&items[1], false);
	assert_ptr_equal(come("192.0.2.1"), &items[6]);
	assert_ptr_equal(come("192.0.2.1"), &items[1]);
	end();
}

static void test_heard_of(void **state)
{
	begin(3, 3);
	for (size_t i = 0; i < 3; i++)
		assert_null(come("192.0.2.1"));
	lineup_touch(&items[0], false);
	assert_ptr_equal(come("192.0.2.1"), &items[1]);
	lineup_touch(&items[2], false);
	assert_ptr_equal(come("192.0.2.1"), &items[0]);
	end();
}

static void test_remove_twice_and_again(void **state)
{
	struct path path = make("2001:db8::1", 7);

	begin(1, 1);
	lineup_remove(&list, &items[0]);
	assert_null(come("2001:db8::1"));
	assert_ptr_equal(lineup_excess(&list, &path), &items[0]);
	lineup_remove(&list, &items[0]);
	lineup_remove(&list, &items[0]);
	assert_int_equal(list.n, 0);
	assert_null(lineup_excess(&list, &path));
	end();
}

/* --- against a plain count, with dice --- */

typedef struct path_source (*part_t)(const struct path *path);

/* How many of those who are in share a host, or a network, with this path. */
static size_t count_like(const struct path *path, part_t part)
{
	struct path_source source = part(path);
	size_t n = 0;

	for (size_t i = 0; i < n_items; i++) {
		struct path_source its = part(&paths[i]);

		n += items[i].host && path_source_equal(&its, &source);
	}
	return n;
}

static size_t count_largest_network(void)
{
	size_t largest = 0, n;

	for (size_t i = 0; i < n_items; i++) {
		n = items[i].host ? count_like(&paths[i], path_network) : 0;
		largest = n > largest ? n : largest;
	}
	return largest;
}

/* A share is never exceeded, and who goes for want of room is of a network that has more than half as many
 * as any other. */
static void check_excess(const struct lineup_item *gone, const struct path *newcomer)
{
	struct path_source own = path_host(newcomer), its;

	if (count_like(newcomer, path_host) >= list.max_per_source) {
		assert_non_null(gone);
		its = path_host(&paths[gone - items]);
		assert_true(path_source_equal(&own, &its));
	} else if (list.n >= list.max) {
		assert_non_null(gone);
		assert_true(2 * count_like(&paths[gone - items], path_network) >
			    count_largest_network());
	} else {
		assert_null(gone);
	}
}

static void test_against_a_count(void **state)
{
	static const char *const hosts[] = { "10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2",
					     "10.0.1.3", "fe80::1",  "fe80::2",  "::1" };
	uint32_t dice = 1;

	begin(24, 8);
	n_items = sizeof(items) / sizeof(items[0]);
	for (size_t round = 0; round < 20000; round++) {
		struct lineup_item *item, *gone;
		struct path *path;

		dice = dice * 1664525 + 1013904223;
		item = &items[dice >> 26];
		path = &paths[dice >> 26];
		lineup_remove(&list, item);
		*path = make(hosts[dice & 0x10000 ? 0 : (dice >> 17) & 7], (uint16_t)round);
		gone = lineup_excess(&list, path);
		check_excess(gone, path);
		if (gone)
			lineup_remove(&list, gone);
		assert_int_equal(lineup_add(&list, item, path), 0);
		lineup_touch(item, dice & 0x400000);
	}
	end();
}

static bool path_same_host(const struct path *a, const struct path *b)
{
	struct path_source one = path_host(a), other = path_host(b);

	return path_source_equal(&one, &other);
}

static bool path_same_network(const struct path *a, const struct path *b)
{
	struct path_source one = path_network(a), other = path_network(b);

	return path_source_equal(&one, &other);
}

static void test_paths(void **state)
{
	struct path a = make("192.0.2.1", 1), b = a;

	b.peer.in.sin_zero[3] = 9; /* nobody's */
	assert_true(path_equal(&a, &b));
	assert_int_equal(path_hash(&a, 7), path_hash(&b, 7));
	assert_true(path_same_host(&a, &b));

	b = make("192.0.2.1", 2);
	assert_false(path_equal(&a, &b));
	assert_true(path_same_host(&a, &b));
	assert_int_not_equal(path_hash(&a, 7), path_hash(&b, 7));

	b = make("192.0.2.2", 1);
	assert_false(path_equal(&a, &b));
	assert_false(path_same_host(&a, &b));

	b = a;
	b.channel++;
	assert_false(path_equal(&a, &b));
	b = a;
	b.interface++;
	assert_false(path_equal(&a, &b));
	b = a;
	b.local.in.sin_addr.s_addr++;
	assert_false(path_equal(&a, &b));
	b = make("::1", 1);
	assert_false(path_equal(&a, &b));
	assert_false(path_same_host(&a, &b));
}

static void test_paths_ipv6(void **state)
{
	struct path a = make("fe80::1", 1), b = a;

	assert_true(path_equal(&a, &b));
	b.peer.in6.sin6_scope_id = 3; /* the same address on another link is another host */
	assert_false(path_equal(&a, &b));
	assert_false(path_same_host(&a, &b));
	b = make("fe80::2", 1);
	assert_false(path_equal(&a, &b));
	assert_int_not_equal(path_hash(&a, 7), path_hash(&b, 7));
}

static void test_networks(void **state)
{
	struct path a = make("192.0.2.1", 1), b = make("192.0.2.250", 2);
	struct path_source host = path_host(&a);

	assert_true(path_same_network(&a, &b));
	b = make("192.0.3.1", 1);
	assert_false(path_same_network(&a, &b));
	b = make("::ffff:192.0.2.1", 9); /* the same host, by a socket of the other family */
	assert_true(path_same_host(&a, &b));
	assert_true(path_same_network(&a, &b));
	assert_int_not_equal(path_source_hash(&host, 1), path_source_hash(&host, 2));

	a = make("2001:db8:1:2:3:4:5:6", 1);
	b = make("2001:db8:1:2:ffff::", 1);
	assert_true(path_same_network(&a, &b));
	assert_false(path_same_host(&a, &b));
	b = make("2001:db8:1:3:3:4:5:6", 1);
	assert_false(path_same_network(&a, &b));
	a = b;
	b.peer.in6.sin6_scope_id = 3;
	assert_false(path_same_network(&a, &b));
}

static void test_print(void **state)
{
	struct path path = make("192.0.2.1", 40000);
	char text[80];

	path_print(&path, text, sizeof(text));
	assert_string_equal(text, "192.0.2.1:40000");
	path = make("fe80::1", 5684);
	path_print(&path, text, sizeof(text));
	assert_string_equal(text, "[fe80::1]:5684");
	path.peer.in6.sin6_scope_id = 3;
	path_print(&path, text, sizeof(text));
	assert_string_equal(text, "[fe80::1%3]:5684");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_host_has_its_share),
		cmocka_unit_test(test_flood_from_a_host),
		cmocka_unit_test(test_flood_from_a_prefix),
		cmocka_unit_test(test_neighbour_of_a_flood),
		cmocka_unit_test(test_busy_go_last),
		cmocka_unit_test(test_heard_of),
		cmocka_unit_test(test_remove_twice_and_again),
		cmocka_unit_test(test_against_a_count),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_ipv6),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
