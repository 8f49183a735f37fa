/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's identity: every state x event against the rules, and the ways written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"
#include "plugins/mqtt/identity.h"

static bool has_standing(const struct identity *i)
{
	return i->has_live || i->has_given || i->has_claim;
}

static bool is_there(const struct identity *i, enum identity_pass pass)
{
	switch (pass) {
	case IDENTITY_LIVE: return i->has_live;
	case IDENTITY_GIVEN: return i->has_given;
	case IDENTITY_CLAIM: return i->has_claim;
	case IDENTITY_CANDIDATE: return i->candidate == IDENTITY_CERTIFICATE;
	case IDENTITY_NONE: return !has_standing(i) && i->candidate != IDENTITY_CERTIFICATE;
	case _IDENTITY_PASS_MAX: break;
	}
	return false;
}

static void check_choice(const struct identity *i)
{
	enum identity_pass pass = identity_choose(i);

	assert_true(is_there(i, pass));
	if (i->is_resting && has_standing(i))
		assert_int_not_equal(pass, IDENTITY_CANDIDATE);
	if (i->n_refused == 0 && (i->has_live || i->has_given))
		assert_int_not_equal(pass, IDENTITY_CLAIM);
}

static void check_step(const struct identity *before, enum identity_event event)
{
	struct identity i = *before;
	enum identity_action action = identity_take(&i, event);

	/* What works is never given up. */
	assert_true(i.has_live >= before->has_live);
	assert_int_equal(i.has_given, before->has_given);
	assert_int_equal(i.has_claim, before->has_claim);
	check_choice(&i);

	switch (action) {
	case IDENTITY_GO_ON: break;
	case IDENTITY_ASK:
		assert_true(i.can_keep && i.is_up && !i.is_resting);
		assert_int_not_equal(i.candidate, IDENTITY_CERTIFICATE);
		assert_int_not_equal(i.pass, IDENTITY_CANDIDATE);
		assert_true(i.pass == IDENTITY_CLAIM || i.is_due || i.candidate == IDENTITY_KEY);
		break;
	case IDENTITY_PROVE:
		assert_true(i.is_up);
		assert_int_equal(i.pass, IDENTITY_CANDIDATE);
		break;
	case IDENTITY_RECONNECT:
		assert_int_equal(identity_choose(&i), IDENTITY_CANDIDATE);
		assert_false(i.is_resting);
		break;
	case IDENTITY_PROMOTE:
		assert_int_equal(event, IDENTITY_PROVED);
		assert_int_equal(before->pass, IDENTITY_CANDIDATE);
		assert_int_equal(before->candidate, IDENTITY_CERTIFICATE);
		assert_true(i.has_live);
		assert_int_equal(identity_choose(&i), IDENTITY_LIVE);
		break;
	case IDENTITY_DROP:
		assert_int_equal(i.candidate, IDENTITY_NO_CANDIDATE);
		assert_true(i.is_resting);
		break;
	case IDENTITY_REST: assert_true(i.is_resting); break;
	case _IDENTITY_ACTION_MAX: fail();
	}
	if (action != IDENTITY_DROP && action != IDENTITY_PROMOTE && event != IDENTITY_ISSUED)
		assert_int_equal(i.candidate, before->candidate);
}

static void test_every_state_and_event(void **state)
{
	for (unsigned bits = 0; bits < 128; bits++)
		for (int candidate = 0; candidate < _IDENTITY_CANDIDATE_MAX; candidate++)
			for (int pass = 0; pass < _IDENTITY_PASS_MAX; pass++)
				for (unsigned n = 0; n < 12; n++) {
					const struct identity i = {
						.has_live = bits & 1,
						.has_given = bits & 2,
						.has_claim = bits & 4,
						.can_keep = bits & 8,
						.is_up = bits & 16,
						.is_due = bits & 32,
						.is_resting = bits & 64,
						.candidate = (enum identity_candidate)candidate,
						.pass = (enum identity_pass)pass,
						.n_refused = n,
						.n_candidate_refused = n,
					};

					check_choice(&i);
					for (int e = 0; e < _IDENTITY_EVENT_MAX; e++)
						check_step(&i, (enum identity_event)e);
				}
}

/* Connects with what there is, as the wallet does. */
static enum identity_action connect_with(struct identity *i, enum identity_pass expected)
{
	i->pass = identity_choose(i);
	assert_int_equal(i->pass, expected);
	return identity_take(i, IDENTITY_UP);
}

static void test_by_a_claim(void **state)
{
	struct identity i = { .has_claim = true, .can_keep = true };

	assert_int_equal(connect_with(&i, IDENTITY_CLAIM), IDENTITY_ASK);
	i.candidate = IDENTITY_KEY;
	assert_int_equal(identity_take(&i, IDENTITY_LOST), IDENTITY_GO_ON);
	assert_int_equal(connect_with(&i, IDENTITY_CLAIM), IDENTITY_ASK);
	assert_int_equal(identity_take(&i, IDENTITY_ISSUED), IDENTITY_RECONNECT);
	assert_int_equal(connect_with(&i, IDENTITY_CANDIDATE), IDENTITY_PROVE);
	assert_int_equal(identity_take(&i, IDENTITY_PROVED), IDENTITY_PROMOTE);
	assert_int_equal(identity_take(&i, IDENTITY_LOST), IDENTITY_GO_ON);
	assert_int_equal(connect_with(&i, IDENTITY_LIVE), IDENTITY_GO_ON);
}

