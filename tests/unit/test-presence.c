/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose status stands on our topic: our own, our past's, or a clone's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "plugins/mqtt/presence.h"

static void every_connection_has_its_id(void **state)
{
	struct presence p, other;
	char first[PRESENCE_ID_MAX + 1];

	presence_init(&p, 0x0123456789abcdef);
	presence_init(&other, 0x0123456789abcdee);
	strcpy(first, presence_next(&p));
	assert_string_equal(first, "0123456789abcdef-1");
	assert_string_not_equal(first, presence_next(&p));
	assert_string_not_equal(first, presence_next(&other));
}

static void our_past_is_no_rival(void **state)
{
	struct presence p;

	presence_init(&p, 1);
	(void)presence_next(&p);
	assert_false(presence_is_rival(&p, "somebody-7"));
	assert_false(presence_is_rival(&p, "somebody-7"));
	assert_false(presence_is_rival(&p, p.id));
}

static void a_stranger_after_us_is(void **state)
{
	struct presence p;
	char first[PRESENCE_ID_MAX + 1];

	presence_init(&p, 1);
	strcpy(first, presence_next(&p));
	assert_false(presence_is_rival(&p, first));
	assert_false(presence_is_rival(&p, "somebody-7")); /* the will of our past, come late */
	(void)presence_next(&p);
	assert_false(presence_is_rival(&p, first)); /* our own will */
	assert_true(presence_is_rival(&p, "0000000000000002-1"));
	assert_true(presence_is_rival(&p, "0000000000000001"));
	assert_true(presence_is_rival(&p, ""));
}

static void forgetting(void **state)
{
	struct presence p;

	presence_init(&p, 1);
	assert_false(presence_is_rival(&p, presence_next(&p)));
	presence_forget(&p);
	assert_false(presence_is_rival(&p, "somebody-7"));
	assert_false(presence_is_rival(&p, presence_next(&p)));
	assert_false(presence_is_rival(&p, "somebody-7"));
	(void)presence_next(&p);
	assert_true(presence_is_rival(&p, "somebody-7"));
}

static void a_broker_that_comes_back_with_an_old_status(void **state)
{
	struct presence p;

	presence_init(&p, 1);
	(void)presence_next(&p);
	assert_false(presence_is_rival(&p, "0000000000000002-7"));
	assert_false(presence_is_rival(&p, p.id));
	(void)presence_next(&p);
	assert_false(presence_is_rival(&p, "0000000000000002-7"));
	assert_false(presence_is_rival(&p, "0000000000000002-3"));
	assert_true(presence_is_rival(&p, "0000000000000002-8")); /* it was there again, after us */
	assert_true(presence_is_rival(&p, "0000000000000002-"));
	assert_true(presence_is_rival(&p, "0000000000000002-7x"));
	assert_true(presence_is_rival(&p, "0000000000000003-1"));
}

/* Both give way in turn, and neither takes the other for its past for good. */
static void two_clones(void **state)
{
	struct presence a, b;

	presence_init(&a, 1);
	presence_init(&b, 2);
	assert_false(presence_is_rival(&a, presence_next(&a)));
	(void)presence_next(&b);
	assert_false(presence_is_rival(&b, a.id));
	assert_false(presence_is_rival(&b, b.id));
	(void)presence_next(&a);
	assert_true(presence_is_rival(&a, b.id));

	presence_forget(&a);
	(void)presence_next(&a);
	assert_false(presence_is_rival(&a, b.id));
	assert_false(presence_is_rival(&a, a.id));
	(void)presence_next(&b);
	assert_true(presence_is_rival(&b, a.id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_has_its_id),
		cmocka_unit_test(our_past_is_no_rival),
		cmocka_unit_test(a_stranger_after_us_is),
		cmocka_unit_test(forgetting),
		cmocka_unit_test(a_broker_that_comes_back_with_an_old_status),
		cmocka_unit_test(two_clones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
