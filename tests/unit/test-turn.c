/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A turn: nobody is told before it is on disk, and nobody is told what is not. The commit is made to
 * fail as disks do it (a limit on the size of files), by another program, and by ourselves.
 */
#include "tests/unit/agent-world.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <systemd/sd-bus.h>

#include "agent/claim.h"
#include "agent/lifecycle.h"
#include "agent/reset.h"
#include "agent/store-claim.h"
#include "agent/store-device.h"
#include "agent/store-job.h"
#include "agent/store.h"
#include "agent/turn.h"
#include "lib/log.h"
#include "lib/util.h"

#define DEVICE "ACME-1"

/* --- in place of sd-bus: a message is a count of its owners --- */

struct sd_bus_message {
	int n_owners;
	int n_sent;
	int error;                  /* that the caller was told */
	const sd_bus_message *call; /* which this answers */
};

sd_bus_message *__wrap_sd_bus_message_ref(sd_bus_message *m);
sd_bus_message *__wrap_sd_bus_message_unref(sd_bus_message *m);
int __wrap_sd_bus_send(sd_bus *bus, sd_bus_message *m, uint64_t *cookie);
int __wrap_sd_bus_reply_method_errnof(sd_bus_message *call, int error, const char *format, ...);

sd_bus_message *__wrap_sd_bus_message_ref(sd_bus_message *m)
{
	m->n_owners++;
	return m;
}

sd_bus_message *__wrap_sd_bus_message_unref(sd_bus_message *m)
{
	if (m)
		m->n_owners--;
	return NULL;
}

int __wrap_sd_bus_send(sd_bus *bus, sd_bus_message *m, uint64_t *cookie)
{
	m->n_sent++;
	assert_int_equal(m->call->n_owners, 1); /* its caller's: we wiped it, secret and all */
	return 0;
}

int __wrap_sd_bus_reply_method_errnof(sd_bus_message *call, int error, const char *format, ...)
{
	call->error = error;
	return 0;
}

/* --- */

static struct turn *turn(void)
{
	return world_agent()->turn;
}

static void write_something(const char *key)
{
	assert_int_equal(turn_open(turn()), 0);
	assert_int_equal(store_meta_set_number(world_agent()->store, key, 1), 0);
}

static bool is_written(const char *key)
{
	return store_meta_number(world_agent()->store, key, 0) == 1;
}

/* A reply whose only owner is the turn, once it has it. */
static void reply(sd_bus_message *call, sd_bus_message *answer)
{
	answer->n_owners++;
	answer->call = call;
	assert_int_equal(turn_reply(turn(), call, answer), 0);
}

static void a_reply_waits_for_the_commit(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };

	write_something("x");
	reply(&call, &answer);
	assert_int_equal(answer.n_sent, 0);
	world_turn();
	assert_int_equal(answer.n_sent, 1);
	assert_int_equal(answer.n_owners, 0);
	assert_int_equal(call.n_owners, 1);
	assert_true(is_written("x"));
}

static void a_reply_alone_is_sent_too(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };

	reply(&call, &answer);
	world_turn();
	assert_int_equal(answer.n_sent, 1);
}

static void who_looks_sees_what_is_kept(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };

	reply(&call, &answer);
	turn_settle(turn()); /* nothing to write: no hurry */
	assert_int_equal(answer.n_sent, 0);
	write_something("x");
	turn_settle(turn());
	assert_int_equal(answer.n_sent, 1);
	assert_false(store_in_transaction(world_agent()->store));
	assert_true(is_written("x"));
	world_turn();
	assert_int_equal(answer.n_sent, 1);

	write_something("y");
	world_spoil_store();
	turn_settle(turn());
	assert_false(is_written("y"));
	assert_int_equal(world_breaks(), 1);
}

/* Everything undone, every caller told, nothing left. */
static void expect_undone(sd_bus_message *call, sd_bus_message *answer, int error)
{
	assert_int_equal(answer->n_sent, 0);
	assert_int_equal(answer->n_owners, 0);
	assert_int_equal(call->error, error);
	assert_int_equal(call->n_owners, 1);
	assert_false(is_written("x"));
	assert_int_equal(world_breaks(), 1);
	assert_string_equal(world_news(), "");
	assert_true(*world_trouble());
}

