/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clear: each message under each number by each proof, and everything that is no such message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "plugins/registrar/clear.h"
#include "plugins/registrar/record.h"

#define HELLO_SEQUENCE 1

struct datagram {
	uint8_t data[256];
	size_t len;
};

static void put(struct datagram *d, uint8_t type, uint8_t epoch, const void *payload, size_t len)
{
	uint8_t *at = d->data + d->len;

	memset(at, 0, RECORD_HEADER_LEN);
	at[0] = type;
	at[1] = 0xfe;
	at[2] = 0xfd;
	at[4] = epoch;
	at[12] = (uint8_t)len;
	memcpy(at + RECORD_HEADER_LEN, payload, len);
	d->len += RECORD_HEADER_LEN + len;
}

/* A message of four bytes; `fragment` of them from the first. */
static void put_message(struct datagram *d, uint8_t type, uint16_t sequence, uint8_t fragment)
{
	const uint8_t message[HANDSHAKE_HEADER_LEN + 4] = {
		type, 0, 0, 4, (uint8_t)(sequence >> 8), (uint8_t)sequence, 0, 0, 0, 0, 0, fragment
	};

	put(d, RECORD_HANDSHAKE, 0, message, HANDSHAKE_HEADER_LEN + fragment);
}

static bool is_expected(const struct datagram *d, enum gw_proof proof)
{
	return clear_is_expected((struct gw_blob){ d->data, d->len }, proof, HELLO_SEQUENCE);
}

static void test_every_message(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		for (uint16_t sequence = 0; sequence < 8; sequence++) {
			struct datagram d = { .len = 0 };

			put_message(&d, (uint8_t)type, sequence, 4);
			assert_int_equal(is_expected(&d, GW_PROOF_PSK),
					 type == 16 && sequence == 2);
			assert_int_equal(is_expected(&d, GW_PROOF_CERTIFICATE),
					 (type == 11 && sequence == 2) ||
						 (type == 16 && sequence == 3) ||
						 (type == 15 && sequence == 4));
		}
	}
}

static void test_numbers_go_round(void **state)
{
	struct datagram d = { .len = 0 };

	put_message(&d, 16, 0, 4);
	assert_true(clear_is_expected((struct gw_blob){ d.data, d.len }, GW_PROOF_PSK, 65535));
	assert_false(clear_is_expected((struct gw_blob){ d.data, d.len }, GW_PROOF_PSK, 65534));
}

static void test_fragments(void **state)
{
	struct datagram d = { .len = 0 };

	put_message(&d, 16, 2, 1);
	put_message(&d, 16, 2, 3);
	assert_true(is_expected(&d, GW_PROOF_PSK));
	d.data[d.len - 3 - 1] = 4; /* the second claims a byte that is not there */
	assert_false(is_expected(&d, GW_PROOF_PSK));
}

/* Whatever else comes with them, in whatever order. */
static void test_with_others(void **state)
{
	static const uint8_t sealed[40], wrong[] = { 2 }, two[] = { 1, 1 };
	static const struct {
		uint8_t type, epoch;
		const uint8_t *payload;
		size_t len;
		bool expected;
	} others[] = {
		{ RECORD_CHANGE_CIPHER_SPEC, 0, two, 1, true },
		{ RECORD_CHANGE_CIPHER_SPEC, 0, two, 2, false },
		{ RECORD_CHANGE_CIPHER_SPEC, 0, wrong, 1, false },
		{ RECORD_ALERT, 0, two, 2, false },
		{ RECORD_APPLICATION_DATA, 0, two, 2, false },
		{ RECORD_HANDSHAKE, 0, two, 2, false },
		{ RECORD_HANDSHAKE, 1, sealed, sizeof(sealed), true },
		{ RECORD_ALERT, 1, sealed, sizeof(sealed), true },
		{ RECORD_APPLICATION_DATA, 1, sealed, sizeof(sealed), true },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		for (int first = 0; first < 2; first++) {
			struct datagram d = { .len = 0 };

			if (first)
				put_message(&d, 16, 2, 4);
			put(&d, others[i].type, others[i].epoch, others[i].payload, others[i].len);
			if (!first)
				put_message(&d, 16, 2, 4);
			assert_int_equal(is_expected(&d, GW_PROOF_PSK), others[i].expected);
		}
	}
}

static void test_change_of_another_version(void **state)
{
	struct datagram d = { .len = 0 };

	put(&d, RECORD_CHANGE_CIPHER_SPEC, 0, "\1", 1);
	assert_true(is_expected(&d, GW_PROOF_PSK));
	d.data[2] = 0xff;
	assert_false(is_expected(&d, GW_PROOF_PSK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message),
		cmocka_unit_test(test_numbers_go_round),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_with_others),
		cmocka_unit_test(test_change_of_another_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
