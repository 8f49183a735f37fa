/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of the cloud: what each does, that it is done once and answered every time, and what is
 * not obeyed. Claims of the operator and of the cloud meet here.
 */
#include "tests/unit/agent-world.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/curve25519.h>

#include "agent/claim.h"
#include "agent/command.h"
#include "agent/operate.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store.h"
#include "agent/vault.h"
#include "lib/crypto.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

static const struct gw_blob plain = { (const uint8_t *)"0123456789abcdef", 16 };

/* A claim as the cloud sends it with a plain secret. */
static struct gw_msg_command claim_command(const char *id, uint64_t seq)
{
	return (struct gw_msg_command){
		.id = id,
		.seq = seq,
		.kind = GW_COMMAND_CLAIM,
		.device = DEVICE,
		.claim = id,
		.tenant = "default",
		.secret = plain,
	};
}

static void send_command(const struct gw_msg_command *command)
{
	struct gw_msg msg = { .type = GW_MSG_COMMAND, .command = *command };

	assert_int_equal(world_say(GW_ROLE_CLOUD, &msg, -1), 0);
	world_turn();
	assert_int_equal(world_breaks(), 0);
}

/* Sends it; NULL reason: it is done. */
static void expect(const struct gw_msg_command *command, enum gw_reason reason)
{
	const struct gw_msg *reply;

	send_command(command);
	reply = world_hear(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER);
	assert_non_null(reply);
	assert_string_equal(reply->command_answer.id, command->id);
	assert_true(reply->command_answer.seq == command->seq);
	assert_string_equal(reply->command_answer.reason, gw_reason_code(reason));
	assert_int_equal(reply->command_answer.outcome,
			 reason == GW_REASON_NONE ? GW_OUTCOME_DONE : GW_OUTCOME_REFUSED);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER), 0);
}

static int allow_plain(void **state)
{
	int r = world_set_up(state);

	world_agent()->settings.cloud_plain_secrets = true;
	return r;
}

static void anchors_are_about_no_device(void **state)
{
	struct gw_msg_command command = { .id = "a-1", .seq = 1, .kind = GW_COMMAND_ANCHORS };

	expect(&command, GW_REASON_NONE);
	expect(&command, GW_REASON_NONE); /* repeated */
	command = (struct gw_msg_command){
		.id = "a-2", .seq = 2, .kind = GW_COMMAND_ANCHORS, .device = DEVICE
	};
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = (struct gw_msg_command){ .id = "a-3", .seq = 3, .kind = GW_COMMAND_WITHDRAW };
	expect(&command, GW_REASON_BAD_MESSAGE);
}

/* --- claims --- */

static void a_claim_lets_in(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	struct claim_record claim;

	command.claim_expires = world_now_s() + 100;
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &claim), 0);
	assert_string_equal(claim.id, "c-1");
	assert_string_equal(claim.claimed_by, "cloud");
	assert_true(claim.expires == world_now_s() + 100);
	assert_int_equal(world_knock(1, DEVICE), '0');
}

static void a_claim_without_id_or_tenant(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	struct claim_record claim;

	command.claim = "";
	command.tenant = "";
	expect(&command, GW_REASON_NONE);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &claim), 0);
	assert_true(*claim.id);
	assert_string_equal(claim.tenant, "default");
}

static void a_claim_waits_until_the_cloud_knows_who_left(void **state)
{
	const struct operate_wish leave = {
		.device = DEVICE, .event = DEVICE_EVENT_DECOMMISSION, .who = "uid 0", .reason = ""
	};
	struct gw_msg_command command = claim_command("c-1", 1);
	enum gw_reason reason;

	world_get_aboard(DEVICE, 21);
	assert_int_equal(operate_device(world_agent(), &leave, &reason), 0);
	assert_int_equal(reason, GW_REASON_NONE);
	world_turn();
	expect(&command, GW_REASON_LEAVING);
	assert_int_equal(world_state(DEVICE), DEVICE_DECOMMISSIONED);
	world_answer(world_request(GW_REQUEST_DECOMMISSIONED)->job, 0);
	command.id = "c-2";
	command.seq = 2;
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
}

static void a_claim_id_is_used_once(void **state)
{
	struct gw_msg_command command = claim_command("k-1", 1);
	enum gw_reason reason;

	command.id = "c-1";
	expect(&command, GW_REASON_NONE);
	command.id = "c-2"; /* told again, under another name: the same claim is open */
	command.seq = 2;
	expect(&command, GW_REASON_NONE);

	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();
	command.id = "c-3";
	command.seq = 3;
	expect(&command, GW_REASON_CLAIM_USED);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);

	command.id = "c-4";
	command.seq = 4;
	command.device = "ACME-2"; /* nor for another device */
	expect(&command, GW_REASON_CLAIM_USED);
	assert_int_equal(world_state("ACME-2"), DEVICE_UNKNOWN);
	assert_true(world_record_is_whole());
}

