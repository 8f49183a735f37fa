/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what: every combination of the facts that a rule looks at, against the rule said once
 * more in another way. A verdict that refuses or puts off must say why, any other must not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/policy.h"
#include "lib/util.h"

#define BIT(i, n)    (((i) >> (n)) & 1)
#define EACH_STATE   (int s = 0; s < _DEVICE_STATE_MAX; s++)
#define REASON(name) GW_REASON_##name

/* --- claims --- */

/* What a claim without `replace` meets, with the same secret or another: NONE stands for new. */
static const struct {
	enum policy_claim other, same;
	enum gw_reason why_other, why_same;
	bool may_start_over;
} claim_rules[_DEVICE_STATE_MAX] = {
#define NEW            POLICY_CLAIM_NEW, POLICY_CLAIM_NEW, REASON(NONE), REASON(NONE), false
#define NOT(why, over) POLICY_CLAIM_REFUSED, POLICY_CLAIM_REFUSED, REASON(why), REASON(why), over
	[DEVICE_UNKNOWN] = { NEW },
	[DEVICE_DISCOVERED] = { NEW },
	[DEVICE_REJECTED] = { NEW },
	[DEVICE_DECOMMISSIONED] = { NEW },
	[DEVICE_CLAIMED] = { POLICY_CLAIM_REFUSED, POLICY_CLAIM_UNCHANGED, REASON(ALREADY_CLAIMED),
			     REASON(NONE), true },
	[DEVICE_ENROLLING] = { NOT(ALREADY_ABOARD, true) },
	[DEVICE_ISSUED] = { NOT(ALREADY_ABOARD, true) },
	[DEVICE_ONBOARDED] = { NOT(ALREADY_ABOARD, true) },
	[DEVICE_SUSPENDED] = { NOT(ALREADY_ABOARD, false) },
	[DEVICE_REVOKED] = { NOT(REVOKED, false) },
#undef NEW
#undef NOT
};

static enum policy_claim expected_claim(const struct policy_claim_facts *f, enum gw_reason *why)
{
	bool on_record = f->state != DEVICE_UNKNOWN && f->state != DEVICE_DISCOVERED;
	bool same = f->same_secret && !f->replace;
	enum policy_claim verdict = same ? claim_rules[f->state].same : claim_rules[f->state].other;

	*why = same ? claim_rules[f->state].why_same : claim_rules[f->state].why_other;
	if (f->claim_helps && f->state == DEVICE_ONBOARDED) {
		verdict = POLICY_CLAIM_REPLACE;
		*why = REASON(NONE);
	} else if (f->replace && claim_rules[f->state].may_start_over) {
		verdict = f->may_replace ? POLICY_CLAIM_REPLACE : POLICY_CLAIM_REFUSED;
		*why = f->may_replace ? REASON(NONE) : REASON(NOT_ALLOWED);
	}
	if (f->claim_is_used && (verdict == POLICY_CLAIM_NEW || verdict == POLICY_CLAIM_REPLACE)) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(CLAIM_USED);
	}
	if (!on_record && f->n_devices >= f->max_devices) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(LIMIT);
	}
	if (on_record && !f->same_tenant) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(ID_IN_USE);
	}
	if (f->is_over) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(EXPIRED);
	}
	if (f->label_expired) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(LABEL_EXPIRED);
	}
	if (!f->has_secret) {
		verdict = POLICY_CLAIM_REFUSED;
		*why = REASON(METHOD_NOT_SERVED);
	}
	return verdict;
}

