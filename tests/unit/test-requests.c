/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a served device asks beside its enrolment, and the trust anchors that come from the cloud. */
#include "tests/unit/agent-world.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/store.h"
#include "lib/util.h"

#define DEVICE "ACME-1"
#define SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const struct gw_msg *ask(const struct gw_msg *question, enum gw_msg_type answer)
{
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, question, -1), 0);
	world_turn();
	return world_hear(GW_ROLE_REGISTRAR, answer);
}

static const struct gw_msg_settings *ask_settings(uint64_t session)
{
	const struct gw_msg *reply = ask(&(struct gw_msg){ .type = GW_MSG_SETTINGS_QUERY,
							   .settings_query = { session, 3 } },
					 GW_MSG_SETTINGS);

	if (!reply)
		return NULL;
	assert_true(reply->settings.session == session);
	assert_int_equal(reply->settings.request, 3);
	return &reply->settings;
}

/* --- settings --- */

static void aboard_one_gets_its_settings(void **state)
{
	const struct gw_msg_settings *settings;

	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(1, 21));
	settings = ask_settings(1);
	assert_int_equal(settings->outcome, GW_OUTCOME_DONE);
	assert_string_equal(settings->device, DEVICE);
	assert_string_equal(settings->tenant, "default");
	assert_string_equal(settings->cloud, "mqtts://broker.example:8883");
	assert_true(settings->renew_at == WORLD_START_S + WORLD_LIFE_S / 100 * 66);

	(void)strcpy(world_agent()->settings.cloud_device_endpoint, "https://cloud.example");
	assert_string_equal(ask_settings(1)->cloud, "https://cloud.example");
}

static void not_aboard_one_gets_none(void **state)
{
	const struct gw_msg_settings *settings;

	assert_null(ask_settings(1)); /* no such session */
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(world_knock(1, DEVICE), 7);
	assert_null(ask_settings(1)); /* not served yet */
	assert_true(world_peer_psk(1, DEVICE));
	settings = ask_settings(1);
	assert_int_equal(settings->outcome, GW_OUTCOME_REFUSED);
	assert_string_equal(settings->device, "");
	assert_string_equal(settings->cloud, "");
}

/* Settings go to who holds the certificate, not to who holds the secret of a claim that replaces it. */
static void a_secret_gets_none_either(void **state)
{
	world_get_aboard(DEVICE, 21);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	world_enter(1, DEVICE);
	assert_int_equal(ask_settings(1)->outcome, GW_OUTCOME_REFUSED);
}

/* --- reports --- */

static void reports_are_recorded_and_prove_nothing(void **state)
{
	struct gw_msg report = { .type = GW_MSG_REPORT, .report = { 1, 9, 1, "all is well" } };
	const struct gw_msg *reply;

	assert_null(ask(&report, GW_MSG_REPORTED)); /* of nobody */
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_issue(1, DEVICE, 11, 21);
	reply = ask(&report, GW_MSG_REPORTED);
	assert_int_equal(reply->reported.outcome, GW_OUTCOME_DONE);
	assert_int_equal(reply->reported.request, 9);
	assert_int_equal(world_recorded("device-reports-success"), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);

	report.report.ok = 0;
	report.report.text = "no room for the certificate";
	assert_non_null(ask(&report, GW_MSG_REPORTED));
	assert_int_equal(world_recorded("device-reports-failure"), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_ISSUED);
	assert_string_equal(world_reason(DEVICE), "device-failed");
}

static void what_the_registrar_turned_away(void **state)
{
	const struct gw_msg rejected = { .type = GW_MSG_REJECTED, .rejected = { 1, "weak-key" } };

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	assert_null(ask(&rejected, GW_MSG_ENROLLED)); /* there is no answer */
	assert_string_equal(world_reason(DEVICE), "weak-key");
	assert_int_equal(world_recorded("csr-refused"), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
}

/* --- anchors --- */

static int take(const void *contents, size_t len, int seals)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const struct gw_msg msg = { .type = GW_MSG_ANCHORS, .anchors = { GW_ANCHORS_REGISTRAR } };
	int r;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, contents, len, 0), len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	r = world_say(GW_ROLE_CLOUD, &msg, fd);
	world_turn();
	return r;
}

static int64_t kept_bytes(void)
{
	return store_number(world_agent()->store, 0,
			    "SELECT length(certificates) FROM anchors WHERE purpose = ?", "i",
			    (int64_t)GW_ANCHORS_REGISTRAR);
}

static void anchors_are_kept_and_handed_on(void **state)
{
	static const uint8_t certificates[GW_ANCHORS_MAX] = { 0x30 };

	assert_int_equal(take(certificates, 500, SEALS), 0);
	assert_non_null(world_hear(GW_ROLE_REGISTRAR, GW_MSG_ANCHORS));
	assert_int_equal(kept_bytes(), 500);
	assert_int_equal(take(certificates, sizeof(certificates), SEALS), 0); /* in their place */
	assert_int_equal(kept_bytes(), sizeof(certificates));
	world_forget();

	world_restart();
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ANCHORS), 1);
}

static void anchors_that_are_none(void **state)
{
	static const uint8_t certificates[GW_ANCHORS_MAX + 1] = { 0x30 };
	static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
	const struct gw_msg msg = { .type = GW_MSG_ANCHORS, .anchors = { 0 } };
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < GW_ELEMENTS(seals); i++) /* one seal is missing */
		assert_int_equal(take(certificates, 10, SEALS & ~seals[i]), -EBADMSG);
	assert_int_equal(take(certificates, sizeof(certificates), SEALS), -EBADMSG);
	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, null), -EBADMSG);
	assert_int_equal(kept_bytes(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(aboard_one_gets_its_settings),   TEST(not_aboard_one_gets_none),
		TEST(a_secret_gets_none_either),      TEST(reports_are_recorded_and_prove_nothing),
		TEST(what_the_registrar_turned_away), TEST(anchors_are_kept_and_handed_on),
		TEST(anchors_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
