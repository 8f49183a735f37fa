/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a device: every state with every event, with and without a certificate that is live,
 * against the semantics of doc/architecture.md written down a second time. What is not written here
 * must not be possible.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/device.h"
#include "lib/util.h"

/* One sentence of the semantics: what must be done, and where it leads. */
struct sentence {
	enum device_event event;
	enum device_state from;
	enum device_state to;      /* a device that nothing else is aboard with */
	enum device_state to_live; /* one whose older certificate is good */
	const char *done;          /* a letter an action, see letters[] */
};

/* The letters of struct sentence. */
static const struct {
	char letter;
	unsigned action;
} letters[] = {
	{ 'v', DEVICE_ACTION_VOID_JOB },    { 'c', DEVICE_ACTION_REVOKE_CANDIDATE },
	{ 'l', DEVICE_ACTION_RETIRE_LIVE }, { 'p', DEVICE_ACTION_PROMOTE },
	{ 'b', DEVICE_ACTION_BURN_CLAIM },  { 'x', DEVICE_ACTION_CLOSE_CLAIM },
	{ 'r', DEVICE_ACTION_REARM_CLAIM }, { 's', DEVICE_ACTION_END_SESSIONS },
	{ 't', DEVICE_ACTION_TELL },        { 'n', DEVICE_ACTION_NEXT_ROUND },
	{ 'f', DEVICE_ACTION_FORGET },      { 'e', DEVICE_ACTION_END_NOTICE },
	{ 'm', DEVICE_ACTION_LEAVE_LIVE },
};

#define E(event)  DEVICE_EVENT_##event
#define S(state)  DEVICE_##state
#define UNPROVED  "vc"   /* what is asked or issued, but not proved, is void */
#define OVER      "vcxs" /* and so are the claim and who talks under it */
#define TAKEN_OUT "vcxsl"
#define GONE      "vxsft"

