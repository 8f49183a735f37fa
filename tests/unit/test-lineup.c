/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lineup: who goes, by source and in all; and the paths that tell sources apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

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

static void test_total(void **state)
{
	struct lineup list = { .max = 3, .max_per_source = 3 };
	struct path paths[4] = { make("192.0.2.1", 1), make("192.0.2.2", 1), make("192.0.2.3", 1),
				 make("192.0.2.4", 1) };
	struct lineup_item items[4] = { 0 };

	for (size_t i = 0; i < 3; i++) {
		assert_null(lineup_excess(&list, &paths[i]));
		lineup_add(&list, &items[i], &paths[i]);
	}
	assert_ptr_equal(lineup_excess(&list, &paths[3]), &items[0]);

	lineup_remove(&list, &items[1]); /* out of the middle */
	assert_null(lineup_excess(&list, &paths[3]));
	lineup_add(&list, &items[3], &paths[3]);
	lineup_remove(&list, &items[0]);
	assert_int_equal(list.n, 2);
	assert_ptr_equal(list.oldest, &items[2]);
	assert_ptr_equal(list.newest, &items[3]);
}

static void test_source(void **state)
{
	struct lineup list = { .max = 10, .max_per_source = 2 };
	struct path stranger = make("192.0.2.1", 1), other = make("192.0.2.9", 1);
	struct path flood[3] = { make("192.0.2.7", 1), make("192.0.2.7", 2), make("192.0.2.7", 3) };
	struct lineup_item first = { 0 }, items[2] = { 0 };

	lineup_add(&list, &first, &stranger);
	lineup_add(&list, &items[0], &flood[0]);
	lineup_add(&list, &items[1], &flood[1]);
	assert_ptr_equal(lineup_excess(&list, &flood[2]), &items[0]);
	assert_null(lineup_excess(&list, &other));
}

static void test_remove_twice_and_again(void **state)
{
	struct lineup list = { .max = 1, .max_per_source = 1 };
	struct path path = make("2001:db8::1", 7);
	struct lineup_item item = { 0 };

	lineup_remove(&list, &item);
	lineup_add(&list, &item, &path);
	assert_ptr_equal(lineup_excess(&list, &path), &item);
	lineup_remove(&list, &item);
	lineup_remove(&list, &item);
	assert_int_equal(list.n, 0);
	assert_null(list.oldest);
	assert_null(list.newest);
	lineup_add(&list, &item, &path);
	assert_int_equal(list.n, 1);
}

static void test_paths(void **state)
{
	struct path a = make("192.0.2.1", 1), b = a;

	b.peer.in.sin_zero[3] = 9; /* nobody's */
	assert_true(path_equal(&a, &b));
	assert_int_equal(path_hash(&a), path_hash(&b));
	assert_true(path_same_source(&a, &b));

	b = make("192.0.2.1", 2);
	assert_false(path_equal(&a, &b));
	assert_true(path_same_source(&a, &b));
	assert_int_not_equal(path_hash(&a), path_hash(&b));

	b = make("192.0.2.2", 1);
	assert_false(path_equal(&a, &b));
	assert_false(path_same_source(&a, &b));

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
	assert_false(path_same_source(&a, &b));
}

static void test_paths_ipv6(void **state)
{
	struct path a = make("fe80::1", 1), b = a;

	assert_true(path_equal(&a, &b));
	b.peer.in6.sin6_scope_id = 3; /* the same address on another link is another host */
	assert_false(path_equal(&a, &b));
	assert_false(path_same_source(&a, &b));
	b = make("fe80::2", 1);
	assert_false(path_equal(&a, &b));
	assert_int_not_equal(path_hash(&a), path_hash(&b));
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
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_remove_twice_and_again),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_ipv6),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