static void a_claim_that_starts_over(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);

	world_get_aboard(DEVICE, 21);
	expect(&command, GW_REASON_ALREADY_ABOARD);
	command = claim_command("c-2", 2);
	command.replace = 1;
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
}

static void another_tenants_device(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);

	expect(&command, GW_REASON_NONE);
	command = claim_command("c-2", 2);
	command.tenant = "other";
	command.replace = 1;
	expect(&command, GW_REASON_ID_IN_USE);
}

static void secrets_of_every_length(void **state)
{
	static const uint8_t bytes[GW_SEALED_MAX] = { 1, 2, 3 };

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		bool good = len >= GW_SECRET_MIN && len <= GW_SECRET_MAX;
		struct gw_msg_command command;
		char id[32], device[32];

		(void)snprintf(id, sizeof(id), "c-%zu", len);
		(void)snprintf(device, sizeof(device), "D-%zu", len);
		command = claim_command(id, len + 1);
		command.device = device;
		command.secret = (struct gw_blob){ bytes, len };
		expect(&command, good ? GW_REASON_NONE : GW_REASON_BAD_MESSAGE);
	}
}

/* --- secrets on their way --- */

static void a_plain_secret_is_refused_by_default(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);

	expect(&command, GW_REASON_SECRET_NOT_SEALED);
	assert_int_equal(world_state(DEVICE), DEVICE_UNKNOWN);
	assert_int_equal(world_recorded("command-refused"), 1);
}

/* HKDF-SHA-256 of one block, without salt. */
static void derive_key(const uint8_t shared[32], const uint8_t *ephemeral, const uint8_t *ours,
		       uint8_t key[GW_KEY_LEN])
{
	static const uint8_t no_salt[GW_KEY_LEN], one = 1;
	const struct gw_blob material[] = { { shared, 32 } };
	const struct gw_blob info[] = {
		{ (const uint8_t *)"gangway box v1", 14 },
		{ ephemeral, 32 },
		{ ours, 32 },
		{ &one, 1 },
	};
	uint8_t prk[GW_SHA256_LEN];

	assert_int_equal(gw_hmac(no_salt, material, 1, prk), 0);
	assert_int_equal(gw_hmac(prk, info, GW_ELEMENTS(info), key), 0);
}

static void agree(const uint8_t private_key[32], const uint8_t peer[32], uint8_t shared[32])
{
	curve25519_key mine, theirs;
	word32 len = 32;

	assert_int_equal(wc_curve25519_init(&mine), 0);
	assert_int_equal(wc_curve25519_init(&theirs), 0);
	assert_int_equal(
		wc_curve25519_import_private_ex(private_key, 32, &mine, EC25519_LITTLE_ENDIAN), 0);
	assert_int_equal(wc_curve25519_import_public_ex(peer, 32, &theirs, EC25519_LITTLE_ENDIAN),
			 0);
	assert_int_equal(wc_curve25519_shared_secret_ex(&mine, &theirs, shared, &len,
							EC25519_LITTLE_ENDIAN),
			 0);
	wc_curve25519_free(&mine);
	wc_curve25519_free(&theirs);
}

/* Seals as doc/protocol/cloud.md says; returns the length. */
static size_t seal(const char *about, struct gw_blob secret, uint8_t *box)
{
	const uint8_t *ours = vault_box_key(world_agent()->vault);
	const struct gw_blob associated = { (const uint8_t *)about, strlen(about) };
	uint8_t private_key[32], shared[32], key[GW_KEY_LEN];

	assert_int_equal(gw_box_keypair(private_key, box), 0);
	agree(private_key, ours, shared);
	derive_key(shared, box, ours, key);
	assert_int_equal(gw_seal(key, associated, secret, box + 32), 0);
	return secret.len + GW_BOX_EXTRA;
}

static void a_sealed_secret_is_opened(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	uint8_t box[GW_SEALED_MAX];

	command.sealed = 1;
	command.secret = (struct gw_blob){ box, seal(WORLD_GATEWAY "|c-1|" DEVICE, plain, box) };
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_knock(1, DEVICE), '0');
}

