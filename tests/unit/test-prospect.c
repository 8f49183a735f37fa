/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a device in each state: what comes next, when, and what to do. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/prospect.h"
#include "lib/util.h"

/* Each end is its own, so that one that is taken for another is seen. */
static const struct prospect_facts every = {
	.claim_ends = 1, .renew_at = 2, .unproved_ends = 3, .grace_ends = 4, .notice_ends = 5
};

static void expect(const struct prospect_facts *facts, const char *next, uint64_t at,
		   const char *advice)
{
	struct prospect prospect;

	prospect_look(facts, &prospect);
	assert_int_equal(prospect.at, at);
	if (*next)
		assert_non_null(strstr(prospect.next, next));
	else
		assert_string_equal(prospect.next, "");
	if (*advice)
		assert_non_null(strstr(prospect.advice, advice));
	else
		assert_string_equal(prospect.advice, "");
}

static void expect_state(enum device_state state, const char *next, uint64_t at, const char *advice)
{
	struct prospect_facts facts = every;

	facts.state = state;
	if (state == DEVICE_ONBOARDED)
		facts.unproved_ends = 0;
	expect(&facts, next, at, advice);
}

static void each_state(void **state)
{
	expect_state(DEVICE_UNKNOWN, "", 0, "");
	expect_state(DEVICE_DISCOVERED, "", 0, "Claim it");
	expect_state(DEVICE_CLAIMED, "claim ends", 1, "Switch it on");
	expect_state(DEVICE_ENROLLING, "cloud issues", 0, "gangwayctl jobs");
	expect_state(DEVICE_ISSUED, "given up", 3, "See that it is on");
	expect_state(DEVICE_ONBOARDED, "renews", 2, "");
	expect_state(DEVICE_SUSPENDED, "", 0, "resume");
	expect_state(DEVICE_REVOKED, "", 0, "decommission");
	expect_state(DEVICE_DECOMMISSIONED, "not let in any more", 5, "wipes itself");
	expect_state(DEVICE_REJECTED, "", 0, "Claim it anew");
}

static void one_aboard(void **state)
{
	static const struct {
		enum gw_reason reason;
		const char *next;
		uint64_t at;
		const char *advice;
	} cases[] = {
		{ GW_REASON_NEEDS_APPROVAL, "cannot be renewed", 4, "approve or reject" },
		{ GW_REASON_NOT_APPROVED, "", 0, "approve it" },
		{ GW_REASON_CERTIFICATE_EXPIRED, "", 0, "claim --replace." },
		{ GW_REASON_CLAIM_AGAIN, "", 0, "gangwayctl claim." },
		{ GW_REASON_CLOUD_REFUSED, "renews", 2, "" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct prospect_facts facts = every;

		facts.state = DEVICE_ONBOARDED;
		facts.reason = cases[i].reason;
		facts.unproved_ends = 0;
		expect(&facts, cases[i].next, cases[i].at, cases[i].advice);
	}
}

/* It has not come since: what it would be told is what counts. */
static void one_that_expired(void **state)
{
	struct prospect_facts facts = every;

	facts.state = DEVICE_ONBOARDED;
	facts.has_expired = true;
	expect(&facts, "cannot be renewed any more", 4, "approve it");
	facts.is_approved = true;
	expect(&facts, "was approved", 4, "Switch it on.");
	facts.refusal = GW_REASON_CERTIFICATE_EXPIRED;
	expect(&facts, "is refused if it comes", 0, "claim --replace.");
	facts.refusal = GW_REASON_CLAIM_AGAIN;
	expect(&facts, "is refused if it comes", 0, "gangwayctl claim.");
	facts.reason = GW_REASON_NEEDS_APPROVAL; /* it has come */
	expect(&facts, "cannot be renewed", 4, "approve or reject");
}

/* What is said of it goes from what cannot be mended to what goes on by itself. */
static void one_that_renews(void **state)
{
	struct prospect_facts facts = { .state = DEVICE_ONBOARDED, .renew_at = 2 };

	facts.is_renewing = true;
	expect(&facts, "cloud issues", 0, "gangwayctl jobs");
	facts.unproved_ends = 3;
	expect(&facts, "given up", 3, "See that it is on");
	facts.has_expired = true;
	facts.grace_ends = 4;
	expect(&facts, "has expired", 4, "Switch it on");
	facts.is_orphaned = true;
	expect(&facts, "is trusted no more", 0, "claim --replace.");
}

/* Who lives elsewhere is not to be claimed here. */
static void one_that_moved(void **state)
{
	expect(&(struct prospect_facts){ .state = DEVICE_REJECTED, .reason = GW_REASON_MOVED }, "",
	       0, "if it comes back");
}

static void without_an_end(void **state)
{
	expect(&(struct prospect_facts){ .state = DEVICE_CLAIMED }, "", 0, "Switch it on");
	expect(&(struct prospect_facts){ .state = DEVICE_ONBOARDED }, "", 0, "");
	expect(&(struct prospect_facts){ .state = DEVICE_DECOMMISSIONED }, "", 0, "A new claim");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state),       cmocka_unit_test(one_aboard),
		cmocka_unit_test(one_that_expired), cmocka_unit_test(one_that_renews),
		cmocka_unit_test(one_that_moved),   cmocka_unit_test(without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