static void claims(void **state)
{
	for
		EACH_STATE
		{
			for (unsigned i = 0; i < 1u << 10; i++) {
				const struct policy_claim_facts facts = {
					.state = (enum device_state)s,
					.same_tenant = BIT(i, 0),
					.same_secret = BIT(i, 1),
					.has_secret = BIT(i, 2),
					.label_expired = BIT(i, 3),
					.replace = BIT(i, 4),
					.may_replace = BIT(i, 5),
					.n_devices = BIT(i, 6) ? 10 : 9,
					.max_devices = 10,
					.claim_is_used = BIT(i, 7),
					.is_over = BIT(i, 8),
					.claim_helps = BIT(i, 9),
				};
				enum gw_reason reason = _GW_REASON_MAX, why;
				enum policy_claim expected = expected_claim(&facts, &why);

				assert_int_equal(policy_claim(&facts, &reason), expected);
				assert_int_equal(reason, why);
				assert_int_equal(reason != GW_REASON_NONE,
						 expected == POLICY_CLAIM_REFUSED);
			}
		}
}

/* --- who is served nothing, whatever he shows --- */

static const enum gw_reason bars[_DEVICE_STATE_MAX] = {
	[DEVICE_UNKNOWN] = GW_REASON_NO_CLAIM,  [DEVICE_DISCOVERED] = GW_REASON_NO_CLAIM,
	[DEVICE_REJECTED] = GW_REASON_NO_CLAIM, [DEVICE_SUSPENDED] = GW_REASON_SUSPENDED,
	[DEVICE_REVOKED] = GW_REASON_REVOKED,   [DEVICE_DECOMMISSIONED] = GW_REASON_DECOMMISSIONED,
	/* claimed, enrolling, issued, onboarded: NONE */
};

static void secrets(void **state)
{
	for
		EACH_STATE
		{
			for (unsigned i = 0; i < 1u << 2; i++) {
				const struct policy_secret_facts facts = { (enum device_state)s,
									   BIT(i, 0), BIT(i, 1) };
				enum gw_reason reason = _GW_REASON_MAX;
				bool allowed = policy_secret(&facts, &reason);

				assert_int_equal(allowed, bars[s] == GW_REASON_NONE &&
								  facts.claim_open &&
								  !facts.claim_expired);
				if (bars[s] != GW_REASON_NONE)
					assert_int_equal(reason, bars[s]);
				else if (!facts.claim_open)
					assert_int_equal(reason, GW_REASON_NO_CLAIM);
				else
					assert_int_equal(reason, facts.claim_expired
									 ? GW_REASON_CLAIM_EXPIRED
									 : GW_REASON_NONE);
			}
		}
}

/* --- peers --- */

static void peers_by_secret(void **state)
{
	for
		EACH_STATE
		{
			for (unsigned i = 0; i < 1u << 4; i++) {
				const struct policy_peer_facts facts = {
					.state = (enum device_state)s,
					.secret_was_given = BIT(i, 0),
					.claim_open = BIT(i, 1),
					.certificate = (enum policy_certificate)(
						i >> 2), /* of no weight */
				};
				enum gw_reason reason = _GW_REASON_MAX;
				bool good = bars[s] == GW_REASON_NONE && facts.secret_was_given &&
					    facts.claim_open;

				assert_int_equal(policy_peer(&facts, &reason),
						 good ? POLICY_PEER_SERVED : POLICY_PEER_REFUSED);
				assert_int_equal(reason, good ? GW_REASON_NONE
							 : bars[s] != GW_REASON_NONE
								 ? bars[s]
								 : GW_REASON_NO_CLAIM);
			}
		}
}

