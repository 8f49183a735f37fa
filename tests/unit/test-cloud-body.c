/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cloud's half of the dialect: every kind of body is read, every truncation and every damage to a
 * member is refused by name, and what is written holds what it should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "lib/base64.h"
#include "lib/blob.h"
#include "lib/util.h"
#include "tools/cloud/body.h"
#include "tools/cloud/registry.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char enroll[] =
	"{\"v\":1,\"kind\":\"enroll\",\"id\":\"job-1\",\"device\":\"ACME-0001\",\"tenant\":\"t\","
	"\"claim\":\"c-1\",\"method\":\"qr\",\"key\":\"" KEY "\",\"csr\":\"AAEC\"}";
static const char renew[] =
	"{\"v\":1,\"kind\":\"renew\",\"id\":\"job-6\",\"device\":\"ACME-0001\",\"tenant\":\"t\","
	"\"serial\":\"40ab\",\"key\":\"" KEY "\",\"csr\":\"AAEC\"}";
static const char adopt[] = "{\"v\":1,\"kind\":\"adopt\",\"id\":\"job-7\",\"device\":\"ACME-0001\","
			    "\"serial\":\"40ab\",\"key\":\"" KEY "\"}";
static const char proved[] =
	"{\"v\":1,\"kind\":\"proved\",\"id\":\"job-2\",\"device\":\"ACME-0001\",\"claim\":\"c-1\","
	"\"serial\":\"40ab\"}";
static const char revoked[] = "{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-3\",\"device\":\"ACME-"
			      "0001\",\"serial\":\"40ab\","
			      "\"reason\":\"superseded\"}";
static const char revoked_of[] =
	"{\"v\":1,\"kind\":\"revoked\",\"id\":\"job-4\",\"device\":\"ACME-0001\",\"of\":\"job-1\","
	"\"reason\":\"superseded\"}";
static const char server_cert[] =
	"{\"v\":1,\"kind\":\"server-cert\",\"id\":\"job-5\",\"key\":\"" KEY "\",\"csr\":\"AAEC\"}";
static const char done[] = "{\"v\":1,\"kind\":\"done\",\"id\":\"cmd-1\",\"seq\":7}";
static const char refused[] =
	"{\"v\":1,\"kind\":\"refused\",\"id\":\"cmd-1\",\"seq\":7,\"reason\":\"not-found\"}";
static const char status[] =
	"{\"v\":1,\"kind\":\"status\",\"id\":\"x-1\",\"online\":true,\"version\":\"0.1.0\","
	"\"since\":1790000000,\"box_key\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"}";

static const char *const requests[] = { enroll,  renew,      adopt,      proved,
					revoked, revoked_of, server_cert };

static struct gw_blob blob(const char *text)
{
	return (struct gw_blob){ (const uint8_t *)text, strlen(text) };
}

static int read_request(const char *text, struct request *ret, struct body_error *error)
{
	return body_read_request(blob(text), ret, error);
}

