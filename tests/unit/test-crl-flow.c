/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Revocation lists in the agent: who brings one, what the registrar says of it, what becomes of the devices, and what of
 * those who come later. The lists are no lists here: nobody but the registrar reads them.
 */
#include "tests/unit/agent-world.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/claim.h"
#include "agent/cloud.h"
#include "agent/command.h"
#include "agent/crl-watch.h"
#include "agent/reset.h"
#include "agent/revocation.h"
#include "agent/sessions.h"
#include "agent/store-certificate.h"
#include "agent/store-crl.h"
#include "agent/store.h"
#include "lib/sealed.h"
#include "lib/util.h"

#define DEVICE "ACME-1"
#define LIVE   21 /* its certificate */

/* A list of so many certificates, each of a number: eight bytes of it. */
struct draft {
	uint8_t bytes[256];
	size_t len;
	uint8_t places[32 * GW_CRL_PLACE_LEN];
	size_t n;
};

static struct draft list_of(const char *certificates)
{
	struct draft draft = { .bytes = "list", .len = 4 };

	for (const char *c = certificates; *c; c++) {
		uint8_t *place = draft.places + draft.n++ * GW_CRL_PLACE_LEN;

		memset(draft.bytes + draft.len, *c, 8);
		place[3] = (uint8_t)draft.len;
		place[4] = 8;
		draft.len += 8;
	}
	return draft;
}

static int sealed(const void *data, size_t len)
{
	int fd = gw_sealed_make("list", (struct gw_blob){ data, len });

	assert_true(fd >= 0);
	return fd;
}

static char question[GW_ID_MAX + 1];

static void is_asked(void)
{
	const struct gw_msg *msg = world_hear(GW_ROLE_REGISTRAR, GW_MSG_CRL);

	assert_non_null(msg);
	(void)gw_copy(question, sizeof(question), msg->crl.id);
}

static int take(const struct draft *draft, uint64_t *ret_number)
{
	return revocation_take(world_agent(), "uid 0", (struct gw_blob){ draft->bytes, draft->len },
			       ret_number);
}

/* Somebody on the bus brings it, and the registrar is asked. */
static uint64_t bring(const struct draft *draft)
{
	uint64_t number = 0;

	assert_int_equal(take(draft, &number), 0);
	world_turn();
	assert_null(world_verdict(number));
	is_asked();
	return number;
}

struct word {
	uint8_t issuer;
	uint8_t number;
	int64_t from, to; /* from now */
};

#define DAYS(n) ((int64_t)(n)*86400)

static const struct word good = { WORLD_ISSUER, 7, -100, DAYS(30) };

static struct gw_msg_crl_checked said(const struct word *word, uint8_t issuer[GW_HASH_LEN])
{
	memset(issuer, word->issuer, GW_HASH_LEN);
	return (struct gw_msg_crl_checked){
		.id = question,
		.ok = 1,
		.text = "Devices",
		.issuer = { issuer, GW_HASH_LEN },
		.number = { &word->number, 1 },
		.this_update = world_now_s() + (uint64_t)word->from,
		.next_update = world_now_s() + (uint64_t)word->to,
	};
}

/* The registrar says that it is good. */
static int approve(const struct draft *draft, const struct word *word)
{
	_cleanup_close_ int fd = sealed(draft->places, draft->n * GW_CRL_PLACE_LEN);
	uint8_t issuer[GW_HASH_LEN];
	struct gw_msg msg = { .type = GW_MSG_CRL_CHECKED, .crl_checked = said(word, issuer) };
	int r = world_say(GW_ROLE_REGISTRAR, &msg, fd);

	world_turn();
	return r;
}

static const struct revocation_verdict *load_as(const struct draft *draft, const struct word *word)
{
	uint64_t number = bring(draft);

	assert_int_equal(approve(draft, word), 0);
	assert_non_null(world_verdict(number));
	return world_verdict(number);
}

static const struct revocation_verdict *load(const char *certificates, const struct word *word)
{
	struct draft draft = list_of(certificates);

	return load_as(&draft, word);
}

static void is_taken(const struct revocation_verdict *verdict, unsigned n_revoked)
{
	assert_int_equal(verdict->reason, GW_REASON_NONE);
	assert_int_equal(verdict->n_revoked, n_revoked);
}