static void peers_by_certificate(void **state)
{
	static const struct {
		enum policy_peer verdict;
		enum gw_reason reason;
	} by_certificate[] = {
		[POLICY_CERTIFICATE_UNKNOWN] = { POLICY_PEER_REFUSED,
						 GW_REASON_UNKNOWN_CERTIFICATE },
		[POLICY_CERTIFICATE_CANDIDATE] = { POLICY_PEER_PROVES, GW_REASON_NONE },
		[POLICY_CERTIFICATE_LIVE] = { POLICY_PEER_SERVED, GW_REASON_NONE },
		[POLICY_CERTIFICATE_REVOKED] = { POLICY_PEER_REFUSED,
						 GW_REASON_RETIRED_CERTIFICATE },
	};

	for
		EACH_STATE
		{
			for (unsigned i = 0; i < 1u << 5; i++) {
				const struct policy_peer_facts facts = {
					.state = (enum device_state)s,
					.by_certificate = true,
					.clock_trusted = BIT(i, 4),
					.secret_was_given = BIT(i, 0), /* neither helps */
					.claim_open = BIT(i, 1),
					.certificate = (enum policy_certificate)(i >> 2 & 3),
				};
				bool barred = bars[s] != GW_REASON_NONE &&
					      facts.certificate != POLICY_CERTIFICATE_UNKNOWN;
				bool waits = facts.certificate == POLICY_CERTIFICATE_LIVE &&
					     !facts.clock_trusted;
				enum gw_reason reason = _GW_REASON_MAX;

				assert_int_equal(
					policy_peer(&facts, &reason),
					barred  ? POLICY_PEER_REFUSED
					: waits ? POLICY_PEER_WAITS
						: by_certificate[facts.certificate].verdict);
				assert_int_equal(
					reason, barred  ? bars[s]
						: waits ? GW_REASON_CLOCK_UNTRUSTED
							: by_certificate[facts.certificate].reason);
			}
		}
}

/* The cloud is asked about nobody of whom something is known here, but that it went elsewhere. */
static void peers_from_elsewhere(void **state)
{
	for
		EACH_STATE
		{
			for (unsigned i = 0; i < 1u << 6; i++) {
				const struct policy_peer_facts facts = {
					.state = (enum device_state)s,
					.by_certificate = BIT(i, 0),
					.may_ask = BIT(i, 1),
					.is_moved = BIT(i, 2),
					.clock_trusted = BIT(i, 3),
					.certificate = (enum policy_certificate)(i >> 4),
				};
				bool is_unknown = facts.certificate == POLICY_CERTIFICATE_UNKNOWN;
				bool is_new = is_unknown &&
					      (s == DEVICE_UNKNOWN || s == DEVICE_DISCOVERED);
				bool is_back = facts.is_moved &&
					       (is_unknown ||
						facts.certificate == POLICY_CERTIFICATE_REVOKED);
				bool asks = facts.by_certificate && facts.may_ask &&
					    (is_back || (is_new && !facts.is_moved));
				enum gw_reason reason;

				assert_int_equal(policy_peer(&facts, &reason) == POLICY_PEER_ASKS,
						 asks);
				assert_int_equal(reason == GW_REASON_ASKING, asks);
			}
		}
}

/* Of what has expired only the live one is good for anything, and only where the configuration says so. */
/* Let in for the notice: by the certificate that was good, and only where its device has left. */
static void peers_that_have_left(void **state)
{
	for (int s = 0; s < _DEVICE_STATE_MAX; s++) {
		for (unsigned i = 0; i < 8; i++) {
			const struct policy_peer_facts facts = {
				.state = (enum device_state)s,
				.by_certificate = BIT(i, 0),
				.secret_was_given = BIT(i, 1),
				.certificate = POLICY_CERTIFICATE_LEFT,
				.is_expired = BIT(i, 2),
			};
			enum gw_reason reason;
			bool is_told = s == DEVICE_DECOMMISSIONED && BIT(i, 0);

			assert_int_equal(policy_peer(&facts, &reason),
					 is_told ? POLICY_PEER_NOTICE : POLICY_PEER_REFUSED);
			assert_int_equal(reason == GW_REASON_NONE, is_told);
		}
	}
}

