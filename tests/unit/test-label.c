/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label: the document's example, every kind of damage, every field's limits, and the way back. */
#include "lib/label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/util.h"

#define EXAMPLE "GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B"
#define SECRET  "S60RK4CSM6MV3EE1SC5H66S35CR"
#define EQUAL16 "S00000000000000000000000000"
#define HASH    "F000G40R40M30E209185GR38E1W8124GK2GAHC5RR34D1P70X3RFG"
#define X64     "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

static const char qr_alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/* Bit by bit and by another road than the code under test: a division of polynomials. */
static unsigned reference_crc(const char *text)
{
	unsigned rest = 0xffff;

	for (; *text; text++)
		for (int bit = 7; bit >= 0; bit--) {
			unsigned top = rest >> 15 ^ ((unsigned)(uint8_t)*text >> bit & 1);

			rest = (rest << 1 & 0xffff) ^ (top ? 0x1021 : 0);
		}
	return rest;
}

/* Puts the right check sum behind `body` and reads the whole. */
static int parse_body(const char *body, struct gw_label *ret, const char **ret_why)
{
	char text[2 * GW_LABEL_MAX];

	assert_true(snprintf(text, sizeof(text), "%s+C%04X", body, reference_crc(body)) <
		    (int)sizeof(text));
	return gw_label_parse(text, ret, ret_why);
}

static void assert_refused(const char *text, const char *word)
{
	struct gw_label label, before;
	const char *why = NULL;

	memset(&label, 0xa5, sizeof(label));
	memset(&before, 0xa5, sizeof(before));
	assert_int_equal(gw_label_parse(text, &label, &why), -EBADMSG);
	assert_non_null(why);
	if (!strstr(why, word))
		fail_msg("'%s': says '%s', not '%s'", text, why, word);
	assert_memory_equal(&label, &before, sizeof(label));
}

static void assert_body_refused(const char *body, const char *word)
{
	char text[2 * GW_LABEL_MAX];

	(void)snprintf(text, sizeof(text), "%s+C%04X", body, reference_crc(body));
	assert_refused(text, word);
}

static void assert_body_taken(const char *body, struct gw_label *ret)
{
	const char *why = "";

	if (parse_body(body, ret, &why) != 0)
		fail_msg("'%s' refused: %s", body, why);
}

static void test_example(void **state)
{
	static const uint8_t secret[] = "0123456789abcdef";
	struct gw_label label;
	const char *why = NULL;

	assert_int_equal(reference_crc("123456789"), 0x29b1);
	assert_int_equal(gw_label_parse(EXAMPLE, &label, &why), 0);
	assert_string_equal(label.id, "ACME-0001");
	assert_int_equal(label.secret_len, 16);
	assert_memory_equal(label.secret, secret, 16);
	assert_string_equal(label.model, "");
	assert_string_equal(label.vendor, "");
	assert_string_equal(label.transport, "");
	assert_int_equal(label.expires, 0);
	assert_false(label.secret_is_weak);
	assert_null(why);
}

static void test_all_fields(void **state)
{
	struct gw_label label;

	assert_body_taken("GW1:ID:1.2-3+" SECRET "+MPT 100/5+VACME $%*-./:+TIP+E20281231", &label);
	assert_string_equal(label.id, "D:1.2-3");
	assert_string_equal(label.model, "PT 100/5");
	assert_string_equal(label.vendor, "ACME $%*-./:");
	assert_string_equal(label.transport, "IP");
	assert_int_equal(label.expires, 1861920000);
}

static void test_order_is_free(void **state)
{
	struct gw_label label;

	assert_body_taken("GW1:E20281231+" SECRET "+VA+IX", &label);
	assert_string_equal(label.id, "X");
	assert_string_equal(label.vendor, "A");
}

static void test_lower_case_and_white_space(void **state)
{
	struct gw_label label;
	const char *why = NULL;

	assert_int_equal(
		gw_label_parse(" \t\r\n\v\fgw1:iacme-0001+s60rk4csm6mv3ee1sc5h66s35cr+c965b\n ",
			       &label, &why),
		0);
	assert_string_equal(label.id, "ACME-0001");
	assert_refused("GW1:I ACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B", "check sum");
}

