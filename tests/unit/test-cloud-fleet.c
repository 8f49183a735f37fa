/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which commands reach a gateway, when cloud and broker come back. The registry and the turn are the real
 * ones; what is published is kept here, and the desk has no anchors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "lib/util.h"
#include "tests/unit/cloud-home.h"
#include "tools/cloud/body.h"
#include "tools/cloud/box.h"
#include "tools/cloud/bundle.h"
#include "tools/cloud/crl-command.h"
#include "tools/cloud/desk.h"
#include "tools/cloud/fleet.h"
#include "tools/cloud/registry.h"
#include "tools/cloud/turn.h"

#define GATEWAY   "gw-1"
#define SENT_MAX  8
#define SENT_ROOM 32

static struct cloud_home world;
static struct sd_event *event;
static struct turn *turn;
static struct fleet *fleet;
static char
	sent[SENT_MAX * SENT_ROOM]; /* the devices that commands were published about, in order */

/* --- what the fleet is not asked about here --- */

int box_seal(const uint8_t their_key[static BOX_KEY_LEN], struct gw_blob associated,
	     struct gw_blob plain, uint8_t *box)
{
	return -ENOTSUP;
}

void bundle_done(struct bundle *bundle)
{
}

int crl_command_publish(struct registry *registry, struct turn *into, const char *topic,
			const struct command *command, uint64_t seq)
{
	return -ENOTSUP;
}

void desk_anchors(const struct desk *desk, struct body_anchors *ret)
{
	*ret = (struct body_anchors){ 0 };
}

int desk_broker_anchors(const struct desk *desk, struct bundle *ret)
{
	return -ENOTSUP;
}

/* --- the world --- */

static void publish(const char *topic, const char *body, void *userdata)
{
	const char *device = strstr(body, "\"device\":\"");
	size_t len = strlen(sent);

	assert_string_equal(topic, "gangway/v1/" GATEWAY "/command");
	assert_non_null(device);
	device += strlen("\"device\":\"");
	(void)snprintf(sent + len, sizeof(sent) - len, "%s%.*s", len ? " " : "",
		       (int)strcspn(device, "\""), device);
}

/* As `serve` begins, also after its death. */
static void start(void)
{
	assert_int_equal(turn_new(event, world.registry, publish, NULL, &turn), 0);
	assert_int_equal(fleet_new(event, world.registry, /* desk= */ NULL, turn, &fleet), 0);
}

static void stop(void)
{
	fleet = fleet_free(fleet);
	turn = turn_free(turn);
}

static int set_up(void **state)
{
	cloud_home_make(&world);
	assert_int_equal(registry_gateway_add(world.registry, GATEWAY, "t"), 0);
	assert_int_equal(sd_event_new(&event), 0);
	*sent = 0;
	start();
	return 0;
}

static int tear_down(void **state)
{
	stop();
	event = sd_event_unref(event);
	cloud_home_remove(&world);
	return 0;
}

/* The command's id is the device's. */
static void say(const char *device)
{
	struct command command = { .kind = COMMAND_REVOKE, .gateway = GATEWAY };

	(void)gw_copy(command.id, sizeof(command.id), device);
	(void)gw_copy(command.device, sizeof(command.device), device);
	assert_int_equal(registry_command_add(world.registry, &command), 0);
}

static void say_status(bool online)
{
	const struct status status = { .online = online };

	fleet_status(fleet, GATEWAY, &status);
}

static void answer(const char *device)
{
	struct answer done = { .done = true };

	(void)gw_copy(done.id, sizeof(done.id), device);
	fleet_answer(fleet, GATEWAY, &done);
}

/* All that was published since it was last asked. */
static void assert_sent(const char *devices)
{
	turn_end(turn);
	assert_string_equal(sent, devices);
	*sent = 0;
}

/* --- tests --- */

static void test_online(void **state)
{
	fleet_connected(fleet);
	say_status(true);
	say("a");
	fleet_look(fleet);
	assert_sent("a");
	say("b");
	fleet_look(fleet);
	assert_sent("b"); /* and not a again: that is for the timer */
}

static void test_away(void **state)
{
	fleet_connected(fleet);
	say_status(false);
	say("a");
	fleet_look(fleet);
	say("b");
	fleet_look(fleet);
	assert_sent("a b");
	say_status(true);
	assert_sent("a b");
}

/* The cloud died between commit and sending, and an answer waits for it at the broker. */
static void test_died(void **state)
{
	fleet_connected(fleet);
	say_status(true);
	say("a");
	say("b");
	fleet_look(fleet);
	assert_sent("a b");

	stop();
	say("c");
	start();
	fleet_connected(fleet);
	answer("a");
	fleet_look(fleet);
	assert_sent("");
	say_status(true);
	assert_sent("b c");
}

static void test_broker_died(void **state)
{
	fleet_connected(fleet);
	say_status(true);
	say("a");
	fleet_look(fleet);
	assert_sent("a");

	fleet_disconnected(fleet);
	say("b");
	fleet_look(fleet);
	fleet_connected(fleet);
	fleet_look(fleet);
	assert_sent("");
	say_status(false);
	assert_sent("a b");
}

static void test_no_word_ever(void **state)
{
	fleet_connected(fleet);
	say("a");
	fleet_look(fleet);
	assert_sent("");
	while (!*sent)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_sent("a");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_online, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_died, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broker_died, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_word_ever, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
