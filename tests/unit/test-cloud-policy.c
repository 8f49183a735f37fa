/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cloud's verdicts: every combination of facts against rules written down once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tools/cloud/policy.h"

static const enum gw_reason csr_reasons[] = {
	GW_REASON_NONE,      GW_REASON_BAD_CSR,       GW_REASON_WEAK_KEY,
	GW_REASON_WEAK_HASH, GW_REASON_BAD_SIGNATURE,
};

static const enum gw_reason closed_reasons[] = {
	GW_REASON_NONE,
	GW_REASON_WITHDRAWN,
	GW_REASON_REVOKED,
	GW_REASON_CLAIM_EXPIRED,
};

/* What a fact alone says, if all others are good. */
static enum gw_reason claim_alone(const struct enroll_facts *f)
{
	static const enum gw_reason table[_CLAIM_STANDS_MAX] = {
		[CLAIM_STANDS_NEW] = GW_REASON_NONE,
		[CLAIM_STANDS_OPEN] = GW_REASON_NONE,
		[CLAIM_STANDS_SPENT] = GW_REASON_CLAIM_USED,
		[CLAIM_STANDS_CLOSED] = GW_REASON_NO_CLAIM,
		[CLAIM_STANDS_FOREIGN] = GW_REASON_CLAIM_USED,
		[CLAIM_STANDS_OTHER_TENANT] = GW_REASON_WRONG_TENANT,
	};

	if (f->claim == CLAIM_STANDS_CLOSED && f->claim_why != GW_REASON_NONE)
		return f->claim_why;
	return table[f->claim];
}

static const enum gw_reason device_alone[_DEVICE_STANDS_MAX] = {
	[DEVICE_STANDS_NOWHERE] = GW_REASON_NONE,
	[DEVICE_STANDS_HERE] = GW_REASON_NONE,
	[DEVICE_STANDS_HERE_OTHER_TENANT] = GW_REASON_ID_IN_USE,
	[DEVICE_STANDS_ELSEWHERE] = GW_REASON_LIVE_ELSEWHERE,
};

/* Granted if and only if nothing speaks against it; and the reason is one of those that do. */
static void check_enroll(const struct enroll_facts *f)
{
	const enum gw_reason against[] = {
		f->csr,
		f->csr_has_key ? GW_REASON_NONE : GW_REASON_BAD_CSR,
		f->csr_in_name ? GW_REASON_NONE : GW_REASON_WRONG_NAME,
		f->tenant_is_allowed ? GW_REASON_NONE : GW_REASON_WRONG_TENANT,
		claim_alone(f),
		device_alone[f->device],
		f->n_other_keys < POLICY_KEYS_MAX ? GW_REASON_NONE : GW_REASON_TOO_MANY_KEYS,
	};
	enum gw_reason first = GW_REASON_NONE;

	for (size_t i = 0; i < GW_ELEMENTS(against) && first == GW_REASON_NONE; i++)
		first = against[i];
	assert_int_equal(policy_enroll(f), first);
}

static void test_enroll(void **state)
{
	struct enroll_facts f;

	for (unsigned bits = 0; bits < 8; bits++) {
		f.csr_has_key = bits & 1;
		f.csr_in_name = bits & 2;
		f.tenant_is_allowed = bits & 4;
		for (size_t c = 0; c < GW_ELEMENTS(csr_reasons); c++)
			for (int claim = 0; claim < _CLAIM_STANDS_MAX; claim++)
				for (size_t w = 0; w < GW_ELEMENTS(closed_reasons); w++)
					for (int d = 0; d < _DEVICE_STANDS_MAX; d++)
						for (f.n_other_keys = 0; f.n_other_keys < 6;
						     f.n_other_keys++) {
							f.csr = csr_reasons[c];
							f.claim = (enum claim_standing)claim;
							f.claim_why = closed_reasons[w];
							f.device = (enum device_standing)d;
							check_enroll(&f);
						}
	}
}

static void test_enroll_grants_three_keys(void **state)
{
	struct enroll_facts f = { .csr_has_key = true,
				  .csr_in_name = true,
				  .tenant_is_allowed = true,
				  .claim = CLAIM_STANDS_OPEN,
				  .n_other_keys = 2 };

	assert_int_equal(policy_enroll(&f), GW_REASON_NONE);
	f.n_other_keys = 3;
	assert_int_equal(policy_enroll(&f), GW_REASON_TOO_MANY_KEYS);
}