static void a_box_for_another_command_or_device(void **state)
{
	static const char *const others[] = { "gw-2|c-1|" DEVICE, WORLD_GATEWAY "|c-2|" DEVICE,
					      WORLD_GATEWAY "|c-1|ACME-2",
					      WORLD_GATEWAY "|c-1|" DEVICE "|" };

	for (size_t i = 0; i < GW_ELEMENTS(others); i++) {
		struct gw_msg_command command = claim_command("c-1", 1);
		uint8_t box[GW_SEALED_MAX];

		command.sealed = 1;
		command.secret = (struct gw_blob){ box, seal(others[i], plain, box) };
		expect(&command, GW_REASON_BAD_MESSAGE);
		world_tear_down(NULL);
		assert_int_equal(world_set_up(NULL), 0);
	}
}

static void a_box_that_is_damaged_or_short(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	uint8_t box[GW_SEALED_MAX] = { 0 };

	command.sealed = 1;
	for (size_t len = 0; len <= sizeof(box); len += 4) {
		char id[32];

		(void)snprintf(id, sizeof(id), "c-%zu", len);
		command.id = id;
		command.seq = len + 1;
		command.secret = (struct gw_blob){ box, len };
		expect(&command, GW_REASON_BAD_MESSAGE);
	}
	assert_int_equal(world_state(DEVICE), DEVICE_UNKNOWN);
}

/* --- withdraw and revoke --- */

static void withdrawing(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_WITHDRAW, .device = DEVICE
	};

	expect(&command, GW_REASON_NOT_FOUND);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	command.id = "c-2";
	command.seq = 2;
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
	assert_string_equal(world_reason(DEVICE), "withdrawn");
	command.id = "c-3";
	command.seq = 3;
	expect(&command, GW_REASON_NO_CLAIM);
}

static void revoking(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_REVOKE, .device = DEVICE
	};

	expect(&command, GW_REASON_NOT_FOUND);
	world_get_aboard(DEVICE, 21);
	assert_true(world_peer_certificate(1, 21));
	command.id = "c-2";
	command.seq = 2;
	command.reason = "key-compromise";
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_string_equal(world_reason(DEVICE), "key-compromise");
	assert_int_equal(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END)->session_end.session, 1);
	assert_false(world_peer_certificate(2, 21));
	assert_int_equal(world_request(GW_REQUEST_REVOKED)->serial.data[0], 21);
	assert_int_equal(world_claim(DEVICE, 7, true), GW_REASON_REVOKED);

	command.id = "c-3";
	command.seq = 3;
	expect(&command, GW_REASON_NONE); /* is what it shall be */
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
}

static void revoke_where_nothing_is_aboard(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_REVOKE, .device = DEVICE
	};
	enum gw_reason reason;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();
	expect(&command, GW_REASON_NOT_POSSIBLE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
}

/* --- lists --- */

#define SERIAL_21 "1515151515151515\n"
#define SERIAL_22 "1616161616161616\n"
#define SERIAL_23 "1717171717171717\n"

static void a_list_is_one_command(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_SUSPEND, .devices = "ACME-1\nACME-2\n"
	};

	world_get_aboard("ACME-1", 21);
	world_get_aboard("ACME-2", 22);
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state("ACME-1"), DEVICE_SUSPENDED);
	assert_int_equal(world_state("ACME-2"), DEVICE_SUSPENDED);

	command.id = "c-2";
	command.seq = 2;
	command.kind = GW_COMMAND_RESUME;
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state("ACME-1"), DEVICE_ONBOARDED);
	assert_int_equal(world_state("ACME-2"), DEVICE_ONBOARDED);
	assert_true(world_record_is_whole());
}

static void what_can_be_done_of_a_list_is(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_REVOKE, .devices = "NOBODY\nACME-1\n"
	};

	world_get_aboard("ACME-1", 21);
	expect(&command, GW_REASON_NOT_FOUND);
	assert_int_equal(world_state("ACME-1"), DEVICE_REVOKED);
	expect(&command, GW_REASON_NOT_FOUND); /* repeated */

	command.id = "c-2";
	command.seq = 2;
	command.devices = "ACME-1\nno device\n";
	expect(&command, GW_REASON_BAD_MESSAGE);
}

