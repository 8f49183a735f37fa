/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud's dialect: each kind of body both ways. The schemas say the same of the good and the bad
 * (tests/integration/test_schema.py); here it is our own reader, and what it refuses is in test-dialect-bad.
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

#include "lib/util.h"
#include "plugins/mqtt/dialect.h"
#include "tests/unit/dialect-examples.h"

static const uint8_t key[32] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static void assert_blob(struct gw_blob blob, const char *bytes, size_t len)
{
	assert_int_equal(blob.len, len);
	assert_memory_equal(blob.data, bytes, len);
}

/* --- what is read ----------------------------------------------------------------------------- */

static void responses(void **state)
{
	struct dialect_body body = dialect_example_good(DIALECT_RESPONSE, dialect_examples[4].text);
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

	body = dialect_example_good(DIALECT_RESPONSE, dialect_examples[5].text);
	assert_int_equal(answer->outcome, GW_OUTCOME_PENDING);
	assert_int_equal(answer->retry_after_s, 30);
	assert_string_equal(answer->reason, "busy");
	assert_string_equal(answer->text, "come back");
	assert_false(body.has_anchors);
	dialect_body_done(&body);

	body = dialect_example_good(DIALECT_RESPONSE, dialect_examples[7].text);
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
		body = dialect_example_good(DIALECT_RESPONSE, text);
		assert_int_equal(body.msg.answer.outcome, cases[i].outcome);
		assert_int_equal(body.msg.answer.retry_after_s, cases[i].retry_after_s);
		assert_string_equal(body.msg.answer.reason, "no");
		dialect_body_done(&body);
	}
}

static void commands(void **state)
{
	struct dialect_body body = dialect_example_good(DIALECT_COMMAND, dialect_examples[8].text);
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

	body = dialect_example_good(DIALECT_COMMAND, dialect_examples[9].text);
	assert_int_equal(command->sealed, 0);
	assert_int_equal(command->replace, 0);
	assert_int_equal(command->claim_expires, 0);
	assert_blob(command->secret, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15", 14);
	dialect_body_done(&body);

	body = dialect_example_good(DIALECT_COMMAND, dialect_examples[10].text);
	assert_int_equal(command->kind, GW_COMMAND_WITHDRAW);
	dialect_body_done(&body);

	body = dialect_example_good(DIALECT_COMMAND, dialect_examples[11].text);
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
	struct dialect_body body = dialect_example_good(DIALECT_COMMAND, text);

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
		"\"digest\":\"" DIALECT_KEY "\",\"part\":2,\"parts\":32,\"crl\":\"MAE=\"}";
	struct dialect_body body = dialect_example_good(DIALECT_COMMAND, text);

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
	struct dialect_body body = dialect_example_good(
		DIALECT_COMMAND, dialect_examples[DIALECT_LIST_OF_DEVICES].text);

	assert_string_equal(body.msg.command.devices, "ACME-1\nACME:2\n");
	assert_null(body.msg.command.device);
	assert_string_equal(body.msg.command.reason, "stolen");
	dialect_body_done(&body);

	body = dialect_example_good(DIALECT_COMMAND,
				    dialect_examples[DIALECT_LIST_OF_SERIALS].text);
	assert_string_equal(body.msg.command.serials, "0a1b\n15\n");
	assert_null(body.msg.command.devices);
	dialect_body_done(&body);
}

static void texts_become_printable(void **state)
{
	struct dialect_body body =
		dialect_example_good(DIALECT_RESPONSE,
				     "{\"v\":1,\"kind\":\"pending\",\"id\":\"j\",\"retry_after\":1,"
				     "\"text\":\"gr\\u00fc\xc3\x9f\xf0\x9f\x9a\xa2\\u0007\\n!\"}");

	assert_string_equal(body.msg.answer.text, "gr???"
						  "?"
						  "?"
						  "!");
	dialect_body_done(&body);
}

/* --- what is written -------------------------------------------------------------------------- */

static void what_is_read_is_written_again(void **state)
{
	for (size_t i = 0; i < n_dialect_examples; i++) {
		_cleanup_free_ char *text = NULL;
		struct dialect_error error;
		struct dialect_body body;

		if (dialect_examples[i].topic != DIALECT_REQUEST &&
		    dialect_examples[i].topic != DIALECT_ANSWER)
			continue;
		body = dialect_example_good(dialect_examples[i].topic, dialect_examples[i].text);
		assert_int_equal(dialect_write(&body.msg, &text, &error), 0);
		assert_string_equal(text, dialect_examples[i].text);
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
