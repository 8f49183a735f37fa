/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As whom we come to the broker: the topics, the will and the status of the gateway, and what a claim has instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mqtt.h"
#include "lib/util.h"
#include "plugins/mqtt/guise.h"
#include "plugins/mqtt/presence.h"

#define CLAIM_TOPICS "gangway/v1/provision/claim-7/gw-1/"

static struct presence presence;
static struct guise *guise;

static int set_up(void **state)
{
	static const uint8_t box_key[DIALECT_BOX_KEY_LEN] = { 1 };

	presence_init(&presence, 7);
	return guise_new("gw-1", GW_BLOB_ARRAY(box_key), &presence, &guise);
}

static int tear_down(void **state)
{
	guise = guise_free(guise);
	return guise != NULL;
}

static void must_be_status(const char *text, const char *id, bool online)
{
	char read[GW_ID_MAX + 1];

	assert_int_equal(dialect_read_status_id(
				 (struct gw_blob){ (const uint8_t *)text, strlen(text) }, read),
			 0);
	assert_string_equal(read, id);
	assert_non_null(strstr(text, online ? "\"online\":true" : "\"online\":false"));
	assert_non_null(strstr(text, "\"box_key\":\""));
}

static void the_gateway(void **state)
{
	static const char *const topics[_DIALECT_TOPIC_MAX] = {
		"gangway/v1/gw-1/status",  "gangway/v1/gw-1/request", "gangway/v1/gw-1/response",
		"gangway/v1/gw-1/command", "gangway/v1/gw-1/answer",  "gangway/v1/gw-1/event",
	};
	_cleanup_free_ char *status = NULL;
	struct gw_mqtt_config config;

	assert_int_equal(guise_put_on(guise, /* claim= */ NULL, &config), 0);
	assert_false(guise_is_claim(guise));
	for (int i = 0; i < _DIALECT_TOPIC_MAX; i++)
		assert_string_equal(guise_topic(guise, (enum dialect_topic)i), topics[i]);
	assert_string_equal(config.client_id, "gangway-gw-1");
	assert_false(config.forget);
	assert_int_equal(config.n_topics, 3);
	assert_int_equal(config.n_needed, 2);
	assert_string_equal(config.topics[0], topics[DIALECT_RESPONSE]);
	assert_string_equal(config.topics[1], topics[DIALECT_COMMAND]);
	assert_string_equal(config.topics[2], topics[DIALECT_STATUS]);
	assert_string_equal(config.will_topic, topics[DIALECT_STATUS]);
	must_be_status(config.will, "0000000000000007-1", /* online= */ false);
	assert_int_equal(guise_write_status(guise, &status), 0);
	must_be_status(status, "0000000000000007-1", /* online= */ true);
}

static void each_connection_has_a_name(void **state)
{
	struct gw_mqtt_config config;

	assert_int_equal(guise_put_on(guise, NULL, &config), 0);
	assert_int_equal(guise_put_on(guise, NULL, &config), 0);
	must_be_status(config.will, "0000000000000007-2", /* online= */ false);
}

static void a_claim(void **state)
{
	static const enum dialect_topic none[] = { DIALECT_STATUS, DIALECT_COMMAND, DIALECT_ANSWER,
						   DIALECT_EVENT };
	struct gw_mqtt_config config;
	enum dialect_topic topic;

	assert_int_equal(guise_put_on(guise, "claim-7", &config), 0);
	assert_true(guise_is_claim(guise));
	assert_string_equal(config.client_id, "gangway-provision-gw-1");
	assert_true(config.forget);
	assert_int_equal(config.n_topics, 1);
	assert_int_equal(config.n_needed, 1);
	assert_string_equal(config.topics[0], CLAIM_TOPICS "response");
	assert_string_equal(guise_topic(guise, DIALECT_REQUEST), CLAIM_TOPICS "request");
	assert_null(config.will);
	assert_null(config.will_topic);

	assert_int_equal(guise_topic_of(guise, CLAIM_TOPICS "response", &topic), 0);
	assert_int_equal(topic, DIALECT_RESPONSE);
	for (size_t i = 0; i < GW_ELEMENTS(none); i++)
		assert_string_equal(guise_topic(guise, none[i]), "");
	assert_int_equal(guise_topic_of(guise, "gangway/v1/gw-1/command", &topic), -ENOENT);
	assert_int_equal(guise_topic_of(guise, "gangway/v1/gw-1/response", &topic), -ENOENT);
	assert_int_equal(guise_topic_of(guise, "", &topic), -ENOENT);
}

static void what_is_heard(void **state)
{
	struct gw_mqtt_config config;
	enum dialect_topic topic;

	assert_int_equal(guise_put_on(guise, "claim-7", &config), 0);
	assert_int_equal(guise_put_on(guise, NULL, &config), 0); /* nothing of the claim stays */
	for (int i = 0; i < _DIALECT_TOPIC_MAX; i++) {
		bool heard = i == DIALECT_STATUS || i == DIALECT_RESPONSE || i == DIALECT_COMMAND;

		assert_int_equal(guise_topic_of(guise, guise_topic(guise, (enum dialect_topic)i),
						&topic),
				 heard ? 0 : -ENOENT);
		if (heard)
			assert_int_equal(topic, i);
	}
	assert_int_equal(guise_topic_of(guise, CLAIM_TOPICS "response", &topic), -ENOENT);
	assert_int_equal(guise_topic_of(guise, "gangway/v1/gw-10/command", &topic), -ENOENT);
	assert_int_equal(guise_topic_of(guise, "gangway/v1/gw-1/commands", &topic), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_gateway),
		TEST(each_connection_has_a_name),
		TEST(a_claim),
		TEST(what_is_heard),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