static void peers_whose_certificate_has_expired(void **state)
{
	static const enum gw_reason why[_RENEWAL_EXPIRED_MAX][2] = {
		/* within the grace, or not */
		[RENEWAL_EXPIRED_REFUSE] = { GW_REASON_CERTIFICATE_EXPIRED,
					     GW_REASON_CERTIFICATE_EXPIRED },
		[RENEWAL_EXPIRED_GRACE] = { GW_REASON_NONE, GW_REASON_CERTIFICATE_EXPIRED },
		[RENEWAL_EXPIRED_CLAIM] = { GW_REASON_CLAIM_AGAIN, GW_REASON_CLAIM_AGAIN },
	};

	for (int e = 0; e < _RENEWAL_EXPIRED_MAX; e++) {
		for (int over = 0; over < 2; over++) {
			struct policy_peer_facts facts = {
				.state = DEVICE_ONBOARDED,
				.by_certificate = true,
				.certificate = POLICY_CERTIFICATE_LIVE,
				.clock_trusted = true,
				.is_expired = true,
				.expired = (enum renewal_expired)e,
				.grace_is_over = over,
			};
			enum gw_reason reason;

			assert_int_equal(policy_peer(&facts, &reason),
					 why[e][over] == GW_REASON_NONE ? POLICY_PEER_SERVED
									: POLICY_PEER_REFUSED);
			assert_int_equal(reason, why[e][over]);
			facts.certificate = POLICY_CERTIFICATE_CANDIDATE;
			assert_int_equal(policy_peer(&facts, &reason), POLICY_PEER_REFUSED);
			assert_int_equal(reason, GW_REASON_CERTIFICATE_EXPIRED);
			facts.certificate = POLICY_CERTIFICATE_REVOKED;
			assert_int_equal(policy_peer(&facts, &reason), POLICY_PEER_REFUSED);
			assert_int_equal(reason, GW_REASON_RETIRED_CERTIFICATE);
			facts.state = DEVICE_SUSPENDED;
			facts.certificate = POLICY_CERTIFICATE_LIVE;
			assert_int_equal(policy_peer(&facts, &reason), POLICY_PEER_REFUSED);
			assert_int_equal(reason, GW_REASON_SUSPENDED);
		}
	}
}

/* A list never lets anybody in; who is on it is refused, and who was to be let in by one that is out of date waits. */
static void peers_and_lists(void **state)
{
	for (unsigned i = 0; i < 1u << 10; i++) {
		for (int s = 0; s < _DEVICE_STATE_MAX; s++) {
			struct policy_peer_facts facts = {
				.state = (enum device_state)s,
				.by_certificate = BIT(i, 0),
				.may_ask = BIT(i, 1),
				.is_moved = BIT(i, 2),
				.clock_trusted = BIT(i, 3),
				.is_expired = BIT(i, 4),
				.secret_was_given = BIT(i, 5),
				.claim_open = BIT(i, 5),
				.certificate = (enum policy_certificate)((i >> 6 & 7) % 5),
			};
			enum gw_reason before, reason;
			enum policy_peer verdict = policy_peer(&facts, &before), now;
			bool may = verdict != POLICY_PEER_REFUSED && verdict != POLICY_PEER_NOTICE;

			facts.list_is_stale = true;
			now = policy_peer(&facts, &reason);
			if (!facts.by_certificate || !may || verdict == POLICY_PEER_WAITS) {
				assert_true(now == verdict && reason == before);
			} else {
				assert_int_equal(now, POLICY_PEER_WAITS);
				assert_int_equal(reason, GW_REASON_LIST_STALE);
			}

			facts.is_listed = true;
			facts.list_is_stale = BIT(i, 9);
			now = policy_peer(&facts, &reason);
			if (!facts.by_certificate || !may) {
				assert_true(now == verdict && reason == before);
			} else {
				assert_int_equal(now, POLICY_PEER_REFUSED);
				assert_int_equal(reason, GW_REASON_CERTIFICATE_REVOKED);
			}
		}
	}
}

/* --- revocation lists --- */

#define NOW 1900000000ull

static enum gw_reason expected_list(const struct policy_list_facts *f)
{
	if (!f->is_signed)
		return GW_REASON_LIST_BAD;
	if (f->on_record && (f->is_same || f->compared <= 0))
		return f->is_same ? GW_REASON_NONE : GW_REASON_LIST_OLDER;
	return f->clock_trusted && f->this_update > NOW + 300 ? GW_REASON_LIST_EARLY
							      : GW_REASON_NONE;
}

