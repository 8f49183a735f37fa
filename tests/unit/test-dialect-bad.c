/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reader of the cloud's dialect refuses: each damage that one member can take, and that member is blamed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base64.h"
#include "lib/util.h"
#include "plugins/mqtt/dialect.h"
#include "tests/unit/dialect-examples.h"

/* --- what is not ------------------------------------------------------------------------------ */

static bool is_optional(const struct dialect_example *example, const char *member)
{
	for (size_t i = 0; i < GW_ELEMENTS(example->optional) && example->optional[i]; i++)
		if (gw_streq(example->optional[i], member))
			return true;
	return false;
}

static char *dump(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	assert_non_null(text);
	json_decref(json);
	return text;
}

/* The example with one member set to value (taken), or without it (NULL). */
static char *with_member(const struct dialect_example *example, const char *member, json_t *value)
{
	json_t *json = json_loads(example->text, 0, NULL);

	if (value)
		assert_int_equal(json_object_set_new(json, member, value), 0);
	else
		assert_int_equal(json_object_del(json, member), 0);
	return dump(json);
}

static void all_truncations(void **state)
{
	struct dialect_error error;
	struct dialect_body body;

	for (size_t i = 0; i < n_dialect_examples; i++) {
		size_t len = strlen(dialect_examples[i].text);

		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = gw_blob_dup(
				(struct gw_blob){ (const uint8_t *)dialect_examples[i].text, n });

			assert_int_equal(dialect_read(dialect_examples[i].topic,
						      (struct gw_blob){ cut, n }, &body, &error),
					 -EBADMSG);
			free(cut);
		}
		dialect_assert_good(dialect_examples[i].topic, dialect_examples[i].text);
	}
}

static void members_left_out(void **state)
{
	for (size_t i = 0; i < n_dialect_examples; i++) {
		json_t *json = json_loads(dialect_examples[i].text, 0, NULL);
		const char *member;
		json_t *value;

		json_object_foreach(json, member, value)
		{
			_cleanup_free_ char *text = with_member(&dialect_examples[i], member, NULL);

			if (is_optional(&dialect_examples[i], member))
				dialect_assert_good(dialect_examples[i].topic, text);
			else if (strncmp(member, "secret", 6) == 0)
				dialect_assert_bad(dialect_examples[i].topic, text, "secret");
			else if (gw_streq(member, "of"))
				dialect_assert_bad(dialect_examples[i].topic, text,
						   "serial"); /* either will do */
			else if (gw_streq(member, "devices") || gw_streq(member, "serials"))
				dialect_assert_bad(dialect_examples[i].topic, text, "device");
			else
				dialect_assert_bad(dialect_examples[i].topic, text, member);
		}
		json_decref(json);
	}
}

static json_t *wrong_value(size_t i, const json_t *right)
{
	switch (i) {
	case 0: return json_null();
	case 1: return json_real(1.5);
	case 2: return json_integer(-1);
	case 3: return json_is_boolean(right) ? json_string("true") : json_true();
	case 4: return json_object();
	case 5: return json_is_array(right) ? json_string("AAAA") : json_array();
	case 6: return json_is_integer(right) ? json_string("1") : json_integer(1);
	case 7: return json_pack("[n]");
	default: return NULL;
	}
}

static void members_of_another_type(void **state)
{
	for (size_t i = 0; i < n_dialect_examples; i++) {
		json_t *json = json_loads(dialect_examples[i].text, 0, NULL);
		json_t *value, *wrong;
		const char *member;

		json_object_foreach(json, member, value)
		{
			for (size_t k = 0; (wrong = wrong_value(k, value)); k++) {
				_cleanup_free_ char *text =
					with_member(&dialect_examples[i], member, wrong);

				dialect_assert_bad(dialect_examples[i].topic, text, member);
			}
		}
		json_decref(json);
	}
}

static json_t *repeated(char c, size_t n)
{
	_cleanup_free_ char *text = malloc(n + 1);

	memset(text, c, n);
	text[n] = 0;
	return json_string(text);
}