static enum gw_reason expected_renew(const struct renew_facts *f)
{
	static const enum gw_reason present[_PRESENT_STANDS_MAX] = {
		[PRESENT_STANDS_UNKNOWN] = GW_REASON_UNKNOWN_CERTIFICATE,
		[PRESENT_STANDS_LIVE] = GW_REASON_NONE,
		[PRESENT_STANDS_REVOKED] = GW_REASON_REVOKED,
	};
	const enum gw_reason against[] = {
		f->csr,
		f->csr_has_key ? GW_REASON_NONE : GW_REASON_BAD_CSR,
		f->csr_in_name ? GW_REASON_NONE : GW_REASON_WRONG_NAME,
		f->tenant_is_allowed ? GW_REASON_NONE : GW_REASON_WRONG_TENANT,
		f->present == PRESENT_STANDS_REVOKED && f->revoked_why != GW_REASON_NONE
			? f->revoked_why
			: present[f->present],
		f->same_tenant ? GW_REASON_NONE : GW_REASON_WRONG_TENANT,
		f->n_other_keys < POLICY_KEYS_MAX ? GW_REASON_NONE : GW_REASON_TOO_MANY_KEYS,
	};

	for (size_t i = 0; i < GW_ELEMENTS(against); i++)
		if (against[i] != GW_REASON_NONE)
			return against[i];
	return GW_REASON_NONE;
}

static void test_renew(void **state)
{
	unsigned n_granted = 0;

	for (unsigned i = 0; i < (6u * 3 * 2 * 2) << 4; i++) {
		unsigned rest = i >> 4;
		const struct renew_facts f = {
			.csr_has_key = i & 1,
			.csr_in_name = i & 2,
			.tenant_is_allowed = i & 4,
			.same_tenant = i & 8,
			.n_other_keys = rest % 6,
			.present = (enum present_standing)(rest / 6 % 3),
			.csr = rest / 18 % 2 ? GW_REASON_WEAK_KEY : GW_REASON_NONE,
			.revoked_why = rest / 36 ? GW_REASON_LIVE_ELSEWHERE : GW_REASON_NONE,
		};

		assert_int_equal(policy_renew(&f), expected_renew(&f));
		n_granted += policy_renew(&f) == GW_REASON_NONE;
	}
	assert_int_equal(n_granted, 2 * 3);
}

/* The first fact that speaks against it, in the order in which the protocol names them. */
static enum gw_reason expected_adopt(const struct adopt_facts *f)
{
	static const enum gw_reason home[_HOME_STANDS_MAX] = {
		[HOME_STANDS_HERE] = GW_REASON_NONE,
		[HOME_STANDS_REPLACED] = GW_REASON_NONE,
		[HOME_STANDS_FOLLOWED] = GW_REASON_NONE,
		[HOME_STANDS_ELSEWHERE] = GW_REASON_LIVE_ELSEWHERE,
	};
	bool is_revoked = f->present == PRESENT_STANDS_REVOKED;
	enum gw_reason revoked = f->revoked_why ? f->revoked_why : GW_REASON_REVOKED;
	bool moves = f->home == HOME_STANDS_REPLACED || f->home == HOME_STANDS_FOLLOWED;
	const enum gw_reason against[] = {
		f->present == PRESENT_STANDS_UNKNOWN ? GW_REASON_UNKNOWN_CERTIFICATE
						     : GW_REASON_NONE,
		f->has_key ? GW_REASON_NONE : GW_REASON_UNKNOWN_CERTIFICATE,
		f->tenant_is_allowed ? GW_REASON_NONE : GW_REASON_WRONG_TENANT,
		is_revoked ? revoked : GW_REASON_NONE,
		f->is_expired ? GW_REASON_CERTIFICATE_EXPIRED : GW_REASON_NONE,
		f->is_suspended ? GW_REASON_SUSPENDED : GW_REASON_NONE,
		home[f->home],
		moves && f->n_moves >= POLICY_MOVES_MAX ? GW_REASON_LIMIT : GW_REASON_NONE,
	};

	for (size_t i = 0; i < GW_ELEMENTS(against); i++)
		if (against[i] != GW_REASON_NONE)
			return against[i];
	return GW_REASON_NONE;
}

static void test_adopt(void **state)
{
	unsigned n_granted = 0;

	for (unsigned i = 0; i < (3u * 4 * 8 * 2) << 4; i++) {
		unsigned rest = i >> 4;
		const struct adopt_facts f = {
			.has_key = i & 1,
			.is_expired = i & 2,
			.tenant_is_allowed = i & 4,
			.is_suspended = i & 8,
			.present = (enum present_standing)(rest % 3),
			.home = (enum home_standing)(rest / 3 % 4),
			.n_moves = rest / 12 % 8,
			.revoked_why = rest / 96 ? GW_REASON_MOVED : GW_REASON_NONE,
		};

		assert_int_equal(policy_adopt(&f), expected_adopt(&f));
		n_granted += policy_adopt(&f) == GW_REASON_NONE;
	}
	assert_int_equal(n_granted, (8 + 6 + 6) * 2); /* at home, or so many moves before */
}