static void lists(void **state)
{
	static const int64_t from_now[] = { -1000000, 0, 300, 301, 1000000 };

	for (unsigned i = 0; i < 1u << 6; i++) {
		for (size_t k = 0; k < GW_ELEMENTS(from_now); k++) {
			const struct policy_list_facts facts = {
				.is_signed = BIT(i, 0),
				.on_record = BIT(i, 1),
				.is_same = BIT(i, 2),
				.clock_trusted = BIT(i, 3),
				.compared = (int)(i >> 4) % 3 - 1,
				.this_update = NOW + (uint64_t)from_now[k],
				.now = NOW,
			};
			enum gw_reason expected = expected_list(&facts), reason;
			enum policy_list verdict = policy_list(&facts, &reason);
			bool is_there = facts.is_signed && facts.on_record && facts.is_same;

			assert_int_equal(reason, expected);
			assert_int_equal(verdict, is_there ? POLICY_LIST_UNCHANGED
						  : expected == GW_REASON_NONE
							  ? POLICY_LIST_TAKEN
							  : POLICY_LIST_REFUSED);
		}
	}
}

static void lists_that_are_out_of_date(void **state)
{
	assert_false(policy_list_is_stale(NOW + 1, NOW, true));
	assert_true(policy_list_is_stale(NOW, NOW, true));
	assert_true(policy_list_is_stale(NOW - 1, NOW, true));
	assert_false(policy_list_is_stale(NOW + 1, NOW, false));
	assert_false(policy_list_is_stale(NOW - 1, NOW, false)); /* nobody knows */
}

/* --- signing requests --- */

/* The first of these that holds decides. */
static enum policy_csr expected_csr(const struct policy_csr_facts *f, enum gw_reason *why)
{
	bool late = f->renews && f->is_expired;
	const struct {
		bool holds;
		enum policy_csr verdict;
		enum gw_reason why;
	} rules[] = {
		{ bars[f->state] != GW_REASON_NONE, POLICY_CSR_REFUSED, bars[f->state] },
		{ f->renews != f->by_certificate, POLICY_CSR_REFUSED, GW_REASON_NOT_POSSIBLE },
		{ !f->renews && !f->claim_open, POLICY_CSR_REFUSED, GW_REASON_NO_CLAIM },
		{ f->renews && !f->is_live, POLICY_CSR_REFUSED, GW_REASON_RETIRED_CERTIFICATE },
		{ f->renews && f->state != DEVICE_ONBOARDED, POLICY_CSR_REFUSED,
		  GW_REASON_NOT_POSSIBLE },
		{ late && f->is_denied, POLICY_CSR_REFUSED, GW_REASON_NOT_APPROVED },
		{ late && f->expired == RENEWAL_EXPIRED_CLAIM, POLICY_CSR_REFUSED,
		  GW_REASON_CLAIM_AGAIN },
		{ late && (f->expired == RENEWAL_EXPIRED_REFUSE || f->grace_is_over),
		  POLICY_CSR_REFUSED, GW_REASON_CERTIFICATE_EXPIRED },
		{ f->has_certificate, POLICY_CSR_ANSWERED, GW_REASON_NONE },
		{ f->has_job, POLICY_CSR_JOINS, GW_REASON_NONE },
		{ f->renews && !f->clock_trusted, POLICY_CSR_LATER, GW_REASON_CLOCK_UNTRUSTED },
		{ late && !f->is_approved, POLICY_CSR_ASK, GW_REASON_NEEDS_APPROVAL },
		{ f->renews && f->refused_lately, POLICY_CSR_LATER, GW_REASON_CLOUD_REFUSED },
		{ f->key_is_known, POLICY_CSR_REFUSED, GW_REASON_SUPERSEDED },
		{ f->n_keys >= 3, POLICY_CSR_REFUSED, GW_REASON_TOO_MANY_KEYS },
		{ f->n_jobs >= f->max_jobs, POLICY_CSR_LATER, GW_REASON_QUEUE_FULL },
		{ true, POLICY_CSR_ACCEPTED, GW_REASON_NONE },
	};
	size_t i = 0;