static json_t *zeros_in_base64(size_t n)
{
	_cleanup_free_ uint8_t *bytes = calloc(1, n);
	_cleanup_free_ char *text = malloc(GW_BASE64_LEN(n) + 1);

	gw_base64_encode(bytes, n, text);
	return json_string(text);
}

static json_t *list_of(size_t n, size_t len)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, zeros_in_base64(len));
	return list;
}

static void try_limit(size_t i, const char *member, json_t *fits, json_t *too_much)
{
	_cleanup_free_ char *good_text = with_member(&dialect_examples[i], member, fits);
	_cleanup_free_ char *bad_text = with_member(&dialect_examples[i], member, too_much);

	dialect_assert_good(dialect_examples[i].topic, good_text);
	dialect_assert_bad(dialect_examples[i].topic, bad_text, member);
}

static json_t *list_of_texts(size_t n, const char *text)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(text));
	return list;
}

static void limits_of_lists(void **state)
{
	static const char id_64[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	try_limit(DIALECT_LIST_OF_DEVICES, "devices", list_of_texts(256, id_64),
		  list_of_texts(257, "A"));
	try_limit(DIALECT_LIST_OF_DEVICES, "devices", json_pack("[s]", "A"), json_array());
	try_limit(DIALECT_LIST_OF_DEVICES, "devices", json_pack("[s]", "A"),
		  json_pack("[s,s]", "A", ""));
	try_limit(DIALECT_LIST_OF_DEVICES, "devices", json_pack("[s]", "A"),
		  json_pack("[s]", "A\nB"));
	try_limit(DIALECT_LIST_OF_DEVICES, "devices", json_pack("[s]", "A"),
		  json_pack("[si]", "A", 1));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials",
		  list_of_texts(256, "0102030405060708090a0b0c0d0e0f1011121314"),
		  list_of_texts(257, "01"));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials", json_pack("[s]", "01"),
		  json_pack("[s]", "0001"));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"),
		  json_pack("[s]", "0A"));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"),
		  json_pack("[s]", "0"));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"), json_pack("[s]", ""));
	try_limit(DIALECT_LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"),
		  json_pack("[s]", "0102030405060708090a0b0c0d0e0f101112131415"));
}

/* One device, a list of them, or of serials, and that only where it means something. */
static void one_of_the_three(void **state)
{
	static const char head[] =
		"{\"v\":1,\"kind\":\"%s\",\"id\":\"c\",\"seq\":1,\"expires_at\":0%s}";
	static const struct {
		const char *kind, *members;
		bool good;
	} cases[] = {
		{ "revoke", ",\"serials\":[\"01\"]", true },
		{ "revoke", ",\"device\":\"A\",\"serials\":[\"01\"]", false },
		{ "revoke", ",\"device\":\"A\",\"devices\":[\"A\"]", false },
		{ "revoke", ",\"devices\":[\"A\"],\"serials\":[\"01\"]", false },
		{ "revoke", "", false },
		{ "suspend", ",\"devices\":[\"A\"]", true },
		{ "suspend", ",\"serials\":[\"01\"]", false },
		{ "resume", ",\"devices\":[\"A\"]", true },
		{ "moved", ",\"devices\":[\"A\"]", true },
		{ "moved", ",\"serials\":[\"01\"]", false },
		{ "resume", ",\"serials\":[\"01\"]", false },
		{ "decommission", ",\"devices\":[\"A\"]", true },
		{ "decommission", ",\"serials\":[\"01\"]", false },
		{ "withdraw", ",\"devices\":[\"A\"]", false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), head, cases[i].kind, cases[i].members);
		if (cases[i].good)
			dialect_assert_good(DIALECT_COMMAND, text);
		else
			dialect_assert_bad(DIALECT_COMMAND, text, "device");
	}
}