static void test_no_facts_grant_nothing(void **state)
{
	const struct enroll_facts enroll = { 0 };
	const struct renew_facts renew = { 0 };
	const struct adopt_facts adopt = { 0 };
	const struct fleet_facts fleet = { 0 };
	const struct server_facts server = { 0 };

	assert_int_not_equal(policy_enroll(&enroll), GW_REASON_NONE);
	assert_int_not_equal(policy_renew(&renew), GW_REASON_NONE);
	assert_int_not_equal(policy_adopt(&adopt), GW_REASON_NONE);
	assert_int_not_equal(policy_fleet_claim(&fleet), GW_REASON_NONE);
	assert_int_not_equal(policy_server(&server), GW_REASON_NONE);
}

static void test_proved(void **state)
{
	enum gw_reason why = GW_REASON_NONE;

	assert_int_equal(policy_proved(PROVED_STANDS_CANDIDATE, GW_REASON_NONE, &why),
			 PROVED_PROMOTE);
	assert_int_equal(policy_proved(PROVED_STANDS_LIVE, GW_REASON_NONE, &why), PROVED_SAME);
	assert_int_equal(why, GW_REASON_NONE);

	assert_int_equal(policy_proved(PROVED_STANDS_UNKNOWN, GW_REASON_NONE, &why), PROVED_REFUSE);
	assert_int_equal(why, GW_REASON_UNKNOWN_CERTIFICATE);
	assert_int_equal(policy_proved(PROVED_STANDS_REVOKED, GW_REASON_NONE, &why), PROVED_REFUSE);
	assert_int_equal(why, GW_REASON_REVOKED);
	assert_int_equal(policy_proved(PROVED_STANDS_REVOKED, GW_REASON_LIVE_ELSEWHERE, &why),
			 PROVED_REFUSE);
	assert_int_equal(why, GW_REASON_LIVE_ELSEWHERE);
}

static void test_server(void **state)
{
	for (unsigned bits = 0; bits < 4; bits++)
		for (size_t c = 0; c < GW_ELEMENTS(csr_reasons); c++) {
			struct server_facts f = { csr_reasons[c], bits & 1, bits & 2 };
			bool good = f.csr == GW_REASON_NONE && bits == 3;

			assert_int_equal(policy_server(&f) == GW_REASON_NONE, good);
		}
}

static enum gw_reason expected_claim(const struct fleet_facts *f)
{
	if (!f->gateway_is_known)
		return GW_REASON_NOT_FOUND;
	if (!f->tenant_is_allowed)
		return GW_REASON_WRONG_TENANT;
	if (!f->label_has_secret)
		return GW_REASON_METHOD_NOT_SERVED;
	if (f->label_is_expired)
		return GW_REASON_LABEL_EXPIRED;
	if (f->is_claimed_elsewhere)
		return GW_REASON_ALREADY_CLAIMED;
	if (f->is_claimed && !f->replace)
		return GW_REASON_ALREADY_CLAIMED;
	if (f->device == DEVICE_STANDS_HERE && !f->replace)
		return GW_REASON_ALREADY_ABOARD;
	return device_alone[f->device];
}

static void test_fleet_claim(void **state)
{
	for (unsigned bits = 0; bits < 128; bits++)
		for (int d = 0; d < _DEVICE_STANDS_MAX; d++) {
			const struct fleet_facts f = {
				.gateway_is_known = bits & 1,
				.tenant_is_allowed = bits & 2,
				.label_has_secret = bits & 4,
				.label_is_expired = bits & 8,
				.is_claimed = bits & 16,
				.is_claimed_elsewhere = bits & 32,
				.replace = bits & 64,
				.device = (enum device_standing)d,
			};

			assert_int_equal(policy_fleet_claim(&f), expected_claim(&f));
		}
}

static void test_answer(void **state)
{
	for (int why = 0; why < _GW_REASON_MAX; why++) {
		enum gw_reason reason = (enum gw_reason)why;
		enum command_verdict expected = COMMAND_IS_REFUSED;

		if (reason == GW_REASON_OUT_OF_ORDER || reason == GW_REASON_LEAVING)
			expected = COMMAND_AGAIN;
		if (reason == GW_REASON_CLOCK_UNTRUSTED)
			expected = COMMAND_AGAIN_LATER;
		assert_int_equal(policy_answer(false, reason, /* overtaken= */ false), expected);
		assert_int_equal(policy_answer(false, reason, /* overtaken= */ true),
				 COMMAND_IS_REFUSED);
		assert_int_equal(policy_answer(true, reason, /* overtaken= */ false),
				 COMMAND_IS_DONE);
		assert_int_equal(policy_answer(true, reason, /* overtaken= */ true),
				 COMMAND_IS_DONE);
	}
}