static void tell_news(void)
{
	assert_int_equal(turn_tell(turn(), &(struct turn_change){ .device = DEVICE,
								  .from = DEVICE_UNKNOWN,
								  .to = DEVICE_CLAIMED,
								  .reason = "" }),
			 0);
}

/* Standard error since then goes to memory, until said() gives it back with what came. */
static int kept_stderr, captured;

static void listen(void)
{
	kept_stderr = dup(STDERR_FILENO);
	captured = memfd_create("log", MFD_CLOEXEC);
	assert_true(kept_stderr >= 0 && captured >= 0);
	gw_log_set_level(GW_LOG_INFO);
	(void)dup2(captured, STDERR_FILENO);
}

static const char *said(void)
{
	static char text[4096];
	ssize_t len = pread(captured, text, sizeof(text) - 1, 0);

	(void)dup2(kept_stderr, STDERR_FILENO);
	gw_log_set_level(GW_LOG_ERROR);
	(void)close(kept_stderr);
	(void)close(captured);
	text[GW_MAX(len, 0)] = 0;
	return text;
}

/* One line a change, when it is on disk; none for what is taken back. */
static void a_change_is_logged_once_and_when_it_is_kept(void **state)
{
	listen();
	tell_news();
	assert_int_equal(lseek(captured, 0, SEEK_END), 0);
	world_turn();
	world_turn();
	assert_string_equal(said(), "info: new -> claimed device=" DEVICE "\n");

	write_something("x");
	tell_news();
	turn_fail(turn(), -EIO);
	listen();
	world_turn();
	assert_null(strstr(said(), "claimed"));

	listen();
	write_something("x");
	world_turn();
	assert_string_equal(said(), "notice: The store is written again\n");
}

static void reset(bool fails)
{
	unsigned n;

	listen();
	assert_int_equal(reset_to_factory(world_agent(), "uid 0", &n), 0);
	assert_int_equal(lseek(captured, 0, SEEK_END), 0);
	if (fails)
		turn_fail(turn(), -EIO);
	world_turn();
}

static void a_reset_is_logged_when_it_is_done(void **state)
{
	static const char line[] =
		"notice: Reset to factory state by uid 0, who had 0 devices forgotten\n";

	reset(/* fails= */ false);
	assert_string_equal(said(), line);
	reset(/* fails= */ true);
	assert_null(strstr(said(), "Reset"));
	reset(/* fails= */ false); /* nor does that of the one before leave with it */
	assert_string_equal(strstr(said(), "Reset"), strstr(line, "Reset"));
}

static void a_failed_commit_is_told(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };

	write_something("x");
	world_spoil_store();
	reply(&call, &answer);
	tell_news();
	world_turn();
	expect_undone(&call, &answer, -EEXIST);

	/* Trouble is over with the next commit, and not with a turn that writes nothing. */
	turn_wake(turn());
	world_turn();
	assert_true(*world_trouble());
	assert_int_equal(turn_open(turn()), 0); /* and looks at the store */
	world_turn();
	assert_true(*world_trouble());
	write_something("x");
	world_turn();
	assert_string_equal(world_trouble(), "");
	assert_true(is_written("x"));
	assert_int_equal(world_breaks(), 1);
}

static void what_fails_halfway_is_undone(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };

	write_something("x");
	turn_fail(turn(), -ENOMEM);
	turn_fail(turn(), -EIO); /* the first counts */
	assert_int_equal(turn_open(turn()), -ENOMEM);
	reply(&call, &answer);
	tell_news();
	world_turn();
	expect_undone(&call, &answer, -ENOMEM);

	write_something("x");
	world_turn();
	assert_true(is_written("x"));
}

