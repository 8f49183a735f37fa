/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent is told of how it goes: each thing once, at the right time, and in letters that the link takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/plugin.h"
#include "lib/util.h"
#include "plugins/mqtt/bulletin.h"
#include "plugins/mqtt/credential.h"
#include "plugins/mqtt/dialect.h"
#include "plugins/mqtt/outstanding.h"
#include "plugins/mqtt/wallet.h"
#include "tests/fuzz/fake-loop.h"

#define SECOND          1000000ull
#define SILENT_AFTER_US (15 * SECOND)

static struct {
	struct bulletin *bulletin;
	unsigned n_states, n_retries, n_credentials;
	enum gw_cloud_state state;
	char text[GW_TEXT_MAX + 1];
	uint32_t retry_ms;
	struct gw_msg_credential credential; /* but for its texts */
	char credential_text[GW_TEXT_MAX + 1], trouble[GW_TEXT_MAX + 1];
	char health[GW_TEXT_MAX + 1]; /* empty: all is well */
} world;

/* --- in place of the agent --- */

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd);
void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text);

int __wrap_gw_plugin_send(struct gw_plugin *plugin, const struct gw_msg *msg, int fd)
{
	uint8_t buf[GW_WIRE_MAX];
	size_t len;

	assert_int_equal(gw_wire_encode(msg, buf, sizeof(buf), &len), 0);
	assert_int_equal(fd, -1);
	if (msg->type == GW_MSG_CLOUD_STATE) {
		world.n_states++;
		world.state = msg->cloud_state.state;
		(void)gw_copy(world.text, sizeof(world.text), msg->cloud_state.text);
	} else if (msg->type == GW_MSG_CLOUD_RETRY) {
		world.n_retries++;
		world.retry_ms = msg->cloud_retry.in_ms;
	} else {
		assert_int_equal(msg->type, GW_MSG_CREDENTIAL);
		world.n_credentials++;
		world.credential = msg->credential;
		(void)gw_copy(world.credential_text, GW_TEXT_MAX + 1, msg->credential.text);
		(void)gw_copy(world.trouble, GW_TEXT_MAX + 1, msg->credential.trouble);
	}
	return 0;
}

void __wrap_gw_plugin_health(struct gw_plugin *plugin, const char *text)
{
	(void)gw_copy(world.health, sizeof(world.health), text ? text : "");
}

/* --- */

static int set_up(void **state)
{
	memset(&world, 0, sizeof(world));
	fake_loop_begin(/* sent= */ NULL);
	return bulletin_new(/* plugin= */ NULL, /* event= */ NULL, SILENT_AFTER_US,
			    &world.bulletin);
}

static int tear_down(void **state)
{
	world.bulletin = bulletin_free(world.bulletin);
	return world.bulletin != NULL;
}

static void a_state_is_told_once(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "No broker.", false);
	assert_int_equal(world.n_states,
			 1); /* that it is the first state is no reason for silence */
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "No broker.", false);
	assert_int_equal(world.n_states, 1);
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "Another reason.", false);
	assert_int_equal(world.n_states, 2);
	assert_string_equal(world.text, "Another reason.");
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Another reason.", false);
	assert_int_equal(world.n_states, 3);
	assert_int_equal(world.state, GW_CLOUD_ONLINE);
}

static void what_needs_help_is_health(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "No broker.", false);
	assert_string_equal(world.health, "");
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "Do this.", true);
	assert_string_equal(world.health, "Do this.");
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Connected.", false);
	assert_string_equal(world.health, "");
}

static void texts_are_made_printable(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "a\nb\x7f\xc3\xa4 c~", true);
	assert_string_equal(world.text, "a?b??? c~");
	assert_string_equal(world.health, "a?b??? c~");
}

static void a_retry(void **state)
{
	bulletin_retry(world.bulletin, 0); /* nobody counted on one */
	assert_int_equal(world.n_retries, 0);
	bulletin_retry(world.bulletin, 1);
	assert_int_equal(world.n_retries, 1);
	assert_int_equal(world.retry_ms, 1);
	bulletin_retry(world.bulletin, 2 * SECOND);
	assert_int_equal(world.retry_ms, 2000);
	bulletin_retry(world.bulletin, 0);
	assert_int_equal(world.n_retries, 3);
	assert_int_equal(world.retry_ms, 0);
	bulletin_retry(world.bulletin, 0);
	assert_int_equal(world.n_retries, 3);
	bulletin_retry(world.bulletin, UINT64_MAX / 2);
	assert_int_equal(world.retry_ms, UINT32_MAX);
}

static void a_cloud_that_is_silent(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Connected.", false);
	bulletin_owed_since(world.bulletin, fake_loop_now_us());
	fake_loop_pass(SILENT_AFTER_US - SECOND);
	assert_int_equal(world.state, GW_CLOUD_ONLINE);
	fake_loop_pass(SECOND);
	assert_int_equal(world.state, GW_CLOUD_SILENT);
	bulletin_heard(world.bulletin);
	assert_int_equal(world.state, GW_CLOUD_ONLINE);
	assert_int_equal(world.n_states, 3);
	bulletin_heard(world.bulletin);
	assert_int_equal(world.n_states, 3);
}

static void a_cloud_that_answers_in_time(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Connected.", false);
	bulletin_owed_since(world.bulletin, fake_loop_now_us());
	fake_loop_pass(SECOND);
	bulletin_owed_since(world.bulletin, OUTSTANDING_NEVER);
	fake_loop_pass(2 * SILENT_AFTER_US);
	assert_int_equal(world.state, GW_CLOUD_ONLINE);
}