/* What somebody is told who comes with that certificate. */
static const char *why_not(uint64_t session, uint8_t certificate)
{
	uint8_t serial[8], hash[GW_HASH_LEN], issuer[GW_HASH_LEN];
	const struct gw_msg *verdict;
	struct gw_msg peer = { .type = GW_MSG_PEER,
			       .peer = { .session = session,
					 .channel = 1,
					 .proof = GW_PROOF_CERTIFICATE,
					 .identity = "ACME-9",
					 .address = "[::1]:5001",
					 .suite = "ECDSA",
					 .serial = { serial, sizeof(serial) },
					 .fingerprint = { hash, sizeof(hash) },
					 .key = { hash, sizeof(hash) },
					 .issuer = { issuer, sizeof(issuer) } } };

	memset(serial, certificate, sizeof(serial));
	memset(hash, certificate, sizeof(hash));
	memset(issuer, WORLD_ISSUER, sizeof(issuer));
	world_forget();
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &peer, -1), 0);
	world_turn();
	verdict = world_hear(GW_ROLE_REGISTRAR, GW_MSG_VERDICT);
	assert_non_null(verdict);
	return verdict->verdict.reason;
}

/* --- what is on it --- */

static void who_is_aboard(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	world_get_aboard("ACME-2", 22);
	assert_true(world_peer_certificate(70, LIVE));
	assert_true(world_peer_certificate(71, 22));
	world_forget();

	is_taken(load("\x15\x30", &good), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_string_equal(world_reason(DEVICE), "certificate-revoked");
	assert_int_equal(world_state("ACME-2"), DEVICE_ONBOARDED);
	assert_non_null(world_hear(GW_ROLE_REGISTRAR, GW_MSG_SESSION_END));
	assert_null(session_find(world_agent()->sessions, 70));
	assert_non_null(session_find_served(world_agent()->sessions, 71));
	assert_string_equal(world_request(GW_REQUEST_REVOKED)->reason, "certificate-revoked");
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);

	assert_false(world_peer_certificate(72, LIVE));
	assert_true(world_peer_certificate(73, 22));
	assert_int_equal(world_claim(DEVICE, 1, false), GW_REASON_REVOKED);
	assert_int_equal(world_recorded("crl"), 1);
	assert_int_equal(world_recorded("revoke"), 1);
	assert_true(world_record_is_whole());
}

static void who_is_on_the_way(void **state)
{
	world_claim(DEVICE, 1, false);
	world_issue(1, DEVICE, 11, LIVE);
	is_taken(load("\x15", &good), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_false(world_peer_certificate(2, LIVE));
}

/* The same number of another issuer's certificate means nothing; of one whose issuer nobody noted it does. */
static void whose_certificate_it_is(void **state)
{
	const struct word other = { 0xbb, 7, -100, DAYS(30) };

	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x15", &other), 0);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_true(world_peer_certificate(70, LIVE));

	assert_true(store_exec(world_agent()->store, "UPDATE certificate SET issuer = x''", "") >
		    0);
	world_turn();
	is_taken(load("\x15\x16", &(struct word){ 0xbb, 8, -100, DAYS(30) }), 0);
	is_taken(load("\x16", &(struct word){ 0xbb, 9, -100, DAYS(30) }), 0);
	is_taken(load("\x15", &(struct word){ 0xbb, 10, -100, DAYS(30) }), 1);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
}

/* Nobody holds it yet: known when it comes, whatever came between. */
static void who_comes_later(void **state)
{
	is_taken(load("\x15", &good), 0);
	world_restart();
	for (int role = 0; role < _GW_ROLE_MAX; role++)
		world_connect((enum gw_role)role);
	cloud_set_state(world_agent(), GW_CLOUD_ONLINE, "");
	world_turn();
	world_forget();

	assert_false(world_peer_certificate(70, LIVE)); /* not on record: not even asked about */
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);
	world_claim(DEVICE, 1, false);
	world_issue(1, DEVICE, 11, LIVE);
	assert_false(world_peer_certificate(2, LIVE));
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_string_equal(world_reason(DEVICE), "certificate-revoked");
}

