/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud's dialect: each kind of body both ways, and each damage that one member can take. The
 * schemas say the same of the good and the bad (tests/integration/test_schema.py); here it is our
 * own reader.
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

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BOX_64                                                                                     \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAA"                                                                                 \
	"AAAAAAAAAA=="
#define SECRET "AAECAwQFBgcICQoLDA0="

static const uint8_t key[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

/* One whole body of each kind, with all of its members. */
static const struct example {
	enum dialect_topic topic;
	const char *text;
	const char *optional[5]; /* members that may be left out */
} examples[] = {
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"enroll\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"tenant\":"
	  "\"default\","
	  "\"claim\":\"c-1\",\"method\":\"qr\",\"key\":\"" KEY
	  "\",\"csr\":\"MGNzcg==\",\"evidence\":\"AA==\"}",
	  { "evidence" } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"proved\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"claim\":\"c-1\","
	  "\"serial\":\"7a01\"}",
	  { NULL } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-1\",\"device\":\"ACME-1\",\"serial\":"
	  "\"7a01\","
	  "\"reason\":\"superseded\"}",
	  { "device" } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"server-cert\",\"id\":\"job-1\",\"key\":\"" KEY
	  "\",\"csr\":\"MGNzcg==\"}",
	  { NULL } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"issued\",\"id\":\"job-1\",\"time\":1790000000,\"certificate\":"
	  "\"AAEC\","
	  "\"chain\":[\"AwQ=\",\"BQ==\"],\"anchors\":{\"device\":[\"Bg==\",\"Bwg=\"],"
	  "\"registrar\":[\"CQ==\"]}}",
	  { "time", "anchors" } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"pending\",\"id\":\"job-1\",\"time\":7,\"retry_after\":30,"
	  "\"reason\":\"busy\",\"text\":\"come back\"}",
	  { "time", "reason", "text" } },
	{ DIALECT_RESPONSE,
	  "{\"v\":1,\"kind\":\"refused\",\"id\":\"job-1\",\"time\":7,\"reason\":\"live-elsewhere\","
	  "\"text\":\"at gw-2\",\"retry_after\":30,\"final\":true}",
	  { "time", "text", "retry_after" } },
	{ DIALECT_RESPONSE, "{\"v\":1,\"kind\":\"done\",\"id\":\"job-1\",\"time\":7}", { "time" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"claim\",\"id\":\"cmd-1\",\"seq\":12,\"expires_at\":1790003600,"
	  "\"device\":\"ACME-1\",\"tenant\":\"default\",\"claim\":\"fleet-77\",\"claim_expires\":5,"
	  "\"replace\":true,\"secret_sealed\":\"" BOX_64 "\"}",
	  { "claim_expires", "replace" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"claim\",\"id\":\"cmd-1\",\"seq\":12,\"expires_at\":0,"
	  "\"device\":\"ACME-1\",\"tenant\":\"default\",\"claim\":\"fleet-77\",\"secret\":\"" SECRET
	  "\"}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"withdraw\",\"id\":\"cmd-1\",\"seq\":13,\"expires_at\":0,"
	  "\"device\":\"ACME-1\"}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":14,\"expires_at\":0,"
	  "\"device\":\"ACME-1\",\"reason\":\"stolen\"}",
	  { "reason" } },
	{ DIALECT_ANSWER, "{\"v\":1,\"kind\":\"done\",\"id\":\"cmd-1\",\"seq\":12}", { NULL } },
	{ DIALECT_ANSWER,
	  "{\"v\":1,\"kind\":\"refused\",\"id\":\"cmd-1\",\"seq\":12,\"reason\":\"already-"
	  "claimed\"}",
	  { NULL } },
	{ DIALECT_REQUEST,
	  "{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-1\",\"device\":\"ACME-1\","
	  "\"of\":\"job-0\",\"reason\":\"superseded\"}",
	  { "device" } },
	{ DIALECT_REQUEST, "{\"v\":1,\"kind\":\"time\",\"id\":\"job-1\"}", { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"anchors\",\"id\":\"cmd-1\",\"seq\":15,\"expires_at\":0,"
	  "\"anchors\":{\"device\":[\"MAE=\",\"MAI=\"],\"registrar\":[\"MAM=\"]}}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"devices\":[\"ACME-1\",\"ACME:2\"],\"reason\":\"stolen\"}",
	  { "reason" } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"revoke\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"serials\":[\"0a1b\",\"15\"]}",
	  { NULL } },
	{ DIALECT_COMMAND,
	  "{\"v\":1,\"kind\":\"crl\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
	  "\"digest\":\"" KEY "\",\"part\":1,\"parts\":2,\"crl\":\"MAE=\"}",
	  { NULL } },
};

#define LIST_OF_DEVICES (GW_ELEMENTS(examples) - 3)
#define LIST_OF_SERIALS (GW_ELEMENTS(examples) - 2)

static int read_text(enum dialect_topic topic, const char *text, struct dialect_body *ret,
		     struct dialect_error *ret_error)
{
	struct gw_blob blob = { (const uint8_t *)text, strlen(text) };

	return dialect_read(topic, blob, ret, ret_error);
}

/* The body of an example; asserts that it is good, and fit for the link. */
static struct dialect_body good(enum dialect_topic topic, const char *text)
{
	static uint8_t buf[GW_WIRE_MAX];
	struct dialect_body body;
	struct dialect_error error;
	size_t len;

	assert_int_equal(read_text(topic, text, &body, &error), 0);
	assert_int_equal(gw_wire_encode(&body.msg, buf, sizeof(buf), &len), 0);
	return body;
}

static void assert_good(enum dialect_topic topic, const char *text)
{
	struct dialect_body body = good(topic, text);

	dialect_body_done(&body);
}

static void assert_bad(enum dialect_topic topic, const char *text, const char *member)
{
	struct dialect_body body;
	struct dialect_error error = { 0 };

	if (read_text(topic, text, &body, &error) != -EBADMSG)
		fail_msg("accepted: %s", text);
	assert_non_null(error.kind);
	assert_non_null(error.why);
	if (member && strcmp(error.member, member) != 0)
		fail_msg("blames '%s', not '%s': %s", error.member, member, text);
}

static void assert_blob(struct gw_blob blob, const char *bytes, size_t len)
{
	assert_int_equal(blob.len, len);
	assert_memory_equal(blob.data, bytes, len);
}

/* --- what is read ----------------------------------------------------------------------------- */

static void responses(void **state)
{
	struct dialect_body body = good(DIALECT_RESPONSE, examples[4].text);
	const struct gw_msg_answer *answer = &body.msg.answer;

	assert_int_equal(body.msg.type, GW_MSG_ANSWER);
	assert_string_equal(answer->job, "job-1");
	assert_int_equal(answer->outcome, GW_OUTCOME_DONE);
	assert_int_equal(answer->time, 1790000000);
	assert_blob(answer->certificate, "\0\1\2", 3);
	assert_blob(answer->chain, "\3\4\5", 3);
	assert_true(body.has_anchors);
	assert_blob(body.anchors[GW_ANCHORS_DEVICE], "\6\7\10", 3);
	assert_blob(body.anchors[GW_ANCHORS_REGISTRAR], "\11", 1);
	dialect_body_done(&body);
	assert_null(body.arena);

	body = good(DIALECT_RESPONSE, examples[5].text);
	assert_int_equal(answer->outcome, GW_OUTCOME_PENDING);
	assert_int_equal(answer->retry_after_s, 30);
	assert_string_equal(answer->reason, "busy");
	assert_string_equal(answer->text, "come back");
	assert_false(body.has_anchors);
	dialect_body_done(&body);

	body = good(DIALECT_RESPONSE, examples[7].text);
	assert_int_equal(answer->outcome, GW_OUTCOME_DONE);
	assert_int_equal(answer->certificate.len, 0);
	dialect_body_done(&body);
}

static void refusals(void **state)
{
	static const struct {
		const char *members;
		enum gw_outcome outcome;
		uint32_t retry_after_s;
	} cases[] = {
		{ "\"final\":true", GW_OUTCOME_REFUSED, 0 },
		{ "\"final\":true,\"retry_after\":9", GW_OUTCOME_REFUSED, 0 },
		{ "\"final\":false", GW_OUTCOME_PENDING, 300 },
		{ "\"final\":false,\"retry_after\":9", GW_OUTCOME_PENDING, 9 },
		{ "\"retry_after\":9,\"final\":false", GW_OUTCOME_PENDING, 9 },
	};
	struct dialect_body body;
	char text[256];

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"v\":1,\"kind\":\"refused\",\"id\":\"j\",\"reason\":\"no\",%s}",
			       cases[i].members);
		body = good(DIALECT_RESPONSE, text);
		assert_int_equal(body.msg.answer.outcome, cases[i].outcome);
		assert_int_equal(body.msg.answer.retry_after_s, cases[i].retry_after_s);
		assert_string_equal(body.msg.answer.reason, "no");
		dialect_body_done(&body);
	}
}

static void commands(void **state)
{
	struct dialect_body body = good(DIALECT_COMMAND, examples[8].text);
	const struct gw_msg_command *command = &body.msg.command;

	assert_int_equal(body.msg.type, GW_MSG_COMMAND);
	assert_string_equal(command->id, "cmd-1");
	assert_int_equal(command->seq, 12);
	assert_int_equal(command->expires_at, 1790003600);
	assert_int_equal(command->kind, GW_COMMAND_CLAIM);
	assert_string_equal(command->device, "ACME-1");
	assert_string_equal(command->tenant, "default");
	assert_string_equal(command->claim, "fleet-77");
	assert_int_equal(command->claim_expires, 5);
	assert_int_equal(command->replace, 1);
	assert_int_equal(command->sealed, 1);
	assert_int_equal(command->secret.len, 79);
	dialect_body_done(&body);

	body = good(DIALECT_COMMAND, examples[9].text);
	assert_int_equal(command->sealed, 0);
	assert_int_equal(command->replace, 0);
	assert_int_equal(command->claim_expires, 0);
	assert_blob(command->secret, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15", 14);
	dialect_body_done(&body);

	body = good(DIALECT_COMMAND, examples[10].text);
	assert_int_equal(command->kind, GW_COMMAND_WITHDRAW);
	dialect_body_done(&body);

	body = good(DIALECT_COMMAND, examples[11].text);
	assert_int_equal(command->kind, GW_COMMAND_REVOKE);
	assert_string_equal(command->reason, "stolen");
	dialect_body_done(&body);
}

/* About no device; what it brings goes before it, on messages of its own. */
static void a_command_with_anchors(void **state)
{
	static const char text[] = "{\"v\":1,\"kind\":\"anchors\",\"id\":\"cmd-1\",\"seq\":15,"
				   "\"expires_at\":0,\"anchors\":{\"device\":[\"MAE=\",\"MAI=\"],"
				   "\"registrar\":[\"MAM=\"]}}";
	struct dialect_body body = good(DIALECT_COMMAND, text);

	assert_int_equal(body.msg.command.kind, GW_COMMAND_ANCHORS);
	assert_true(body.has_anchors);
	assert_blob(body.anchors[GW_ANCHORS_DEVICE], "\x30\1\x30\2", 4);
	assert_blob(body.anchors[GW_ANCHORS_REGISTRAR], "\x30\3", 2);
	assert_null(body.msg.command.device);
	dialect_body_done(&body);
}

static void a_part_of_a_revocation_list(void **state)
{
	static const char text[] =
		"{\"v\":1,\"kind\":\"crl\",\"id\":\"cmd-1\",\"seq\":16,\"expires_at\":0,"
		"\"digest\":\"" KEY "\",\"part\":2,\"parts\":32,\"crl\":\"MAE=\"}";
	struct dialect_body body = good(DIALECT_COMMAND, text);

	assert_int_equal(body.msg.command.kind, GW_COMMAND_CRL);
	assert_string_equal(body.msg.command.id, "cmd-1");
	assert_null(body.msg.command.device);
	assert_int_equal(body.crl.part, 2);
	assert_int_equal(body.crl.parts, 32);
	assert_blob(body.crl.digest, (const char *)key, sizeof(key));
	assert_blob(body.crl.content, "\x30\1", 2);
	assert_false(body.has_anchors);
	dialect_body_done(&body);
}

static void a_command_with_a_list(void **state)
{
	struct dialect_body body = good(DIALECT_COMMAND, examples[LIST_OF_DEVICES].text);

	assert_string_equal(body.msg.command.devices, "ACME-1\nACME:2\n");
	assert_null(body.msg.command.device);
	assert_string_equal(body.msg.command.reason, "stolen");
	dialect_body_done(&body);

	body = good(DIALECT_COMMAND, examples[LIST_OF_SERIALS].text);
	assert_string_equal(body.msg.command.serials, "0a1b\n15\n");
	assert_null(body.msg.command.devices);
	dialect_body_done(&body);
}

static void texts_become_printable(void **state)
{
	struct dialect_body body =
		good(DIALECT_RESPONSE,
		     "{\"v\":1,\"kind\":\"pending\",\"id\":\"j\",\"retry_after\":1,"
		     "\"text\":\"gr\\u00fc\xc3\x9f\xf0\x9f\x9a\xa2\\u0007\\n!\"}");

	assert_string_equal(body.msg.answer.text, "gr???"
						  "?"
						  "?"
						  "!");
	dialect_body_done(&body);
}

/* --- what is not ------------------------------------------------------------------------------ */

static bool is_optional(const struct example *example, const char *member)
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
static char *with_member(const struct example *example, const char *member, json_t *value)
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

	for (size_t i = 0; i < GW_ELEMENTS(examples); i++) {
		size_t len = strlen(examples[i].text);

		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = gw_blob_dup(
				(struct gw_blob){ (const uint8_t *)examples[i].text, n });

			assert_int_equal(dialect_read(examples[i].topic, (struct gw_blob){ cut, n },
						      &body, &error),
					 -EBADMSG);
			free(cut);
		}
		assert_good(examples[i].topic, examples[i].text);
	}
}

