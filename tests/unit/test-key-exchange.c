/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key-exchange: the identity out of a message that is whole, cut into any fragments, shuffled, forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/blob.h"
#include "plugins/registrar/key-exchange.h"

#define SEQUENCE 2

/* identity, then a point as ECDHE-PSK has it */
static const uint8_t message[] = { 0, 9, 'A', 'C', 'M', 'E', '-', '0', '0', '0', '1', 3, 4, 5, 6 };

struct datagram {
	uint8_t data[2048];
	size_t len;
};

static void add_fragment(struct datagram *d, uint8_t type, uint8_t sequence, size_t len,
			 size_t offset, const uint8_t *data, size_t data_len)
{
	const uint8_t head[] = {
		22,
		0xfe,
		0xfd,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		1,
		(uint8_t)((data_len + 12) >> 8),
		(uint8_t)(data_len + 12),
		type,
		0,
		(uint8_t)(len >> 8),
		(uint8_t)len,
		0,
		sequence,
		0,
		(uint8_t)(offset >> 8),
		(uint8_t)offset,
		0,
		(uint8_t)(data_len >> 8),
		(uint8_t)data_len,
	};

	assert_true(d->len + sizeof(head) + data_len <= sizeof(d->data));
	memcpy(d->data + d->len, head, sizeof(head));
	if (data_len)
		memcpy(d->data + d->len + sizeof(head), data, data_len);
	d->len += sizeof(head) + data_len;
}

static void add(struct key_exchange *k, uint8_t type, uint8_t sequence, size_t len, size_t offset,
		const uint8_t *data, size_t data_len)
{
	struct datagram d = { .len = 0 };

	add_fragment(&d, type, sequence, len, offset, data, data_len);
	key_exchange_add(k, (struct gw_blob){ d.data, d.len });
}

static void add_part(struct key_exchange *k, size_t from, size_t to)
{
	add(k, 16, SEQUENCE, sizeof(message), from, message + from, to - from);
}

static void assert_identity(const struct key_exchange *k)
{
	struct gw_blob identity;

	assert_true(key_exchange_is_whole(k));
	assert_int_equal(key_exchange_identity(k, &identity), 0);
	assert_int_equal(identity.len, 9);
	assert_memory_equal(identity.data, "ACME-0001", 9);
}

static void test_whole(void **state)
{
	struct key_exchange k;

	key_exchange_init(&k, SEQUENCE);
	assert_false(key_exchange_is_whole(&k));
	add_part(&k, 0, sizeof(message));
	assert_identity(&k);
}

static void test_every_cut(void **state)
{
	struct key_exchange k;

	for (size_t cut = 1; cut < sizeof(message); cut++) {
		key_exchange_init(&k, SEQUENCE);
		add_part(&k, 0, cut);
		assert_false(key_exchange_is_whole(&k));
		add_part(&k, cut, sizeof(message));
		assert_identity(&k);

		key_exchange_init(&k, SEQUENCE);
		add_part(&k, cut, sizeof(message));
		assert_false(key_exchange_is_whole(&k));
		add_part(&k, cut, sizeof(message));
		add_part(&k, cut / 2, sizeof(message)); /* overlapping */
		add_part(&k, 0, cut);
		assert_identity(&k);
	}
}

static void test_byte_by_byte_in_one_datagram(void **state)
{
	struct datagram d = { .len = 0 };
	struct key_exchange k;

	for (size_t i = sizeof(message); i-- > 0;)
		add_fragment(&d, 16, SEQUENCE, sizeof(message), i, message + i, 1);
	key_exchange_init(&k, SEQUENCE);
	key_exchange_add(&k, (struct gw_blob){ d.data, d.len });
	assert_identity(&k);
}

static void test_others_are_not_it(void **state)
{
	struct datagram d = { .len = 0 };
	struct key_exchange k;

	key_exchange_init(&k, SEQUENCE);
	add(&k, 11, SEQUENCE, sizeof(message), 0, message, sizeof(message)); /* a Certificate */
	add(&k, 16, SEQUENCE - 1, sizeof(message), 0, message, sizeof(message));
	add(&k, 16, SEQUENCE, 0, 0, message, 0);
	add(&k, 16, SEQUENCE, KEY_EXCHANGE_MAX + 1, 0, message, sizeof(message));
	assert_int_equal(k.len, 0);
	assert_false(key_exchange_is_whole(&k));

	add_fragment(&d, 16, SEQUENCE, sizeof(message), 0, message, sizeof(message));
	d.data[4] = 1; /* epoch: encrypted, in fact */
	key_exchange_add(&k, (struct gw_blob){ d.data, d.len });
	assert_false(key_exchange_is_whole(&k));
}

static void test_length_does_not_change(void **state)
{
	struct key_exchange k;

	key_exchange_init(&k, SEQUENCE);
	add_part(&k, 0, 4);
	add(&k, 16, SEQUENCE, 400, 4, message, sizeof(message));
	assert_int_equal(k.len, sizeof(message));
	add_part(&k, 4, sizeof(message));
	assert_identity(&k);
}

static void test_largest(void **state)
{
	uint8_t large[KEY_EXCHANGE_MAX] = { 1, 0xfe };
	struct gw_blob identity;
	struct key_exchange k;

	key_exchange_init(&k, SEQUENCE);
	add(&k, 16, SEQUENCE, sizeof(large), 0, large, sizeof(large));
	assert_true(key_exchange_is_whole(&k));
	assert_int_equal(key_exchange_identity(&k, &identity), 0);
	assert_int_equal(identity.len, sizeof(large) - 2);
}

static void test_no_identity(void **state)
{
	static const uint8_t too_short[] = { 0 }, beyond[] = { 0, 2, 'A' }, empty[] = { 0, 0 };
	struct gw_blob identity;
	struct key_exchange k;

	key_exchange_init(&k, SEQUENCE);
	add(&k, 16, SEQUENCE, sizeof(too_short), 0, too_short, sizeof(too_short));
	assert_true(key_exchange_is_whole(&k));
	assert_int_equal(key_exchange_identity(&k, &identity), -EBADMSG);

	key_exchange_init(&k, SEQUENCE);
	add(&k, 16, SEQUENCE, sizeof(beyond), 0, beyond, sizeof(beyond));
	assert_int_equal(key_exchange_identity(&k, &identity), -EBADMSG);

	key_exchange_init(&k, SEQUENCE);
	add(&k, 16, SEQUENCE, sizeof(empty), 0, empty, sizeof(empty));
	assert_int_equal(key_exchange_identity(&k, &identity), 0);
	assert_int_equal(identity.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_byte_by_byte_in_one_datagram),
		cmocka_unit_test(test_others_are_not_it),
		cmocka_unit_test(test_length_does_not_change),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_no_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