static void a_list_of_serials(void **state)
{
	struct gw_msg_command command = {
		.id = "c-1", .seq = 1, .kind = GW_COMMAND_REVOKE, .serials = SERIAL_22 SERIAL_21
	};

	world_get_aboard("ACME-1", 21);
	world_get_aboard("ACME-2", 22);
	world_get_aboard("ACME-3", 23);
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state("ACME-1"), DEVICE_REVOKED);
	assert_int_equal(world_state("ACME-2"), DEVICE_REVOKED);
	assert_int_equal(world_state("ACME-3"), DEVICE_ONBOARDED);

	command.id = "c-2";
	command.seq = 2;
	command.serials =
		SERIAL_21 "99\n" SERIAL_23; /* good for nothing any more, nobody's, somebody's */
	expect(&command, GW_REASON_NOT_FOUND);
	assert_int_equal(world_state("ACME-3"), DEVICE_REVOKED);

	command.id = "c-3";
	command.seq = 3;
	command.serials = SERIAL_21 SERIAL_23; /* what was wanted is so */
	expect(&command, GW_REASON_NONE);
}

/* --- once, in order, in time --- */

static void a_repeated_command_is_answered_as_before(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	struct gw_msg_command refused = claim_command("c-2", 2);
	enum gw_reason reason;

	expect(&command, GW_REASON_NONE);
	refused.device = "no device";
	expect(&refused, GW_REASON_BAD_MESSAGE);
	assert_int_equal(claim_withdraw(world_agent(), DEVICE, "uid 0", &reason), 0);
	world_turn();

	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED); /* not carried out again */
	refused.device = DEVICE;
	expect(&refused, GW_REASON_BAD_MESSAGE);
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	expect(&command, GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
}

static void an_older_command_is_not_obeyed(void **state)
{
	struct gw_msg_command newer = claim_command("c-2", 1000);
	struct gw_msg_command older = claim_command("c-1", 999);

	expect(&newer, GW_REASON_NONE);
	older.device = "ACME-2";
	expect(&older, GW_REASON_OUT_OF_ORDER);
	older.id = "c-3";
	older.seq = 1000;
	expect(&older, GW_REASON_OUT_OF_ORDER);
	world_restart();
	world_connect(GW_ROLE_CLOUD);
	world_agent()->settings.cloud_plain_secrets = true;
	older.id = "c-4";
	expect(&older, GW_REASON_OUT_OF_ORDER); /* the number outlives the agent */
	older.id = "c-5";
	older.seq = 1001;
	older.claim = "c-5";
	expect(&older, GW_REASON_NONE);
}

static void expired(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);
	struct gw_msg_command closes = {
		.id = "c-4", .seq = 4, .kind = GW_COMMAND_WITHDRAW, .device = DEVICE
	};

	command.expires_at = world_now_s();
	expect(&command, GW_REASON_EXPIRED);
	command = claim_command("c-2", 2);
	command.expires_at = world_now_s() + 1;
	world_trust_clock(false);
	expect(&command, GW_REASON_CLOCK_UNTRUSTED); /* what opens needs to know the time */
	command = claim_command("c-3", 3);
	expect(&command, GW_REASON_NONE); /* unless it is for ever */
	closes.expires_at = world_now_s() - 1;
	expect(&closes, GW_REASON_NONE); /* what closes is obeyed */
	assert_int_equal(world_state(DEVICE), DEVICE_REJECTED);
}

static void answers_are_not_kept_for_ever(void **state)
{
	struct gw_msg_command first = {
		.id = "first", .seq = 1, .kind = GW_COMMAND_WITHDRAW, .device = DEVICE
	};
	struct gw_msg_command last = first;

	expect(&first, GW_REASON_NOT_FOUND);
	last.id = "last";
	last.seq = 1025;
	expect(&last, GW_REASON_NOT_FOUND);
	expect(&first, GW_REASON_OUT_OF_ORDER); /* as good an answer: it is not obeyed again */
}

/* --- garbage --- */

static void names_and_numbers_that_are_none(void **state)
{
	struct gw_msg_command command = claim_command("c-1", 1);

	command.device = "a|b";
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = claim_command("c-2", 2);
	command.tenant = "a|b";
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = claim_command("c-3", 3);
	command.claim = "a b";
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = claim_command("c-4", (uint64_t)INT64_MAX + 1);
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = claim_command("c-5", UINT64_MAX);
	expect(&command, GW_REASON_BAD_MESSAGE);
	command = claim_command("c-6", 6); /* and none of it shuts the door to the next */
	expect(&command, GW_REASON_NONE);
}

/* --- operators --- */