static void test_every_truncation(void **state)
{
	char text[sizeof(EXAMPLE)];

	for (size_t len = 0; len < sizeof(EXAMPLE) - 1; len++) {
		memcpy(text, EXAMPLE, len);
		text[len] = 0;
		assert_refused(text, len < 4 ? "GW1:" : "cut off");
	}
	for (size_t skip = 1; skip < sizeof(EXAMPLE); skip++)
		assert_refused(EXAMPLE + skip, "GW1:");
}

/* Each place, each other byte; case and white space at the ends are no damage. */
static void test_every_damaged_character(void **state)
{
	size_t len = sizeof(EXAMPLE) - 1;

	for (size_t i = 0; i < len; i++)
		for (int c = 1; c < 256; c++) {
			char text[] = EXAMPLE;

			if (c == text[i] || (text[i] >= 'A' && c == text[i] + 0x20))
				continue;
			text[i] = (char)c;
			assert_refused(text, "");
		}
}

static void test_every_swap_insertion_and_loss(void **state)
{
	size_t len = sizeof(EXAMPLE) - 1;

	for (size_t i = 0; i + 1 < len; i++) {
		char text[] = EXAMPLE, c = text[i];

		text[i] = text[i + 1];
		text[i + 1] = c;
		if (text[i] != text[i + 1])
			assert_refused(text, "");
	}
	for (size_t i = 0; i < len; i++) {
		char text[] = EXAMPLE;

		memmove(text + i, text + i + 1, len - i);
		assert_refused(text, "");
	}
	for (size_t i = 0; i <= len; i++)
		for (const char *c = qr_alphabet; *c; c++) {
			char text[sizeof(EXAMPLE) + 1] = EXAMPLE;

			if (*c == ' ' && (i == 0 || i == len))
				continue;
			memmove(text + i + 1, text + i, len - i + 1);
			text[i] = *c;
			assert_refused(text, "");
		}
}

/* The check sum is asked before the fields: a person's mistake is not put on the label's maker. */
static void test_check_sum_is_named_first(void **state)
{
	assert_refused("GW1:IACME_0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B", "check sum");
	assert_refused("GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965C", "check sum");
	assert_refused("GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965", "cut off");
	assert_refused("GW1:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C0965B", "cut off");
	assert_refused("GW1:IACME-0001+C965B+S60RK4CSM6MV3EE1SC5H66S35CR", "cut off");
	assert_refused("GW1", "GW1:");
	assert_refused("GW2:IACME-0001+S60RK4CSM6MV3EE1SC5H66S35CR+C965B", "GW1:");
	assert_refused("https://example.com/", "GW1:");
	assert_refused("", "GW1:");
	assert_refused(" \n", "GW1:");
}

static void test_missing_fields(void **state)
{
	assert_body_refused("GW1:" SECRET, "Field I");
	assert_body_refused("GW1:IA", "field S");
	assert_body_refused("GW1:IA+MX", "field F");
	assert_body_refused("GW1:MX", "Field I");
	assert_body_refused("GW1:", "key letter");
	assert_body_refused("GW1:IA+", "key letter");
	assert_body_refused("GW1:+IA+" SECRET, "key letter");
	assert_body_refused("GW1:IA++" SECRET, "key letter");
	assert_body_refused("GW1:IA+1X+" SECRET, "key letter");
	assert_body_refused("GW1:IA+ X+" SECRET, "key letter");
	assert_body_refused("GW1:IA+\x80X+" SECRET, "key letter");
}

static void test_repeated_fields(void **state)
{
	for (char key = 'A'; key <= 'Z'; key++) {
		const char *value = key == 'I'   ? "A"
				    : key == 'S' ? SECRET + 1
				    : key == 'F' ? HASH + 1
				    : key == 'E' ? "20280101"
						 : "X";
		char body[512];

		(void)snprintf(body, sizeof(body), "GW1:%c%s+%c%s", key, value, key, value);
		assert_body_refused(body, "twice");
	}
	assert_body_refused("GW1:IA+" SECRET "+Q1+IA", "twice");
}