static void who_has_left_is_told(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	assert_int_equal(world_say(GW_ROLE_CLOUD,
				   &(struct gw_msg){ .type = GW_MSG_COMMAND,
						     .command = { .id = "d-1",
								  .seq = 1,
								  .kind = GW_COMMAND_DECOMMISSION,
								  .device = DEVICE } },
				   -1),
			 0);
	world_turn();
	is_taken(load("\x15", &good), 0);
	world_forget();
	assert_true(world_peer_certificate(70, LIVE));
	assert_int_equal(world_state(DEVICE), DEVICE_DECOMMISSIONED);
	assert_true(session_find_for_notice(world_agent()->sessions, 70));
}

/* --- which list --- */

static void numbers(void **state)
{
	struct word word = good;

	is_taken(load("\x30", &word), 0);
	is_taken(load("\x30", &word), 0); /* the same once more */
	assert_int_equal(world_recorded("crl"), 1);
	assert_int_equal(load("\x31", &word)->reason, GW_REASON_LIST_OLDER); /* not the same */
	word.number = 6;
	assert_int_equal(load("\x31", &word)->reason, GW_REASON_LIST_OLDER);
	word.number = 8;
	is_taken(load("\x31", &word), 0);
	assert_int_equal(world_recorded("crl"), 2);
	assert_int_equal(world_recorded("crl-refused"), 2);

	assert_string_equal(why_not(70, 0x31), "certificate-revoked");
	assert_string_equal(why_not(71, 0x30), "asking"); /* not on the list any more */
}

static void dates(void **state)
{
	struct word word = good;

	word.from = 301;
	assert_int_equal(load("\x30", &word)->reason, GW_REASON_LIST_EARLY);
	word.from = 300;
	is_taken(load("\x30", &word), 0);

	world_trust_clock(false);
	world_pass(1);
	world_turn();
	word = (struct word){ WORLD_ISSUER, 9, DAYS(1000), DAYS(1001) };
	is_taken(load("\x30", &word), 0); /* nobody knows */
}

static void what_the_registrar_refuses(void **state)
{
	struct draft draft = list_of("\x15");
	uint64_t number = bring(&draft);
	_cleanup_close_ int nothing = sealed("", 0);
	const struct revocation_verdict *verdict;

	world_get_aboard(DEVICE, LIVE);
	assert_int_equal(
		world_say(GW_ROLE_REGISTRAR,
			  &(struct gw_msg){ .type = GW_MSG_CRL_CHECKED,
					    .crl_checked = { .id = question, .text = "not ours" } },
			  nothing),
		0);
	world_turn();
	verdict = world_verdict(number);
	assert_int_equal(verdict->reason, GW_REASON_LIST_BAD);
	assert_string_equal(verdict->text, "not ours");
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_int_equal(world_recorded("crl-refused"), 1);
}