static void limits(void **state)
{
	const json_int_t exact = (1ll << 53) - 1;

	for (size_t i = 0; i < n_dialect_examples; i++)
		try_limit(i, "id", repeated('x', 64), repeated('x', 65));

	try_limit(0, "device", repeated('x', 64), repeated('x', 65));
	try_limit(0, "method", repeated('x', 32), repeated('x', 33));
	try_limit(0, "csr", zeros_in_base64(4096), zeros_in_base64(4097));
	try_limit(0, "evidence", zeros_in_base64(4096), zeros_in_base64(4097));
	try_limit(0, "key", json_string(DIALECT_KEY), repeated('0', 66));
	try_limit(0, "key", json_string(DIALECT_KEY), repeated('0', 62));
	try_limit(1, "serial", repeated('1', 40), repeated('1', 42));
	try_limit(1, "serial", json_string("01"), json_string(""));
	try_limit(1, "serial", json_string("0100"), json_string("0001"));
	try_limit(2, "reason", repeated('x', 64), repeated('x', 65));

	try_limit(4, "time", json_integer(exact), json_integer(exact + 1));
	try_limit(4, "certificate", zeros_in_base64(8192), zeros_in_base64(8193));
	try_limit(4, "certificate", zeros_in_base64(1), json_string(""));
	try_limit(4, "chain", list_of(3, 8192), list_of(4, 8192));
	try_limit(4, "chain", list_of(8, 1), list_of(9, 1));
	try_limit(4, "chain", list_of(1, 8192), list_of(1, 8193));
	try_limit(4, "chain", json_array(), json_pack("[s]", ""));
	try_limit(5, "retry_after", json_integer(1), json_integer(0));
	try_limit(5, "retry_after", json_integer(604800), json_integer(604801));
	try_limit(5, "text", repeated(' ', 256), repeated(' ', 257));
	try_limit(8, "seq", json_integer(1), json_integer(0));
	try_limit(8, "seq", json_integer(exact), json_integer(exact + 1));
	try_limit(8, "secret_sealed", zeros_in_base64(74), zeros_in_base64(73));
	try_limit(8, "secret_sealed", zeros_in_base64(124), zeros_in_base64(125));
	try_limit(9, "secret", zeros_in_base64(14), zeros_in_base64(13));
	try_limit(9, "secret", zeros_in_base64(64), zeros_in_base64(65));
}

static void wrong_characters(void **state)
{
	try_limit(0, "device", json_string("A._:-9"), json_string("A B"));
	try_limit(0, "device", json_string("a"), json_string("a/b"));
	try_limit(0, "device", json_string("a"), json_string("\xc3\xbc"));
	try_limit(0, "tenant", json_string("a"), json_string(""));
	try_limit(0, "method", json_string("x509"), json_string("X509"));
	try_limit(0, "key", json_string(DIALECT_KEY), repeated('A', 64));
	try_limit(0, "key", json_string(DIALECT_KEY), repeated('g', 64));
	try_limit(0, "csr", json_string("AA=="), json_string("AA"));
	try_limit(0, "csr", json_string("AA=="), json_string("AB=="));
	try_limit(0, "csr", json_string("AA=="), json_string("AA==\n"));
	try_limit(2, "reason", json_string("a-1"), json_string("a_1"));
	try_limit(2, "reason", json_string("a-1"), json_string("a\xc3\xbc"));
}

static void anchors(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"device\":[\"AA==\"]}",
		"{\"registrar\":[\"AA==\"]}",
		"{\"device\":[],\"registrar\":[\"AA==\"]}",
		"{\"device\":[\"AA==\"],\"registrar\":[]}",
		"{\"device\":[\"AA==\"],\"registrar\":\"AA==\"}",
		"{\"device\":[\"AA==\"],\"registrar\":[\"A\"]}",
		"{\"device\":[\"AA==\"],\"registrar\":[null]}",
	};

	for (size_t i = 0; i < GW_ELEMENTS(bad); i++) {
		_cleanup_free_ char *text =
			with_member(&dialect_examples[4], "anchors", json_loads(bad[i], 0, NULL));

		dialect_assert_bad(DIALECT_RESPONSE, text, "anchors");
	}
	try_limit(4, "anchors",
		  json_pack("{s:o,s:o}", "device", list_of(16, 1), "registrar", list_of(16, 1)),
		  json_pack("{s:o,s:o}", "device", list_of(1, 1), "registrar", list_of(17, 1)));
}