static void test_secret_or_key_hash(void **state)
{
	struct gw_label label;

	assert_body_refused("GW1:IA+" SECRET "+" HASH, "only one");
	assert_body_taken("GW1:IA+" HASH, &label);
	assert_int_equal(label.secret_len, 0);
	for (size_t i = 0; i < GW_LABEL_HASH_LEN; i++)
		assert_int_equal(label.key_hash[i], i);
	assert_body_refused("GW1:IA+F", "Field F");
	assert_body_refused("GW1:IA+F60RK4CSM6MV3EE1SC5H66S35CR", "Field F");
	assert_body_refused("GW1:IA+" HASH "00", "Field F");
	assert_body_refused("GW1:IA+F000G40R40M30E209185GR38E1W8124GK2GAHC5RR34D1P70X3RFH",
			    "Field F");
}

static void test_secret_length(void **state)
{
	char digits[64], body[128];
	struct gw_label label;

	for (size_t n = 0; n <= 60; n++) {
		size_t len = n * 5 / 8;
		bool whole = (len * 8 + 4) / 5 == n;

		memset(digits, '0', n);
		digits[n] = 0;
		(void)snprintf(body, sizeof(body), "GW1:IA+S%s", digits);
		if (whole && len >= GW_LABEL_SECRET_MIN && len <= GW_LABEL_SECRET_MAX) {
			assert_body_taken(body, &label);
			assert_int_equal(label.secret_len, len);
		} else {
			assert_body_refused(body, whole ? "16 to 32 bytes" : "canonical");
		}
	}
}

static void test_base32_is_canonical(void **state)
{
	static const char aliases[] = "ILOU-.$";
	char body[] = "GW1:IA+" SECRET;

	for (const char *c = aliases; *c; c++) {
		body[sizeof(body) - 5] = *c;
		assert_body_refused(body, "canonical");
	}
	/* 128 bits in 26 digits: the last digit's low two bits are padding. */
	assert_body_refused("GW1:IA+S60RK4CSM6MV3EE1SC5H66S35CS", "canonical");
	assert_body_refused("GW1:IA+S60RK4CSM6MV3EE1SC5H66S35CT", "canonical");
	assert_body_refused("GW1:IA+S60RK4CSM6MV3EE1SC5H66S35CV", "canonical");
}

