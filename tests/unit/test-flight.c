/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flight: what is new always leaves, what is repeated leaves once for the peer and whenever we want. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/registrar/flight.h"
#include "plugins/registrar/record.h"

static unsigned record_number; /* a repetition has a new one */

/* Whether a message leaves: one byte of it, which begins at that offset of 9. */
static bool send_message(struct flight *f, uint8_t type, uint8_t epoch, uint8_t sequence,
			 uint8_t offset)
{
	const uint8_t datagram[] = {
		type, 0xfe, 0xfd, 0,   epoch, 0, 0, 0,        0, 0, (uint8_t)record_number++,
		0,    13,   12,   0,   0,     9, 0, sequence, 0, 0, offset,
		0,    0,    1,    'x',
	};

	return flight_leaves(f, GW_BLOB_ARRAY(datagram));
}

static bool send_clear(struct flight *f, uint8_t sequence, uint8_t offset)
{
	return send_message(f, RECORD_HANDSHAKE, /* epoch= */ 0, sequence, offset);
}

/* A record of the peer's: its first byte is a handshake message's type. */
static void hear(struct flight *f, uint8_t type, uint8_t epoch, uint8_t first)
{
	const uint8_t datagram[] = { type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 1, first };

	flight_answer(f, GW_BLOB_ARRAY(datagram));
}

static void hear_hello(struct flight *f)
{
	hear(f, RECORD_HANDSHAKE, /* epoch= */ 0, HANDSHAKE_CLIENT_HELLO);
}

static void test_what_is_new_leaves(void **state)
{
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 0, 0));
	assert_true(send_clear(&f, 1, 0));
	assert_true(send_clear(&f, 1, 4)); /* the rest of the same message */
	assert_true(send_clear(&f, 1, 8));
	assert_true(send_clear(&f, 2, 0));
}

static void test_a_chase_ends(void **state)
{
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	assert_true(send_clear(&f, 2, 0));

	hear_hello(&f); /* a flight of two datagrams is repeated whole */
	assert_true(send_clear(&f, 1, 0));
	assert_true(send_clear(&f, 2, 0));

	for (unsigned i = 0; i < 10; i++) {
		hear_hello(&f);
		assert_false(send_clear(&f, 1, 0));
		assert_false(send_clear(&f, 2, 0));
	}
}

static void test_our_timer_begins_anew(void **state)
{
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	for (unsigned i = 0; i < 3; i++) {
		hear_hello(&f);
		assert_true(send_clear(&f, 1, 0));
		hear_hello(&f);
		assert_false(send_clear(&f, 1, 0));
		flight_on_timer(&f);
		assert_true(send_clear(&f, 1, 0));
	}
}

static void test_the_next_flight_is_new(void **state)
{
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	hear_hello(&f);
	assert_true(send_clear(&f, 2, 0));
	hear_hello(&f);
	assert_true(send_clear(&f, 2, 0));
	hear_hello(&f);
	assert_false(send_clear(&f, 2, 0));
}

/* Whatever of its next flight came, and even if it had to wait: ours has arrived whole. */
static void test_a_peer_that_went_on_has_it_all(void **state)
{
	static const uint8_t next[][3] = {
		{ RECORD_HANDSHAKE, 0, HANDSHAKE_CLIENT_KEY_EXCHANGE },
		{ RECORD_CHANGE_CIPHER_SPEC, 0, 1 },
		{ RECORD_HANDSHAKE, 1, HANDSHAKE_CLIENT_HELLO },
		{ RECORD_APPLICATION_DATA, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		struct flight f = { 0 };

		hear_hello(&f);
		assert_true(send_clear(&f, 1, 0));
		flight_on_timer(&f);
		assert_true(send_clear(&f, 1, 0));
		hear(&f, next[i][0], next[i][1], next[i][2]);
		assert_false(send_clear(&f, 1, 0));
		flight_on_timer(&f);
		assert_false(send_clear(&f, 1, 0));

		/* unless somebody else sent that */
		hear_hello(&f);
		assert_true(send_clear(&f, 1, 0));
		hear_hello(&f);
		assert_false(send_clear(&f, 1, 0));
		flight_on_timer(&f);
		hear_hello(&f);
		assert_true(send_clear(&f, 1, 0));
	}
}

static void test_what_waits_tells_the_same(void **state)
{
	static const uint8_t change[] = {
		RECORD_CHANGE_CIPHER_SPEC, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1
	};
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	flight_notice(&f, GW_BLOB_ARRAY(change));
	flight_on_timer(&f);
	assert_false(send_clear(&f, 1, 0));
}

static void test_an_alert_tells_nothing(void **state)
{
	struct flight f = { 0 };

	hear_hello(&f);
	assert_true(send_clear(&f, 1, 0));
	hear(&f, RECORD_ALERT, 0, 1);
	flight_on_timer(&f);
	assert_true(send_clear(&f, 1, 0));
}

/* Changes of keys, what is encrypted, alerts, and what cannot be read at all: none of our business. */
static void test_other_things_leave(void **state)
{
	static const uint8_t stub[] = { RECORD_HANDSHAKE, 0xfe, 0xfd };
	struct flight f = { .newest = UINT64_MAX };

	assert_false(send_clear(&f, 1, 0));
	assert_true(send_message(&f, RECORD_HANDSHAKE, /* epoch= */ 1, 1, 0));
	assert_true(send_message(&f, RECORD_CHANGE_CIPHER_SPEC, 0, 1, 0));
	assert_true(send_message(&f, RECORD_ALERT, 0, 1, 0));
	assert_true(send_message(&f, RECORD_APPLICATION_DATA, 1, 1, 0));
	assert_true(flight_leaves(&f, GW_BLOB_ARRAY(stub)));
	assert_true(flight_leaves(&f, (struct gw_blob){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_new_leaves),
		cmocka_unit_test(test_a_chase_ends),
		cmocka_unit_test(test_our_timer_begins_anew),
		cmocka_unit_test(test_the_next_flight_is_new),
		cmocka_unit_test(test_a_peer_that_went_on_has_it_all),
		cmocka_unit_test(test_what_waits_tells_the_same),
		cmocka_unit_test(test_an_alert_tells_nothing),
		cmocka_unit_test(test_other_things_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