static void a_store_that_is_taken(void **state)
{
	sd_bus_message call = { .n_owners = 1 }, answer = { 0 };
	struct store *other;
	char error[256];

	assert_int_equal(store_open(world_folder(), &other, error, sizeof(error)), 0);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(turn_open(turn()), -EBUSY); /* after a patience of 2 s */
	assert_int_equal(turn_open(turn()), -EBUSY); /* at once */
	reply(&call, &answer);
	tell_news();
	world_turn();
	expect_undone(&call, &answer, -EBUSY);
	assert_int_equal(store_commit(other), 0);
	store_close(other);

	write_something("x");
	world_turn();
	assert_true(is_written("x"));
}

/* --- a full disk --- */

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk(void **state)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	world_enter(1, DEVICE);
	world_forget();
	while (*world_news())
		;

	limit_files(0);
	world_csr(1, 1, 11);
	limit_files(RLIM_INFINITY);
	assert_int_equal(world_breaks(), 1);
	turn_wake(turn()); /* nor does any of it leave with the next turn */
	world_turn();
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_ENROLLED), 0);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	assert_string_equal(world_news(), "");
	assert_int_equal(world_state(DEVICE), DEVICE_CLAIMED);
	assert_int_equal(store_job_count(world_agent()->store), 0);

	for (int role = 0; role < _GW_ROLE_MAX; role++) {
		world_lose((enum gw_role)role);
		world_connect((enum gw_role)role);
	}
	world_turn();
	world_forget();
	world_enter(1, DEVICE);
	world_csr(1, 1, 11);
	assert_int_equal(world_state(DEVICE), DEVICE_ENROLLING);
	assert_true(world_record_is_whole());
}

/* Whichever write of a turn is the first to fail, nothing of it is kept. */
static void a_disk_that_fills_up_in_the_middle(void **state)
{
	unsigned n_failed = 0, n_done = 0;

	(void)signal(SIGXFSZ, SIG_IGN);
	world_trust_clock(true);
	for (rlim_t size = 0; size < 400000 && n_done < 3; size += 4096) {
		char device[32];
		unsigned breaks = world_breaks();

		(void)snprintf(device, sizeof(device), "D-%u", (unsigned)size);
		limit_files(size);
		(void)world_claim(device, 7, false);
		limit_files(RLIM_INFINITY);
		if (world_breaks() > breaks) {
			struct claim_record claim;

			n_failed++;
			assert_int_equal(world_state(device), DEVICE_UNKNOWN);
			assert_int_equal(store_claim_open_of(world_agent()->store, device, &claim),
					 -ENOENT);
			assert_string_equal(world_news(), "");
		} else {
			n_done++;
			assert_int_equal(world_state(device), DEVICE_CLAIMED);
			assert_true(*world_news());
		}
		assert_true(world_record_is_whole());
	}
	assert_true(n_failed > 0);
	assert_int_equal(n_done, 3);
}

/* --- what is nobody's fault costs nobody his link, and what is somebody's does --- */

static int ask(enum gw_role role, const struct gw_msg *msg)
{
	int r = world_say(role, msg, -1);

	world_turn();
	return r;
}

static void garbage_costs_the_link(void **state)
{
	const struct gw_msg not_an_id = { .type = GW_MSG_SECRET_QUERY,
					  .secret_query = { 1, 1, "a|b", "::1" } };
	const struct gw_msg query = { .type = GW_MSG_SECRET_QUERY,
				      .secret_query = { 2, 1, DEVICE, "::1" } };
	const struct gw_msg keyless = { .type = GW_MSG_SERVER_CSR };
	const struct gw_msg peer = {
		.type = GW_MSG_PEER,
		.peer = { .session = 2, .proof = GW_PROOF_PSK, .identity = DEVICE }
	};
	const struct gw_msg ours = { .type = GW_MSG_VERDICT };

	assert_int_equal(ask(GW_ROLE_REGISTRAR, &not_an_id), -EBADMSG);
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &keyless), -EBADMSG);
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &ours), -EPROTO);

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &query), 0);
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &query), -EPROTO); /* a number is used once */
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &peer), 0);
	assert_int_equal(ask(GW_ROLE_REGISTRAR, &peer), -EPROTO); /* one session, one peer */
	assert_int_equal(world_breaks(), 0);
}

