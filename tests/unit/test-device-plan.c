/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan, for all that can lie in a state folder: each case written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tools/device/plan.h"

#define NONE        PLAN_CREDENTIAL_NONE
#define KEY         PLAN_CREDENTIAL_KEY
#define CERTIFICATE PLAN_CREDENTIAL_CERTIFICATE

static const struct {
	enum plan_credential candidate;
	bool has_credential, has_anchors, renew;
	enum plan_step step;
} cases[] = {
	/* the way aboard, and wherever it was interrupted */
	{ NONE, false, false, false, PLAN_MAKE_KEY },
	{ KEY, false, false, false, PLAN_ENROLL },
	{ KEY, false, true, false, PLAN_ENROLL },
	{ CERTIFICATE, false, true, false, PLAN_PROVE_CANDIDATE },
	{ NONE, true, true, false, PLAN_PROVE_CREDENTIAL },

	/* a folder that somebody has taken something out of */
	{ NONE, false, true, false, PLAN_MAKE_KEY },
	{ CERTIFICATE, false, false, false, PLAN_ENROLL },
	{ NONE, true, false, false, PLAN_NO_ANCHORS },
	{ KEY, true, false, false, PLAN_NO_ANCHORS },
	{ CERTIFICATE, true, false, false, PLAN_NO_ANCHORS },

	/* an unfinished renewal is finished */
	{ KEY, true, true, false, PLAN_RENEW },
	{ CERTIFICATE, true, true, false, PLAN_PROVE_CANDIDATE },

	/* a renewal is wanted */
	{ NONE, true, true, true, PLAN_MAKE_KEY },
	{ KEY, true, true, true, PLAN_RENEW },
	{ CERTIFICATE, true, true, true, PLAN_PROVE_CANDIDATE },
	{ NONE, true, false, true, PLAN_NO_ANCHORS },
	{ KEY, true, false, true, PLAN_NO_ANCHORS },
	{ CERTIFICATE, true, false, true, PLAN_NO_ANCHORS },

	/* a renewal is wanted of what there is not */
	{ NONE, false, false, true, PLAN_NOTHING_TO_RENEW },
	{ NONE, false, true, true, PLAN_NOTHING_TO_RENEW },
	{ KEY, false, false, true, PLAN_NOTHING_TO_RENEW },
	{ KEY, false, true, true, PLAN_NOTHING_TO_RENEW },
	{ CERTIFICATE, false, false, true, PLAN_NOTHING_TO_RENEW },
	{ CERTIFICATE, false, true, true, PLAN_NOTHING_TO_RENEW },
};

static struct plan_facts facts_of(size_t i, bool proved)
{
	return (struct plan_facts){ .candidate = cases[i].candidate,
				    .has_credential = cases[i].has_credential,
				    .has_anchors = cases[i].has_anchors,
				    .renew = cases[i].renew,
				    .proved = proved };
}

static void test_all_cases(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct plan_facts facts = facts_of(i, /* proved= */ false);

		assert_int_equal(plan_next(&facts), cases[i].step);
	}
}

static void test_proved_is_the_end(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct plan_facts facts = facts_of(i, /* proved= */ true);

		assert_int_equal(plan_next(&facts), PLAN_DONE);
	}
}

/* The table above names every combination once. */
static void test_cases_are_complete(void **state)
{
	bool seen[_PLAN_CREDENTIAL_MAX][2][2][2] = { 0 };

	assert_int_equal(GW_ELEMENTS(cases), sizeof(seen));
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		bool *cell = &seen[cases[i].candidate][cases[i].has_credential]
				  [cases[i].has_anchors][cases[i].renew];

		assert_false(*cell);
		*cell = true;
	}
}

/* What a step leaves behind when it succeeds. */
static void apply(struct plan_facts *facts, enum plan_step step)
{
	switch (step) {
	case PLAN_MAKE_KEY: facts->candidate = KEY; return;
	case PLAN_ENROLL:
	case PLAN_RENEW:
		facts->has_anchors = true;
		facts->candidate = CERTIFICATE;
		return;
	case PLAN_PROVE_CANDIDATE:
		facts->candidate = NONE;
		facts->has_credential = true;
		facts->proved = true;
		return;
	case PLAN_PROVE_CREDENTIAL: facts->proved = true; return;
	case PLAN_DONE:
	case PLAN_NOTHING_TO_RENEW:
	case PLAN_NO_ANCHORS:
	case _PLAN_STEP_MAX: fail();
	}
}

/* From anything in the folder the plan comes to an end, and soon. */
static void test_always_ends(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct plan_facts facts = facts_of(i, /* proved= */ false);
		enum plan_step step;
		size_t n_steps = 0;

		while ((step = plan_next(&facts)) != PLAN_DONE) {
			if (step == PLAN_NOTHING_TO_RENEW || step == PLAN_NO_ANCHORS)
				break;
			apply(&facts, step);
			assert_true(++n_steps <= 3);
		}
		if (step == PLAN_DONE)
			assert_true(facts.has_credential);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cases),
		cmocka_unit_test(test_proved_is_the_end),
		cmocka_unit_test(test_cases_are_complete),
		cmocka_unit_test(test_always_ends),
	};

	return cmocka_run_group_tests(tests, /* group_setup= */ NULL, /* group_teardown= */ NULL);
}