static void members_left_out(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(examples); i++) {
		json_t *json = json_loads(examples[i].text, 0, NULL);
		const char *member;
		json_t *value;

		json_object_foreach(json, member, value)
		{
			_cleanup_free_ char *text = with_member(&examples[i], member, NULL);

			if (is_optional(&examples[i], member))
				assert_good(examples[i].topic, text);
			else if (strncmp(member, "secret", 6) == 0)
				assert_bad(examples[i].topic, text, "secret");
			else if (gw_streq(member, "of"))
				assert_bad(examples[i].topic, text, "serial"); /* either will do */
			else if (gw_streq(member, "devices") || gw_streq(member, "serials"))
				assert_bad(examples[i].topic, text, "device");
			else
				assert_bad(examples[i].topic, text, member);
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
	for (size_t i = 0; i < GW_ELEMENTS(examples); i++) {
		json_t *json = json_loads(examples[i].text, 0, NULL);
		json_t *value, *wrong;
		const char *member;

		json_object_foreach(json, member, value)
		{
			for (size_t k = 0; (wrong = wrong_value(k, value)); k++) {
				_cleanup_free_ char *text =
					with_member(&examples[i], member, wrong);

				assert_bad(examples[i].topic, text, member);
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
	_cleanup_free_ char *good_text = with_member(&examples[i], member, fits);
	_cleanup_free_ char *bad_text = with_member(&examples[i], member, too_much);

	assert_good(examples[i].topic, good_text);
	assert_bad(examples[i].topic, bad_text, member);
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

	try_limit(LIST_OF_DEVICES, "devices", list_of_texts(256, id_64), list_of_texts(257, "A"));
	try_limit(LIST_OF_DEVICES, "devices", json_pack("[s]", "A"), json_array());
	try_limit(LIST_OF_DEVICES, "devices", json_pack("[s]", "A"), json_pack("[s,s]", "A", ""));
	try_limit(LIST_OF_DEVICES, "devices", json_pack("[s]", "A"), json_pack("[s]", "A\nB"));
	try_limit(LIST_OF_DEVICES, "devices", json_pack("[s]", "A"), json_pack("[si]", "A", 1));
	try_limit(LIST_OF_SERIALS, "serials",
		  list_of_texts(256, "0102030405060708090a0b0c0d0e0f1011121314"),
		  list_of_texts(257, "01"));
	try_limit(LIST_OF_SERIALS, "serials", json_pack("[s]", "01"), json_pack("[s]", "0001"));
	try_limit(LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"), json_pack("[s]", "0A"));
	try_limit(LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"), json_pack("[s]", "0"));
	try_limit(LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"), json_pack("[s]", ""));
	try_limit(LIST_OF_SERIALS, "serials", json_pack("[s]", "0a"),
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
		{ "resume", ",\"serials\":[\"01\"]", false },
		{ "decommission", ",\"devices\":[\"A\"]", true },
		{ "decommission", ",\"serials\":[\"01\"]", false },
		{ "withdraw", ",\"devices\":[\"A\"]", false },
	};

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), head, cases[i].kind, cases[i].members);
		if (cases[i].good)
			assert_good(DIALECT_COMMAND, text);
		else
			assert_bad(DIALECT_COMMAND, text, "device");
	}
}

static void limits(void **state)
{
	const json_int_t exact = (1ll << 53) - 1;

	for (size_t i = 0; i < GW_ELEMENTS(examples); i++)
		try_limit(i, "id", repeated('x', 64), repeated('x', 65));

	try_limit(0, "device", repeated('x', 64), repeated('x', 65));
	try_limit(0, "method", repeated('x', 32), repeated('x', 33));
	try_limit(0, "csr", zeros_in_base64(4096), zeros_in_base64(4097));
	try_limit(0, "evidence", zeros_in_base64(4096), zeros_in_base64(4097));
	try_limit(0, "key", json_string(KEY), repeated('0', 66));
	try_limit(0, "key", json_string(KEY), repeated('0', 62));
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
	try_limit(0, "key", json_string(KEY), repeated('A', 64));
	try_limit(0, "key", json_string(KEY), repeated('g', 64));
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
			with_member(&examples[4], "anchors", json_loads(bad[i], 0, NULL));

		assert_bad(DIALECT_RESPONSE, text, "anchors");
	}
	try_limit(4, "anchors",
		  json_pack("{s:o,s:o}", "device", list_of(16, 1), "registrar", list_of(16, 1)),
		  json_pack("{s:o,s:o}", "device", list_of(1, 1), "registrar", list_of(17, 1)));
}

static void two_secrets(void **state)
{
	_cleanup_free_ char *text = with_member(&examples[8], "secret", json_string(SECRET));

	assert_bad(DIALECT_COMMAND, text, "secret");
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
		assert_bad(DIALECT_RESPONSE, cases[i].text, cases[i].member);
	assert_good(DIALECT_RESPONSE,
		    " {\"later\":[1,{}],\"id\":\"j\",\"kind\":\"done\",\"v\":1}\n");
}

static void kinds_belong_to_topics(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(examples); i++)
		for (int topic = DIALECT_REQUEST; topic < _DIALECT_TOPIC_MAX; topic++) {
			struct dialect_error error;
			struct dialect_body body;
			int r = read_text((enum dialect_topic)topic, examples[i].text, &body,
					  &error);

			if (r >= 0)
				dialect_body_done(&body);
			/* `done` and `refused` are words of both sides. */
			if (topic == (int)examples[i].topic)
				assert_int_equal(r, 0);
			else if (!strstr(examples[i].text, "\"done\""))
				assert_int_equal(r, -EBADMSG);
		}
}

static void too_long(void **state)
{
	static char text[DIALECT_BODY_MAX + 2];
	struct dialect_error error;
	struct dialect_body body;

	memset(text, ' ', sizeof(text));
	memcpy(text, examples[7].text, strlen(examples[7].text));
	text[DIALECT_BODY_MAX] = 0;
	assert_good(DIALECT_RESPONSE, text);
	text[DIALECT_BODY_MAX] = ' ';
	assert_int_equal(
		dialect_read(DIALECT_RESPONSE,
			     (struct gw_blob){ (const uint8_t *)text, DIALECT_BODY_MAX + 1 }, &body,
			     &error),
		-EBADMSG);
	assert_string_equal(error.why, "is too long");
}

/* --- what is written -------------------------------------------------------------------------- */

static void what_is_read_is_written_again(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(examples); i++) {
		_cleanup_free_ char *text = NULL;
		struct dialect_error error;
		struct dialect_body body;

		if (examples[i].topic != DIALECT_REQUEST && examples[i].topic != DIALECT_ANSWER)
			continue;
		body = good(examples[i].topic, examples[i].text);
		assert_int_equal(dialect_write(&body.msg, &text, &error), 0);
		assert_string_equal(text, examples[i].text);
		dialect_body_done(&body);
	}
}

static const struct gw_msg enroll = {
	.type = GW_MSG_REQUEST,
	.request = { .job = "job-1",
		     .kind = GW_REQUEST_ENROLL,
		     .device = "ACME-1",
		     .tenant = "default",
		     .claim = "c-1",
		     .method = "qr",
		     .key = { key, 32 },
		     .csr = { (const uint8_t *)"0csr", 4 } },
};

static void assert_unsayable(const struct gw_msg *msg, const char *member)
{
	struct dialect_error error;
	char *text = NULL;

	assert_int_equal(dialect_write(msg, &text, &error), -EINVAL);
	assert_null(text);
	assert_string_equal(error.member, member);
	assert_non_null(error.why);
}

static void what_cannot_be_said(void **state)
{
	struct gw_msg msg;

#define TRY(field, value, member)               \
	do {                                    \
		msg = enroll;                   \
		msg.request.field = value;      \
		assert_unsayable(&msg, member); \
	} while (0)

	TRY(job, "", "id");
	TRY(job, NULL, "id");
	TRY(job, "a b", "id");
	TRY(device, "", "device");
	TRY(tenant, "a/b", "tenant");
	TRY(claim, NULL, "claim");
	TRY(key, ((struct gw_blob){ key, 31 }), "key");
	TRY(csr, ((struct gw_blob){ NULL, 0 }), "csr");
	TRY(kind, _GW_REQUEST_MAX, "kind");
#undef TRY

	msg = (struct gw_msg){ .type = GW_MSG_REQUEST,
			       .request = {
				       .job = "j", .kind = GW_REQUEST_REVOKED, .reason = "r" } };
	assert_unsayable(&msg, "serial");
	msg.request.of = "job-0";
	msg.request.serial = (struct gw_blob){ key + 1, 1 };
	assert_unsayable(&msg, "serial");

	msg = (struct gw_msg){ .type = GW_MSG_COMMAND_ANSWER,
			       .command_answer = {
				       .id = "cmd-1", .seq = 1, .outcome = GW_OUTCOME_PENDING } };
	assert_unsayable(&msg, "kind");
	msg.command_answer.outcome = GW_OUTCOME_DONE;
	msg.command_answer.seq = 0;
	assert_unsayable(&msg, "seq");
	msg.command_answer.seq = 1ull << 53;
	assert_unsayable(&msg, "seq");
}

/* A revocation is never held up by how somebody worded its reason, or by how a serial is
 * written. */
static int n_left; /* allocations until one fails; 0: it has failed */

static void *fail_once(size_t size)
{
	if (n_left > 0 && --n_left == 0)
		return NULL;
	return malloc(size);
}

/* The whole body or none: one with a hole in it would be repeated for ever. */
static void no_memory_while_writing(void **state)
{
	static const uint8_t key_hash[GW_HASH_LEN] = { 1 }, csr[400];
	const struct gw_msg msg = { .type = GW_MSG_REQUEST,
				    .request = { .kind = GW_REQUEST_ENROLL,
						 .job = "00112233445566778899aabbccddeeff",
						 .device = "d",
						 .tenant = "default",
						 .claim = "c",
						 .of = "",
						 .method = "qr",
						 .reason = "",
						 .key = GW_BLOB_ARRAY(key_hash),
						 .csr = GW_BLOB_ARRAY(csr) } };
	struct dialect_error error;
	char *whole, *text;
	int n = 0;

	assert_int_equal(dialect_write(&msg, &whole, &error), 0);
	for (bool failed = true; failed; n++) {
		json_set_alloc_funcs(fail_once, free);
		n_left = n + 1;
		if (dialect_write(&msg, &text, &error) >= 0) {
			assert_string_equal(text, whole);
			free(text);
		}
		failed = n_left == 0;
		n_left = 0;
		dialect_init();
	}
	assert_true(n > 20);
	free(whole);
}

static void reasons_and_serials_are_mended(void **state)
{
	static const struct {
		const char *reason, *expected;
	} cases[] = {
		{ "superseded", "superseded" },
		{ "Lost at sea, 3rd time!", "lost-at-sea--3rd-time-" },
		{ "", "unspecified" },
		{ NULL, "unspecified" },
	};
	static const uint8_t serial[] = { 0, 0, 0x7a, 0 };

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		struct gw_msg msg = { .type = GW_MSG_REQUEST,
				      .request = { .job = "j",
						   .kind = GW_REQUEST_REVOKED,
						   .device = "d",
						   .serial = GW_BLOB_ARRAY(serial),
						   .reason = cases[i].reason } };
		_cleanup_free_ char *text = NULL;
		struct dialect_error error;
		char expected[256];

		(void)snprintf(expected, sizeof(expected),
			       "{\"v\":1,\"kind\":\"revoked\",\"id\":\"j\",\"device\":\"d\","
			       "\"serial\":\"7a00\",\"reason\":\"%s\"}",
			       cases[i].expected);
		assert_int_equal(dialect_write(&msg, &text, &error), 0);
		assert_string_equal(text, expected);
	}
}