	while (!rules[i].holds)
		i++;
	*why = rules[i].why;
	return rules[i].verdict;
}

static void signing_requests(void **state)
{
	for
		EACH_STATE
		{
			for (unsigned i = 0; i < (5u * _RENEWAL_EXPIRED_MAX) << 14; i++) {
				const struct policy_csr_facts facts = {
					.state = (enum device_state)s,
					.by_certificate = BIT(i, 0),
					.claim_open = BIT(i, 1),
					.has_certificate = BIT(i, 2),
					.has_job = BIT(i, 3),
					.key_is_known = BIT(i, 4),
					.n_jobs = BIT(i, 5) ? 5000 : 4999,
					.max_jobs = 5000,
					.renews = BIT(i, 6),
					.is_live = BIT(i, 7),
					.clock_trusted = BIT(i, 8),
					.is_expired = BIT(i, 9),
					.grace_is_over = BIT(i, 10),
					.is_approved = BIT(i, 11),
					.is_denied = BIT(i, 12),
					.refused_lately = BIT(i, 13),
					.expired = (enum renewal_expired)((i >> 14) %
									  _RENEWAL_EXPIRED_MAX),
					.n_keys = (i >> 14) / _RENEWAL_EXPIRED_MAX, /* 0 to 4 */
				};
				enum gw_reason reason = _GW_REASON_MAX, why;
				enum policy_csr expected = expected_csr(&facts, &why);

				assert_int_equal(policy_csr(&facts, &reason), expected);
				assert_int_equal(reason, why);
			}
		}
}

/* --- commands --- */

static enum gw_reason expected_command(const struct policy_command_facts *f)
{
	enum gw_reason if_in_time = f->claims_leaver ? GW_REASON_LEAVING : GW_REASON_NONE;
	bool timed = f->expires_at != 0;

	if (f->seq <= f->last_seq)
		return GW_REASON_OUT_OF_ORDER;
	if (f->secret_is_plain && !f->plain_is_allowed)
		return GW_REASON_SECRET_NOT_SEALED;
	if (timed && !f->clock_trusted)
		return f->opens ? GW_REASON_CLOCK_UNTRUSTED : if_in_time;
	return timed && f->now >= f->expires_at ? GW_REASON_EXPIRED : if_in_time;
}

static void commands(void **state)
{
	static const uint64_t ends[] = { 0, 999, 1000, 1001, UINT64_MAX };
	static const uint64_t numbers[] = { 0, 41, 42, 43, UINT64_MAX };

	for (size_t e = 0; e < GW_ELEMENTS(ends); e++) {
		for (size_t n = 0; n < GW_ELEMENTS(numbers); n++) {
			for (unsigned i = 0; i < 1u << 5; i++) {
				const struct policy_command_facts facts = {
					.opens = BIT(i, 0),
					.seq = numbers[n],
					.last_seq = 42,
					.expires_at = ends[e],
					.now = 1000,
					.clock_trusted = BIT(i, 1),
					.secret_is_plain = BIT(i, 2),
					.plain_is_allowed = BIT(i, 3),
					.claims_leaver = BIT(i, 4),
				};
				enum gw_reason reason = _GW_REASON_MAX;
				enum gw_reason why = expected_command(&facts);

				assert_int_equal(policy_command(&facts, &reason),
						 why == GW_REASON_NONE);
				assert_int_equal(reason, why);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims),
		cmocka_unit_test(secrets),
		cmocka_unit_test(peers_by_secret),
		cmocka_unit_test(peers_by_certificate),
		cmocka_unit_test(peers_from_elsewhere),
		cmocka_unit_test(peers_and_lists),
		cmocka_unit_test(lists),
		cmocka_unit_test(lists_that_are_out_of_date),
		cmocka_unit_test(signing_requests),
		cmocka_unit_test(commands),
		cmocka_unit_test(peers_that_have_left),
		cmocka_unit_test(peers_whose_certificate_has_expired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