/* Until it is dropped. */
static void refuse_candidate(struct identity *i)
{
	for (int n = 1; n < 5; n++) {
		assert_int_equal(identity_choose(i), IDENTITY_CANDIDATE);
		i->pass = IDENTITY_CANDIDATE;
		assert_int_equal(identity_take(i, IDENTITY_REFUSED), IDENTITY_REST);
		assert_int_equal(connect_with(i, IDENTITY_LIVE), IDENTITY_GO_ON);
		assert_int_equal(identity_take(i, IDENTITY_RESTED), IDENTITY_RECONNECT);
	}
	i->pass = IDENTITY_CANDIDATE;
	assert_int_equal(identity_take(i, IDENTITY_REFUSED), IDENTITY_DROP);
	assert_int_equal(connect_with(i, IDENTITY_LIVE), IDENTITY_GO_ON);
}

static void test_renewal(void **state)
{
	struct identity i = { .has_live = true, .has_claim = true, .can_keep = true };

	assert_int_equal(connect_with(&i, IDENTITY_LIVE), IDENTITY_GO_ON);
	assert_int_equal(identity_take(&i, IDENTITY_DUE), IDENTITY_ASK);
	i.candidate = IDENTITY_KEY;
	assert_int_equal(identity_take(&i, IDENTITY_DENIED), IDENTITY_DROP);
	assert_int_equal(identity_take(&i, IDENTITY_RESTED), IDENTITY_ASK);
	i.candidate = IDENTITY_KEY;
	assert_int_equal(identity_take(&i, IDENTITY_ISSUED), IDENTITY_RECONNECT);

	/* The broker will not have it: the old one in between, and after five times another one, which has five, too. */
	for (int k = 0; k < 2; k++) {
		refuse_candidate(&i);
		assert_int_equal(identity_take(&i, IDENTITY_RESTED), IDENTITY_ASK);
		i.candidate = IDENTITY_KEY;
		assert_int_equal(identity_take(&i, IDENTITY_ISSUED), IDENTITY_RECONNECT);
	}
}

/* One after the other has its turn when the broker refuses; the claim is the last. */
static void test_the_order(void **state)
{
	static const enum identity_pass order[] = { IDENTITY_LIVE, IDENTITY_GIVEN, IDENTITY_CLAIM,
						    IDENTITY_LIVE };
	struct identity i = {
		.has_live = true, .has_given = true, .has_claim = true, .can_keep = true
	};

	for (size_t k = 0; k < GW_ELEMENTS(order); k++)
		for (int n = 0; n < 3; n++) {
			i.pass = identity_choose(&i);
			assert_int_equal(i.pass, order[k]);
			assert_int_equal(identity_take(&i, IDENTITY_UNREACHABLE), IDENTITY_GO_ON);
			assert_int_equal(identity_take(&i, IDENTITY_REFUSED), IDENTITY_GO_ON);
		}

	/* Not readmitted: back to our own. */
	i.n_refused = 6;
	assert_int_equal(connect_with(&i, IDENTITY_CLAIM), IDENTITY_ASK);
	assert_int_equal(identity_take(&i, IDENTITY_DENIED), IDENTITY_DROP);
	assert_int_equal(identity_choose(&i), IDENTITY_LIVE);
}

static void test_without_a_folder(void **state)
{
	struct identity i = { .has_given = true };

	assert_int_equal(connect_with(&i, IDENTITY_GIVEN), IDENTITY_GO_ON);
	assert_int_equal(identity_take(&i, IDENTITY_DUE), IDENTITY_GO_ON);
}

static void test_renew_at(void **state)
{
	uint64_t earliest = UINT64_MAX, latest = 0;

	for (uint32_t seed = 0; seed < 5000; seed++) {
		uint64_t at = identity_renew_at(1000, 4000, 66, seed);

		earliest = GW_MIN(earliest, at);
		latest = GW_MAX(latest, at);
	}
	assert_int_equal(earliest, 1000 + 1980);
	assert_in_range(latest, 1000 + 1980 + 330, 1000 + 1980 + 340);
	assert_int_equal(identity_renew_at(5, 5, 66, 1), 5);
	assert_int_equal(identity_renew_at(5, 4, 66, 1), 5);
	assert_true(identity_renew_at(0, UINT64_MAX / 2, 99, 1023) < UINT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_and_event),
		cmocka_unit_test(test_by_a_claim),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_the_order),
		cmocka_unit_test(test_without_a_folder),
		cmocka_unit_test(test_renew_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