static const struct sentence sentences[] = {
	/* A knock makes a stranger known, and no more than that. */
	{ E(SIGHTED), S(UNKNOWN), S(DISCOVERED), S(DISCOVERED), "" },
	{ E(SIGHTED), S(DISCOVERED), S(DISCOVERED), S(DISCOVERED), "" },

	/* Claiming what is discovered, rejected or decommissioned: claimed. */
	{ E(CLAIM), S(UNKNOWN), S(CLAIMED), S(CLAIMED), "" },
	{ E(CLAIM), S(DISCOVERED), S(CLAIMED), S(CLAIMED), "" },
	{ E(CLAIM), S(REJECTED), S(CLAIMED), S(CLAIMED), "" },
	{ E(CLAIM), S(DECOMMISSIONED), S(CLAIMED), S(CLAIMED), "e" },

	/* Starting over drops the claim that was open, and all of it that is unproved. The certificate of
	 * a device that is aboard stays until the new one is proved. */
	{ E(REPLACE), S(CLAIMED), S(CLAIMED), S(CLAIMED), OVER },
	{ E(REPLACE), S(ENROLLING), S(CLAIMED), S(CLAIMED), OVER },
	{ E(REPLACE), S(ISSUED), S(CLAIMED), S(CLAIMED), OVER },
	{ E(REPLACE), S(ONBOARDED), S(CLAIMED), S(CLAIMED), UNPROVED "n" },

	/* A claim that comes to nothing: rejected, or aboard as before. */
	{ E(WITHDRAW), S(CLAIMED), S(REJECTED), S(ONBOARDED), OVER },
	{ E(WITHDRAW), S(ENROLLING), S(REJECTED), S(ONBOARDED), OVER },
	{ E(WITHDRAW), S(ISSUED), S(REJECTED), S(ONBOARDED), OVER },
	{ E(REJECT), S(CLAIMED), S(REJECTED), S(ONBOARDED), OVER },
	{ E(REJECT), S(ENROLLING), S(REJECTED), S(ONBOARDED), OVER },
	{ E(REJECT), S(ISSUED), S(REJECTED), S(ONBOARDED), OVER },
	{ E(CLAIM_EXPIRED), S(CLAIMED), S(REJECTED), S(ONBOARDED), OVER },
	{ E(CLAIM_EXPIRED), S(ENROLLING), S(REJECTED), S(ONBOARDED), OVER },
	{ E(REFUSED), S(ENROLLING), S(REJECTED), S(ONBOARDED), OVER },
	{ E(NEVER_PROVED), S(ISSUED), S(REJECTED), S(ONBOARDED), OVER },

	/* Another key supersedes: the pending answer is void, an unproved certificate revoked. */
	{ E(CSR), S(CLAIMED), S(ENROLLING), S(ENROLLING), "" },
	{ E(CSR), S(ENROLLING), S(ENROLLING), S(ENROLLING), UNPROVED },
	{ E(CSR), S(ISSUED), S(ENROLLING), S(ENROLLING), UNPROVED },

	{ E(ISSUED), S(ENROLLING), S(ISSUED), S(ISSUED), "" },

	/* In the same turn the claim is burned and the cloud told; the old certificate goes. */
	{ E(PROVED), S(ISSUED), S(ONBOARDED), S(ONBOARDED), "plb" },

	/* Not proved: the certificate goes, the claim lives on as a new generation. */
	{ E(NOT_PROVED), S(ISSUED), S(CLAIMED), S(CLAIMED), UNPROVED "r" },

	/* To be suspended is for who is aboard: its certificate stays, what is unproved beside it goes. */
	{ E(SUSPEND), S(CLAIMED), S(UNKNOWN), S(SUSPENDED), OVER "t" },
	{ E(SUSPEND), S(ENROLLING), S(UNKNOWN), S(SUSPENDED), OVER "t" },
	{ E(SUSPEND), S(ISSUED), S(UNKNOWN), S(SUSPENDED), OVER "t" },
	{ E(SUSPEND), S(ONBOARDED), S(SUSPENDED), S(SUSPENDED), OVER "tn" },
	{ E(SUSPEND), S(SUSPENDED), S(SUSPENDED), S(SUSPENDED), "" },
	{ E(RESUME), S(SUSPENDED), S(ONBOARDED), S(ONBOARDED), "t" },
	{ E(RESUME), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), "" },
	/* Renewal: aboard all the time, with at most one certificate that is unproved beside the live one, which
	 * goes when that is proved; if it never is, all is as before, and the same can be asked anew. */
	{ E(CSR), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), UNPROVED },
	{ E(ISSUED), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), "" },
	{ E(PROVED), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), "pl" },
	{ E(REFUSED), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), UNPROVED "n" },
	{ E(NEVER_PROVED), S(ONBOARDED), S(ONBOARDED), S(ONBOARDED), UNPROVED "n" },

	{ E(REVOKE), S(CLAIMED), S(REVOKED), S(REVOKED), TAKEN_OUT },
	{ E(REVOKE), S(ENROLLING), S(REVOKED), S(REVOKED), TAKEN_OUT },
	{ E(REVOKE), S(ISSUED), S(REVOKED), S(REVOKED), TAKEN_OUT },
	{ E(REVOKE), S(ONBOARDED), S(REVOKED), S(REVOKED), TAKEN_OUT },
	{ E(REVOKE), S(SUSPENDED), S(REVOKED), S(REVOKED), TAKEN_OUT },
	{ E(REVOKE), S(REVOKED), S(REVOKED), S(REVOKED), "" },

	/* From any state that is on record. One word to the cloud ends all its certificates. */
	{ E(DECOMMISSION), S(CLAIMED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(ENROLLING), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(ISSUED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(ONBOARDED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(SUSPENDED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(REVOKED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(REJECTED), S(DECOMMISSIONED), S(DECOMMISSIONED), GONE },
	{ E(DECOMMISSION), S(DECOMMISSIONED), S(DECOMMISSIONED), S(DECOMMISSIONED), "" },
	/* From elsewhere, and gone there: the certificate is good, but at one gateway. */
	{ E(ADOPT), S(UNKNOWN), S(ONBOARDED), S(ONBOARDED), "s" },
	{ E(ADOPT), S(DISCOVERED), S(ONBOARDED), S(ONBOARDED), "s" },
	{ E(ADOPT), S(REJECTED), S(ONBOARDED), S(ONBOARDED), "s" },
	{ E(MOVED), S(CLAIMED), S(UNKNOWN), S(REJECTED), OVER "m" },
	{ E(MOVED), S(ENROLLING), S(UNKNOWN), S(REJECTED), OVER "m" },
	{ E(MOVED), S(ISSUED), S(UNKNOWN), S(REJECTED), OVER "m" },
	{ E(MOVED), S(ONBOARDED), S(REJECTED), S(REJECTED), OVER "m" },
	{ E(MOVED), S(SUSPENDED), S(REJECTED), S(REJECTED), OVER "m" },
	{ E(MOVED), S(REJECTED), S(REJECTED), S(REJECTED), "" },
};

static const struct sentence *find_sentence(enum device_state state, enum device_event event)
{
	for (size_t i = 0; i < GW_ELEMENTS(sentences); i++)
		if (sentences[i].from == state && sentences[i].event == event)
			return &sentences[i];
	return NULL;
}

static unsigned actions_of(const struct sentence *sentence)
{
	unsigned actions = 0;

	for (const char *c = sentence->done; *c; c++)
		for (size_t i = 0; i < GW_ELEMENTS(letters); i++)
			if (letters[i].letter == *c)
				actions |= letters[i].action;
	return actions;
}

static void check(enum device_state state, enum device_event event, bool live)
{
	const struct sentence *sentence = find_sentence(state, event);
	enum device_state to = _DEVICE_STATE_MAX;
	unsigned actions = ~0u;

	if (!sentence || (!live && sentence->to == DEVICE_UNKNOWN)) {
		assert_false(device_step(state, event, live, &to, &actions));
		assert_int_equal(to, _DEVICE_STATE_MAX);
		assert_int_equal(actions, ~0u);
		return;
	}
	assert_true(device_step(state, event, live, &to, &actions));
	assert_int_equal(to, live ? sentence->to_live : sentence->to);
	assert_int_equal(actions, actions_of(sentence));
}

static void every_event_in_every_state(void **state)
{
	unsigned n_possible = 0;

	for (int s = 0; s < _DEVICE_STATE_MAX; s++) {
		for (int e = 0; e < _DEVICE_EVENT_MAX; e++) {
			n_possible +=
				find_sentence((enum device_state)s, (enum device_event)e) != NULL;
			check((enum device_state)s, (enum device_event)e, false);
			check((enum device_state)s, (enum device_event)e, true);
		}
	}
	assert_int_equal(n_possible, GW_ELEMENTS(sentences)); /* none is written twice */
}

/* What must hold whatever the table says. */
static void what_always_holds(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(sentences); i++) {
		enum device_state to;
		unsigned actions;

		if (!device_step(sentences[i].from, sentences[i].event, false, &to, &actions))
			continue; /* of the live alone */
		/* Nobody comes aboard whom no certificate was issued to. */
		if (to == DEVICE_ONBOARDED)
			assert_true(sentences[i].from == DEVICE_ISSUED ||
				    sentences[i].event == DEVICE_EVENT_RESUME ||
				    sentences[i].event == DEVICE_EVENT_ADOPT ||
				    sentences[i].from == DEVICE_ONBOARDED);
		/* Who is out is not talked to any more, and holds no secret. */
		if ((to == DEVICE_REJECTED || to == DEVICE_REVOKED || to == DEVICE_SUSPENDED ||
		     to == DEVICE_DECOMMISSIONED) &&
		    to != sentences[i].from) {
			assert_true(actions & DEVICE_ACTION_END_SESSIONS);
			assert_true(actions & DEVICE_ACTION_CLOSE_CLAIM);
		}
		/* A claim burns when its certificate becomes the live one, and only then. */
		assert_int_equal(!!(actions & DEVICE_ACTION_BURN_CLAIM),
				 (actions & DEVICE_ACTION_PROMOTE) &&
					 sentences[i].from == DEVICE_ISSUED);
		/* Only what is proved takes the place of the live one. */
		if (actions & DEVICE_ACTION_PROMOTE)
			assert_true(actions & DEVICE_ACTION_RETIRE_LIVE);
	}
}

static void names(void **state)
{
	static const char *const expected[] = {
		[DEVICE_UNKNOWN] = "",
		[DEVICE_DISCOVERED] = "discovered",
		[DEVICE_CLAIMED] = "claimed",
		[DEVICE_ENROLLING] = "enrolling",
		[DEVICE_ISSUED] = "issued",
		[DEVICE_ONBOARDED] = "onboarded",
		[DEVICE_SUSPENDED] = "suspended",
		[DEVICE_REVOKED] = "revoked",
		[DEVICE_DECOMMISSIONED] = "decommissioned",
		[DEVICE_REJECTED] = "rejected",
	};
	enum device_state found;

	assert_int_equal(GW_ELEMENTS(expected), _DEVICE_STATE_MAX);
	for (int s = 0; s < _DEVICE_STATE_MAX; s++) {
		assert_string_equal(device_state_name((enum device_state)s), expected[s]);
		assert_int_equal(device_state_from_name(expected[s], &found), 0);
		assert_int_equal(found, s);
	}
	found = DEVICE_ISSUED;
	assert_int_equal(device_state_from_name("Claimed", &found), -ENOENT);
	assert_int_equal(device_state_from_name("claimed ", &found), -ENOENT);
	assert_int_equal(found, DEVICE_ISSUED);

	for (int e = 0; e < _DEVICE_EVENT_MAX; e++) {
		assert_non_null(device_event_name((enum device_event)e));
		for (int f = 0; f < e; f++)
			assert_string_not_equal(device_event_name((enum device_event)e),
						device_event_name((enum device_event)f));
	}
}

static void at_rest(void **state)
{
	static const enum device_state moving[] = { DEVICE_DISCOVERED, DEVICE_ENROLLING,
						    DEVICE_ISSUED };

	for (int s = 0; s < _DEVICE_STATE_MAX; s++) {
		bool expected = true;

		for (size_t i = 0; i < GW_ELEMENTS(moving); i++)
			expected = expected && moving[i] != (enum device_state)s;
		assert_int_equal(device_state_is_at_rest((enum device_state)s), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_in_every_state),
		cmocka_unit_test(what_always_holds),
		cmocka_unit_test(names),
		cmocka_unit_test(at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