static const enum gw_reason gateway_claim_alone[_GATEWAY_CLAIM_STANDING_MAX] = {
	[GATEWAY_CLAIM_UNKNOWN] = GW_REASON_NO_CLAIM,
	[GATEWAY_CLAIM_OPEN] = GW_REASON_NONE,
	[GATEWAY_CLAIM_CLOSED] = GW_REASON_WITHDRAWN,
	[GATEWAY_CLAIM_EXPIRED] = GW_REASON_CLAIM_EXPIRED,
	[GATEWAY_CLAIM_NOT_LISTED] = GW_REASON_NOT_LISTED,
	[GATEWAY_CLAIM_USED_UP] = GW_REASON_CLAIM_USED,
};

/* Granted if and only if nothing speaks against it; the reason is the first that does. */
static void check_provision(const struct provision_facts *f)
{
	const enum gw_reason against[] = {
		f->csr,
		f->csr_has_key ? GW_REASON_NONE : GW_REASON_BAD_CSR,
		f->csr_in_name && f->id_is_valid ? GW_REASON_NONE : GW_REASON_WRONG_NAME,
		f->is_barred ? GW_REASON_REVOKED : GW_REASON_NONE,
		f->is_aboard && !f->is_back ? GW_REASON_ALREADY_ABOARD : GW_REASON_NONE,
		gateway_claim_alone[f->claim],
		f->n_candidates < POLICY_KEYS_MAX || f->is_back ? GW_REASON_NONE
								: GW_REASON_TOO_MANY_KEYS,
	};
	enum gw_reason expected = GW_REASON_NONE;

	for (size_t i = 0; i < GW_ELEMENTS(against) && expected == GW_REASON_NONE; i++)
		expected = against[i];
	assert_int_equal(policy_provision(f), expected);
}

static void test_provision(void **state)
{
	struct provision_facts f;

	for (size_t csr = 0; csr < GW_ELEMENTS(csr_reasons); csr++)
		for (unsigned bits = 0; bits < 64; bits++)
			for (int claim = 0; claim < _GATEWAY_CLAIM_STANDING_MAX; claim++)
				for (unsigned n = 0; n <= POLICY_KEYS_MAX; n++) {
					f = (struct provision_facts){
						.csr = csr_reasons[csr],
						.csr_has_key = bits & 1,
						.csr_in_name = bits & 2,
						.id_is_valid = bits & 4,
						.is_barred = bits & 8,
						.is_aboard = bits & 16,
						.is_back = bits & 32,
						.claim = (enum gateway_claim_standing)claim,
						.n_candidates = n,
					};
					check_provision(&f);
				}
}

static void test_renew_gateway(void **state)
{
	static const enum gw_reason alone[_RENEWED_STANDING_MAX] = {
		[RENEWED_UNTOLD] = GW_REASON_NONE,
		[RENEWED_UNKNOWN] = GW_REASON_NONE,
		[RENEWED_STRANGE] = GW_REASON_UNKNOWN_CERTIFICATE,
		[RENEWED_GOOD] = GW_REASON_NONE,
		[RENEWED_REVOKED] = GW_REASON_REVOKED,
	};

	for (int renewed = 0; renewed < _RENEWED_STANDING_MAX; renewed++)
		for (unsigned bits = 0; bits < 8; bits++) {
			const struct renew_gateway_facts f = {
				.csr = bits & 4 ? GW_REASON_WEAK_KEY : GW_REASON_NONE,
				.csr_has_key = bits & 1,
				.csr_in_name = bits & 2,
				.renewed = (enum renewed_standing)renewed,
			};
			enum gw_reason expected = alone[renewed];

			if (!f.csr_in_name)
				expected = GW_REASON_WRONG_NAME;
			if (!f.csr_has_key)
				expected = GW_REASON_BAD_CSR;
			if (f.csr != GW_REASON_NONE)
				expected = f.csr;
			assert_int_equal(policy_renew_gateway(&f), expected);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enroll),
		cmocka_unit_test(test_enroll_grants_three_keys),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_no_facts_grant_nothing),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_proved),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_fleet_claim),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_provision),
		cmocka_unit_test(test_renew_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
