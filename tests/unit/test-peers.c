/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peers: found by path and by session, also where buckets collide; each of them once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "plugins/registrar/path.h"
#include "plugins/registrar/peers.h"

#define N 3000 /* more than there are buckets */

static struct path paths[N];
static struct peers_entry entries[N];
static struct peers peers;

static int setup(void **state)
{
	peers = (struct peers){ 0 };
	for (uint32_t i = 0; i < N; i++) {
		paths[i] = (struct path){ .channel = 1 };
		paths[i].local.any.sa_family = paths[i].peer.any.sa_family = AF_INET;
		paths[i].peer.in.sin_addr.s_addr = htonl(0x0a000000 + i / 7);
		paths[i].peer.in.sin_port = htons((uint16_t)(1000 + i % 7));
		peers_add(&peers, &entries[i], &paths[i], i * 512);
	}
	return 0;
}

static void test_find(void **state)
{
	struct path stranger = paths[0];

	assert_int_equal(peers.n, N);
	for (uint32_t i = 0; i < N; i++) {
		struct path copy = paths[i];

		assert_ptr_equal(peers_find_path(&peers, &copy), &entries[i]);
		assert_ptr_equal(peers_find_session(&peers, i * 512), &entries[i]);
	}
	stranger.channel = 2;
	assert_null(peers_find_path(&peers, &stranger));
	assert_null(peers_find_session(&peers, 1));
}

static void test_remove(void **state)
{
	for (uint32_t i = 0; i < N; i += 2)
		peers_remove(&peers, &entries[i]);
	assert_int_equal(peers.n, N / 2);
	for (uint32_t i = 0; i < N; i++) {
		struct peers_entry *expected = i % 2 ? &entries[i] : NULL;

		assert_ptr_equal(peers_find_path(&peers, &paths[i]), expected);
		assert_ptr_equal(peers_find_session(&peers, i * 512), expected);
	}
}

static void test_each_once_and_removed_meanwhile(void **state)
{
	struct peers_cursor cursor = { 0 };
	struct peers_entry *entry;
	static unsigned seen[N];
	size_t n = 0;

	while ((entry = peers_next(&peers, &cursor))) {
		seen[entry - entries]++;
		n++;
		peers_remove(&peers, entry);
	}
	assert_int_equal(n, N);
	assert_int_equal(peers.n, 0);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	assert_null(peers_next(&peers, &cursor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_find, setup),
		cmocka_unit_test_setup(test_remove, setup),
		cmocka_unit_test_setup(test_each_once_and_removed_meanwhile, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
