/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry on a real file: what it keeps, what it refuses to hold, what is gone when it is wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>

#include "lib/util.h"
#include "tests/unit/cloud-home.h"
#include "tools/cloud/registry-db.h"
#include "tools/cloud/registry.h"

static int setup(void **state)
{
	struct cloud_home *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	cloud_home_make(f);
	assert_int_equal(registry_gateway_add(f->registry, "gw-1", "t"), 0);
	assert_int_equal(registry_gateway_add(f->registry, "gw-2", "t"), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cloud_home_remove(*state);
	free(*state);
	return 0;
}

static void reopen(struct cloud_home *f)
{
	f->registry = registry_free(f->registry);
	assert_int_equal(registry_open(&f->home, &f->registry), 0);
}

static void add_claim(struct cloud_home *f, const char *id, const char *gateway, const char *device)
{
	struct claim claim = { .state = CLAIM_OPEN, .tenant = "t" };

	(void)gw_copy(claim.id, sizeof(claim.id), id);
	(void)gw_copy(claim.gateway, sizeof(claim.gateway), gateway);
	(void)gw_copy(claim.device, sizeof(claim.device), device);
	assert_int_equal(registry_claim_add(f->registry, &claim), 0);
}

static struct record make_record(const char *serial, const char *gateway, const char *claim,
				 const char *key)
{
	struct record record = { .device = "D",
				 .tenant = "t",
				 .state = CERTIFICATE_CANDIDATE,
				 .not_before = 100,
				 .not_after = 1000 };

	(void)gw_copy(record.serial, sizeof(record.serial), serial);
	(void)gw_copy(record.gateway, sizeof(record.gateway), gateway);
	(void)gw_copy(record.claim, sizeof(record.claim), claim);
	(void)gw_copy(record.key, sizeof(record.key), key);
	(void)snprintf(record.job, sizeof(record.job), "job-%s", serial);
	return record;
}

static struct record add_record(struct cloud_home *f, const char *serial, const char *gateway,
				const char *claim, const char *key)
{
	struct record record = make_record(serial, gateway, claim, key);

	assert_int_equal(registry_certificate_add(f->registry, &record, (const uint8_t *)"der", 3),
			 0);
	return record;
}

static void assert_state(struct cloud_home *f, const char *serial, enum certificate_state expected,
			 const char *reason)
{
	struct record record;

	assert_int_equal(registry_certificate_get(f->registry, serial, &record), 0);
	assert_int_equal(record.state, expected);
	assert_string_equal(record.reason, reason);
}

static void test_no_registry(void **state)
{
	struct cloud_home *f = *state;
	struct registry *other;

	f->registry = registry_free(f->registry);
	assert_int_equal(renameat(f->home.fd, "registry.db", f->home.fd, "doorbell"), 0);
	assert_int_equal(registry_open(&f->home, &other), -ENOENT);
	assert_int_equal(registry_create(&f->home), 0);
	assert_int_equal(registry_create(&f->home), 0); /* and once more is no harm */
}

static void test_another_version(void **state)
{
	struct cloud_home *f = *state;

	assert_int_equal(sqlite3_exec(f->registry->db, "PRAGMA user_version = 99", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	f->registry = registry_free(f->registry);
	assert_int_equal(registry_open(&f->home, &f->registry), -EPROTONOSUPPORT);
	assert_int_equal(registry_create(&f->home), -EPROTONOSUPPORT);
}

static void test_not_a_registry(void **state)
{
	struct cloud_home *f = *state;
	int fd;

	f->registry = registry_free(f->registry);
	fd = openat(f->home.fd, "registry.db", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "this is a text file, and a rather long one, too\n", 48), 48);
	assert_int_equal(close(fd), 0);
	assert_int_equal(registry_open(&f->home, &f->registry), -EBADMSG);
}

static void test_settings_and_tenants(void **state)
{
	struct cloud_home *f = *state;
	char value[16];
	bool is;

	assert_int_equal(registry_get(f->registry, "broker", value, sizeof(value)), -ENOENT);
	assert_int_equal(registry_set(f->registry, "broker", "a:1"), 0);
	assert_int_equal(registry_set(f->registry, "broker", "b:2"), 0);
	reopen(f);
	assert_int_equal(registry_get(f->registry, "broker", value, sizeof(value)), 0);
	assert_string_equal(value, "b:2");

	assert_int_equal(registry_gateway_is_known(f->registry, "gw-1", &is), 0);
	assert_true(is);
	assert_int_equal(registry_gateway_is_known(f->registry, "gw-3", &is), 0);
	assert_false(is);
	assert_int_equal(registry_tenant_is_allowed(f->registry, "gw-1", "t", &is), 0);
	assert_true(is);
	assert_int_equal(registry_tenant_is_allowed(f->registry, "gw-1", "u", &is), 0);
	assert_false(is);
	assert_int_equal(registry_tenant_is_allowed(f->registry, "gw-3", "t", &is), 0);
	assert_false(is);
}

static void test_claims(void **state)
{
	struct cloud_home *f = *state;
	struct claim claim = { .id = "f-1",
			       .gateway = "gw-1",
			       .device = "D",
			       .tenant = "t",
			       .expires = 500,
			       .by_fleet = true };

	assert_int_equal(registry_claim_get(f->registry, "c-1", &claim), -ENOENT);
	assert_int_equal(registry_claim_add(f->registry, &claim), 0);
	assert_int_equal(registry_claim_add(f->registry, &claim), -EEXIST);
	assert_int_equal(registry_claim_of_fleet(f->registry, "D", 499, &claim), 0);
	assert_int_equal(registry_claim_of_fleet(f->registry, "D", 500, &claim), -ENOENT);

	add_claim(f, "c-1", "gw-1", "D");
	add_claim(f, "c-2", "gw-2", "D");
	add_claim(f, "c-3", "gw-1", "E");
	assert_int_equal(registry_claim_spend(f->registry, "f-1"), 0);
	assert_int_equal(registry_claims_close(f->registry, "gw-1", "D", "withdrawn"), 0);

	assert_int_equal(registry_claim_get(f->registry, "f-1", &claim), 0);
	assert_int_equal(claim.state, CLAIM_SPENT); /* what is spent stays so */
	assert_int_equal(registry_claim_get(f->registry, "c-1", &claim), 0);
	assert_int_equal(claim.state, CLAIM_CLOSED);
	assert_string_equal(claim.reason, "withdrawn");
	assert_int_equal(registry_claim_get(f->registry, "c-2", &claim), 0);
	assert_int_equal(claim.state, CLAIM_OPEN);
	assert_int_equal(registry_claim_get(f->registry, "c-3", &claim), 0);
	assert_int_equal(claim.state, CLAIM_OPEN);

	assert_int_equal(registry_claims_close(f->registry, NULL, "D", "revoked"), 0);
	assert_int_equal(registry_claim_get(f->registry, "c-2", &claim), 0);
	assert_int_equal(claim.state, CLAIM_CLOSED);
	assert_int_equal(registry_claim_close(f->registry, "c-2", "expired"), -ENOENT);
}

static void test_proof(void **state)
{
	struct cloud_home *f = *state;
	struct record old, new, live;
	struct claim claim;

	add_claim(f, "c-1", "gw-1", "D");
	add_claim(f, "c-2", "gw-2", "D");
	old = add_record(f, "41", "gw-1", "c-1", "k1");
	new = add_record(f, "42", "gw-1", "c-1", "k2");
	(void)add_record(f, "43", "gw-2", "c-2", "k3");
	assert_int_equal(registry_certificate_live(f->registry, "D", 200, &live), -ENOENT);

	assert_int_equal(registry_certificate_prove(f->registry, &old), 0);
	assert_state(f, "41", CERTIFICATE_LIVE, "");
	assert_state(f, "42", CERTIFICATE_REVOKED, "superseded");
	assert_state(f, "43", CERTIFICATE_REVOKED, "live-elsewhere");
	assert_int_equal(registry_claim_get(f->registry, "c-1", &claim), 0);
	assert_int_equal(claim.state, CLAIM_SPENT);
	assert_int_equal(registry_claim_get(f->registry, "c-2", &claim), 0);
	assert_int_equal(claim.state, CLAIM_OPEN);

	assert_int_equal(registry_certificate_live(f->registry, "D", 999, &live), 0);
	assert_string_equal(live.serial, "41");
	assert_int_equal(registry_certificate_live(f->registry, "D", 1000, &live), -ENOENT);

	/* What is revoked is proved no more, and nothing of the attempt stays in a transaction. */
	assert_int_equal(registry_begin(f->registry), 0);
	assert_int_equal(registry_certificate_prove(f->registry, &new), -ENOENT);
	registry_rollback(f->registry);
	assert_state(f, "41", CERTIFICATE_LIVE, "");
}

/* Whatever the verdicts say, the database does not hold two live certificates of a device. */
static void test_one_live(void **state)
{
	struct cloud_home *f = *state;
	struct record record;

	add_claim(f, "c-1", "gw-1", "D");
	record = make_record("41", "gw-1", "c-1", "k1");
	record.state = CERTIFICATE_LIVE;
	assert_int_equal(registry_certificate_add(f->registry, &record, (const uint8_t *)"d", 1),
			 0);
	record = make_record("42", "gw-1", "c-1", "k2");
	record.state = CERTIFICATE_LIVE;
	assert_int_equal(registry_certificate_add(f->registry, &record, (const uint8_t *)"d", 1),
			 -EEXIST);
}

static void test_jobs_and_keys(void **state)
{
	struct cloud_home *f = *state;
	struct record record;
	unsigned n;

	add_claim(f, "c-1", "gw-1", "D");
	(void)add_record(f, "41", "gw-1", "c-1", "k1");
	(void)add_record(f, "42", "gw-1", "c-1", "k2");
	record = make_record("43", "gw-1", "c-1", "k2");
	(void)gw_copy(record.job, sizeof(record.job), "job-42");
	assert_int_equal(registry_certificate_add(f->registry, &record, (const uint8_t *)"d", 1),
			 -EEXIST); /* one job, one certificate */

	assert_int_equal(registry_certificate_of_job(f->registry, "gw-1", "job-42", &record), 0);
	assert_string_equal(record.serial, "42");
	assert_int_equal(registry_certificate_of_job(f->registry, "gw-2", "job-42", &record),
			 -ENOENT);

	assert_int_equal(registry_certificate_other_keys(f->registry, "c-1", "k1", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(registry_certificate_other_keys(f->registry, "c-1", "k9", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(registry_certificate_revoke(f->registry, "41", "not-proved"), 0);
	assert_int_equal(registry_certificate_other_keys(f->registry, "c-1", "k9", &n), 0);
	assert_int_equal(n, 2); /* a revoked one has been tried all the same */
}

static void test_revocation(void **state)
{
	struct cloud_home *f = *state;
	struct record record;

	add_claim(f, "c-1", "gw-1", "D");
	record = add_record(f, "41", "gw-1", "c-1", "k1");
	assert_int_equal(registry_certificate_prove(f->registry, &record), 0);
	assert_int_equal(registry_certificate_revoke(f->registry, "41", "stolen"), 0);
	assert_int_equal(registry_certificate_revoke(f->registry, "41", "other"), 0);
	assert_state(f, "41", CERTIFICATE_REVOKED, "stolen"); /* the first word counts */

	(void)add_record(f, "42", "gw-1", "c-1", "k2");
	assert_int_equal(registry_certificates_revoke(f->registry, "D", "revoked"), 0);
	assert_state(f, "42", CERTIFICATE_REVOKED, "revoked");
	assert_int_equal(registry_certificate_revoke(f->registry, "99", "x"), 0);
}

static void assert_suspended(struct cloud_home *f, bool expected)
{
	bool is_suspended;

	assert_int_equal(registry_device_is_suspended(f->registry, "D", &is_suspended), 0);
	assert_int_equal(is_suspended, expected);
}

static void test_suspension_ends_with_the_last_certificate(void **state)
{
	struct cloud_home *f = *state;

	add_claim(f, "c-1", "gw-1", "D");
	(void)add_record(f, "41", "gw-1", "c-1", "k1");
	(void)add_record(f, "42", "gw-1", "c-1", "k2");
	assert_int_equal(registry_device_suspend(f->registry, "D", "theft"), 0);
	assert_int_equal(registry_device_suspend(f->registry, "E", "theft"), 0);
	assert_int_equal(registry_certificate_revoke(f->registry, "41", "superseded"), 0);
	assert_suspended(f, true);
	assert_int_equal(registry_certificates_revoke(f->registry, "D", "lost"), 0);
	assert_suspended(f, false);

	/* What comes by a new claim is nobody's suspended device. */
	(void)add_record(f, "43", "gw-1", "c-1", "k3");
	(void)add_record(f, "44", "gw-1", "c-1", "k4");
	assert_suspended(f, false);
	assert_int_equal(registry_device_suspend(f->registry, "D", "theft"), 0);
	assert_int_equal(registry_certificates_revoke_at(f->registry, "gw-1", "D", "left"), 0);
	assert_suspended(f, false);
}

static int count_gateway(const char *gateway, void *userdata)
{
	unsigned *n = userdata;

	(*n)++;
	return 0;
}

static void test_gateways_of_a_device(void **state)
{
	struct cloud_home *f = *state;
	unsigned n = 0;

	add_claim(f, "c-1", "gw-1", "D");
	(void)add_record(f, "41", "gw-1", "c-1", "k1");
	assert_int_equal(registry_gateways_of_device(f->registry, "D", count_gateway, &n), 0);
	assert_int_equal(n, 1);

	add_claim(f, "c-2", "gw-2", "D");
	n = 0;
	assert_int_equal(registry_gateways_of_device(f->registry, "D", count_gateway, &n), 0);
	assert_int_equal(n, 2);

	assert_int_equal(registry_claims_close(f->registry, NULL, "D", "x"), 0);
	assert_int_equal(registry_certificates_revoke(f->registry, "D", "x"), 0);
	n = 0;
	assert_int_equal(registry_gateways_of_device(f->registry, "D", count_gateway, &n), 0);
	assert_int_equal(n, 0);
}

static void test_answers(void **state)
{
	_cleanup_free_ char *about = NULL, *body = NULL;
	struct cloud_home *f = *state;

	assert_int_equal(registry_answer_get(f->registry, "gw-1", "j", &about, &body), -ENOENT);
	assert_int_equal(registry_answer_add(f->registry, "gw-1", "j", "this", "{}"), 0);
	assert_int_equal(registry_answer_add(f->registry, "gw-1", "j", "that", "[]"), -EEXIST);
	assert_int_equal(registry_answer_add(f->registry, "gw-2", "j", "that", "[]"), 0);
	reopen(f);
	assert_int_equal(registry_answer_get(f->registry, "gw-1", "j", &about, &body), 0);
	assert_string_equal(about, "this");
	assert_string_equal(body, "{}");
}

/* A rolled back part takes back itself and leaves the rest. */
static void test_parts(void **state)
{
	struct cloud_home *f = *state;
	char value[8];

	assert_int_equal(registry_begin(f->registry), 0);
	assert_int_equal(registry_set(f->registry, "a", "1"), 0);
	assert_int_equal(registry_part_begin(f->registry), 0);
	assert_int_equal(registry_set(f->registry, "b", "2"), 0);
	assert_int_equal(registry_part_end(f->registry, false), 0);
	assert_int_equal(registry_part_begin(f->registry), 0);
	assert_int_equal(registry_set(f->registry, "c", "3"), 0);
	assert_int_equal(registry_part_end(f->registry, true), 0);
	assert_int_equal(registry_commit(f->registry), 0);
	reopen(f);
	assert_int_equal(registry_get(f->registry, "a", value, sizeof(value)), 0);
	assert_int_equal(registry_get(f->registry, "b", value, sizeof(value)), -ENOENT);
	assert_int_equal(registry_get(f->registry, "c", value, sizeof(value)), 0);
}

static void test_rollback(void **state)
{
	struct cloud_home *f = *state;
	char value[8];

	assert_int_equal(registry_begin(f->registry), 0);
	assert_int_equal(registry_set(f->registry, "a", "1"), 0);
	registry_rollback(f->registry);
	registry_rollback(f->registry); /* none is open: no harm */
	assert_int_equal(registry_get(f->registry, "a", value, sizeof(value)), -ENOENT);
}

/* --- commands ------------------------------------------------------------------------------------- */

#define SECRET "WHAT-NOBODY-MAY-FIND"

static struct command make_command(const char *id, enum command_kind kind, const char *device)
{
	struct command command = { .gateway = "gw-1", .kind = kind, .made_at = 1 };

	(void)gw_copy(command.id, sizeof(command.id), id);
	(void)gw_copy(command.device, sizeof(command.device), device);
	if (kind == COMMAND_CLAIM) {
		command.secret_len = strlen(SECRET);
		memcpy(command.secret, SECRET, strlen(SECRET));
	}
	return command;
}

static struct command add_command(struct cloud_home *f, const char *id, enum command_kind kind,
				  const char *device)
{
	struct command command = make_command(id, kind, device);

	assert_int_equal(registry_command_add(f->registry, &command), 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", id, &command), 0);
	return command;
}

struct seen {
	char ids[8][REGISTRY_ID_MAX + 1];
	size_t n, secret_len;
};

static int see(const struct command *command, void *userdata)
{
	struct seen *seen = userdata;

	(void)gw_copy(seen->ids[seen->n++], REGISTRY_ID_MAX + 1, command->id);
	seen->secret_len = command->secret_len;
	return 0;
}

static void put(struct cloud_home *f, const char *gateway, const char *id, enum command_kind kind,
		const char *device)
{
	struct command command = make_command(id, kind, device);

	(void)gw_copy(command.gateway, sizeof(command.gateway), gateway);
	assert_int_equal(registry_command_add(f->registry, &command), 0);
}

static enum command_state state_at(struct cloud_home *f, const char *gateway, const char *id)
{
	struct command command;

	assert_int_equal(registry_command_get(f->registry, gateway, id, &command), 0);
	return command.state;
}

/* A claim that has not gone yet, at that gateway or at all; nothing else that is said of the device. */
static void test_what_is_cancelled(void **state)
{
	struct cloud_home *f = *state;
	uint64_t seq;
	struct command sent;

	put(f, "gw-1", "c1", COMMAND_CLAIM, "A");
	put(f, "gw-1", "c2", COMMAND_REVOKE, "A");
	put(f, "gw-1", "c3", COMMAND_CLAIM, "B");
	put(f, "gw-1", "c4", COMMAND_CLAIM, "A");
	put(f, "gw-2", "c5", COMMAND_CLAIM, "A");
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c4", &sent), 0);
	assert_int_equal(registry_command_sent(f->registry, sent.number, 5, &seq), 0);

	assert_int_equal(registry_commands_cancel(f->registry, "gw-1", "A", "why"), 0);
	assert_int_equal(state_at(f, "gw-1", "c1"), COMMAND_CANCELLED);
	assert_int_equal(state_at(f, "gw-1", "c2"), COMMAND_WAITING);
	assert_int_equal(state_at(f, "gw-1", "c3"), COMMAND_WAITING);
	assert_int_equal(state_at(f, "gw-1", "c4"), COMMAND_SENT);
	assert_int_equal(state_at(f, "gw-2", "c5"), COMMAND_WAITING);
	assert_int_equal(registry_commands_cancel(f->registry, NULL, "A", "why"), 0);
	assert_int_equal(state_at(f, "gw-2", "c5"), COMMAND_CANCELLED);
}

static void test_what_is_said_no_more_of_a_move(void **state)
{
	struct cloud_home *f = *state;

	put(f, "gw-1", "m1", COMMAND_MOVED, "A");
	put(f, "gw-1", "m2", COMMAND_MOVED, "B");
	put(f, "gw-1", "c1", COMMAND_REVOKE, "A");
	put(f, "gw-2", "m3", COMMAND_MOVED, "A");
	assert_int_equal(registry_commands_unmove(f->registry, "gw-1", "A"), 0);
	assert_int_equal(state_at(f, "gw-1", "m1"), COMMAND_CANCELLED);
	assert_int_equal(state_at(f, "gw-1", "m2"), COMMAND_WAITING);
	assert_int_equal(state_at(f, "gw-1", "c1"), COMMAND_WAITING);
	assert_int_equal(state_at(f, "gw-2", "m3"), COMMAND_WAITING);
}

/* Those who are still to be told anything, or have not answered. */
static void test_whom_to_tell(void **state)
{
	struct cloud_home *f = *state;
	struct command command;
	unsigned n = 0;
	uint64_t seq;

	put(f, "gw-1", "c1", COMMAND_REVOKE, "A");
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c1", &command), 0);
	assert_int_equal(registry_command_sent(f->registry, command.number, 5, &seq), 0);
	put(f, "gw-2", "c2", COMMAND_REVOKE, "A");
	assert_int_equal(registry_commands_gateways(f->registry, count_gateway, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(registry_command_end(f->registry, command.number, COMMAND_DONE, ""), 0);
	assert_int_equal(registry_commands_gateways(f->registry, count_gateway, &n), 0);
	assert_int_equal(n, 3);
}

static void test_order_of_commands(void **state)
{
	struct cloud_home *f = *state;
	struct command first = add_command(f, "c1", COMMAND_CLAIM, "A");
	struct command second = add_command(f, "c2", COMMAND_REVOKE, "B");
	struct seen seen = { 0 };
	uint64_t a, b, c;

	assert_int_equal(first.state, COMMAND_WAITING);
	assert_int_equal(first.seq, 0);
	assert_memory_equal(first.secret, SECRET, strlen(SECRET));
	(void)add_command(f, "c3", COMMAND_CLAIM, "C");

	assert_int_equal(registry_command_sent(f->registry, second.number, 1000, &a), 0);
	assert_int_equal(a, 1000); /* the time, so that a copy that was restored is not behind */
	assert_int_equal(registry_command_sent(f->registry, first.number, 900, &b), 0);
	assert_int_equal(b, 1001); /* and rising even if the clock does not */

	assert_int_equal(registry_commands_open(f->registry, "gw-1", see, &seen), 0);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.ids[0], "c2"); /* by number, then what has none */
	assert_string_equal(seen.ids[1], "c1");
	assert_string_equal(seen.ids[2], "c3");

	assert_int_equal(registry_command_again(f->registry, second.number, "c2b", 50), 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c2", &second), -ENOENT);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c2b", &second), 0);
	assert_int_equal(second.seq, 0);
	assert_int_equal(second.not_before, 50);
	assert_int_equal(second.state, COMMAND_WAITING);
	assert_int_equal(registry_command_sent(f->registry, second.number, 10, &c), 0);
	assert_int_equal(c, 1002);
	assert_int_equal(registry_command_get(f->registry, "gw-2", "c2b", &second), -ENOENT);
}

/* What the gateway tells of the time before says nothing of a claim that it does not know. */
static void test_claims_over(void **state)
{
	struct cloud_home *f = *state;
	struct command told, untold;
	struct claim claim;

	add_claim(f, "c-1", "gw-1", "D");
	add_claim(f, "c-2", "gw-1", "D");
	add_claim(f, "c-3", "gw-1", "D");
	add_claim(f, "c-4", "gw-2", "D");
	told = make_command("told", COMMAND_CLAIM, "D");
	(void)gw_copy(told.claim, sizeof(told.claim), "c-2");
	assert_int_equal(registry_command_add(f->registry, &told), 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "told", &told), 0);
	assert_int_equal(registry_command_end(f->registry, told.number, COMMAND_DONE, ""), 0);
	untold = make_command("untold", COMMAND_CLAIM, "D");
	(void)gw_copy(untold.claim, sizeof(untold.claim), "c-3");
	assert_int_equal(registry_command_add(f->registry, &untold), 0);

	assert_int_equal(registry_claims_over(f->registry, "gw-1", "D", "decommissioned"), 0);
	for (int i = 1; i <= 4; i++) {
		char id[] = { 'c', '-', (char)('0' + i), 0 };

		assert_int_equal(registry_claim_get(f->registry, id, &claim), 0);
		assert_int_equal(claim.state, i < 3 ? CLAIM_CLOSED : CLAIM_OPEN);
	}
}

static void test_overtaken(void **state)
{
	struct cloud_home *f = *state;
	struct command claim = add_command(f, "c1", COMMAND_CLAIM, "A");
	bool is;

	(void)add_command(f, "c2", COMMAND_REVOKE, "B");
	assert_int_equal(registry_command_is_overtaken(f->registry, &claim, &is), 0);
	assert_false(is);
	(void)add_command(f, "c3", COMMAND_WITHDRAW, "A");
	assert_int_equal(registry_command_is_overtaken(f->registry, &claim, &is), 0);
	assert_true(is);
}

static void test_commands_that_go_together(void **state)
{
	struct cloud_home *f = *state;
	struct command first = add_command(f, "c1", COMMAND_REVOKE, "A"), other;
	struct seen seen = { 0 };
	uint64_t seq;

	for (int i = 0; i < 2; i++) {
		other = make_command(i == 0 ? "c2" : "c3", COMMAND_REVOKE, i == 0 ? "B" : "C");
		(void)gw_copy(other.list, sizeof(other.list), "c1");
		assert_int_equal(registry_command_add(f->registry, &other), 0);
	}
	(void)add_command(f, "c4", COMMAND_REVOKE, "D");

	assert_int_equal(registry_commands_open(f->registry, "gw-1", see, &seen), 0);
	assert_int_equal(seen.n, 2); /* the list is one */
	seen.n = 0;
	assert_int_equal(registry_command_list(f->registry, &first, see, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.ids[0], "c2");
	assert_string_equal(seen.ids[1], "c3");

	assert_int_equal(registry_command_sent(f->registry, first.number, 1000, &seq), 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c3", &other), 0);
	assert_int_equal(other.state, COMMAND_SENT);
	assert_true(other.seq == seq);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c4", &other), 0);
	assert_int_equal(other.state, COMMAND_WAITING);

	assert_int_equal(registry_command_get(f->registry, "gw-1", "c3", &other), 0);
	assert_int_equal(registry_command_again(f->registry, other.number, "c3b", 0), 0);
	seen.n = 0;
	assert_int_equal(registry_command_list(f->registry, &first, see, &seen), 0);
	assert_int_equal(seen.n, 1); /* by itself from now on */
	seen.n = 0;
	assert_int_equal(registry_commands_open(f->registry, "gw-1", see, &seen), 0);
	assert_int_equal(seen.n, 3);
	seen.n = 0;
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c4", &other), 0);
	assert_int_equal(registry_command_list(f->registry, &other, see, &seen), 0);
	assert_int_equal(seen.n, 0);
}

/* A closing command that came too late for its number is lost only to what takes its place. */
static void test_closing_overtaken(void **state)
{
	static const struct {
		enum command_kind first, then;
		bool is_overtaken, even_if_refused;
	} pairs[] = {
		{ COMMAND_REVOKE, COMMAND_SUSPEND, false, false },
		{ COMMAND_REVOKE, COMMAND_RESUME, false, false },
		{ COMMAND_REVOKE, COMMAND_WITHDRAW, false, false },
		{ COMMAND_REVOKE, COMMAND_DECOMMISSION, false, false },
		{ COMMAND_REVOKE, COMMAND_REVOKE, true, true },
		{ COMMAND_REVOKE, COMMAND_CLAIM, true, false },
		{ COMMAND_SUSPEND, COMMAND_WITHDRAW, false, false },
		{ COMMAND_SUSPEND, COMMAND_REVOKE, true, false },
		{ COMMAND_SUSPEND, COMMAND_DECOMMISSION, true, false },
		{ COMMAND_SUSPEND, COMMAND_SUSPEND, true, true },
		{ COMMAND_SUSPEND, COMMAND_RESUME, true, false },
		{ COMMAND_SUSPEND, COMMAND_CLAIM, true, false },
		{ COMMAND_WITHDRAW, COMMAND_SUSPEND, false, false },
		{ COMMAND_WITHDRAW, COMMAND_RESUME, false, false },
		{ COMMAND_WITHDRAW, COMMAND_CLAIM, true, false },
		{ COMMAND_MOVED, COMMAND_RESUME, false, false },
		{ COMMAND_MOVED, COMMAND_MOVED, true, true },
		{ COMMAND_MOVED, COMMAND_CLAIM, true, false },
		{ COMMAND_REVOKE, COMMAND_MOVED, false, false },
		{ COMMAND_SUSPEND, COMMAND_MOVED, false, false },
		{ COMMAND_RESUME, COMMAND_WITHDRAW, true, true },
		{ COMMAND_RESUME, COMMAND_SUSPEND, true, true },
		{ COMMAND_CLAIM, COMMAND_REVOKE, true, true },
		{ COMMAND_CLAIM, COMMAND_RESUME, true, true },
	};
	struct cloud_home *f = *state;

	for (unsigned i = 0; i < GW_ELEMENTS(pairs); i++) {
		struct command first, then;
		char device[16], ids[2][16];
		bool is;

		(void)snprintf(device, sizeof(device), "D-%u", i);
		(void)snprintf(ids[0], sizeof(ids[0]), "first-%u", i);
		(void)snprintf(ids[1], sizeof(ids[1]), "then-%u", i);
		first = add_command(f, ids[0], pairs[i].first, device);
		then = add_command(f, ids[1], pairs[i].then, device);
		assert_int_equal(registry_command_is_overtaken(f->registry, &first, &is), 0);
		assert_int_equal(is, pairs[i].is_overtaken);
		assert_int_equal(registry_command_is_overtaken(f->registry, &then, &is), 0);
		assert_false(is);
		assert_int_equal(
			registry_command_end(f->registry, then.number, COMMAND_REFUSED, "x"), 0);
		assert_int_equal(registry_command_is_overtaken(f->registry, &first, &is), 0);
		assert_int_equal(is, pairs[i].even_if_refused);
	}
}

/* Only what has not been sent can be kept from being sent. */
static void test_cancel(void **state)
{
	struct cloud_home *f = *state;
	struct command waiting = add_command(f, "c1", COMMAND_CLAIM, "A");
	struct command sent = add_command(f, "c2", COMMAND_CLAIM, "A");
	struct command other = add_command(f, "c3", COMMAND_CLAIM, "B");
	uint64_t seq;

	assert_int_equal(registry_command_sent(f->registry, sent.number, 1, &seq), 0);
	assert_int_equal(registry_commands_cancel(f->registry, "gw-1", "A", "withdrawn"), 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c1", &waiting), 0);
	assert_int_equal(waiting.state, COMMAND_CANCELLED);
	assert_string_equal(waiting.outcome, "withdrawn");
	assert_int_equal(waiting.secret_len, 0);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c2", &sent), 0);
	assert_int_equal(sent.state, COMMAND_SENT);
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c3", &other), 0);
	assert_int_equal(other.state, COMMAND_WAITING);
}

static bool file_holds(struct cloud_home *f, const char *name, const char *text)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = gw_read_file(f->home.fd, name, 16 << 20, &data, &len);

	if (r == -ENOENT)
		return false;
	assert_int_equal(r, 0);
	return memmem(data, len, text, strlen(text)) != NULL;
}

static void test_secrets_are_wiped(void **state)
{
	struct cloud_home *f = *state;
	struct command command = add_command(f, "c1", COMMAND_CLAIM, "A");
	struct seen seen = { 0 };

	assert_true(file_holds(f, "registry.db", SECRET) ||
		    file_holds(f, "registry.db-wal", SECRET));
	assert_int_equal(registry_commands_each(f->registry, see, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.secret_len, 0); /* lists do not see them */

	assert_int_equal(registry_command_end(f->registry, command.number, COMMAND_DONE, ""), 0);
	registry_forget(f->registry);
	assert_false(file_holds(f, "registry.db", SECRET));
	assert_false(file_holds(f, "registry.db-wal", SECRET));
	assert_int_equal(registry_command_get(f->registry, "gw-1", "c1", &command), 0);
	assert_int_equal(command.state, COMMAND_DONE);
	assert_int_equal(command.secret_len, 0);
	assert_int_equal(registry_commands_open(f->registry, "gw-1", see, &seen), 0);
	assert_int_equal(seen.n, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_no_registry),
		TEST(test_another_version),
		TEST(test_not_a_registry),
		TEST(test_settings_and_tenants),
		TEST(test_claims),
		TEST(test_claims_over),
		TEST(test_proof),
		TEST(test_one_live),
		TEST(test_jobs_and_keys),
		TEST(test_revocation),
		TEST(test_gateways_of_a_device),
		TEST(test_suspension_ends_with_the_last_certificate),
		TEST(test_gateways_of_a_device),
		TEST(test_answers),
		TEST(test_parts),
		TEST(test_rollback),
		TEST(test_what_is_cancelled),
		TEST(test_what_is_said_no_more_of_a_move),
		TEST(test_whom_to_tell),
		TEST(test_order_of_commands),
		TEST(test_rollback),
		TEST(test_commands_that_go_together),
		TEST(test_overtaken),
		TEST(test_closing_overtaken),
		TEST(test_cancel),
		TEST(test_secrets_are_wiped),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