static void test_requests(void **state)
{
	struct body_error error;
	struct request request;

	assert_int_equal(read_request(enroll, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_ENROLL);
	assert_string_equal(request.id, "job-1");
	assert_string_equal(request.device, "ACME-0001");
	assert_string_equal(request.tenant, "t");
	assert_string_equal(request.claim, "c-1");
	assert_string_equal(request.key, KEY);
	assert_int_equal(request.csr.len, 3);
	assert_memory_equal(request.csr.data, "\0\1\2", 3);

	assert_int_equal(read_request(renew, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_RENEW);
	assert_string_equal(request.tenant, "t");
	assert_string_equal(request.claim, "");
	assert_string_equal(request.serial, "40ab");
	assert_string_equal(request.key, KEY);
	assert_int_equal(request.csr.len, 3);

	assert_int_equal(read_request(adopt, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_ADOPT);
	assert_string_equal(request.device, "ACME-0001");
	assert_string_equal(request.serial, "40ab");
	assert_string_equal(request.key, KEY);
	assert_int_equal(request.csr.len, 0);

	assert_int_equal(read_request(proved, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_PROVED);
	assert_string_equal(request.serial, "40ab");
	assert_int_equal(request.csr.len, 0);

	assert_int_equal(read_request(revoked, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_REVOKED);
	assert_string_equal(request.serial, "40ab");
	assert_string_equal(request.of, "");
	assert_string_equal(request.reason, "superseded");

	assert_int_equal(read_request(revoked_of, &request, &error), 0);
	assert_string_equal(request.serial, "");
	assert_string_equal(request.of, "job-1");

	assert_int_equal(read_request(server_cert, &request, &error), 0);
	assert_int_equal(request.kind, REQUEST_SERVER_CERT);
}

static void test_truncations(void **state)
{
	struct body_error error;
	struct request request;
	struct answer answer;
	struct status is;

	for (size_t i = 0; i < GW_ELEMENTS(requests); i++)
		for (size_t len = 0; len < strlen(requests[i]); len++)
			assert_int_equal(
				body_read_request((struct gw_blob){ (const uint8_t *)requests[i],
								    len },
						  &request, &error),
				-EBADMSG);
	for (size_t len = 0; len < strlen(refused); len++)
		assert_int_equal(body_read_answer((struct gw_blob){ (const uint8_t *)refused, len },
						  &answer, &error),
				 -EBADMSG);
	for (size_t len = 0; len < strlen(status); len++)
		assert_int_equal(body_read_status((struct gw_blob){ (const uint8_t *)status, len },
						  &is, &error),
				 -EBADMSG);
}

/* A copy with one member of another value, or without it (NULL). */
static char *damaged(const char *text, const char *member, json_t *value)
{
	json_t *body = json_loads(text, 0, NULL);
	char *result;

	assert_non_null(body);
	if (value)
		assert_int_equal(json_object_set_new(body, member, value), 0);
	else
		assert_int_equal(json_object_del(body, member), 0);
	result = json_dumps(body, 0);
	json_decref(body);
	return result;
}

/* A value that no member of that name may have. */
static json_t *bad_value(const char *member, int which)
{
	char *text;
	json_t *value;

	switch (which) {
	case 0: return json_null();
	case 1: return json_array();
	case 2: return json_object();
	case 3: return json_real(1.5);
	case 4: return json_string("");
	case 5: return json_string("a\n");
	case 6: return json_string("\xc3\xa4");
	case 7: return json_integer(-1);
	case 8: return gw_streq(member, "online") ? json_integer(1) : json_true();
	case 9: return json_string("..00..zz..NOT HEX, NO CODE");
	}
	text = malloc(6002);
	memset(text, 'a', 6001);
	text[6001] = 0;
	value = json_string(text);
	free(text);
	return value;
}

#define BAD_VALUES 11

static void refuse_request(const char *text, const char *member, json_t *value)
{
	char *bad = damaged(text, member, value);
	struct body_error error = { 0 };
	struct request request;

	if (body_read_request(blob(bad), &request, &error) >= 0)
		fail_msg("taken: %.300s", bad);
	assert_non_null(error.why);
	assert_non_null(error.member);
	free(bad);
}

/* A gateway that has forgotten whose certificate it was may leave that out. */
static bool is_optional(const char *request, const char *member)
{
	return (request == revoked || request == revoked_of) && gw_streq(member, "device");
}

static void test_damage_to_requests(void **state)
{
	for (size_t i = 0; i < GW_ELEMENTS(requests); i++) {
		json_t *body = json_loads(requests[i], 0, NULL);
		const char *member;
		json_t *value;

		json_object_foreach(body, member, value)
		{
			if (!is_optional(requests[i], member))
				refuse_request(requests[i], member, NULL);
			for (int which = 0; which < BAD_VALUES; which++)
				refuse_request(requests[i], member, bad_value(member, which));
		}
		json_decref(body);
	}
}

static void test_particular_damage(void **state)
{
	static const struct {
		const char *text, *member, *value, *named;
	} cases[] = {
		{ enroll, "kind", "bribe", "kind" },
		{ enroll, "key", "0011", "key" },
		{ enroll, "csr", "AAE", "csr" },          /* padding is missing */
		{ enroll, "csr", "AAF=", "csr" },         /* bits are left over */
		{ proved, "serial", "0040ab", "serial" }, /* leading zero octet */
		{ proved, "serial", "40AB", "serial" },
		{ proved, "serial", "40a", "serial" },
		{ revoked, "of", "job-1", "serial" }, /* one of the two only */
		{ enroll, "device", "a/b", "device" },
		{ enroll, "tenant", "a b", "tenant" },
		{ revoked, "reason", "Not-A-Code", "reason" },
	};
	struct body_error error;
	struct request request;

	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		char *bad = damaged(cases[i].text, cases[i].member, json_string(cases[i].value));

		assert_int_equal(read_request(bad, &request, &error), -EBADMSG);
		assert_string_equal(error.member, cases[i].named);
		free(bad);
	}
}

static void test_more_than_json(void **state)
{
	char *text = damaged(enroll, "later", json_pack("{s:[i]}", "a", 1));
	struct body_error error;
	struct request request;
	char *twice;

	assert_int_equal(read_request(text, &request, &error), 0); /* unknown members */
	free(text);

	assert_true(asprintf(&twice, "{\"id\":\"job-9\",%s", enroll + 1) > 0);
	assert_int_equal(read_request(twice, &request, &error), -EBADMSG); /* a member twice */
	free(twice);

	assert_true(asprintf(&twice, "%s {}", enroll) > 0);
	assert_int_equal(read_request(twice, &request, &error), -EBADMSG); /* something behind */
	free(twice);

	assert_int_equal(read_request("[]", &request, &error), -EBADMSG);
	assert_string_equal(error.member, "body");
}

static void test_size(void **state)
{
	_cleanup_free_ char *text = malloc(BODY_MAX + 2);
	struct body_error error;
	struct request request;

	memset(text, ' ', BODY_MAX + 2);
	memcpy(text, enroll, strlen(enroll));
	assert_int_equal(body_read_request((struct gw_blob){ (uint8_t *)text, BODY_MAX }, &request,
					   &error),
			 0);
	assert_int_equal(body_read_request((struct gw_blob){ (uint8_t *)text, BODY_MAX + 1 },
					   &request, &error),
			 -EBADMSG);
}

static void test_csr_of_full_size(void **state)
{
	uint8_t csr[BODY_CSR_MAX + 1] = { 0 };
	char text[GW_BASE64_LEN(sizeof(csr)) + 1];
	struct body_error error;
	struct request request;
	char *body;

	gw_base64_encode(csr, BODY_CSR_MAX, text);
	body = damaged(enroll, "csr", json_string(text));
	assert_int_equal(read_request(body, &request, &error), 0);
	assert_int_equal(request.csr.len, BODY_CSR_MAX);
	free(body);

	gw_base64_encode(csr, BODY_CSR_MAX + 1, text);
	body = damaged(enroll, "csr", json_string(text));
	assert_int_equal(read_request(body, &request, &error), -EBADMSG);
	assert_string_equal(error.why, "is too long");
	free(body);
}

static void test_answers(void **state)
{
	struct body_error error;
	struct answer answer;
	char *bad;

	assert_int_equal(body_read_answer(blob(done), &answer, &error), 0);
	assert_true(answer.done);
	assert_string_equal(answer.id, "cmd-1");

	assert_int_equal(body_read_answer(blob(refused), &answer, &error), 0);
	assert_false(answer.done);
	assert_string_equal(answer.reason, "not-found");

	bad = damaged(refused, "reason", NULL);
	assert_int_equal(body_read_answer(blob(bad), &answer, &error), -EBADMSG);
	assert_string_equal(error.member, "reason");
	free(bad);
}

static void test_statuses(void **state)
{
	struct body_error error;
	struct status is;
	char *text;

	assert_int_equal(body_read_status(blob(status), &is, &error), 0);
	assert_true(is.online);
	assert_true(is.has_box_key);
	assert_int_equal(is.box_key[31], 1);

	text = damaged(status, "box_key", NULL);
	assert_int_equal(body_read_status(blob(text), &is, &error), 0);
	assert_false(is.has_box_key);
	free(text);

	text = damaged(status, "online", json_false());
	assert_int_equal(body_read_status(blob(text), &is, &error), 0);
	assert_false(is.online);
	free(text);

	text = damaged(status, "box_key", json_string("AQEB")); /* too short */
	assert_int_equal(body_read_status(blob(text), &is, &error), -EBADMSG);
	free(text);
}

static json_t *parsed(char *text)
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(body);
	free(text);
	return body;
}

static void assert_text(json_t *body, const char *member, const char *expected)
{
	assert_string_equal(json_string_value(json_object_get(body, member)), expected);
}

static void assert_anchor(json_t *body, const char *kind, size_t i, const char *expected)
{
	json_t *list = json_object_get(json_object_get(body, "anchors"), kind);

	if (expected)
		assert_string_equal(json_string_value(json_array_get(list, i)), expected);
	else
		assert_int_equal(json_array_size(list), i);
}

static void test_written_answers(void **state)
{
	const struct gw_blob der = blob("\x30\x01"), ours[] = { blob("\x30\x02"), der };
	const struct body_anchors all = { .device = ours, .registrar = &ours[1], .n = 1 };
	char *plain = body_issued("j", der, /* anchors= */ NULL);
	json_t *body;

	body = parsed(body_stamp(plain, 1790000000));
	free(plain);
	assert_text(body, "kind", "issued");
	assert_text(body, "id", "j");
	assert_text(body, "certificate", "MAE=");
	assert_int_equal(json_integer_value(json_object_get(body, "time")), 1790000000);
	assert_null(json_object_get(body, "anchors"));
	json_decref(body);

	body = parsed(body_issued("j", der, &all));
	assert_anchor(body, "device", 0, "MAI=");
	assert_anchor(body, "registrar", 0, "MAE=");
	assert_anchor(body, "device", 1, NULL);
	json_decref(body);

	body = parsed(body_refused("j", false, "no-claim", "say \"please\""));
	assert_true(json_is_false(json_object_get(body, "final")));
	assert_text(body, "text", "say \"please\"");
	json_decref(body);

	body = parsed(body_pending("j", 30));
	assert_int_equal(json_integer_value(json_object_get(body, "retry_after")), 30);
	json_decref(body);
	body = parsed(body_done("j"));
	assert_text(body, "kind", "done");
	json_decref(body);
}

static void test_written_commands(void **state)
{
	struct command command = { .kind = COMMAND_CLAIM,
				   .id = "cmd",
				   .device = "D",
				   .tenant = "t",
				   .claim = "c",
				   .reason = "stolen",
				   .expires_at = 5 };
	const struct gw_blob two[] = { blob("\x30\x02"), blob("\x30\x03") };
	const struct body_anchors anchors = { .device = two, .registrar = two, .n = 2 };
	static const char others[][BODY_NAME_MAX + 1] = { "E", "F" };
	const struct gw_blob box = blob("\1\2");
	struct body_more more = { .box = &box, .anchors = &anchors };
	json_t *body = parsed(body_command(&command, 9, &more));

	assert_text(body, "kind", "claim");
	assert_text(body, "secret_sealed", "AQI=");
	assert_text(body, "claim", "c");
	assert_null(json_object_get(body, "secret"));
	assert_null(json_object_get(body, "reason"));
	assert_int_equal(json_integer_value(json_object_get(body, "seq")), 9);
	assert_int_equal(json_integer_value(json_object_get(body, "expires_at")), 5);
	json_decref(body);

	command.kind = COMMAND_WITHDRAW;
	body = parsed(body_command(&command, 9, &more));
	assert_null(json_object_get(body, "secret_sealed"));
	json_decref(body);

	command.kind = COMMAND_REVOKE;
	body = parsed(body_command(&command, 9, &more));
	assert_text(body, "reason", "stolen");
	assert_text(body, "device", "D");
	assert_null(json_object_get(body, "secret_sealed"));
	assert_null(json_object_get(body, "anchors"));
	json_decref(body);

	more.devices = others;
	more.n_devices = 2;
	body = parsed(body_command(&command, 9, &more));
	assert_null(json_object_get(body, "device"));
	assert_int_equal(json_array_size(json_object_get(body, "devices")), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(body, "devices"), i)),
			i == 0 ? "D" : others[i - 1]);
	json_decref(body);

	command = (struct command){ .kind = COMMAND_ANCHORS, .id = "cmd" };
	body = parsed(body_command(&command, 9, &more));
	assert_text(body, "kind", "anchors");
	assert_null(json_object_get(body, "device"));
	assert_anchor(body, "device", 0, "MAI=");
	assert_anchor(body, "registrar", 1, "MAM=");
	assert_anchor(body, "registrar", 2, NULL);
	json_decref(body);
}

/* --- records --- */

#define EVENT(n, more) "{\"n\":" n ",\"time\":5,\"event\":\"claim\"" more ",\"mac\":\"" KEY "\"}"
#define EVENTS(first, list)                                                                 \
	"{\"v\":1,\"kind\":\"events\",\"id\":\"e-1\",\"first\":" first ",\"before\":\"" KEY \
	"\",\"events\":" list "}"

static void refuse_events(const char *text, const char *member)
{
	static struct events events;
	struct body_error error = { 0 };

	assert_int_equal(body_read_events(blob(text), &events, &error), -EBADMSG);
	assert_string_equal(error.member, member);
}

static void test_events(void **state)
{
	static struct events events;
	struct body_error error;

	assert_int_equal(
		body_read_events(blob(EVENTS("7", "[" EVENT("7", ",\"who\":\"uid 0\"") "," EVENT(
							  "8", "") "]")),
				 &events, &error),
		0);
	assert_int_equal(events.n_events, 2);
	assert_int_equal(events.first, 7);
	assert_string_equal(events.before, KEY);
	assert_string_equal(events.broken, "");
	assert_int_equal(events.events[0].n, 7);
	assert_int_equal(events.events[1].time, 5);
	assert_string_equal(events.events[0].who, "uid 0");
	assert_string_equal(events.events[1].who, "");
	assert_string_equal(events.events[1].mac, KEY);

	assert_int_equal(body_read_events(blob(EVENTS("7", "[]")), &events, &error), 0);
	assert_int_equal(events.n_events, 0);

	refuse_events(EVENTS("0", "[" EVENT("0", "") "]"), "first");
	refuse_events(EVENTS("0", "[]"), "first");
	refuse_events(EVENTS("7", "{}"), "events");
	refuse_events(EVENTS("7", "[1]"), "events");
	refuse_events(EVENTS("7", "[" EVENT("8", "") "]"), "n");
	refuse_events(EVENTS("7", "[" EVENT("7", "") "," EVENT("9", "") "]"), "n");
	refuse_events(EVENTS("7", "[" EVENT("7", ",\"detail\":\"\\n\"") "]"), "detail");
	refuse_events(EVENTS("7", "[" EVENT("7", ",\"reason\":\"A\"") "]"), "reason");
	refuse_events("{\"v\":1,\"kind\":\"time\",\"id\":\"e-1\"}", "kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_damage_to_requests),
		cmocka_unit_test(test_particular_damage),
		cmocka_unit_test(test_more_than_json),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_csr_of_full_size),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_written_answers),
		cmocka_unit_test(test_written_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