static void status(void **state)
{
	struct dialect_status s = { .id = "abc-1",
				    .online = true,
				    .version = "0.1.0",
				    .since = 1790000000,
				    .box_key = { key, 32 } };
	_cleanup_free_ char *online = NULL, *offline = NULL;
	char id[GW_ID_MAX + 1];

	assert_int_equal(dialect_write_status(&s, &online), 0);
	assert_string_equal(online,
			    "{\"v\":1,\"kind\":\"status\",\"id\":\"abc-1\",\"online\":true,"
			    "\"version\":\"0.1.0\",\"since\":1790000000,"
			    "\"box_key\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}");
	s.online = false;
	s.box_key.len = 0;
	assert_int_equal(dialect_write_status(&s, &offline), 0);
	assert_string_equal(offline,
			    "{\"v\":1,\"kind\":\"status\",\"id\":\"abc-1\",\"online\":false,"
			    "\"version\":\"0.1.0\",\"since\":1790000000}");

	assert_int_equal(dialect_read_status_id(
				 (struct gw_blob){ (const uint8_t *)online, strlen(online) }, id),
			 0);
	assert_string_equal(id, "abc-1");
}

static void status_ids(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"id\":1}", "{\"id\":\"\"}", "{\"id\":\"a b\"}"
	};
	char id[GW_ID_MAX + 1];

	for (size_t i = 0; i < GW_ELEMENTS(bad); i++)
		assert_int_equal(dialect_read_status_id((struct gw_blob){ (const uint8_t *)bad[i],
									  strlen(bad[i]) },
							id),
				 -EBADMSG);
}

static void topic_names(void **state)
{
	static const char *const names[_DIALECT_TOPIC_MAX] = { "status",  "request", "response",
							       "command", "answer",  "event" };

	for (int i = 0; i < _DIALECT_TOPIC_MAX; i++)
		assert_string_equal(dialect_topic_name((enum dialect_topic)i), names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses),
		cmocka_unit_test(refusals),
		cmocka_unit_test(commands),
		cmocka_unit_test(a_command_with_anchors),
		cmocka_unit_test(a_part_of_a_revocation_list),
		cmocka_unit_test(a_command_with_a_list),
		cmocka_unit_test(texts_become_printable),
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
		cmocka_unit_test(what_is_read_is_written_again),
		cmocka_unit_test(what_cannot_be_said),
		cmocka_unit_test(no_memory_while_writing),
		cmocka_unit_test(reasons_and_serials_are_mended),
		cmocka_unit_test(status),
		cmocka_unit_test(status_ids),
		cmocka_unit_test(topic_names),
	};

	dialect_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