static void what_is_unknown_does_not(void **state)
{
	const struct gw_msg messages[] = {
		{ .type = GW_MSG_FAILED, .failed = { 9, "timeout" } },
		{ .type = GW_MSG_SESSION_END, .session_end = { 9, "closed" } },
		{ .type = GW_MSG_SETTINGS_QUERY, .settings_query = { 9, 1 } },
		{ .type = GW_MSG_REPORT, .report = { 9, 1, 1, "" } },
		{ .type = GW_MSG_REJECTED, .rejected = { 9, "bad-csr" } },
		{ .type = GW_MSG_CHECKED, .checked = { .job = "none", .ok = 0 } },
	};
	const struct gw_msg answer = { .type = GW_MSG_ANSWER, .answer = { .job = "none" } };

	for (size_t i = 0; i < GW_ELEMENTS(messages); i++)
		assert_int_equal(ask(GW_ROLE_REGISTRAR, &messages[i]), 0);
	assert_int_equal(ask(GW_ROLE_CLOUD, &answer), 0);
	assert_int_equal(world_breaks(), 0);
}

/* A secret that does not open, as after a restored store: that device's misfortune alone. */
static void a_damaged_secret(void **state)
{
	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(turn_open(turn()), 0);
	assert_int_equal(
		store_exec(world_agent()->store, "UPDATE claim SET secret = zeroblob(44)", ""), 1);
	world_turn();
	assert_int_equal(world_knock(1, DEVICE), 0);
	assert_int_equal(world_breaks(), 0);
	assert_int_equal(world_claim("ACME-2", 9, false), GW_REASON_NONE);
	assert_int_equal(world_knock(2, "ACME-2"), 9);
}

/* Nothing is done that is not on record. */
static void a_record_that_cannot_be_written(void **state)
{
	const struct claim_wish wish = {
		.device = "ACME-2",
		.secret = { (const uint8_t *)"0123456789abcdef", 16 },
		.tenant = "default",
		.vendor = "",
		.model = "",
		.who = "uid 0",
	};
	enum gw_reason reason;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	assert_int_equal(turn_open(turn()), 0);
	assert_int_equal(store_exec(world_agent()->store,
				    "UPDATE meta SET value = zeroblob(68) WHERE key = ?", "t",
				    "audit-head"),
			 1);
	world_turn();
	assert_int_equal(claim_make(world_agent(), &wish, &reason), -EUCLEAN);
	world_turn();
	assert_int_equal(world_breaks(), 1);
	assert_int_equal(world_state("ACME-2"), DEVICE_UNKNOWN);
}

static void one_session_too_many(void **state)
{
	struct gw_msg query = { .type = GW_MSG_SECRET_QUERY,
				.secret_query = { 0, 1, DEVICE, "::1" } };
	unsigned n_given = 0;

	assert_int_equal(world_claim(DEVICE, 7, false), GW_REASON_NONE);
	for (uint64_t session = 1; session <= 8193; session++) {
		query.secret_query.session = session;
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &query, -1), 0);
	}
	world_turn();
	for (const struct gw_msg *msg; (msg = world_hear(GW_ROLE_REGISTRAR, GW_MSG_SECRET));)
		n_given += msg->secret.secret.len > 0;
	assert_int_equal(n_given, 8192);
	assert_false(world_peer_psk(8194, DEVICE));
	assert_true(world_peer_psk(17, DEVICE));
	assert_int_equal(world_breaks(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_reply_waits_for_the_commit),
		TEST(a_reply_alone_is_sent_too),
		TEST(who_looks_sees_what_is_kept),
		TEST(a_change_is_logged_once_and_when_it_is_kept),
		TEST(a_reset_is_logged_when_it_is_done),
		TEST(a_failed_commit_is_told),
		TEST(what_fails_halfway_is_undone),
		TEST(a_store_that_is_taken),
		TEST(a_full_disk),
		TEST(a_disk_that_fills_up_in_the_middle),
		TEST(garbage_costs_the_link),
		TEST(what_is_unknown_does_not),
		TEST(a_damaged_secret),
		TEST(a_record_that_cannot_be_written),
		TEST(one_session_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
