/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where gateways write, in whose name, and where the answer goes: to the byte, at any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"
#include "tools/cloud/topic.h"

#define LONG_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void expect(const char *text, enum topic_leaf leaf, const char *claim, const char *gateway)
{
	struct topic topic;

	assert_true(topic_read(text, &topic));
	assert_int_equal(topic.leaf, leaf);
	assert_string_equal(topic.claim, claim);
	assert_string_equal(topic.gateway, gateway);
}

static void those_of_gateways(void **state)
{
	expect("gangway/v1/gw-1/request", TOPIC_REQUEST, "", "gw-1");
	expect("gangway/v1/gw-1/answer", TOPIC_ANSWER, "", "gw-1");
	expect("gangway/v1/gw-1/status", TOPIC_STATUS, "", "gw-1");
	expect("gangway/v1/gw-1/event", TOPIC_EVENT, "", "gw-1");
	expect("gangway/v1/" LONG_ID "/event", TOPIC_EVENT, "", LONG_ID);
}

static void those_of_claims(void **state)
{
	expect("gangway/v1/provision/claim:batch/gw-1/request", TOPIC_REQUEST, "batch", "gw-1");
	expect("gangway/v1/provision/claim:" LONG_ID "/" LONG_ID "/request", TOPIC_REQUEST, LONG_ID,
	       LONG_ID);
}

static void nobody_is_there(void **state)
{
	static const char *const texts[] = {
		"",
		"gangway/v1/",
		"gangway/v1/gw-1",
		"gangway/v1/gw-1/",
		"gangway/v1//request",
		"gangway/v1/gw-1/response",
		"gangway/v1/gw-1/command",
		"gangway/v1/gw-1/requests",
		"gangway/v1/gw-1/request/",
		"gangway/v2/gw-1/request",
		"/gangway/v1/gw-1/request",
		"gangway/v1/gw 1/request",
		"gangway/v1/claim:batch/request",
		"gangway/v1/" LONG_ID "0/request",
		"gangway/v1/provision/request",
		"gangway/v1/provision/batch/gw-1/request",
		"gangway/v1/provision/claim:/gw-1/request",
		"gangway/v1/provision/claim:batch//request",
		"gangway/v1/provision/claim:batch/request",
		"gangway/v1/provision/claim:batch/gw-1/answer",
		"gangway/v1/provision/claim:batch/gw-1/event",
		"gangway/v1/provision/claim:batch/gw-1/response",
		"gangway/v1/provision/claim:claim:batch/gw-1/request",
		"gangway/v1/provision/claim:batch/gw-1/more/request",
		"gangway/v1/provision/claim:" LONG_ID "0/gw-1/request",
		"gangway/v1/provision/claim:batch/" LONG_ID "0/request",
	};
	struct topic topic;

	for (size_t i = 0; i < GW_ELEMENTS(texts); i++)
		if (topic_read(texts[i], &topic))
			fail_msg("'%s' was taken", texts[i]);
}

static void every_truncation(void **state)
{
	static const char whole[] = "gangway/v1/provision/claim:batch/gw-1/request";
	char text[sizeof(whole)];
	struct topic topic;

	for (size_t len = 0; len < strlen(whole); len++) {
		memcpy(text, whole, len);
		text[len] = 0;
		assert_false(topic_read(text, &topic));
	}
}

static void the_answer_goes_beside_it(void **state)
{
	static const char *const texts[] = {
		"gangway/v1/gw-1/request",
		"gangway/v1/gw-1/event",
		"gangway/v1/" LONG_ID "/request",
		"gangway/v1/provision/claim:batch/gw-1/request",
		"gangway/v1/provision/claim:" LONG_ID "/" LONG_ID "/request",
	};

	for (size_t i = 0; i < GW_ELEMENTS(texts); i++) {
		char answer[TOPIC_SIZE], expected[TOPIC_SIZE];
		struct topic topic;

		assert_true(topic_read(texts[i], &topic));
		topic_response(&topic, answer);
		(void)snprintf(expected, sizeof(expected), "%.*s/response",
			       (int)(strrchr(texts[i], '/') - texts[i]), texts[i]);
		assert_string_equal(answer, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_gateways),         cmocka_unit_test(those_of_claims),
		cmocka_unit_test(nobody_is_there),           cmocka_unit_test(every_truncation),
		cmocka_unit_test(the_answer_goes_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