/* Without a connection nobody can tell. */
static void silence_counts_online(void **state)
{
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "No broker.", false);
	bulletin_owed_since(world.bulletin, fake_loop_now_us());
	fake_loop_pass(2 * SILENT_AFTER_US);
	assert_int_equal(world.state, GW_CLOUD_OFFLINE);
	bulletin_heard(world.bulletin);
	assert_int_equal(world.n_states, 1);
}

static void a_credential_is_told_once(void **state)
{
	struct credential_facts credential = { .dates = { .not_before = -1, .not_after = 200 } };
	struct wallet_facts facts = { .credential = &credential, .trouble = "", .folder = "" };

	bulletin_credential(world.bulletin, &facts); /* nobody has looked yet */
	assert_int_equal(world.n_credentials, 0);
	facts.source = GW_CREDENTIAL_OWN;
	bulletin_credential(world.bulletin, &facts);
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_credentials, 1);
	assert_true(world.credential.ok);
	assert_int_equal(world.credential.not_before, 0); /* before 1970 */
	assert_int_equal(world.credential.not_after, 200);

	facts.trouble = "Full.";
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_credentials, 2);
	assert_string_equal(world.trouble, "Full.");
	facts.retry_at_s = 5;
	bulletin_credential(world.bulletin, &facts);
	facts.renew_at_s = 5;
	bulletin_credential(world.bulletin, &facts);
	facts.source = GW_CREDENTIAL_GIVEN;
	bulletin_credential(world.bulletin, &facts);
	credential.dates.ca_not_after = 7;
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_credentials, 6);
}

static void a_credential_that_is_no_use(void **state)
{
	const struct credential_facts credential = { 0 };
	const struct wallet_facts facts = { .credential = &credential,
					    .trouble = "",
					    .folder = "" };

	bulletin_unusable(world.bulletin, "No \xff"
					  "file.");
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_credentials, 1);
	assert_false(world.credential.ok);
	assert_string_equal(world.credential_text, "No ?file.");
	bulletin_unusable(world.bulletin, NULL);
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_credentials, 1); /* nobody has looked since */
}

static void by_a_claim_we_are_unprovisioned(void **state)
{
	const struct credential_facts credential = { 0 };
	struct wallet_facts facts = { .credential = &credential,
				      .trouble = "",
				      .folder = "",
				      .source = GW_CREDENTIAL_CLAIM };

	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.n_states, 0);
	facts.is_up = true;
	bulletin_credential(world.bulletin, &facts);
	assert_int_equal(world.state, GW_CLOUD_UNPROVISIONED);
	assert_string_equal(world.health, "");
	facts.trouble = "The cloud refuses.";
	bulletin_credential(world.bulletin, &facts);
	assert_string_equal(world.text, "The cloud refuses.");
	assert_string_equal(world.health, "The cloud refuses.");
}

/* It is shown while nothing else needs help, and before what is of no use. */
static void a_folder_that_takes_nothing(void **state)
{
	static const struct dialect_error error = { "claim", "device", "is no id" };
	const struct credential_facts credential = { 0 };
	struct wallet_facts facts = { .credential = &credential,
				      .trouble = "",
				      .folder = "Full\n." };

	bulletin_garbage(world.bulletin, "command", &error);
	bulletin_credential(world.bulletin, &facts);
	assert_string_equal(world.health, "Full?.");
	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "Do this.", true);
	assert_string_equal(world.health, "Do this.");
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Connected.", false);
	assert_string_equal(world.health, "Full?.");
	facts.folder = "";
	bulletin_credential(world.bulletin, &facts);
	assert_non_null(strstr(world.health, "is no id"));
}

/* At most once in ten seconds, and shown for ten minutes after the last; what needs help comes before it. */
static void garbage(void **state)
{
	static const struct dialect_error first = { "claim", "device", "is no id" };
	static const struct dialect_error second = { "revoke", "reason", "is too long" };

	bulletin_garbage(world.bulletin, "command", &first);
	assert_non_null(strstr(world.health, "'device' is no id"));
	bulletin_garbage(world.bulletin, "command", &second);
	assert_non_null(strstr(world.health, "'device' is no id"));
	fake_loop_pass(11 * SECOND);
	bulletin_garbage(world.bulletin, "response", &second);
	assert_non_null(strstr(world.health, "'reason' is too long"));

	bulletin_state(world.bulletin, GW_CLOUD_OFFLINE, "Do this.", true);
	assert_string_equal(world.health, "Do this.");
	bulletin_state(world.bulletin, GW_CLOUD_ONLINE, "Connected.", false);
	assert_non_null(strstr(world.health, "on topic response"));
	fake_loop_pass(599 * SECOND);
	assert_string_not_equal(world.health, "");
	fake_loop_pass(SECOND);
	assert_string_equal(world.health, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_state_is_told_once),        TEST(what_needs_help_is_health),
		TEST(texts_are_made_printable),    TEST(a_retry),
		TEST(a_cloud_that_is_silent),      TEST(a_cloud_that_answers_in_time),
		TEST(silence_counts_online),       TEST(a_credential_is_told_once),
		TEST(a_credential_that_is_no_use), TEST(by_a_claim_we_are_unprovisioned),
		TEST(a_folder_that_takes_nothing), TEST(garbage),
#undef TEST
	};

	assert_null(bulletin_free(NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