static void the_operator_claims(void **state)
{
	struct claim_record before, after;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &before), 0);
	assert_true(before.expires == world_now_s() + 30 * 86400);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE); /* no change */
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &after), 0);
	assert_string_equal(after.id, before.id);
	assert_int_equal(world_claim(DEVICE, 8, false), GW_REASON_ALREADY_CLAIMED);
	assert_int_equal(world_recorded("claim-refused"), 1);
	assert_int_equal(world_claim(DEVICE, 8, true), GW_REASON_NONE);
	assert_int_equal(store_claim_open_of(world_agent()->store, DEVICE, &after), 0);
	assert_string_not_equal(after.id, before.id);
	assert_int_equal(store_claim_get(world_agent()->store, before.id, &before), 0);
	assert_int_equal(before.state, CLAIM_CLOSED);
	assert_int_equal(before.secret_len, 0);
	assert_int_equal(world_knock(1, DEVICE), 8);
}

static void the_gateway_is_full(void **state)
{
	world_agent()->settings.devices_max = 1;
	assert_int_equal(world_claim("A", 7, false), GW_REASON_NONE);
	assert_int_equal(world_claim("B", 7, false), GW_REASON_LIMIT);
	assert_int_equal(world_claim("A", 8, true), GW_REASON_NONE);
}

/* However many devices somebody names, and without taking the room of others. */
static void who_asks_in_vain_does_not_fill_the_record(void **state)
{
	struct claim_wish wish = { .tenant = "default", .vendor = "", .model = "", .who = "uid 7" };
	enum gw_reason reason;
	char device[24];

	world_agent()->settings.devices_max = 1;
	assert_int_equal(world_claim("A", 7, false), GW_REASON_NONE);
	for (unsigned i = 0; i < 500; i++) {
		(void)snprintf(device, sizeof(device), "B-%u", i);
		assert_int_equal(world_claim(device, 7, false), GW_REASON_LIMIT);
	}
	assert_int_equal(world_recorded("claim-refused"), 16);

	wish.device = "C";
	wish.secret = (struct gw_blob){ (const uint8_t *)"0123456789abcdef", 16 };
	assert_int_equal(claim_make(world_agent(), &wish, &reason), 0);
	world_turn();
	assert_int_equal(reason, GW_REASON_LIMIT);
	assert_int_equal(world_recorded("claim-refused"), 17);
	assert_int_equal(world_claim("A", 8, false), GW_REASON_ALREADY_CLAIMED);
	assert_int_equal(world_recorded("claim-refused"), 18);
}

/* Whether the bytes stand in a file of the world's folder. */
static bool file_holds(const char *name, const uint8_t *bytes, size_t n)
{
	_cleanup_free_ uint8_t *contents = NULL;
	char path[256];
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", world_folder(), name);
	if (gw_read_file(-1, path, 8u << 20, &contents, &len) < 0)
		return false;
	return memmem(contents, len, bytes, n);
}

static void no_secret_lies_on_the_disk(void **state)
{
	static const char *const names[] = { "gangway.db", "gangway.db-wal" };
	uint8_t secret[16];

	memset(secret, 7, sizeof(secret));
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	for (size_t i = 0; i < GW_ELEMENTS(names); i++)
		assert_false(file_holds(names[i], secret, sizeof(secret)));
	assert_true(file_holds("gangway.db-wal", (const uint8_t *)DEVICE, strlen(DEVICE)));
}

int main(void)
{
#define SEALED(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
#define PLAIN(name)  cmocka_unit_test_setup_teardown(name, allow_plain, world_tear_down)
	const struct CMUnitTest tests[] = {
		PLAIN(anchors_are_about_no_device),
		PLAIN(a_claim_lets_in),
		PLAIN(a_claim_without_id_or_tenant),
		PLAIN(a_claim_waits_until_the_cloud_knows_who_left),
		PLAIN(a_claim_id_is_used_once),
		PLAIN(a_claim_that_starts_over),
		PLAIN(another_tenants_device),
		PLAIN(secrets_of_every_length),
		SEALED(a_plain_secret_is_refused_by_default),
		SEALED(a_sealed_secret_is_opened),
		SEALED(a_box_for_another_command_or_device),
		SEALED(a_box_that_is_damaged_or_short),
		SEALED(withdrawing),
		SEALED(revoking),
		SEALED(revoke_where_nothing_is_aboard),
		SEALED(a_list_is_one_command),
		SEALED(what_can_be_done_of_a_list_is),
		SEALED(a_list_of_serials),
		PLAIN(a_repeated_command_is_answered_as_before),
		PLAIN(an_older_command_is_not_obeyed),
		PLAIN(expired),
		SEALED(answers_are_not_kept_for_ever),
		PLAIN(names_and_numbers_that_are_none),
		SEALED(the_operator_claims),
		SEALED(the_gateway_is_full),
		SEALED(who_asks_in_vain_does_not_fill_the_record),
		SEALED(no_secret_lies_on_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
