/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record: records and handshake fragments one after the other, every truncation, what is not fed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "plugins/registrar/record.h"

/* A handshake record with two fragments, then a change of keys. */
static const uint8_t two[] = {
	22, 0xfe, 0xfd, 0, 0, 0, 0, 1, 2, 3, 4, 0, 27,       /* record */
	16, 0,    0,    9, 0, 2, 0, 0, 4, 0, 0, 2, 'a', 'b', /* bytes 4 and 5 of 9 */
	16, 0,    0,    9, 0, 2, 0, 0, 8, 0, 0, 1, 'c',      /* byte 8 of 9 */
	20, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1,   1,
};

static void test_two_records(void **state)
{
	struct gw_blob rest = GW_BLOB_ARRAY(two);
	struct record record;

	assert_int_equal(record_next(&rest, &record), 0);
	assert_int_equal(record.type, RECORD_HANDSHAKE);
	assert_int_equal(record.version, DTLS_1_2);
	assert_int_equal(record.epoch, 0);
	assert_int_equal(record.sequence, 0x01020304);
	assert_int_equal(record.fragment.len, 27);

	assert_int_equal(record_next(&rest, &record), 0);
	assert_int_equal(record.type, RECORD_CHANGE_CIPHER_SPEC);
	assert_int_equal(record.version, DTLS_1_0);
	assert_int_equal(record.epoch, 0);
	assert_int_equal(record.sequence, 5);
	assert_int_equal(record.fragment.len, 1);
	assert_int_equal(rest.len, 0);
	assert_int_equal(record_next(&rest, &record), -EBADMSG);
}

static void test_two_fragments(void **state)
{
	struct gw_blob rest = { two + RECORD_HEADER_LEN, 27 };
	struct handshake message;

	assert_int_equal(handshake_next(&rest, &message), 0);
	assert_int_equal(message.type, HANDSHAKE_CLIENT_KEY_EXCHANGE);
	assert_int_equal(message.len, 9);
	assert_int_equal(message.sequence, 2);
	assert_int_equal(message.offset, 4);
	assert_int_equal(message.fragment.len, 2);
	assert_memory_equal(message.fragment.data, "ab", 2);

	assert_int_equal(handshake_next(&rest, &message), 0);
	assert_int_equal(message.offset, 8);
	assert_int_equal(message.fragment.len, 1);
	assert_int_equal(rest.len, 0);
	assert_int_equal(handshake_next(&rest, &message), -EBADMSG);
}

static void test_truncated(void **state)
{
	struct handshake message;
	struct record record;

	for (size_t len = 0; len < RECORD_HEADER_LEN + 27; len++) {
		struct gw_blob rest = { two, len };

		assert_int_equal(record_next(&rest, &record), -EBADMSG);
		assert_int_equal(rest.len, len);
	}
	for (size_t len = 0; len < HANDSHAKE_HEADER_LEN + 2; len++) {
		struct gw_blob rest = { two + RECORD_HEADER_LEN, len };

		assert_int_equal(handshake_next(&rest, &message), -EBADMSG);
		assert_int_equal(rest.len, len);
	}
	for (size_t len = 0; len < sizeof(two); len++)
		assert_int_equal(record_datagram_is_whole((struct gw_blob){ two, len }),
				 len == RECORD_HEADER_LEN + 27);
	assert_true(record_datagram_is_whole(GW_BLOB_ARRAY(two)));
}

static void test_fragment_outside_message(void **state)
{
	uint8_t data[HANDSHAKE_HEADER_LEN + 2];
	struct handshake message;

	for (uint8_t offset = 0; offset < 20; offset++) {
		struct gw_blob rest = GW_BLOB_ARRAY(data);

		memcpy(data, two + RECORD_HEADER_LEN, sizeof(data));
		data[8] = offset;
		assert_int_equal(handshake_next(&rest, &message), offset <= 7 ? 0 : -EBADMSG);
	}
}

static void test_not_fed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 19 }, { 0, 24 }, { 0, 0x2f }, { 1, 3 }, { 2, 0xfc }, { 4, 2 }, { 3, 1 }
	};
	uint8_t data[sizeof(two)];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(data, two, sizeof(data));
		data[wrong[i].at] = wrong[i].value;
		assert_false(record_datagram_is_whole(GW_BLOB_ARRAY(data)));

		/* in the second record just as in the first */
		memcpy(data, two, sizeof(data));
		data[RECORD_HEADER_LEN + 27 + wrong[i].at] = wrong[i].value;
		assert_false(record_datagram_is_whole(GW_BLOB_ARRAY(data)));
	}
}

/* Too short for its encryption is as fatal to wolfSSL as a wrong version, and nobody has proved anything yet. */
static void test_sealed(void **state)
{
	uint8_t data[RECORD_HEADER_LEN + 17] = { 23, 0xfe, 0xfd, 0, 1 };

	for (uint8_t len = 0; len <= 17; len++) {
		data[12] = len;
		assert_int_equal(
			record_datagram_is_whole((struct gw_blob){ data, RECORD_HEADER_LEN + len }),
			len >= 16);
	}
	data[2] = 0xff;
	assert_false(record_datagram_is_whole(GW_BLOB_ARRAY(data)));
}

static void test_renumber(void **state)
{
	uint8_t data[2 * sizeof(two) + RECORD_HEADER_LEN + 1];
	uint64_t next = (1ull << 48) - 1;
	struct gw_blob rest = GW_BLOB_ARRAY(data);
	const uint64_t expected[] = { (1ull << 48) - 1, 0, 0x01020304, 1 };
	struct record record;

	memcpy(data, two, sizeof(two));
	memcpy(data + sizeof(two), two, sizeof(two));
	data[sizeof(two) + 4] = 1;                                   /* the third is of epoch 1 */
	memset(data + 2 * sizeof(two), 0x55, RECORD_HEADER_LEN + 1); /* and the last none */
	record_renumber_clear(data, sizeof(data), &next);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(record_next(&rest, &record), 0);
		assert_int_equal(record.sequence, expected[i]);
	}
	for (size_t i = 0; i < rest.len; i++)
		assert_int_equal(rest.data[i], 0x55);
}

static void test_empty_record_is_not_fed(void **state)
{
	static const uint8_t empty[] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0 };

	assert_false(record_datagram_is_whole(GW_BLOB_ARRAY(empty)));
	assert_false(record_datagram_is_whole((struct gw_blob){ empty, 0 }));
}

static void test_first_and_has(void **state)
{
	const struct record none = record_first((struct gw_blob){ two, 5 });

	assert_int_equal(record_first(GW_BLOB_ARRAY(two)).type, RECORD_HANDSHAKE);
	assert_int_equal(none.type, 0);
	assert_int_equal(none.fragment.len, 0);
	assert_true(record_datagram_has(GW_BLOB_ARRAY(two), RECORD_HANDSHAKE));
	assert_true(record_datagram_has(GW_BLOB_ARRAY(two), RECORD_CHANGE_CIPHER_SPEC));
	assert_false(record_datagram_has(GW_BLOB_ARRAY(two), RECORD_ALERT));
	assert_false(record_datagram_has((struct gw_blob){ two, RECORD_HEADER_LEN + 27 },
					 RECORD_CHANGE_CIPHER_SPEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_records),
		cmocka_unit_test(test_two_fragments),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_fragment_outside_message),
		cmocka_unit_test(test_not_fed),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_renumber),
		cmocka_unit_test(test_empty_record_is_not_fed),
		cmocka_unit_test(test_first_and_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