/* A registrar that lies, or does not know what it says: it cannot name what is not in the list. */
static void hostile_answers(void **state)
{
	struct draft draft = list_of("\x15\x16\x17"); /* 28 bytes */
	uint8_t issuer[GW_HASH_LEN];
	uint64_t number;
	static uint8_t large[(GW_CRL_ENTRIES_MAX + 1) * GW_CRL_PLACE_LEN];
	static const struct {
		uint8_t places[GW_CRL_PLACE_LEN + 1];
		size_t len;
	} cases[] = {
		{ { 0, 0, 0, 28, 1 }, 5 }, /* behind its end */
		{ { 0, 0, 0, 21, 8 }, 5 }, /* across its end */
		{ { 0xff, 0xff, 0xff, 0xff, 8 }, 5 },
		{ { 0, 0, 0, 4, 0 }, 5 },  /* empty */
		{ { 0, 0, 0, 0, 21 }, 5 }, /* too long */
		{ { 0, 0, 0, 4, 8, 0 }, 6 },
		{ { 0, 0, 0, 4 }, 4 }, /* not whole */
	};

	world_get_aboard(DEVICE, LIVE);
	number = bring(&draft);
	for (size_t i = 0; i < GW_ELEMENTS(cases); i++) {
		_cleanup_close_ int fd = sealed(cases[i].places, cases[i].len);
		struct gw_msg msg = { .type = GW_MSG_CRL_CHECKED,
				      .crl_checked = said(&good, issuer) };

		if (world_say(GW_ROLE_REGISTRAR, &msg, fd) != -EBADMSG)
			fail_msg("case %zu is taken", i);
		world_turn();
	}
	{ /* more than there may be; no memory; memory that can be changed */
		_cleanup_close_ int too_many = sealed(large, sizeof(large));
		_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		_cleanup_close_ int open_fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		const int fds[] = { too_many, null, open_fd };

		for (size_t i = 0; i < GW_ELEMENTS(fds); i++) {
			struct gw_msg msg = { .type = GW_MSG_CRL_CHECKED,
					      .crl_checked = said(&good, issuer) };

			assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fds[i]), -EBADMSG);
		}
	}
	{ /* facts that are none, and facts of nothing that was asked */
		_cleanup_close_ int fd = sealed(draft.places, GW_CRL_PLACE_LEN);
		struct gw_msg msg = { .type = GW_MSG_CRL_CHECKED,
				      .crl_checked = said(&good, issuer) };

		msg.crl_checked.issuer.len = 0;
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fd), -EBADMSG);
		msg.crl_checked = said(&good, issuer);
		msg.crl_checked.number.len = 0;
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fd), -EBADMSG);
		msg.crl_checked = said(&(struct word){ WORLD_ISSUER, 7, 10, -10 }, issuer);
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fd), -EBADMSG);
		msg.crl_checked = said(&good, issuer);
		msg.crl_checked.id = "no number";
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fd), -EBADMSG);
		msg.crl_checked.id = "4711";
		assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, fd), 0);
	}
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	assert_null(world_verdict(number));
	assert_int_equal(approve(&draft, &good), 0); /* it waits for the truth all the while */
	is_taken(world_verdict(number), 1);
	assert_int_equal(approve(&draft, &good), 0); /* said twice */
	assert_int_equal(world_recorded("crl"), 1);
}

static void the_same_twice_on_a_list(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x15\x15\x30\x15", &good), 1);
	is_taken(load("\x15\x30\x31", &(struct word){ WORLD_ISSUER, 8, -10, DAYS(1) }), 0);
	is_taken(load("", &(struct word){ WORLD_ISSUER, 9, -10, DAYS(1) }), 0);
	assert_int_equal(
		store_number(world_agent()->store, -1, "SELECT count(*) FROM crl_serial", ""), 0);
}

/* --- who brings it --- */

static void from_the_cloud(const char *id, uint64_t seq, const struct draft *draft)
{
	struct gw_msg list = { .type = GW_MSG_CRL, .crl = { id } };
	struct gw_msg command = { .type = GW_MSG_COMMAND,
				  .command = { .id = id, .seq = seq, .kind = GW_COMMAND_CRL } };

	assert_int_equal(world_say(GW_ROLE_CLOUD, &list, sealed(draft->bytes, draft->len)), 0);
	assert_int_equal(world_say(GW_ROLE_CLOUD, &command, -1), 0);
	world_turn();
}

static void is_answered(const char *id, enum gw_reason reason)
{
	const struct gw_msg *msg = world_hear(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER);

	assert_non_null(msg);
	assert_string_equal(msg->command_answer.id, id);
	assert_string_equal(msg->command_answer.reason, gw_reason_code(reason));
	assert_null(world_hear(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER));
}

static void the_cloud_brings_one(void **state)
{
	struct draft draft = list_of("\x15");

	world_get_aboard(DEVICE, LIVE);
	from_the_cloud("c-1", 5, &draft);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER), 0);
	is_asked();
	from_the_cloud("c-1", 5, &draft); /* repeated: it is being looked at */
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CRL), 0);
	assert_int_equal(approve(&draft, &good), 0);
	is_answered("c-1", GW_REASON_NONE);
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	from_the_cloud("c-1", 5, &draft); /* the answer was lost */
	is_answered("c-1", GW_REASON_NONE);

	from_the_cloud("c-2", 4, &draft); /* an old one */
	is_answered("c-2", GW_REASON_OUT_OF_ORDER);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CRL), 0);
}

static unsigned open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	(void)closedir(folder);
	return n;
}