static void test_id(void **state)
{
	struct gw_label label;

	assert_body_taken("GW1:I" X64 "+" SECRET, &label);
	assert_string_equal(label.id, X64);
	assert_body_refused("GW1:I" X64 "X+" SECRET, "Field I");
	assert_body_refused("GW1:I+" SECRET, "Field I");

	for (int c = 1; c < 256; c++) {
		char body[] = "GW1:IA?B+" SECRET;
		bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			    (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';

		if (c == '+' || (c >= 'a' && c <= 'z'))
			continue; /* the one ends the field, the others' sum is made in lower case */
		body[6] = (char)c;
		if (good)
			assert_body_taken(body, &label);
		else
			assert_body_refused(body, "Field I");
	}
}

/* M, V, T share limits and alphabet, and unknown keys the alphabet. */
static void test_texts(void **state)
{
	struct gw_label label;
	char body[512];

	for (const char *key = "MVTQ"; *key; key++) {
		(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+%c" X64, *key);
		assert_body_taken(body, &label);
		(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+%c", *key);
		assert_body_taken(body, &label);
		(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+%c" X64 "X", *key);
		if (*key == 'Q')
			assert_body_taken(body, &label);
		else
			assert_body_refused(body, "more than 64");

		for (int c = 1; c < 256; c++) {
			if (c == '+' || (c >= 'a' && c <= 'z'))
				continue;
			(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+%cX%cY", *key, c);
			if (c < 0x80 && strchr(qr_alphabet, c))
				assert_body_taken(body, &label);
			else
				assert_body_refused(body, "character");
		}
	}
}

static void test_unknown_fields_are_ignored(void **state)
{
	struct gw_label label;

	assert_body_taken("GW1:AX+BY+IA+ZHELLO WORLD $%*-./:+" SECRET "+Q", &label);
	assert_string_equal(label.id, "A");
	assert_int_equal(label.secret_len, 16);
	assert_string_equal(label.model, "");
}

static void test_expiry(void **state)
{
	static const struct {
		const char *day;
		uint64_t expires; /* 0: refused */
	} days[] = {
		{ "19700101", 86400 },
		{ "20240229", 1709251200 },
		{ "20000229", 951868800 },
		{ "20280229", 1835481600 },
		{ "20261231", 1798761600 },
		{ "99991231", 253402300800 },
		{ "20230229", 0 },
		{ "21000229", 0 },
		{ "20260231", 0 },
		{ "20260431", 0 },
		{ "20261301", 0 },
		{ "20260001", 0 },
		{ "20260100", 0 },
		{ "20260132", 0 },
		{ "19691231", 0 },
		{ "00000000", 0 },
		{ "2026013", 0 },
		{ "202601311", 0 },
		{ "", 0 },
		{ "2026-1-1", 0 },
		{ "2026O131", 0 },
		{ " 2026131", 0 },
		{ "-2026131", 0 },
		{ "99999999", 0 },
	};
	struct gw_label label;
	char body[128];

	for (size_t i = 0; i < GW_ELEMENTS(days); i++) {
		(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+E%s", days[i].day);
		if (!days[i].expires) {
			assert_body_refused(body, "Field E");
			continue;
		}
		assert_body_taken(body, &label);
		assert_int_equal(label.expires, days[i].expires);
	}
}

/* Two years, every two-digit month and day, against the calendar's own rule. */
static void test_every_date(void **state)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct gw_label label;
	char body[128];

	for (unsigned year = 2027; year <= 2028; year++)
		for (unsigned n = 0; n < 10000; n++) {
			unsigned month = n / 100, day = n % 100;
			unsigned leap = month == 2 && year == 2028;
			bool good = month >= 1 && month <= 12 && day >= 1 &&
				    day <= lengths[month - 1] + leap;

			(void)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+E%u%04u", year, n);
			if (good)
				assert_body_taken(body, &label);
			else
				assert_body_refused(body, "Field E");
		}
}

static void assert_weak(const struct gw_label *given, bool weak)
{
	char text[GW_LABEL_MAX + 1];
	const char *why = NULL;
	struct gw_label label;

	assert_int_equal(gw_label_format(given, text, sizeof(text)), 0);
	assert_int_equal(gw_label_parse(text, &label, &why), 0);
	assert_int_equal(label.secret_is_weak, weak);
}

static void test_weak_secrets(void **state)
{
	struct gw_label label = { .id = "A", .secret_len = 16 };

	assert_body_taken("GW1:IA+" EQUAL16, &label);
	assert_true(label.secret_is_weak);

	for (size_t len = GW_LABEL_SECRET_MIN; len <= GW_LABEL_SECRET_MAX; len++)
		for (int step = -3; step <= 3; step++) {
			label.secret_len = len;
			for (size_t i = 0; i < len; i++)
				label.secret[i] = (uint8_t)(250 + step * (int)i);
			assert_weak(&label, step >= -1 && step <= 1);
			for (size_t i = 0; i < len; i++) {
				label.secret[i] ^= 0x40;
				assert_weak(&label, false);
				label.secret[i] ^= 0x40;
			}
		}
}

static void test_too_long(void **state)
{
	char body[GW_LABEL_MAX + 2], padded[GW_LABEL_MAX + 64];
	struct gw_label label;
	const char *why = NULL;
	size_t start = (size_t)snprintf(body, sizeof(body), "GW1:IA+" SECRET "+Q");

	memset(body + start, 'X', sizeof(body) - start);
	body[GW_LABEL_MAX - 6] = 0;
	assert_body_taken(body, &label);

	/* White space around it does not count. */
	(void)snprintf(padded, sizeof(padded), "      %s+C%04X     ", body, reference_crc(body));
	assert_int_equal(gw_label_parse(padded, &label, &why), 0);

	body[GW_LABEL_MAX - 6] = 'X';
	body[GW_LABEL_MAX - 5] = 0;
	assert_body_refused(body, "512");
}

static struct gw_label some_label(unsigned seed)
{
	struct gw_label label = { .id = "ACME-0001" };

	label.secret_len = seed % 4 ? 16 + seed % 17 : 0;
	for (size_t i = 0; i < label.secret_len; i++)
		label.secret[i] = (uint8_t)(seed * 31 + i * i * 7);
	for (size_t i = 0; i < GW_LABEL_HASH_LEN && !label.secret_len; i++)
		label.key_hash[i] = (uint8_t)(seed * 17 + i * 5);
	if (seed & 1)
		(void)gw_copy(label.model, sizeof(label.model), "PT 100");
	if (seed & 2)
		(void)gw_copy(label.vendor, sizeof(label.vendor), X64);
	if (seed & 8)
		(void)gw_copy(label.transport, sizeof(label.transport), "SERIAL:/9600");
	if (seed & 16)
		label.expires = 86400ull * (seed + 1);
	return label;
}

static void assert_same(const struct gw_label *a, const struct gw_label *b)
{
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->secret_len, b->secret_len);
	assert_memory_equal(a->secret, b->secret, a->secret_len);
	assert_memory_equal(a->key_hash, b->key_hash, sizeof(a->key_hash));
	assert_string_equal(a->model, b->model);
	assert_string_equal(a->vendor, b->vendor);
	assert_string_equal(a->transport, b->transport);
	assert_int_equal(a->expires, b->expires);
}

static void test_round_trips(void **state)
{
	for (unsigned seed = 0; seed < 256; seed++) {
		struct gw_label label = some_label(seed), again;
		char text[GW_LABEL_MAX + 1], text_again[GW_LABEL_MAX + 1];
		const char *why = NULL;

		assert_int_equal(gw_label_format(&label, text, sizeof(text)), 0);
		assert_int_equal(gw_label_parse(text, &again, &why), 0);
		assert_same(&again, &label);
		assert_int_equal(gw_label_format(&again, text_again, sizeof(text_again)), 0);
		assert_string_equal(text, text_again);
	}
}

static void test_format_example(void **state)
{
	struct gw_label label = { .id = "ACME-0001", .secret_len = 16 };
	char text[sizeof(EXAMPLE)];

	memcpy(label.secret, "0123456789abcdef", 16);
	assert_int_equal(gw_label_format(&label, text, sizeof(text)), 0);
	assert_string_equal(text, EXAMPLE);
	for (size_t size = 0; size < sizeof(text); size++)
		assert_int_equal(gw_label_format(&label, text, size), -ENOSPC);
}

static void assert_not_formatted(struct gw_label label)
{
	char text[GW_LABEL_MAX + 1];

	assert_int_equal(gw_label_format(&label, text, sizeof(text)), -EINVAL);
}

static void test_format_refuses(void **state)
{
	struct gw_label good = { .id = "A", .secret_len = 16 }, bad;

	for (size_t len = 1; len < 64; len++) {
		bad = good;
		bad.secret_len = len;
		if (len < GW_LABEL_SECRET_MIN || len > GW_LABEL_SECRET_MAX)
			assert_not_formatted(bad);
	}
	bad = good, bad.id[0] = 0, assert_not_formatted(bad);
	bad = good, bad.id[0] = 'a', assert_not_formatted(bad);
	bad = good, bad.id[0] = '_', assert_not_formatted(bad);
	bad = good, bad.id[0] = '+', assert_not_formatted(bad);
	bad = good, bad.model[0] = '+', assert_not_formatted(bad);
	bad = good, bad.vendor[0] = '=', assert_not_formatted(bad);
	bad = good, bad.transport[0] = '\n', assert_not_formatted(bad);
	bad = good, bad.expires = 1, assert_not_formatted(bad);
	bad = good, bad.expires = 86400 + 1, assert_not_formatted(bad);
	bad = good, bad.expires = 253402300800 + 86400, assert_not_formatted(bad);
	bad = good, bad.expires = UINT64_MAX / 86400 * 86400, assert_not_formatted(bad);
}

static void test_wipe(void **state)
{
	static const uint8_t zero[GW_LABEL_SECRET_MAX];
	struct gw_label label;

	assert_body_taken("GW1:IA+" SECRET, &label);
	gw_label_wipe(&label);
	assert_memory_equal(label.secret, zero, sizeof(zero));
	assert_string_equal(label.id, "A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_order_is_free),
		cmocka_unit_test(test_lower_case_and_white_space),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_damaged_character),
		cmocka_unit_test(test_every_swap_insertion_and_loss),
		cmocka_unit_test(test_check_sum_is_named_first),
		cmocka_unit_test(test_missing_fields),
		cmocka_unit_test(test_repeated_fields),
		cmocka_unit_test(test_secret_or_key_hash),
		cmocka_unit_test(test_secret_length),
		cmocka_unit_test(test_base32_is_canonical),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_unknown_fields_are_ignored),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_every_date),
		cmocka_unit_test(test_weak_secrets),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_format_example),
		cmocka_unit_test(test_format_refuses),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
