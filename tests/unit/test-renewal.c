/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a certificate is to be renewed, how a fleet is spread, and when it is too late. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/renewal.h"
#include "agent/store-certificate.h"
#include "lib/util.h"

#define DAY 86400ull

static struct certificate_record some(uint64_t not_before, uint64_t issued, uint64_t not_after)
{
	struct certificate_record record = {
		.serial_len = 3,
		.serial = { 0x5e, 0x00, 0xff },
		.not_before = not_before,
		.issued = issued,
		.not_after = not_after,
	};

	(void)gw_copy(record.device, sizeof(record.device), "ACME-1");
	return record;
}

static void a_share_of_its_life(void **state)
{
	struct certificate_record one = some(1000, 1000, 2000);

	assert_true(renewal_at(&one, 66, 0) == 1660);
	assert_true(renewal_at(&one, 1, 0) == 1010);
	assert_true(renewal_at(&one, 99, 0) == 1990);
}

/* Dated back by an hour, it lives for a minute nevertheless; and a clock that was wrong when it came decides nothing. */
static void life_begins_when_it_came(void **state)
{
	struct certificate_record one = some(10000, 13600, 13660);

	assert_true(renewal_at(&one, 50, 0) == 13630);
	one.issued = 5;
	assert_true(renewal_at(&one, 50, 0) == 11830);
	one.issued = 99999;
	assert_true(renewal_at(&one, 50, 0) == 11830);
}

static void dates_that_make_no_sense(void **state)
{
	struct certificate_record one = some(2000, 2000, 2000);

	assert_true(renewal_at(&one, 66, 50) == 0);
	one.not_after = 1999;
	assert_true(renewal_at(&one, 66, 50) == 0);
	one = some(0, 0, UINT64_MAX);
	assert_true(renewal_at(&one, 66, 100) >= UINT64_MAX / 100 * 66);
}

static void sooner_if_it_is_asked_for(void **state)
{
	struct certificate_record one = some(1000, 1000, 2000);

	one.renew_asked = 1200;
	assert_true(renewal_at(&one, 66, 0) == 1200);
	one.renew_asked = 1900;
	assert_true(renewal_at(&one, 66, 0) == 1660);
}

/* Each tenth of the time gets about a tenth of a fleet whose ids are counted up; always the same ones. */
static void a_fleet_is_spread(void **state)
{
	unsigned tenths[10] = { 0 };

	for (unsigned i = 0; i < 2000; i++) {
		struct certificate_record one = some(0, 0, 90 * DAY);
		uint64_t from = 90 * DAY / 100 * 60, to = from + 90 * DAY / 100 * 20, at;

		(void)snprintf(one.device, sizeof(one.device), "ACME-%06u", i);
		at = renewal_at(&one, 60, 50);
		assert_true(at >= from && at < to);
		assert_true(renewal_at(&one, 60, 50) == at);
		tenths[(at - from) * 10 / (to - from)]++;
	}
	for (size_t i = 0; i < GW_ELEMENTS(tenths); i++)
		assert_in_range(tenths[i], 140, 260);
}

/* Few devices, too: ten that differ in their last digit have no hour in common. */
static void neighbours_are_spread(void **state)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < 10; i++) {
		struct certificate_record one = some(0, 0, 90 * DAY);
		uint64_t at;

		(void)snprintf(one.device, sizeof(one.device), "ACME-%u", i);
		at = renewal_at(&one, 60, 50);
		first = GW_MIN(first, at);
		last = GW_MAX(last, at);
	}
	assert_true(last - first > 9 * DAY); /* of eighteen */
}

static void too_late(void **state)
{
	struct certificate_record one = some(0, 0, 10 * DAY);

	assert_false(renewal_is_too_late(&one, 10 * DAY - 1));
	assert_true(renewal_is_too_late(&one, 10 * DAY));
	assert_false(renewal_grace_is_over(&one, 3, 5 * DAY));
	assert_false(renewal_grace_is_over(&one, 3, 13 * DAY - 1));
	assert_true(renewal_grace_is_over(&one, 3, 13 * DAY));
	one.not_after = UINT64_MAX;
	assert_false(renewal_grace_is_over(&one, 3, 13 * DAY));
}

static void generations_are_no_claims(void **state)
{
	struct certificate_record one = some(0, 0, 1);
	char generation[GW_ID_MAX + 1];

	renewal_generation(&one, generation);
	assert_string_equal(generation, "+5e00ff.0");
	assert_false(gw_device_id_is_valid(generation));

	memset(one.serial, 0xab, sizeof(one.serial));
	one.serial_len = sizeof(one.serial);
	one.round = UINT64_MAX;
	renewal_generation(&one, generation);
	assert_string_equal(generation,
			    "+abababababababababababababababababababab.18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_of_its_life),
		cmocka_unit_test(life_begins_when_it_came),
		cmocka_unit_test(dates_that_make_no_sense),
		cmocka_unit_test(sooner_if_it_is_asked_for),
		cmocka_unit_test(a_fleet_is_spread),
		cmocka_unit_test(neighbours_are_spread),
		cmocka_unit_test(too_late),
		cmocka_unit_test(generations_are_no_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