/* However many come before their command. */
static void one_list_is_held(void **state)
{
	struct gw_msg list = { .type = GW_MSG_CRL, .crl = { "c-1" } };
	unsigned n;

	assert_int_equal(world_say(GW_ROLE_CLOUD, &list, sealed("x", 1)), 0);
	n = open_descriptors();
	for (int i = 0; i < 8; i++)
		assert_int_equal(world_say(GW_ROLE_CLOUD, &list, sealed("x", 1)), 0);
	assert_int_equal(open_descriptors(), n);
}

static void a_command_without_its_list(void **state)
{
	struct gw_msg command = { .type = GW_MSG_COMMAND,
				  .command = { .id = "c-1", .seq = 1, .kind = GW_COMMAND_CRL } };
	struct gw_msg list = { .type = GW_MSG_CRL, .crl = { "c-9" } };
	_cleanup_close_ int open_fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(world_say(GW_ROLE_CLOUD, &list, sealed("x", 1)), 0); /* another's */
	assert_int_equal(world_say(GW_ROLE_CLOUD, &command, -1), 0);
	world_turn();
	is_answered("c-1", GW_REASON_BAD_MESSAGE);
	assert_int_equal(world_say(GW_ROLE_CLOUD, &list, open_fd), -EBADMSG);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CRL), 0);
}

/* A registrar that comes back is asked again for the cloud; who waits on the bus is told. */
static void the_registrar_goes(void **state)
{
	struct draft draft = list_of("\x15");
	uint64_t number = bring(&draft);

	from_the_cloud("c-1", 1, &draft);
	is_asked();
	world_lose(GW_ROLE_REGISTRAR);
	world_turn();
	assert_int_equal(world_verdict(number)->reason, GW_REASON_LINK_LOST);
	assert_int_equal(take(&draft, &number), -ENOTCONN);
	world_forget();
	world_connect(GW_ROLE_REGISTRAR);
	world_turn();
	is_asked();
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CRL), 0);
	assert_int_equal(approve(&draft, &good), 0);
	is_answered("c-1", GW_REASON_NONE);
}

static void too_many_at_a_time(void **state)
{
	struct draft draft = list_of("\x15");
	uint64_t number;

	for (int i = 0; i < REVOCATION_LISTS_MAX; i++)
		(void)bring(&draft);
	assert_int_equal(take(&draft, &number), -EBUSY);
	from_the_cloud("c-1", 1, &draft); /* has to be repeated */
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_COMMAND_ANSWER), 0);
	assert_int_equal(world_count(GW_ROLE_REGISTRAR, GW_MSG_CRL), 0);
	assert_int_equal(approve(&draft, &good), 0);
	from_the_cloud("c-1", 1, &draft);
	is_asked();
	assert_int_equal(approve(&draft, &good), 0);
	is_answered("c-1", GW_REASON_NONE);
}

/* Nothing of it is kept, and the list before it holds. */
static void a_store_that_cannot_be_written(void **state)
{
	struct draft draft = list_of("\x15");
	struct crl_record record;
	uint8_t issuer[GW_HASH_LEN];

	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x30", &good), 0);
	(void)bring(&draft);
	world_spoil_store();
	(void)approve(&draft, &(struct word){ WORLD_ISSUER, 8, -1, DAYS(1) });
	assert_true(world_breaks() > 0);
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	memset(issuer, WORLD_ISSUER, sizeof(issuer));
	assert_int_equal(store_crl_get(world_agent()->store, GW_BLOB_ARRAY(issuer), &record), 0);
	assert_int_equal(record.number[0], 7);
	assert_int_equal(record.n_entries, 1);
}

/* --- out of date --- */

static void let_it_age(void)
{
	is_taken(load("\x30", &(struct word){ WORLD_ISSUER, 7, -1, 1000 }), 0);
	world_pass(1000);
	world_turn();
}

static void out_of_date_and_open(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	assert_true(world_peer_certificate(70, LIVE));
	is_taken(load("\x30", &(struct word){ WORLD_ISSUER, 7, -1, 1000 }), 0);
	assert_true(world_alarm_s() <= world_now_s() + 1000);
	world_pass(1000);
	world_turn();
	assert_int_equal(world_recorded("crl-stale"), 1);
	assert_non_null(session_find_served(world_agent()->sessions, 70));
	assert_true(world_peer_certificate(71, LIVE));
	world_pass(5000);
	world_turn();
	assert_int_equal(world_recorded("crl-stale"), 1); /* once */

	world_restart();
	world_turn();
	assert_int_equal(world_recorded("crl-stale"), 1);
}