static void two_secrets(void **state)
{
	_cleanup_free_ char *text =
		with_member(&dialect_examples[8], "secret", json_string(DIALECT_SECRET));

	dialect_assert_bad(DIALECT_COMMAND, text, "secret");
}

static void heads(void **state)
{
	static const struct {
		const char *text, *member;
	} cases[] = {
		{ "", "body" },
		{ "[]", "body" },
		{ "[{}]", "body" },
		{ "null", "body" },
		{ "{} {}", "body" },
		{ "{}", "v" },
		{ "{\"v\":2,\"kind\":\"done\",\"id\":\"j\"}", "v" },
		{ "{\"v\":\"1\",\"kind\":\"done\",\"id\":\"j\"}", "v" },
		{ "{\"v\":1,\"id\":\"j\"}", "kind" },
		{ "{\"v\":1,\"kind\":\"\",\"id\":\"j\"}", "kind" },
		{ "{\"v\":1,\"kind\":\"claim\",\"id\":\"j\"}", "kind" },
		{ "{\"v\":1,\"kind\":\"done\",\"kind\":\"done\",\"id\":\"j\"}", "body" },
		{ "{\"v\":1,\"kind\":\"done\",\"id\":\"j\\u0000\"}", "body" },
		{ "{\"v\":1,\"kind\":\"done\",\"id\":\"\xff\"}", "body" },
		{ "{\"v\":1,\"kind\":\"done\",\"id\":\"j\",\"time\":1e3}", "time" },
		{ "{\"v\":1,\"kind\":\"done\",\"id\":\"j\",\"time\":99999999999999999999}",
		  "body" },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++)
		dialect_assert_bad(DIALECT_RESPONSE, cases[i].text, cases[i].member);
	dialect_assert_good(DIALECT_RESPONSE,
			    " {\"later\":[1,{}],\"id\":\"j\",\"kind\":\"done\",\"v\":1}\n");
}

static void kinds_belong_to_topics(void **state)
{
	for (size_t i = 0; i < n_dialect_examples; i++)
		for (int topic = DIALECT_REQUEST; topic < _DIALECT_TOPIC_MAX; topic++) {
			struct dialect_error error;
			struct dialect_body body;
			int r = dialect_example_read((enum dialect_topic)topic,
						     dialect_examples[i].text, &body, &error);

			if (r >= 0)
				dialect_body_done(&body);
			/* `done` and `refused` are words of both sides. */
			if (topic == (int)dialect_examples[i].topic)
				assert_int_equal(r, 0);
			else if (!strstr(dialect_examples[i].text, "\"done\""))
				assert_int_equal(r, -EBADMSG);
		}
}

static void too_long(void **state)
{
	static char text[DIALECT_BODY_MAX + 2];
	struct dialect_error error;
	struct dialect_body body;

	memset(text, ' ', sizeof(text));
	memcpy(text, dialect_examples[7].text, strlen(dialect_examples[7].text));
	text[DIALECT_BODY_MAX] = 0;
	dialect_assert_good(DIALECT_RESPONSE, text);
	text[DIALECT_BODY_MAX] = ' ';
	assert_int_equal(
		dialect_read(DIALECT_RESPONSE,
			     (struct gw_blob){ (const uint8_t *)text, DIALECT_BODY_MAX + 1 }, &body,
			     &error),
		-EBADMSG);
	assert_string_equal(error.why, "is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_truncations),
		cmocka_unit_test(members_left_out),
		cmocka_unit_test(members_of_another_type),
		cmocka_unit_test(limits),
		cmocka_unit_test(limits_of_lists),
		cmocka_unit_test(one_of_the_three),
		cmocka_unit_test(wrong_characters),
		cmocka_unit_test(anchors),
		cmocka_unit_test(two_secrets),
		cmocka_unit_test(heads),
		cmocka_unit_test(kinds_belong_to_topics),
		cmocka_unit_test(too_long),
	};

	dialect_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
