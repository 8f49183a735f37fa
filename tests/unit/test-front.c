/* SPDX-License-Identifier: GPL-2.0-or-later */
/* front: what becomes of every kind of datagram, from a stranger and from a peer that is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "plugins/registrar/client-hello.h"
#include "plugins/registrar/cookie.h"
#include "plugins/registrar/front.h"
#include "tests/unit/hello.h"

#define NONE ((struct gw_blob){ 0 })

static const uint8_t psk_suites[] = { 0x13, 0x01, 0xc0, 0xa8, 0xc0, 0xae };
static const uint8_t certificate_suites[] = { 0xc0, 0xae };
static const uint8_t from[16] = { 2, 0, 0x12, 0x34, 127, 0, 0, 1 };
static const uint8_t fives[CLIENT_RANDOM_LEN] = { [0 ... 31] = 5 };
static const uint8_t sixes[CLIENT_RANDOM_LEN] = { [0 ... 31] = 6 };
static const struct front_known same[1] = { { fives, GW_PROOF_PSK, 1, false } };
static const struct front_known other[1] = { { sixes, GW_PROOF_PSK, 1, false } };
static const struct front_known done[1] = { { sixes, GW_PROOF_PSK, 1, true } };

static struct cookies cookies;

static enum front_verdict judge(const struct front_known *known, struct gw_blob datagram,
				struct front_result *ret)
{
	return front_judge(&cookies, GW_BLOB_ARRAY(from), known, datagram, ret);
}

/* A hello with random 5 and the right cookie. */
static void make_proved_with(struct hello *h, struct gw_blob suites, struct gw_blob extensions)
{
	struct front_result result;

	hello_make(h, 5, NONE, suites, extensions);
	assert_int_equal(judge(NULL, hello_blob(h), &result), FRONT_REPLY);
	hello_make(h, 5,
		   (struct gw_blob){ result.reply + FRONT_REPLY_LEN - COOKIE_LEN, COOKIE_LEN },
		   suites, extensions);
	hello_number(h, HELLO_SEQUENCE, 2, 1);
}

static void make_proved(struct hello *h, struct gw_blob suites)
{
	make_proved_with(h, suites, NONE);
}

static int setup(void **state)
{
	return cookies_init(&cookies, 0);
}

static void test_stranger_proves_his_address(void **state)
{
	struct front_result result;
	struct hello h;

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
	assert_int_equal(result.proof, GW_PROOF_PSK);
	assert_memory_equal(result.random, fives, sizeof(fives));
	assert_int_equal(result.message_sequence, 1);
	assert_ptr_equal(result.cookie_secret, cookies.secret);

	make_proved(&h, GW_BLOB_ARRAY(certificate_suites));
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
	assert_int_equal(result.proof, GW_PROOF_CERTIFICATE);
}

static void test_wrong_cookie_is_challenged_again(void **state)
{
	struct front_result result;
	struct hello h;

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	h.data[HELLO_SESSION_ID + 2] ^= 1;
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_REPLY);
	assert_int_equal(judge(done, hello_blob(&h), &result), FRONT_REPLY);
}

static void test_previous_secret(void **state)
{
	struct front_result result;
	struct hello h;

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	assert_int_equal(cookies_rotate(&cookies, cookies.rotate_us), 0);
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
	assert_ptr_equal(result.cookie_secret, cookies.previous);
	assert_int_equal(cookies_rotate(&cookies, cookies.rotate_us), 0);
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_REPLY);
}

static void test_known_peer(void **state)
{
	static const uint8_t data[13 + 16] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16 };
	struct front_result result;
	struct hello h;

	/* a repetition is the peer's own business, a restarted device is a stranger */
	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	assert_int_equal(judge(same, hello_blob(&h), &result), FRONT_PASS);
	assert_int_equal(judge(other, hello_blob(&h), &result), FRONT_ADMIT);
	hello_number(&h, HELLO_SEQUENCE, 2, 2);
	assert_int_equal(judge(same, hello_blob(&h), &result), FRONT_ADMIT);
	assert_int_equal(result.message_sequence, 2);
	hello_make(&h, 5, NONE, GW_BLOB_ARRAY(psk_suites), NONE);
	assert_int_equal(judge(other, hello_blob(&h), &result), FRONT_REPLY);

	assert_int_equal(judge(same, GW_BLOB_ARRAY(data), &result), FRONT_PASS);
	assert_int_equal(judge(NULL, GW_BLOB_ARRAY(data), &result), FRONT_DROP);
}

/* A client in the middle of a handshake must not be shown numbers that are not of its handshake. */
static void test_challenge_in_a_peer_s_name(void **state)
{
	static const struct {
		uint64_t record;
		uint16_t message;
		enum front_verdict half_open;
	} hellos[] = {
		{ 0, 0, FRONT_REPLY },    { 31, 0, FRONT_REPLY },
		{ 32, 0, FRONT_DROP },    { 1000, 0, FRONT_DROP },
		{ 0, 1, FRONT_DROP },     { (1ull << 48) - 2, 0, FRONT_DROP },
		{ 0, 65535, FRONT_DROP },
	};
	struct front_result result;
	struct hello h;

	for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
		hello_make(&h, 5, NONE, GW_BLOB_ARRAY(psk_suites), NONE);
		hello_number(&h, HELLO_RECORD_SEQUENCE, 6, hellos[i].record);
		hello_number(&h, HELLO_SEQUENCE, 2, hellos[i].message);
		assert_int_equal(judge(other, hello_blob(&h), &result), hellos[i].half_open);
		assert_int_equal(judge(done, hello_blob(&h), &result), FRONT_REPLY);
		assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_REPLY);
	}
}