static void out_of_date_and_closed(void **state)
{
	world_agent()->settings.devices_stale_crl_closes = true;
	world_get_aboard(DEVICE, LIVE);
	world_claim("ACME-2", 2, false);
	assert_true(world_peer_certificate(70, LIVE));
	world_enter(80, "ACME-2");
	let_it_age();
	assert_null(session_find(world_agent()->sessions, 70));            /* it comes again .. */
	assert_non_null(session_find_served(world_agent()->sessions, 80)); /* by its secret */
	world_forget();

	assert_true(world_peer_certificate(71, LIVE)); /* .. and waits */
	assert_null(session_find_served(world_agent()->sessions, 71));
	assert_int_equal(world_state(DEVICE), DEVICE_ONBOARDED);
	world_renew(71, 1, 31);
	assert_int_equal(world_count(GW_ROLE_CLOUD, GW_MSG_REQUEST), 0);

	is_taken(load("\x31", &(struct word){ WORLD_ISSUER, 8, -1, DAYS(1) }), 0);
	assert_null(session_find(world_agent()->sessions, 71)); /* told to come again */
	assert_true(world_peer_certificate(72, LIVE));
	assert_non_null(session_find_served(world_agent()->sessions, 72));
}

/* Another issuer's list says nothing about them. */
static void out_of_date_of_others(void **state)
{
	world_agent()->settings.devices_stale_crl_closes = true;
	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x30", &(struct word){ 0xbb, 7, -1, 1000 }), 0);
	world_pass(1000);
	world_turn();
	assert_true(world_peer_certificate(71, LIVE));
	assert_non_null(session_find_served(world_agent()->sessions, 71));
}

static void out_of_date_by_an_untrusted_clock(void **state)
{
	world_agent()->settings.devices_stale_crl_closes = true;
	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x30", &(struct word){ WORLD_ISSUER, 7, -1, 1000 }), 0);
	world_trust_clock(false);
	world_pass(5000);
	world_turn();
	assert_int_equal(world_recorded("crl-stale"), 0);
	world_trust_clock(true);
	world_pass(100);
	world_turn();
	assert_int_equal(world_recorded("crl-stale"), 1);
	world_step(-DAYS(1)); /* it is fresh again: no word of it, and the doors open */
	world_turn();
	assert_true(world_peer_certificate(72, LIVE));
	assert_non_null(session_find_served(world_agent()->sessions, 72));
}

static void when_the_next_one_is(void **state)
{
	static const int64_t ends[] = { 5000, 1000, 9000 };
	uint64_t now = world_now_s();

	for (uint8_t i = 0; i < GW_ELEMENTS(ends); i++)
		is_taken(load("\x30",
			      &(struct word){ (uint8_t)(WORLD_ISSUER + i), 7, -1, ends[i] }),
			 0);
	assert_int_equal(world_now_s(), now);
	assert_int_equal(crl_watch_next_s(world_agent(), now), now + 1000);
	assert_int_equal(crl_watch_next_s(world_agent(), now + 1000), now + 5000);
	assert_int_equal(crl_watch_next_s(world_agent(), now + 5000), now + 9000);
	assert_int_equal(crl_watch_next_s(world_agent(), now + 9000), 0);
}

static void comes_out_of_date(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	is_taken(load("\x15", &(struct word){ WORLD_ISSUER, 7, -1000, -10 }), 1);
	world_turn();
	assert_int_equal(world_state(DEVICE), DEVICE_REVOKED);
	assert_int_equal(world_recorded("crl-stale"), 1);
}

