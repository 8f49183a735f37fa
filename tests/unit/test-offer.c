/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of the broker's anchors between its command and the agent's word on that: whose it is, and that it is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "plugins/mqtt/offer.h"

static void it_is_of_its_command(void **state)
{
	uint8_t list[] = { 1, 2, 3 };
	struct offer offer = { 0 };

	assert_false(offer_is_of(&offer, ""));
	assert_false(offer_is_of(&offer, "c1"));
	assert_int_equal(offer_make(&offer, "c1", GW_BLOB_ARRAY(list)), 0);
	memset(list, 0, sizeof(list)); /* it was the caller's */
	assert_true(offer_is_of(&offer, "c1"));
	assert_false(offer_is_of(&offer, "c2"));
	assert_false(offer_is_of(&offer, "c"));
	assert_int_equal(offer.len, 3);
	assert_memory_equal(offer.list, "\1\2\3", 3);
	offer_end(&offer);
	assert_false(offer_is_of(&offer, "c1"));
	offer_end(&offer);
}

static void the_next_one_takes_its_place(void **state)
{
	static const uint8_t first[] = { 1 }, second[] = { 2, 2 };
	struct offer offer = { 0 };

	assert_int_equal(offer_make(&offer, "c1", GW_BLOB_ARRAY(first)), 0);
	assert_int_equal(offer_make(&offer, "c2", GW_BLOB_ARRAY(second)), 0);
	assert_false(offer_is_of(&offer, "c1"));
	assert_true(offer_is_of(&offer, "c2"));
	assert_int_equal(offer.len, 2);

	/* And so does the same command's, when it is repeated. */
	assert_int_equal(offer_make(&offer, "c2", GW_BLOB_ARRAY(first)), 0);
	assert_true(offer_is_of(&offer, "c2"));
	assert_int_equal(offer.len, 1);
	offer_end(&offer);
}

static void an_empty_list_is_one(void **state)
{
	struct offer offer = { 0 };

	assert_int_equal(offer_make(&offer, "c1", (struct gw_blob){ NULL, 0 }), 0);
	assert_true(offer_is_of(&offer, "c1"));
	assert_int_equal(offer.len, 0);
	offer_end(&offer);
	assert_false(offer_is_of(&offer, "c1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_of_its_command),
		cmocka_unit_test(the_next_one_takes_its_place),
		cmocka_unit_test(an_empty_list_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