/* Only what the client has to say next, whole. */
static void test_clear_of_a_peer(void **state)
{
	static const uint8_t change[] = { 20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1 };
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	struct front_result result;

	assert_int_equal(judge(same, GW_BLOB_ARRAY(change), &result), FRONT_PASS);
	assert_int_equal(judge(same, (struct gw_blob){ change, 13 }, &result), FRONT_DROP);
	assert_int_equal(judge(same, GW_BLOB_ARRAY(alert), &result), FRONT_DROP);
	assert_int_equal(judge(NULL, GW_BLOB_ARRAY(change), &result), FRONT_DROP);
}

/* Whatever is answered, and however short, is longer than the answer. */
static void test_no_amplification(void **state)
{
	static const uint8_t suite[] = { 0xc0, 0xa8 };
	struct front_result result;
	struct hello h;

	hello_make(&h, 5, NONE, GW_BLOB_ARRAY(suite), NONE);
	assert_int_equal(h.len, 67); /* no hello is shorter */
	assert_true(FRONT_REPLY_LEN < h.len);
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_REPLY);
	for (size_t suites = 0; suites <= sizeof(psk_suites); suites++) {
		hello_make(&h, 5, NONE, (struct gw_blob){ psk_suites, suites }, NONE);
		assert_int_equal(judge(NULL, hello_blob(&h), &result),
				 suites && suites % 2 == 0 ? FRONT_REPLY : FRONT_DROP);
	}
}

/* No cut of anything may reach a session: wolfSSL would wait for the rest. */
static void test_truncated(void **state)
{
	struct front_result result;
	struct hello h;

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	for (size_t len = 0; len < h.len; len++) {
		struct gw_blob cut = { h.data, len };

		assert_int_equal(judge(NULL, cut, &result), FRONT_DROP);
		assert_int_equal(judge(same, cut, &result), FRONT_DROP);
		assert_int_equal(judge(other, cut, &result), FRONT_DROP);
	}
}

static void test_poison(void **state)
{
	static const struct {
		size_t at, width;
		uint64_t value;
	} poison[] = {
		{ HELLO_RECORD_LEN, 2, 16384 },
		{ HELLO_FRAGMENT_LEN, 3, 10 },
		{ HELLO_OFFSET, 3, 5 },
		{ HELLO_RECORD_EPOCH, 2, 2 },
		{ HELLO_RECORD_EPOCH, 2, 0xffff },
		{ HELLO_RECORD_VERSION, 2, 0x0303 },
		{ HELLO_VERSION, 2, 0xfeff },
		{ HELLO_VERSION, 2, 0x0303 },
		{ HELLO_VERSION, 2, 0xfefc },
	};
	struct front_result result;
	struct hello h;

	for (size_t i = 0; i < sizeof(poison) / sizeof(poison[0]); i++) {
		make_proved(&h, GW_BLOB_ARRAY(psk_suites));
		hello_number(&h, poison[i].at, poison[i].width, poison[i].value);
		assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_DROP);
		assert_int_equal(judge(other, hello_blob(&h), &result), FRONT_DROP);
	}
}

static void test_groups_in_common(void **state)
{
	static const struct {
		uint8_t group;
		bool is_ours;
	} cases[] = { { 29, true }, { 23, true }, { 24, true }, { 25, false }, { 30, false } };
	struct front_result result;
	struct hello h;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint8_t groups[] = { 0, 10, 0, 6, 0, 4, 0, 26, 0, cases[i].group };

		make_proved_with(&h, GW_BLOB_ARRAY(psk_suites), GW_BLOB_ARRAY(groups));
		assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
		assert_int_equal(result.shares_group, cases[i].is_ours);
	}

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
	assert_true(result.shares_group);
}

static void test_refusal(void **state)
{
	static const uint8_t alert[FRONT_REFUSAL_LEN] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0,
							  0,  3,    4,    0, 2, 2, 40 };
	uint8_t refusal[FRONT_REFUSAL_LEN];
	struct front_result result;
	struct hello h;

	make_proved(&h, GW_BLOB_ARRAY(psk_suites));
	hello_number(&h, HELLO_RECORD_SEQUENCE, 6, 0x0304);
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_ADMIT);
	front_refuse(&result, refusal);
	assert_memory_equal(refusal, alert, sizeof(alert));
}

static void test_only_dtls_1_3(void **state)
{
	static const uint8_t versions[] = { 0, 43, 0, 3, 2, 0xfe, 0xfc };
	struct front_result result;
	struct hello h;

	hello_make(&h, 5, NONE, GW_BLOB_ARRAY(psk_suites), GW_BLOB_ARRAY(versions));
	assert_int_equal(judge(NULL, hello_blob(&h), &result), FRONT_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_stranger_proves_his_address, setup),
		cmocka_unit_test_setup(test_wrong_cookie_is_challenged_again, setup),
		cmocka_unit_test_setup(test_previous_secret, setup),
		cmocka_unit_test_setup(test_known_peer, setup),
		cmocka_unit_test_setup(test_challenge_in_a_peer_s_name, setup),
		cmocka_unit_test_setup(test_clear_of_a_peer, setup),
		cmocka_unit_test_setup(test_no_amplification, setup),
		cmocka_unit_test_setup(test_truncated, setup),
		cmocka_unit_test_setup(test_poison, setup),
		cmocka_unit_test_setup(test_groups_in_common, setup),
		cmocka_unit_test_setup(test_refusal, setup),
		cmocka_unit_test_setup(test_only_dtls_1_3, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