static void the_policy_changes(void **state)
{
	world_get_aboard(DEVICE, LIVE);
	let_it_age();
	assert_true(world_peer_certificate(70, LIVE));
	world_agent()->settings.devices_stale_crl_closes = true;
	crl_watch_reloaded(world_agent());
	world_turn();
	assert_null(session_find(world_agent()->sessions, 70));
	assert_true(world_peer_certificate(71, LIVE));
	assert_null(session_find_served(world_agent()->sessions, 71));
	world_agent()->settings.devices_stale_crl_closes = false;
	crl_watch_reloaded(world_agent());
	world_turn();
	assert_null(session_find(world_agent()->sessions, 71));
	assert_true(world_peer_certificate(72, LIVE));
	assert_non_null(session_find_served(world_agent()->sessions, 72));
}

/* --- how it ends --- */

static void issuers(const uint8_t *numbers, size_t n, int expected)
{
	uint8_t hashes[4 * GW_HASH_LEN];
	struct gw_msg msg = { .type = GW_MSG_ISSUERS, .issuers = { { hashes, n * GW_HASH_LEN } } };

	for (size_t i = 0; i < n; i++)
		memset(hashes + i * GW_HASH_LEN, numbers[i], GW_HASH_LEN);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR, &msg, -1), expected);
	world_turn();
}

static int count_lists(void)
{
	return (int)store_number(world_agent()->store, -1, "SELECT count(*) FROM crl", "");
}

static void an_issuer_that_is_none_any_more(void **state)
{
	uint8_t hashes[GW_HASH_LEN + 1] = { 0 };

	is_taken(load("\x30", &good), 0);
	is_taken(load("\x31", &(struct word){ 0xbb, 7, -1, 1000 }), 0);
	issuers((const uint8_t[]){ 0xbb, WORLD_ISSUER, 0xcc }, 3, 0);
	assert_int_equal(count_lists(), 2);
	issuers((const uint8_t[]){ WORLD_ISSUER }, 1, 0);
	assert_int_equal(count_lists(), 1);
	assert_int_equal(
		store_number(world_agent()->store, -1, "SELECT count(*) FROM crl_serial", ""), 1);
	assert_int_equal(world_recorded("crl-forgotten"), 1);
	assert_int_equal(world_say(GW_ROLE_REGISTRAR,
				   &(struct gw_msg){ .type = GW_MSG_ISSUERS,
						     .issuers = { GW_BLOB_ARRAY(hashes) } },
				   -1),
			 -EBADMSG);
	issuers(NULL, 0, 0);
	assert_int_equal(count_lists(), 0);
}

static void factory_reset(void **state)
{
	unsigned n;

	is_taken(load("\x30", &good), 0);
	assert_int_equal(reset_to_factory(world_agent(), "uid 0", &n), 0);
	world_turn();
	assert_int_equal(count_lists(), 0);
	is_taken(load("\x30", &good), 0);
}

static void numbers_for_people(void **state)
{
	struct crl_record record = { .number = { 0x12, 0xab }, .number_len = 2 };
	char text[CRL_NUMBER_MAX + 1];

	crl_watch_number(&record, text);
	assert_string_equal(text, "4779");
	memset(record.number, 0xff, sizeof(record.number));
	record.number_len = 8;
	crl_watch_number(&record, text);
	assert_string_equal(text, "18446744073709551615");
	record.number_len = 20;
	crl_watch_number(&record, text);
	assert_string_equal(text, "0xffffffffffffffffffffffffffffffffffffffff");
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
		WORLD(who_is_aboard),
		WORLD(who_is_on_the_way),
		WORLD(whose_certificate_it_is),
		WORLD(who_comes_later),
		WORLD(who_has_left_is_told),
		WORLD(numbers),
		WORLD(dates),
		WORLD(what_the_registrar_refuses),
		WORLD(hostile_answers),
		WORLD(the_same_twice_on_a_list),
		WORLD(the_cloud_brings_one),
		WORLD(one_list_is_held),
		WORLD(a_command_without_its_list),
		WORLD(the_registrar_goes),
		WORLD(too_many_at_a_time),
		WORLD(a_store_that_cannot_be_written),
		WORLD(out_of_date_and_open),
		WORLD(out_of_date_and_closed),
		WORLD(out_of_date_of_others),
		WORLD(out_of_date_by_an_untrusted_clock),
		WORLD(when_the_next_one_is),
		WORLD(comes_out_of_date),
		WORLD(the_policy_changes),
		WORLD(an_issuer_that_is_none_any_more),
		WORLD(factory_reset),
		cmocka_unit_test(numbers_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
